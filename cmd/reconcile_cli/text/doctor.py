"""Findings as a person reads them."""

from collections.abc import Sequence

from rich.text import Text

from reconcile.domain.finding import Finding, Verdict, worst
from reconcile_cli.text.terminal import console, grid, safe

_MARKS = {
    Verdict.FINE: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.AWAY: ("✗", "bold red"),
    Verdict.FAULT: ("✗", "bold red"),
}
_CLOSING = {
    Verdict.FINE: ("a run can be made: reconcile run", "green"),
    Verdict.WARNING: ("a run can be made: reconcile run", "green"),
    Verdict.AWAY: ("no run can be made now; try again in a minute", "bold red"),
    Verdict.FAULT: ("no run can be made before this is put right", "bold red"),
}


def show(findings: Sequence[Finding]) -> None:
    """Print each finding with its remedy, and whether a run can be made."""
    rows = grid("", "bold", "")
    for each in findings:
        mark, style = _MARKS[each.verdict]
        text = safe(each.text)
        if each.remedy:
            text.append_text(Text.assemble("\n→ ", safe(each.remedy, "cyan")))
        rows.add_row(Text(mark, style=style), safe(each.subject), text)
    out = console()
    out.print(rows)
    out.print()
    closing, style = _CLOSING[worst(findings)]
    out.print(closing, style=style)
