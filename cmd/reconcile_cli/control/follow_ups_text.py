"""The list of follow-ups that were given up."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from reconcile.domain.formatting import ago
from reconcile.ports import GivenUpFollowUp
from reconcile_cli.terminal import NONE, QUIET, console, listing, safe


def show(rows: Sequence[GivenUpFollowUp], *, limit: int, now: datetime | None = None) -> None:
    """Print the list with what could be typed next."""
    out, now = console(), now or datetime.now(UTC)
    if not rows:
        out.print("no follow-up was given up", style="green")
        return
    table = listing("given up", "workspace", "lead", "kind", "key", "why")
    for row in rows:
        table.add_row(
            ago(row.given_up_at, now),
            safe(row.workspace_id),
            safe(row.lead_id),
            safe(row.kind),
            safe(row.key),
            safe(row.reason or NONE),
        )
    out.print(table)
    if len(rows) >= limit:
        out.print(f"the last {limit:,}; there may be more: raise --limit", style=QUIET)
    out.print(Text.assemble(("what to type  ", QUIET), ("reconcile follow-ups retry KEY", "cyan")))
