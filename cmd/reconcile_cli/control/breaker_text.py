"""Prints breakers: state, since when, the party at fault, what happens next, commands."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from reconcile.services.views.next_steps import Advice
from reconcile_cli.terminal import QUIET, STATE_STYLES, ahead, console, grid, lasting, safe


def show(told: Sequence[Advice], *, now: datetime | None = None) -> None:
    """Print each breaker, or that all are closed."""
    out: Console = console()
    if not told:
        out.print("all breakers are closed", style="green")
    for each in told:
        out.print(block(each, now=now or datetime.now(UTC)))


def block(told: Advice, *, now: datetime) -> RenderableType:
    """Return one breaker's lines."""
    style = STATE_STYLES[told.state]
    head = Text.assemble(
        ("● ", style),
        safe(told.breaker, "bold"),
        "  ",
        (told.state.replace("_", " "), style),
        (f"  {lasting(told.since, now)}" if told.since else "", QUIET),
        (f"  {told.reason}", QUIET),
    )
    rows = grid(QUIET, "")
    counts = f" ({told.errors} of {told.checks} checks failed)" if told.checks else ""
    rows.add_row("  why", safe(told.blame + counts))
    rows.add_row("  next", safe(f"{ahead(told.next_at, now)}: {told.next}" if told.next_at else told.next))
    for label, command in zip(["  type", *[""] * len(told.commands)], told.commands, strict=False):
        rows.add_row(label, safe(command, "cyan"))
    return Group(head, rows)
