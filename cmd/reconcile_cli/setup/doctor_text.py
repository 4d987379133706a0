"""Prints findings."""

from collections.abc import Sequence

from rich.text import Text

from reconcile.domain.views.finding import Finding, FindingStatus, worst
from reconcile_cli.terminal import console, grid, safe

_MARKS = {
    FindingStatus.FINE: ("✓", "green"),
    FindingStatus.WARNING: ("!", "yellow"),
    FindingStatus.AWAY: ("✗", "bold red"),
    FindingStatus.FAULT: ("✗", "bold red"),
}
_CLOSING = {
    FindingStatus.FINE: ("ready: reconcile run", "green"),
    FindingStatus.WARNING: ("ready: reconcile run", "green"),
    FindingStatus.AWAY: ("not ready; try again in a minute", "bold red"),
    FindingStatus.FAULT: ("not ready; fix this first", "bold red"),
}


def show(findings: Sequence[Finding]) -> None:
    """Print each finding with its remedy, and whether a run can start."""
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
