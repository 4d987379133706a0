"""Prints lists of leads that need a person."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from reconcile.domain.formatting import ago
from reconcile.services.views.lead_lists import LeadLine
from reconcile_cli.terminal import NONE, QUIET, console, listing, safe


def show(lines: Sequence[LeadLine], *, title: str, empty: str, hint: str, now: datetime | None = None) -> None:
    """Print a list with its next commands, or *empty*."""
    out, now = console(), now or datetime.now(UTC)
    if not lines:
        out.print(empty, style="green")
        return
    table = listing(title, "workspace", "lead", "provider", "booking", "failures", "why", numbers=("failures",))
    for line in lines:
        table.add_row(
            ago(line.since, now),
            safe(line.workspace_id),
            safe(line.lead_id),
            safe(line.provider or NONE),
            safe(line.booking_status or NONE),
            str(line.failure_count),
            safe(line.reason or line.mismatch or NONE),
        )
    out.print(table)
    out.print(Text.assemble(("what to type  ", QUIET), (hint, "cyan")))
