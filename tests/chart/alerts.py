"""``deploy/alerts`` and the chart hold the same rules and the same dashboard.

``python -m tests.chart.alerts`` writes the rules as the chart renders them, and the chart's copy of the dashboard: a
chart can only read what is inside it.
"""

from pathlib import Path
from typing import Any

import yaml

from tests.chart import tools
from tests.chart.generated import CHART

ALERTS = CHART.parents[1] / "alerts"
RULES = ALERTS / "prometheusrule.yaml"
DASHBOARD = ALERTS / "dashboard.json"
COPY = CHART / "files" / "dashboard.json"
_HEAD = "# Written by `make chart-files` as the chart renders it. Without Helm, change both names in it.\n"


def rule() -> dict[str, Any]:
    """Return the PrometheusRule of a release ``reconciler`` in ``calendars``, without what is Helm's."""
    (case,) = (case for case in tools.CASES if case.name.startswith("secret"))
    rendered = yaml.safe_load_all(tools.render("--set", "prometheusRule.enabled=true", case=case))
    (found,) = (each for each in rendered if each and each["kind"] == "PrometheusRule")
    del found["metadata"]["labels"]
    return dict(found)


def rule_text() -> str:
    """Return the file of the rule."""
    return _HEAD + str(yaml.safe_dump(rule(), sort_keys=False, width=120))


def main() -> None:
    """Write both."""
    RULES.write_text(rule_text())
    Path(COPY).write_text(DASHBOARD.read_text())


if __name__ == "__main__":
    main()
