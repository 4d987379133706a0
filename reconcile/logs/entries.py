"""Reads the lines of a log as entries: removes wrappers, joins split lines, reads levels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO

from reconcile.domain.run.report_document import ERRORS, LEADS_CHECKED
from reconcile.domain.verification.log_entry import LogEntry
from reconcile.logs.continuation import OpenRecord, open_record
from reconcile.logs.documents import is_document, listed, records, values
from reconcile.logs.journal_export import is_journal, journal_records
from reconcile.logs.lines import MAX_LINE_CHARACTERS, Line, lines
from reconcile.logs.shapes import Shape, ShapeReader, suspects_error


def entries(stream: BinaryIO, *, name: str, newest: datetime | None = None) -> Iterator[LogEntry]:
    """Yield each line of a log; raises InputUnreadable if it is not text.

    A time without a year gets the last year with which it is not after *newest*; without *newest* it is not a time.
    """
    pieces = lines(stream, name=name)
    first = next((each for each in pieces if each.text.strip()), None)
    if first is None:
        return
    reader = ShapeReader(newest=newest)
    every = chain([first], pieces)
    if is_journal(first):
        shapes = _of_records(journal_records(every), reader)
    elif is_document(first):
        shapes = _of_document(every, reader)
    else:
        shapes = _LineJoiner(reader).shapes(every)
    yield from _EntryReader().entries(shapes)


def _of_document(pieces: Iterable[Line], reader: ShapeReader) -> Iterator[Shape]:
    for value in values(pieces):
        yield from _of_records(records(value), reader)


@dataclass(slots=True)
class _LineParts:
    """The parts of one split line, up to the length that is read."""

    at: datetime | None
    texts: list[str] = field(default_factory=list)
    left: int = MAX_LINE_CHARACTERS

    def add(self, text: str) -> None:
        if self.left > 0:
            self.texts.append(text[: self.left])
            self.left -= len(text)

    def whole(self, stream: str, reader: ShapeReader) -> Shape:
        shape = reader.of_line("".join(self.texts))
        return replace(shape, at=self.at, stream=stream, is_cut=self.left < 0)


@dataclass(slots=True)
class _LineJoiner:
    """Joins lines that a container runtime has split, by stream."""

    reader: ShapeReader
    parts: dict[str, _LineParts] = field(default_factory=dict)

    def shapes(self, pieces: Iterable[Line]) -> Iterator[Shape]:
        for piece in pieces:
            for shape in _shapes(piece.text, self.reader):
                whole = self._join(shape)
                if whole is not None:
                    yield replace(whole, is_cut=True) if piece.is_cut else whole
        for stream, parts in self.parts.items():
            yield parts.whole(stream, self.reader)

    def _join(self, shape: Shape) -> Shape | None:
        parts = self.parts.pop(shape.stream, None)
        if parts is None and not shape.is_partial:
            return shape
        parts = parts or _LineParts(at=shape.at)
        parts.add(shape.text)
        if not shape.is_partial:
            return parts.whole(shape.stream, self.reader)
        self.parts[shape.stream] = parts
        return None


@dataclass(slots=True)
class _EntryReader:
    """Assigns continuation lines to their records; a line without a time gets its record's."""

    records: dict[str, OpenRecord] = field(default_factory=dict)

    def entries(self, shapes: Iterable[Shape]) -> Iterator[LogEntry]:
        for shape in shapes:
            if shape.facts is None and not shape.own.strip() and not shape.text.strip():
                continue
            yield self._entry(shape)

    def _entry(self, shape: Shape) -> LogEntry:
        record = self.records.get(shape.stream)
        if record is not None and record.take(shape):
            is_new_error = not record.is_error and suspects_error(shape.own)
            record.is_error = record.is_error or is_new_error
            return LogEntry(
                text=shape.text,
                at=shape.at or record.at,
                is_error=record.is_error,
                has_level=not is_new_error,
                is_continuation=not is_new_error,
                is_cut=shape.is_cut,
            )
        is_suspect = shape.is_error is None and shape.facts is None and suspects_error(shape.own or shape.text)
        is_error = bool(shape.is_error) or is_suspect
        at = shape.at
        if at is None and record is not None and record.is_begun:
            at = record.at
        self.records[shape.stream] = opened = open_record(shape, is_error=is_error, at=at)
        checks, errors = _count_in(shape.facts, LEADS_CHECKED), _count_in(shape.facts, ERRORS)
        return LogEntry(
            text=shape.text,
            at=at,
            is_error=is_error,
            has_level=shape.is_error is not None or opened.trace or checks is not None,
            is_continuation=shape.is_begun,
            checks=checks,
            errors=errors,
            is_cut=shape.is_cut,
        )


def _shapes(text: str, reader: ShapeReader) -> Iterator[Shape]:
    shape = reader.of_line(text)
    is_envelope = shape.facts is not None and shape.at is None
    found = list(records(shape.facts if is_envelope else listed(text)))
    if not found or found == [shape.facts]:
        yield shape
    else:
        yield from _of_records(found, reader)


def _of_records(found: Iterable[Any], reader: ShapeReader) -> Iterator[Shape]:
    for each in found:
        if isinstance(each, Mapping):
            yield reader.of_record(each)
        elif isinstance(each, list):
            yield reader.of_pair(each)


def _count_in(facts: Mapping[str, object] | None, name: str) -> int | None:
    value = facts.get(name) if facts is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
