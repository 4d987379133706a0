"""Prints the cadence."""

from datetime import UTC, datetime

from rich.table import Table

from reconcile.domain.run.cadence import spelled
from reconcile.services.control.cadence import CadenceCause, CadenceView
from reconcile_cli.terminal import QUIET, ahead, console, grid, safe


def show(view: CadenceView, *, now: datetime | None = None) -> None:
    """Print the scheduled cadence and the effective one."""
    rows = grid(QUIET, "")
    add(rows, view, now=now or datetime.now(UTC))
    console().print(rows)


def add(rows: Table, view: CadenceView, *, now: datetime) -> None:
    """Add the cadence's lines to a table of facts."""
    planned = view.planned
    if planned.schedule is None:
        rows.add_row("  planned cadence", "unknown: RECONCILE_SCHEDULE is not set")
    else:
        coming = f", next tick {ahead(planned.next_at, now)}" if planned.next_at else ""
        rows.add_row("  planned cadence", safe(f"{planned.schedule} ({planned.time_zone or 'UTC'}){coming}"))
    every = spelled(view.every) if view.every else "the probe"
    match view.cause:
        case CadenceCause.OVERRIDE if view.override is not None:
            why = f"{view.override.actor}: {view.override.reason}"
            rows.add_row(
                "  cadence now", safe(f"every {every}, back to the schedule {ahead(view.until, now)}; {why}", "yellow")
            )
        case CadenceCause.BREAKER:
            cause = f"the run breaker is open: the next run probes, {ahead(view.until, now)}"
            rows.add_row("  cadence now", safe(cause, "yellow"))
        case _:
            rows.add_row("  cadence now", "as planned")
