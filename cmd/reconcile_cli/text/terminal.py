"""Durations, instants and foreign text as a person reads them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconcile.domain.formatting import span, visible

HEALTH_STYLES: Mapping[str, str] = {
    "healthy": "green",
    "degraded": "yellow",
    "unhealthy": "red",
    "circuit_broken": "bold red",
    "running": "cyan",
    "killed": "bold red",
}
STATE_STYLES: Mapping[str, str] = {"closed": "green", "half_open": "yellow", "open": "bold red"}
QUIET = "dim"
NONE = "–"


class _Terminal(Console):
    """Leaves a reader that has gone to the root of all commands, which ends every command alike."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(*, is_stderr: bool = False) -> Console:
    """Return the console on stdout (or stderr), which guesses at no meaning of what is printed."""
    return _Terminal(highlight=False, markup=False, emoji=False, stderr=is_stderr)


def safe(value: object, style: str = "") -> Text:
    """Return foreign text with its control characters made visible: no id in a database steers a terminal."""
    return Text(visible(str(value)), style=style)


def lasting(at: datetime, now: datetime) -> str:
    """Return for how long something has been so."""
    return f"for {span(now - at)}"


def ahead(at: datetime | None, now: datetime) -> str:
    """Return in how long *at* will be, with the time of day, which somebody may have to wait for."""
    if at is None:
        return ""
    return f"in {span(at - now)} ({at:%H:%M:%S} UTC)" if at > now else "now"


def grid(*styles: str) -> Table:
    """Return a table without lines, for pairs and short rows."""
    table = Table.grid(padding=(0, 2))
    for style in styles:
        table.add_column(style=style, overflow="fold")
    return table


def listing(*headers: str, numbers: Sequence[str] = (), gap: int = 2) -> Table:
    """Return a table with a head; columns in *numbers* stand right, and what is looked for at a glance stays whole."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    for header in headers:
        is_number = header in numbers
        is_whole = is_number or header in {"run", "health"}
        table.add_column(header, justify="right" if is_number else "left", overflow="fold", no_wrap=is_whole)
    return table
