"""The report as a person reads it."""

import re
from itertools import count

from rich.console import Console

from reconcile.domain.run.stored_report import StoredReport
from reconcile_cli.text import report
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

    report.show(StoredReport(health="healthy", leads_checked=sum(counts.values()), **counts), out=out)
    shown = dict(SHOWN.findall(out.export_text()))

    assert sum(map(int, shown.values())) == sum(counts.values())


def _field(name: str) -> str:
    return re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", name)
