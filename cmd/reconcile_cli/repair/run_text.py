"""The changes that a dry run plans, as a table."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from reconcile.domain.planning.listed_change import ListedChange
from reconcile_cli.terminal import NONE, QUIET, console, listing, safe

_WORDS = {
    "status": "lead",
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
    table = listing("  lead", "workspace", "kind", "change", "reason", "follow-up")
    for row in rows:
        table.add_row(
            safe(f"  {row.lead_id}"),
            safe(row.workspace_id),
            row.kind.value,
            Text("\n").join(safe(line) for line in _differences(row)),
            (row.reason or NONE).replace("_", " "),
            ", ".join(row.follow_ups).replace("_", " ") or NONE,
        )
    if rows:
        out.print(table)
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
