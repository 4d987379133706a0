"""Prints breakers: state, since when, the party at fault, what happens next, commands."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from reconcile.domain.formatting import ago, count_of
from reconcile.domain.views.parked import ParkedCause
from reconcile.services.views.next_steps import Advice
from reconcile.services.views.parked import BreakerList
from reconcile_cli.terminal import QUIET, STATE_STYLES, ahead, console, grid, lasting, listing, safe

CAUSES_SHOWN = 10


def show(found: BreakerList, *, now: datetime | None = None) -> None:
    """Print each breaker and a summary of those left out, or that all are closed."""
    out: Console = console()
    now = now or datetime.now(UTC)
    if not found.shown and not found.hidden_count:
        out.print("all breakers are closed", style="green")
    for each in found.shown:
        out.print(block(each, now=now))
    if found.hidden_count:
        show_causes(out, found.causes, now=now, hidden_count=found.hidden_count)


def show_causes(out: Console, causes: Sequence[ParkedCause], *, now: datetime, hidden_count: int) -> None:
    """Print why many workspaces are parked, a line for each cause."""
    out.print(f"parked workspaces, by cause ({hidden_count:,} breakers; --all shows each)", style="bold")
    table = listing("count", "since", "probe, UTC", "cause", "for example", numbers=("count",))
    for each in causes[:CAUSES_SHOWN]:
        table.add_row(
            f"{each.count:,}",
            ago(each.since, now, units=1),
            f"{each.next_probe_at:%H:%M:%S}" if each.next_probe_at else "",
            safe(each.cause),
            safe(each.example, QUIET),
        )
    out.print(table)
    if len(causes) > CAUSES_SHOWN:
        out.print(f"and {count_of(len(causes) - CAUSES_SHOWN, 'more cause')}", style=QUIET)


def block(advice: Advice, *, now: datetime) -> RenderableType:
    """Return one breaker's lines."""
    style = STATE_STYLES[advice.state]
    head = Text.assemble(
        ("● ", style),
        safe(advice.breaker, "bold"),
        "  ",
        (advice.state.replace("_", " "), style),
        (f"  {lasting(advice.since, now)}" if advice.since else "", QUIET),
        (f"  {advice.reason}", QUIET),
    )
    rows = grid(QUIET, "")
    counts = f" ({advice.errors} of {advice.checks} checks failed)" if advice.checks else ""
    rows.add_row("  why", safe(advice.blame + counts))
    rows.add_row("  next", safe(f"{ahead(advice.next_at, now)}: {advice.next}" if advice.next_at else advice.next))
    for label, command in zip(["  type", *[""] * len(advice.commands)], advice.commands, strict=False):
        rows.add_row(label, safe(command, "cyan"))
    return Group(head, rows)
