"""Formats durations, times and foreign text for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
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
_LEAST_COLUMN = 10
"""Characters that a column needs whose text is folded."""


class _Terminal(Console):
    """Re-raises a closed stdout, so that the root command ends all commands in the same way."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(*, is_stderr: bool = False) -> Console:
    """Return the console on stdout (or stderr), without markup, highlighting or emoji."""
    return _Terminal(highlight=False, markup=False, emoji=False, stderr=is_stderr)


def safe(value: object, style: str = "") -> Text:
    """Return foreign text with its control characters escaped, so that it cannot control the terminal."""
    return Text(visible(str(value)), style=style)


def lasting(at: datetime, now: datetime) -> str:
    """Return a duration up to now."""
    return f"for {span(now - at)}"


def ahead(at: datetime | None, now: datetime) -> str:
    """Return the time until *at*, with the time of day."""
    if at is None:
        return ""
    return f"in {span(at - now)} ({at:%H:%M:%S} UTC)" if at > now else "now"


def grid(*styles: str) -> Table:
    """Return a table without lines, for pairs and short rows."""
    table = Table.grid(padding=(0, 2))
    for style in styles:
        table.add_column(style=style, overflow="fold")
    return table


class _FoldingTable(Table):
    """A table that becomes a list of pairs where the terminal is too narrow: no id and no number loses a character."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for column in self.columns:
            # A text without blanks is an id, which users copy.
            column.no_wrap = column.no_wrap or not any(" " in str(cell) or "\n" in str(cell) for cell in column.cells)
        widths = [self._measure_column(console, options, each).maximum for each in self.columns]
        least = sum(
            width if column.no_wrap else min(width, _LEAST_COLUMN)
            for column, width in zip(self.columns, widths, strict=True)
        )
        if least <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        heads = [str(column.header).strip() for column in self.columns]
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            pairs = grid(QUIET, "")
            for head, cell in zip(heads, cells, strict=True):
                pairs.add_row(f"  {head}", cell.strip() if isinstance(cell, str) else cell)
            yield pairs
            yield Text()


def listing(*headers: str, numbers: Sequence[str] = (), gap: int = 2) -> Table:
    """Return a table with a head; columns in *numbers* are right-aligned, and key columns are not cut."""
    table = _FoldingTable(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    for header in headers:
        is_number = header in numbers
        is_whole = is_number or header in {"run", "health"}
        table.add_column(header, justify="right" if is_number else "left", overflow="fold", no_wrap=is_whole)
    return table
