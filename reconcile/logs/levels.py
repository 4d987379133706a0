"""Classifies the levels of logging libraries, words and numbers, as error, no error or unknown.

A level at or above *error* is an error. Every function returns None if the word or number is not a level.
"""

import re
from collections.abc import Mapping

_ERRORS = "error err erro eror fatal fata ftl critical crit crt panic pani pnc dpanic emergency emerg alert severe fail"
_OTHERS = (
    "warning warn wrn info inf information informational notice note debug dbg dbug debu trace trc trce trac verbose"
    " vrb verb fine finer finest config success log silly http mark input data help"
)
WORDS: Mapping[str, bool] = {
    **dict.fromkeys(_ERRORS.split(), True),
    **dict.fromkeys(_OTHERS.split(), False),
    **{f"trace{number}": False for number in range(1, 9)},
    **{f"debug{number}": False for number in range(1, 6)},
}
LETTERS: Mapping[str, bool] = {**dict.fromkeys("EFCA", True), **dict.fromkeys("WINDVT", False)}
"""The levels of glog, Android, Ruby and MongoDB."""
_ANY_WORD = frozenset({"success", "log", "http", "fine", "config", "mark", "data", "input", "help", "note", "fail"})
_OFFSET = re.compile(r"[+-]\d{1,3}$", re.ASCII)
_DETAIL = re.compile(r"D[1-5]", re.ASCII)
_SYSLOG_ERROR, _SYSLOG_MOST = 3, 7
_PINO = range(10, 61, 10)
_PINO_ERROR = 50
_PYTHON_ERROR = 40
_GCP = range(0, 801, 100)
_GCP_ERROR = 500
_OTEL = range(1, 25)
_OTEL_ERROR = 17
_SERVER_ERROR = 500
_STATUSES = range(100, 600)


def of_word(word: str) -> bool | None:
    """Read a level's name in any case; slog writes ``ERROR+2``."""
    known = WORDS.get(word.lower())
    return WORDS.get(_OFFSET.sub("", word).lower()) if known is None and word[-1:].isdigit() else known


def of_field(word: str) -> bool | None:
    """Classify the value of a level field, including single letters and MongoDB's ``D2``."""
    word = word.strip()
    if len(word) == 1:
        return LETTERS.get(word.upper())
    return False if _DETAIL.fullmatch(word) else of_word(word)


def of_status(word: str) -> bool | None:
    """Classify a ``status`` field; words that are not only levels do not count."""
    return None if len(word) == 1 or word.lower() in _ANY_WORD else of_word(word)


def is_common_word(word: str) -> bool:
    """Return whether the name of a level is also a common word in messages."""
    return word.lower() in _ANY_WORD


def of_syslog(number: object) -> bool | None:
    """Read a syslog severity, 0 to 7, also as text; journald's PRIORITY and GELF's level are that."""
    value = _whole(number)
    return value <= _SYSLOG_ERROR if value is not None and 0 <= value <= _SYSLOG_MOST else None


def of_pino(number: object) -> bool | None:
    """Read a level of pino or bunyan: 10 to 60 by tens."""
    return number >= _PINO_ERROR if isinstance(number, int) and number in _PINO else None


def of_python(number: object) -> bool | None:
    """Read a level number of Python's logging."""
    value = _whole(number)
    return value >= _PYTHON_ERROR if value is not None and 0 < value <= 100 else None  # noqa: PLR2004


def of_gcp(number: object) -> bool | None:
    """Classify Google Cloud's LogSeverity as a number: hundreds; 0 is the default and means nothing."""
    return number >= _GCP_ERROR if isinstance(number, int) and number in _GCP and number else None


def of_otel(number: object) -> bool | None:
    """Read OpenTelemetry's severity number, 1 to 24."""
    value = _whole(number)
    return value >= _OTEL_ERROR if value in _OTEL and value is not None else None


def of_http(number: object) -> bool | None:
    """Read an HTTP status: 500 and above is an error."""
    value = _whole(number)
    return value >= _SERVER_ERROR if value in _STATUSES and value is not None else None


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and len(value) < 4 and value.isascii() and value.isdigit() else None  # noqa: PLR2004
