"""Formats durations, times and foreign text for people."""

from collections.abc import Sequence
from datetime import datetime, timedelta

_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)


def span(duration: timedelta, *, units: int = 2) -> str:
    """Return a duration by its largest units."""
    left = timedelta(seconds=max(0, round(duration.total_seconds())))
    parts: list[str] = []
    for name, unit in _UNITS:
        count, left = divmod(left, unit)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
        if len(parts) == units:
            break
    return " ".join(part for part in parts if part) or "0 s"


def ago(at: datetime | None, now: datetime, *, units: int = 2) -> str:
    """Return how long ago *at* was."""
    if at is None:
        return "never"
    return "just now" if now - at < timedelta(seconds=1) else f"{span(now - at, units=units)} ago"


def count_of(count: int, noun: str) -> str:
    """Return *count* with its noun in the right number; the noun is given in the singular."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def visible(text: str) -> str:
    """Return foreign text with its control characters escaped, so that it cannot control the output."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def keys(shape: Sequence[str]) -> str:
    """Return the keys of a body: the outer ones, and the number of inner ones."""
    outer = [key for key in shape if "." not in key]
    inner = f", and {len(shape) - len(outer)} inside" if len(outer) < len(shape) else ""
    return f"keys present: {', '.join(outer)}{inner}"
