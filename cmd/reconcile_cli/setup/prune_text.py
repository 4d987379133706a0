"""Prints what was deleted."""

from reconcile.domain.formatting import count_of
from reconcile.services.maintenance.prune import Pruned
from reconcile_cli.terminal import console, listing, safe


def show(pruned: Pruned) -> None:
    """Print the number of rows of each table."""
    out = console()
    verb = "would be deleted" if pruned.dry_run else "deleted"
    total = sum(pruned.rows.values())
    out.print(safe(f"{count_of(total, 'row')} from before {pruned.before:%Y-%m-%d %H:%M} UTC {verb}", "bold"))
    table = listing("table", "rows", numbers=("rows",))
    for name, count in pruned.rows.items():
        table.add_row(name, str(count))
    out.print(table)
