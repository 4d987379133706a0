"""Splits a stream of bytes into lines, in constant memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from reconcile.errors import InputUnreadable

MAX_LINE_CHARACTERS = 1024 * 1024
"""The number of characters of a line that are read; the rest is skipped."""
_CHUNK = 64 * 1024
_PACKED = {b"\x1f\x8b": "zcat", b"\x28\xb5\x2f\xfd": "zstdcat", b"BZh": "bzcat", b"\xfd7zXZ": "xzcat"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line break; *is_cut* if it was longer than MAX_LINE_CHARACTERS."""

    text: str
    is_cut: bool = False


def lines(stream: BinaryIO, *, name: str, most: int = MAX_LINE_CHARACTERS) -> Iterator[Line]:
    """Yield each line of *stream*; raises InputUnreadable if it is not text."""
    held, is_first, is_cut, number = bytearray(), True, False, 0
    while chunk := _read(stream, name):
        if is_first:
            _refuse_packed(chunk, name)
            chunk, is_first = chunk.removeprefix(b"\xef\xbb\xbf"), False
        if b"\0" in chunk:
            raise InputUnreadable(f"{name} is no text: there is a zero byte in line {number + 1} or soon after")
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            number += 1
            room = most - len(held)
            is_cut = is_cut or len(part) > room
            yield _line(bytes(held) + part[: max(room, 0)], is_cut=is_cut)
            held, is_cut = bytearray(), False
        room = most - len(held)
        is_cut = is_cut or len(rest) > room
        held += rest[: max(room, 0)]
    if held:
        yield _line(bytes(held), is_cut=is_cut)


def _line(held: bytes, *, is_cut: bool) -> Line:
    return Line(held.removesuffix(b"\r").decode("utf-8", "replace"), is_cut)


def _read(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.read(_CHUNK)
    except OSError as error:
        raise InputUnreadable(f"{name} cannot be read: {error.strerror or type(error).__name__}") from error


def _refuse_packed(chunk: bytes, name: str) -> None:
    for magic, command in _PACKED.items():
        if chunk.startswith(magic):
            raise InputUnreadable(f"{name} is compressed; decompress it: {command} FILE | reconcile verify --logs -")
    if chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputUnreadable(f"{name} is UTF-16; give it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE")
