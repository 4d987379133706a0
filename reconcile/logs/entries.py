"""The lines of a log as entries: wrapping taken off, parts joined, times carried on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO

from reconcile.domain.run.report_document import ERRORS, LEADS_CHECKED
from reconcile.domain.verification.log_entry import LogEntry
from reconcile.logs.documents import is_document, listed, records, values
from reconcile.logs.lines import MOST, Line, lines
from reconcile.logs.shapes import Shape, of_facts, of_line, of_pair


def entries(stream: BinaryIO, *, name: str) -> Iterator[LogEntry]:
    """Yield each line of a log; raise InputUnreadable where it is no text."""
    pieces = lines(stream, name=name)
    first = next((each for each in pieces if each.text.strip()), None)
    if first is None:
        return
    if is_document(first):
        yield from map(_entry, _of_document(chain([first], pieces)))
    else:
        yield from _LineJoiner().entries(chain([first], pieces))


def _of_document(pieces: Iterable[Line]) -> Iterator[Shape]:
    for value in values(pieces):
        yield from _of_records(records(value))


@dataclass(slots=True)
class _LineParts:
    """The parts of one line, as far as a line is read."""

    at: datetime | None
    texts: list[str] = field(default_factory=list)
    left: int = MOST

    def add(self, text: str) -> None:
        if self.left > 0:
            self.texts.append(text[: self.left])
            self.left -= len(text)

    def whole(self, stream: str) -> Shape:
        return replace(of_line("".join(self.texts)), at=self.at, stream=stream, is_cut=self.left < 0)


@dataclass(slots=True)
class _LineJoiner:
    """Joins what a runtime has split, stream by stream, and dates what has no time of its own by the line before."""

    parts: dict[str, _LineParts] = field(default_factory=dict)
    last_at: dict[str, datetime] = field(default_factory=dict)

    def entries(self, pieces: Iterable[Line]) -> Iterator[LogEntry]:
        for piece in pieces:
            for shape in _shapes(piece.text):
                whole = self._join(shape)
                if whole is not None:
                    yield _entry(self._date(replace(whole, is_cut=whole.is_cut or piece.is_cut)))
        yield from (_entry(self._date(parts.whole(stream))) for stream, parts in self.parts.items())

    def _join(self, shape: Shape) -> Shape | None:
        parts = self.parts.pop(shape.stream, None)
        if parts is None and not shape.goes_on:
            return shape
        parts = parts or _LineParts(at=shape.at)
        parts.add(shape.text)
        if not shape.goes_on:
            return parts.whole(shape.stream)
        self.parts[shape.stream] = parts
        return None

    def _date(self, shape: Shape) -> Shape:
        at = shape.at or self.last_at.get(shape.stream)
        if at is not None:
            self.last_at[shape.stream] = at
        return replace(shape, at=at)


def _shapes(text: str) -> Iterator[Shape]:
    shape = of_line(text)
    is_envelope = shape.facts is not None and shape.at is None
    found = list(records(shape.facts if is_envelope else listed(text)))
    if not found or found == [shape.facts]:
        yield shape
    else:
        yield from _of_records(found)


def _of_records(found: Iterable[Any]) -> Iterator[Shape]:
    for each in found:
        if isinstance(each, Mapping):
            yield of_facts(each)
        elif isinstance(each, list):
            yield of_pair(each)


def _entry(shape: Shape) -> LogEntry:
    checks, errors = _count_in(shape.facts, LEADS_CHECKED), _count_in(shape.facts, ERRORS)
    return LogEntry(
        text=shape.text,
        at=shape.at,
        is_error=bool(shape.is_error),
        checks=checks,
        errors=errors,
        is_cut=shape.is_cut,
    )


def _count_in(facts: Mapping[str, object] | None, name: str) -> int | None:
    value = facts.get(name) if facts is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
