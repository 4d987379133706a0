"""What exporters wrap around a line, taken off: Docker, CRI, kubectl, Loki, CloudWatch, Google Cloud, Datadog."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

_TIMES = ("timestamp", "time", "@timestamp", "ts", "date", "datetime", "receiveTimestamp", "asctime", "eventTime")
_LINES = ("log", "line", "message", "msg", "textPayload", "@message", "event", "text", "body")
_LEVELS = ("severity", "level", "levelname", "log.level", "status", "lvl", "severityText")
_INNER = ("attributes", "content", "jsonPayload", "_source", "fields")
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?(?=\W|$)", re.ASCII
)
_PREFIX = re.compile(r"\[pod/[^\]\s]{1,400}\]\s", re.ASCII)
_CRI = re.compile(r"\s(stdout|stderr)\s([FP])\s?", re.ASCII)
_BAD_WORD = re.compile(
    r"(?<![\w.-])(?:ERROR|FATAL|CRITICAL|PANIC|EMERGENCY|ALERT)(?![\w.-])|\b(?:level|severity)=\"?(?:error|fatal|crit)"
    r"|^Traceback \(most recent|^(?:\w+\.)*\w*(?:Error|Exception):|\b[Uu]ncaught\b|^panic:"
)
_BAD_LEVELS = frozenset({"error", "err", "fatal", "critical", "crit", "panic", "emergency", "emerg", "alert", "e", "f"})
_PINO_ERROR = 50
_DEPTH = 6
_MOST_TEXTS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One line, as far as its wrapping tells: *is_error* None where nobody says, *goes_on* where the next one ends it.

    *facts* is what the program itself wrote as JSON.
    """

    text: str
    at: datetime | None = None
    is_error: bool | None = None
    stream: str = ""
    goes_on: bool = False
    is_cut: bool = False
    facts: Mapping[str, Any] | None = None


def of_line(text: str, depth: int = 0) -> Shape:
    """Return what one line of text holds."""
    prefix = _PREFIX.match(text) if depth < _DEPTH else None
    if prefix is not None:
        return replace(of_line(text[prefix.end() :], depth + 1), stream=prefix[0].strip())
    if text.startswith("{") and depth < _DEPTH:
        facts = _facts(text)
        if facts is not None:
            return of_facts(facts, depth)
    match = _INSTANT.match(text.lstrip("[")) if depth < _DEPTH else None
    if match is None:
        found = _INSTANT.search(text[:200])
        return Shape(text=text, at=_instant(found) if found else None, is_error=bool(_BAD_WORD.search(text)))
    offset = len(text) - len(text.lstrip("[")) + match.end()
    rest = text[offset:]
    cri = _CRI.match(rest)
    if cri is not None:
        return replace(of_line(rest[cri.end() :], depth + 1), at=_instant(match), stream=cri[1], goes_on=cri[2] == "P")
    own = of_line(rest.lstrip("] \t"), depth + 1)
    # The outer time is told with its zone, which a program's own often lacks.
    return replace(own, at=_instant(match))


def of_facts(facts: Mapping[str, Any], depth: int = 0) -> Shape:
    """Return what one record of JSON holds."""
    if isinstance(facts.get("log"), str) and isinstance(facts.get("time"), str) and "stream" in facts:
        return replace(
            of_line(facts["log"].removesuffix("\n"), depth + 1),
            at=_read_instant(facts["time"]),
            stream=str(facts["stream"]),
            goes_on=not facts["log"].endswith("\n"),
        )
    sources = [facts, *(facts[key] for key in _INNER if isinstance(facts.get(key), Mapping))]
    line = next((each[key] for each in sources for key in _LINES if isinstance(each.get(key), str)), None)
    at = next((at for each in sources for key in _TIMES if (at := _read_instant(each.get(key)))), None)
    level = next((bad for each in sources for key in _LEVELS if (bad := _is_bad(each.get(key))) is not None), None)
    inner = None if line is None or depth >= _DEPTH else of_line(line.rstrip("\n"), depth + 1)
    told = inner.facts if inner is not None and inner.facts is not None else facts
    if level is None and inner is not None:
        level = inner.is_error
    return Shape(
        text="\n".join(_texts(facts)) if inner is None or inner.facts is None else inner.text,
        at=at or (inner.at if inner is not None else None),
        is_error=level,
        facts=told,
    )


def of_pair(pair: list[Any]) -> Shape:
    """Return what one of Loki's pairs holds."""
    return replace(of_line(pair[1].rstrip("\n")), at=_read_instant(pair[0]))


def _facts(text: str) -> Mapping[str, Any] | None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _texts(value: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - JSON is of any type
    """Yield each text in *value*, unescaped, so that what is looked for is found however it was written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < _DEPTH:
        for each in list(value.values())[:_MOST_TEXTS]:
            yield from _texts(each, depth + 1)
    elif isinstance(value, list) and depth < _DEPTH:
        for each in value[:_MOST_TEXTS]:
            yield from _texts(each, depth + 1)


def _is_bad(level: object) -> bool | None:
    if isinstance(level, str) and level:
        return level.lower() in _BAD_LEVELS
    if isinstance(level, int) and not isinstance(level, bool) and level >= 10:  # noqa: PLR2004 - pino, bunyan
        return level >= _PINO_ERROR
    return None


def _read_instant(value: object) -> datetime | None:
    """Read an instant in any form that services write: text, or a count since 1970 in seconds up to nanoseconds."""
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) < 20:  # noqa: PLR2004
            return _since_1970(int(value))
        match = _INSTANT.match(value)
        return None if match is None else _instant(match)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def _since_1970(count: float) -> datetime | None:
    for size, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1)):
        if count >= size:
            try:
                whole, part = divmod(count, unit)
                return datetime.fromtimestamp(int(whole), UTC) + timedelta(seconds=float(part) / unit)
            except (OverflowError, ValueError, OSError):
                return None
    return None


def _instant(match: re.Match[str]) -> datetime | None:
    """Return an aware instant: without a zone it is taken to be in UTC, as containers' clocks are."""
    day, clock, part, zone = match.groups()
    told = "+00:00" if zone in {None, "Z", "UTC"} else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    micro = (part or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micro}{told}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
