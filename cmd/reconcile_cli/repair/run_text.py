"""The changes that a dry run plans: a block for each lead."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from reconcile.domain.planning.listed_change import ListedChange
from reconcile_cli.terminal import NONE, QUIET, console, safe

_WORDS = {
    "status": "lead status",
    "contactId": "contact",
    "bookingId": "booking",
    "provider": "provider",
    "bookingStatus": "status",
    "startsAt": "starts",
    "endsAt": "ends",
    "canceledAt": "canceled at",
}


def show_changes(rows: Sequence[ListedChange], *, count: int, out: Console | None = None) -> None:
    """Print the first of *count* changes."""
    out = out or console()
    out.print()
    if not count:
        out.print("  no lead would be changed", style="green")
        return
    for row in rows:
        reason = f"  {row.reason.replace('_', ' ')}" if row.reason else ""
        out.print(
            Text.assemble(
                "  ", safe(row.lead_id, "bold"), "  ", safe(row.workspace_id), f"  {row.kind.value}", (reason, QUIET)
            )
        )
        for line in _differences(row):
            out.print(Padding(safe(line), (0, 0, 0, 6)))
        for follow_up in row.follow_ups:
            out.print(f"      follow-up: {follow_up.replace('_', ' ')}", style="cyan")
    if count > len(rows):
        out.print(f"  {len(rows):,} of {count:,} changes; all of them: --changes FILE", style=QUIET)


def _differences(row: ListedChange) -> list[str]:
    lines = [f"{_WORDS[name]} {_short(row.before[name])} → {_short(row.after[name])}" for name in row.before]
    return lines + [
        f"appointment {each['id']} {_difference(each['before'], each['after'])}" for each in row.appointments
    ]


def _difference(before: Mapping[str, str | None] | None, after: Mapping[str, str | None]) -> str:
    if before is None:
        return f"new: {after['status']}, starts {_short(after['startsAt'])}"
    names = [name for name in after if before[name] != after[name]]
    words = {"status": "status", **{name: word for name, word in _WORDS.items() if name.endswith("At")}}
    return ", ".join(f"{words[name]} {_short(before[name])} → {_short(after[name])}" for name in names) or "relinked"


def _short(value: str | None) -> str:
    return NONE if value is None else value.replace("+00:00", "Z")
