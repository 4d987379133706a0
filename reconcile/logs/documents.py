"""Finds the records in JSON over many lines, as exporters write whole responses of an API."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from reconcile.logs.lines import MAX_LINE_CHARACTERS, Line

_DECODER = json.JSONDecoder()
_NEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]', re.DOTALL)
_SMALL = 4096
_LISTS = ("events", "data", "result", "results", "values", "logs", "hits")
_DEPTH = 8


def is_document(first: Line) -> bool:
    """Return whether JSON begins with this line and does not end with it."""
    text = first.text.strip()
    if not (text in {"[", "{"} or text.startswith(("[{", '{"', "[ ", "{ "))):
        return False
    try:
        json.loads(text)
    except RecursionError:
        return False
    except ValueError as error:
        # A line with JSON and other text is a log line.
        is_unfinished = isinstance(error, json.JSONDecodeError) and error.pos >= len(text) - 1
        return is_unfinished or first.is_cut or "Unterminated" in str(error)
    return False


def listed(text: str) -> list[Any]:
    """Return the list that this one line is, or an empty one."""
    if not text.startswith(("[{", "[[")):
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def values(pieces: Iterable[Line]) -> Iterator[Any]:
    """Yield the outermost values that fit in memory; of larger ones, the values inside."""
    buffer, wanted = "", _SMALL
    for piece in pieces:
        buffer += piece.text + "\n"
        if len(buffer) < wanted:
            continue
        found, buffer, is_stuck = _take_values(buffer, is_last=False)
        yield from found
        wanted = len(buffer) * 2 if is_stuck else len(buffer) + _SMALL
    yield from _take_values(buffer, is_last=True)[0]


def records(value: Any, depth: int = 0) -> Iterator[Any]:  # noqa: ANN401 - JSON is of any type
    """Yield the records in *value*: the members of lists, and of the envelopes that services use."""
    if depth > _DEPTH:
        return
    if isinstance(value, list):
        if _is_pair(value):
            yield value
        elif value and all(isinstance(each, dict) and {"field", "value"} <= set(each) for each in value):
            yield {str(each["field"]).removeprefix("@"): each["value"] for each in value}
        else:
            for each in value:
                yield from records(each, depth + 1)
    elif isinstance(value, dict):
        inner = [value[key] for key in _LISTS if isinstance(value.get(key), list | dict)]
        if inner and not {"message", "log", "line", "textPayload", "jsonPayload", "attributes"} & set(value):
            for each in inner:
                yield from records(each, depth + 1)
        else:
            yield value


def _is_pair(value: list[Any]) -> bool:
    """Return whether this is one of Loki's: nanoseconds and a line, both text."""
    return len(value) in {2, 3} and all(isinstance(each, str) for each in value[:2]) and value[0].isdigit()


def _take_values(buffer: str, *, is_last: bool) -> tuple[list[Any], str, bool]:
    """Return the complete values in *buffer*, the rest of it, and whether a value is incomplete."""
    found: list[Any] = []
    place = 0
    while match := _NEXT.search(buffer, place):
        if match[0][0] == '"':
            place = match.end()
            continue
        start = match.start()
        try:
            value, place = _DECODER.raw_decode(buffer, start)
        except (ValueError, RecursionError):
            is_too_large = len(buffer) - start > MAX_LINE_CHARACTERS
            if not is_too_large and not is_last:
                return found, buffer[start:], True
            place = start + 1  # enter it
            continue
        found.append(value)
    # The rest may be the beginning of a string, which may hold anything.
    left = buffer[place:]
    quote = left.find('"')
    return found, left[quote:] if quote >= 0 else "", False
