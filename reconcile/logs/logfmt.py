"""Reads ``key=value`` lines, as logrus, slog, Heroku and others write them: level and time in any order."""

import re
from dataclasses import dataclass
from datetime import datetime

from reconcile.logs import levels
from reconcile.logs.instants import read_instant

_FIRST = re.compile(r"[A-Za-z@_][\w.@/-]{0,60}=", re.ASCII)
_PAIR = re.compile(r'(?:^|(?<=\s))([A-Za-z@_][\w.@/-]{0,60})=(?:"((?:[^"\\]|\\.)*+)"?|(\S*))', re.ASCII)
_LEVELS = frozenset({"level", "lvl", "severity", "loglevel", "log.level", "log_level", "levelname", "l", "at"})
_TIMES = frozenset({"time", "ts", "timestamp", "t", "@timestamp", "datetime"})
_STATUSES = frozenset({"status", "status_code", "statuscode"})
_REQUESTS = frozenset({"method", "path", "host", "fwd", "url", "uri", "request"})


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Level and time of one line; *is_error* is None if no pair is a level."""

    at: datetime | None
    is_error: bool | None


def read_logfmt(text: str) -> KeyValues | None:
    """Read a line that begins with a pair, else None."""
    return _read(text) if _FIRST.match(text) else None


def says_error(text: str) -> bool:
    """Return whether a pair anywhere in a line of another form gives an error's level."""
    return "=" in text and bool(_read(text).is_error)


def _read(text: str) -> KeyValues:
    at: datetime | None = None
    is_error: bool | None = None
    status: bool | None = None
    is_request = False
    for key, quoted, bare in _PAIR.findall(text):
        name, value = key.lower(), quoted or bare
        if name in _LEVELS and is_error is None:
            is_error = levels.of_field(value) if name not in {"l", "at"} else levels.of_status(value)
        elif name in _TIMES and at is None:
            at = read_instant(value)
        elif name in _STATUSES:
            status = levels.of_http(value)
        is_request = is_request or name in _REQUESTS
    if is_request and status is not None and not is_error:
        is_error = status
    return KeyValues(at=at, is_error=is_error)
