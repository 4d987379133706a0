"""The report as a person reads it."""

import re
from itertools import count

from rich.console import Console

from reconcile.domain.run.stored_report import StoredReport
from reconcile_cli.views import report_text
from tests.test_docs import ROOT

SHOWN = re.compile(r"(booked|canceled|rescheduled|updated|unchanged|absent|disappeared|failed) (\d+)")
CHECKED = re.compile(r"`leadsChecked` = ([^;.]*)")


def test_the_outcomes_that_are_shown_add_up_to_the_leads_that_were_checked() -> None:
    """docs/report.md names the outcomes that make up ``leadsChecked``."""
    documented = CHECKED.search((ROOT / "docs" / "report.md").read_text())
    assert documented is not None
    names = re.findall(r"`(\w+)`", documented[1])
    counts = {_field(name): 10**number for name, number in zip(names, count(), strict=False)}
    out = Console(record=True, width=200)

    report_text.show(StoredReport(health="healthy", leads_checked=sum(counts.values()), **counts), out=out)
    shown = dict(SHOWN.findall(out.export_text()))

    assert sum(map(int, shown.values())) == sum(counts.values())


def _field(name: str) -> str:
    return re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", name)


def test_outcomes_that_need_a_word_are_explained_where_they_are_counted() -> None:
    def shown(told: StoredReport) -> str:
        out = Console(record=True, width=200)
        report_text.show(told, out=out)
        return out.export_text()

    assert "deferred: left for a later run" in shown(StoredReport(health="healthy", deferred=2))
    assert "absent: the provider said once" in shown(StoredReport(health="healthy", absent=1))
    assert "left for a later run" not in shown(StoredReport(health="healthy"))
