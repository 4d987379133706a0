"""The rules for Prometheus and the dashboard: valid, tried, the same in the chart, and explained."""

import json
import re
from pathlib import Path

import pytest
import yaml

from reconcile.ports.instruments import INSTRUMENTS, InstrumentKind
from reconcile.telemetry.names import attribute_name
from tests.chart import alerts, tools
from tests.cluster.kubernetes import binaries
from tests.test_docs import ROOT, anchors, table

RULES = yaml.safe_load(alerts.RULES.read_text())["spec"]
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = json.loads(alerts.DASHBOARD.read_text())["panels"]
TESTS = alerts.ALERTS / "rules_test.yaml"
RUNBOOK = ROOT / "docs" / "runbook.md"
_UNITS = {"s": "_seconds", "1": "(_ratio)?"}
_GROUPED = re.compile(r"\bby \(([a-z_, ]+)\)")
_SHOWN = re.compile(r"\{\{ ?(?:\$labels\.)?([$a-z_]+) ?\}\}")
_OWN = re.compile(r"\b(?:reconcile|http)_")
_METRIC = re.compile(r"\b(?:reconcile|http|kube)_[a-z_]+(?:\(_ratio\)\?)?")


def prometheus_names() -> set[str]:
    """Return every instrument as Prometheus spells it, by the conventions of OTLP's translation."""
    names = set()
    for each in INSTRUMENTS:
        name = each.name.replace(".", "_") + _UNITS.get(each.unit, "")
        names.add(
            {InstrumentKind.COUNTER: f"{name}_total", InstrumentKind.HISTOGRAM: f"{name}_bucket"}.get(each.kind, name)
        )
    return names


def test_the_chart_has_the_same_dashboard() -> None:
    assert alerts.COPY.read_text() == alerts.DASHBOARD.read_text(), "make chart-files"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_says_how_grave_it_is_and_has_its_heading_in_the_runbook(rule: dict) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert ROOT / page == RUNBOOK
    assert anchor in anchors(RUNBOOK)
    assert rule["annotations"]["summary"]


def test_the_document_tells_each_alert() -> None:
    assert set(table(ROOT / "docs" / "alerts.md", "alert", "condition")) == {rule["alert"] for rule in ALERTS}


def test_each_alert_is_tried_when_it_fires_and_when_it_does_not() -> None:
    tried = [check for test in yaml.safe_load(TESTS.read_text())["tests"] for check in test["alert_rule_test"]]
    for rule in ALERTS:
        fires = {bool(check["exp_alerts"]) for check in tried if check["alertname"] == rule["alert"]}
        assert fires == {True, False}, rule["alert"]


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = [rule["expr"] for rule in ALERTS]
    asked += [target["expr"] for panel in PANELS for target in panel["targets"]]
    named = {name for expr in asked for name in _METRIC.findall(_GROUPED.sub("", expr))}

    own = {name for name in named if not name.startswith("kube_")}
    assert own <= prometheus_names() | {"reconcile_schedule"}  # what serve alone has
    assert len(own) > 8


def test_every_label_that_is_grouped_by_or_shown_exists() -> None:
    """A collector spells an attribute's dots as underscores; a label that no series has groups everything together."""
    known = {attribute_name(each).replace(".", "_") for instrument in INSTRUMENTS for each in instrument.attributes}
    targets = [target for panel in PANELS for target in panel["targets"]]
    queries = [rule["expr"] for rule in ALERTS] + [target["expr"] for target in targets]
    grouped = {label for query in queries for labels in _GROUPED.findall(query) for label in labels.split(", ")}
    shown = {label for target in targets for label in _SHOWN.findall(target["legendFormat"])}
    shown |= {label for rule in ALERTS for label in _SHOWN.findall(rule["annotations"]["summary"])}

    assert {"reconcile_breaker", "reconcile_health", "error_type"} <= grouped
    assert grouped - known == {"namespace", "le"}
    assert shown <= known | {"$value"}


def test_every_query_of_the_programs_own_metrics_names_the_release() -> None:
    for query in [rule["expr"] for rule in ALERTS] + [each["expr"] for panel in PANELS for each in panel["targets"]]:
        if _OWN.search(query):
            assert "/appointment-reconciler" in query, query


def test_no_two_panels_lie_on_each_other() -> None:
    cells = [
        (x, y)
        for panel in PANELS
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


@pytest.mark.chart
def test_the_rules_are_those_that_the_chart_renders() -> None:
    assert alerts.RULES.read_text() == alerts.rule_text(), "make chart-files"


@pytest.mark.chart
def test_promtool_finds_the_rules_right_and_their_tests_pass(tmp_path: Path, figures: list[str]) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    (tmp_path / "rules_test.yaml").write_text(TESTS.read_text())
    promtool = binaries.tool("promtool")

    checked = tools.run(promtool, "check", "rules", "--lint-fatal", tmp_path / "rules.yaml")
    tested = tools.run(promtool, "test", "rules", tmp_path / "rules_test.yaml")

    figures.append(f"promtool: {len(ALERTS)} rules, {len(yaml.safe_load(TESTS.read_text())['tests'])} tests")
    assert f"{len(ALERTS)} rules found" in checked
    assert "SUCCESS" in tested


@pytest.mark.chart
def test_every_query_of_the_dashboard_is_one_that_prometheus_can_read(tmp_path: Path) -> None:
    exprs = [target["expr"].replace("$__rate_interval", "5m") for panel in PANELS for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(exprs)} rules found" in tools.run(binaries.tool("promtool"), "check", "rules", file)
