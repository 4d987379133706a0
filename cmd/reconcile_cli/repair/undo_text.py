"""Prints what was reverted."""

from rich.text import Text

from reconcile.domain.formatting import count_of
from reconcile.services.backfill.undo import Undoing
from reconcile_cli.terminal import QUIET, console, listing, safe

_LISTED = 20


def show(done: Undoing) -> None:
    """Print the reverted leads, and each skipped lead with its reason."""
    out = console()
    they = "it is" if len(done.left) == 1 else "they are"
    verb = "would be reverted" if done.dry_run else "reverted"
    out.print(safe(f"{count_of(len(done.reverted), 'lead')} {verb}, {len(done.left)} left as {they}", "bold"))
    if done.left:
        table = listing("workspace", "lead", "why not reverted")
        for each in done.left[:_LISTED]:
            table.add_row(safe(each.workspace_id), safe(each.lead_id), each.reason.replace("_", " "))
        out.print(table)
    if more := len(done.left[_LISTED:]):
        out.print(f"and {count_of(more, 'more lead')}: --output json lists all", style=QUIET)
    if done.run_id is not None:
        out.print(Text.assemble(("what to type  ", QUIET), safe(f"reconcile explain run {done.run_id}", "cyan")))
