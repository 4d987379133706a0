"""A log of any size is read in memory that does not grow with it."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from reconcile.domain.verification.claim import Claim, Expected, Rate
from reconcile.domain.verification.log_figures import LogTally
from reconcile.logs import entries
from reconcile.logs.lines import MAX_LINE_CHARACTERS
from tests import samples

SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STAMP = "2026-03-02T09:12:00Z"
LONG = 12 * MAX_LINE_CHARACTERS
BOUND = 6 * MAX_LINE_CHARACTERS
"""A line, its text, and what is being cut out of it."""


class Endless(io.RawIOBase):
    """A stream made as it is read, so that the test itself holds nothing of it."""

    def __init__(self, parts: Iterator[bytes], size: int) -> None:
        self.parts, self.left, self.held = parts, size, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while self.left > 0 and len(self.held) < len(buffer):
            part = next(self.parts)
            self.left -= len(part)
            self.held += part
        taken, self.held = self.held[: len(buffer)], self.held[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def short_lines() -> Iterator[bytes]:
    while True:
        yield f"{STAMP} ERROR something went wrong in a line of usual length\n".encode() * 200


def one_line() -> Iterator[bytes]:
    yield f"{STAMP} ".encode()
    while True:
        yield b"x" * 10_000


def one_list() -> Iterator[bytes]:
    event = json.dumps({"timestamp": STAMP, "message": "x" * 20_000}, indent=1).encode()
    yield b'{\n "events": [\n'
    while True:
        yield event + b",\n"


def one_text_in_a_list() -> Iterator[bytes]:
    yield b'[\n{"message": "'
    while True:
        yield b"y" * 10_000


def parts_that_never_end() -> Iterator[bytes]:
    while True:
        yield f"{STAMP} stdout P {'z' * 8000}\n".encode()


@pytest.mark.parametrize("parts", [one_line, one_list, one_text_in_a_list, parts_that_never_end])
def test_endless_input_is_held_in_part(parts: Callable[[], Iterator[bytes]]) -> None:
    assert peak(parts, size=LONG) < BOUND


@samples.WHOLE
def test_lines_are_held_one_by_one() -> None:
    assert peak(short_lines, size=MAX_LINE_CHARACTERS * 5 // 4) < MAX_LINE_CHARACTERS


def peak(parts: Callable[[], Iterator[bytes]], *, size: int) -> int:
    """Read as much, and return the most memory that was held meanwhile."""
    claim = Claim(since=SINCE, signatures=[("gone", Expected.GONE)], max_error_rate=Rate.parse("5/min"))
    tally = LogTally(claim=claim)
    stream = io.BufferedReader(Endless(parts(), size))  # type: ignore[type-var]
    tracemalloc.start()
    try:
        for entry in entries(stream, name="log"):
            tally.add(entry)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
