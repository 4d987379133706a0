"""Reads journald's export format: a field on each line, and an empty line after each entry."""

import re
from collections.abc import Iterable, Iterator

from reconcile.logs.lines import MAX_LINE_CHARACTERS, Line

_FIELD = re.compile(r"_{0,2}[A-Z][A-Z0-9_]{0,63}=", re.ASCII)
_FIRST = "__CURSOR="


def is_journal(first: Line) -> bool:
    """Return whether a log that begins with this line is in the export format."""
    return first.text.startswith(_FIRST)


def journal_records(pieces: Iterable[Line]) -> Iterator[dict[str, str]]:
    """Yield the fields of each entry, as ``journalctl -o json`` would name them; of a long one only the beginning."""
    fields: dict[str, str] = {}
    left = MAX_LINE_CHARACTERS
    for piece in pieces:
        if not piece.text.strip():
            if fields:
                yield fields
            fields, left = {}, MAX_LINE_CHARACTERS
        elif _FIELD.match(piece.text) and left > 0:
            name, _, value = piece.text.partition("=")
            fields[name] = value
            left -= len(piece.text)
    if fields:
        yield fields
