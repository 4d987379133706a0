"""The shape of a log line, without its content."""

import re

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")
_MOST = 80
_READ = 400


def line_shape(text: str) -> str:
    """Return *text* with ``a`` for each word and ``0`` for each number, cut to 80 characters.

    >>> line_shape("Booking 4711 of ann@example.com failed")
    'a 0 a a@a.a a'
    """
    shape = _SPACE.sub(" ", _NUMBER.sub("0", _WORD.sub("a", text[:_READ])))
    return shape if len(shape) <= _MOST else f"{shape[: _MOST - 1]}…"
