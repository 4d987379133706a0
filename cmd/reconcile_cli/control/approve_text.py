"""The kinds of changes that runs hold back."""

from collections.abc import Sequence

from reconcile.domain.run.change_hold import ChangeHold
from reconcile_cli.terminal import NONE, QUIET, console, listing, safe


def show(holds: Sequence[ChangeHold]) -> None:
    """Print the holds, and what could be typed next."""
    out = console()
    if not holds:
        out.print("no changes are held", style="green")
        return
    table = listing("hash", "kind", "scope", "since", "what", "approved until", "by")
    for each in holds:
        until = each.approved_until
        table.add_row(
            safe(each.hash),
            each.kind.value,
            safe(each.scope),
            f"{each.since:%Y-%m-%d %H:%M} UTC",
            safe(each.sentence()),
            f"{until:%Y-%m-%d %H:%M} UTC" if until else NONE,
            safe(each.approved_by or NONE),
        )
    out.print(table)
    if any(each.approved_until is None for each in holds):
        out.print("look at the changes: reconcile run --dry-run; let them pass: reconcile approve HASH", style=QUIET)
