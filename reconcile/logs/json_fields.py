"""Finds level, time and message among the fields of a JSON record."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from reconcile.logs import levels
from reconcile.logs.instants import read_instant

_TIMES = (
    "timestampInMs",
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "@t",
    "TimeUTC",
    "Timestamp",
    "datetime",
    "asctime",
    "eventTime",
    "timeMillis",
    "__REALTIME_TIMESTAMP",
    "_SOURCE_REALTIME_TIMESTAMP",
    "timeUnixNano",
    "observedTimeUnixNano",
    "time_iso8601",
    "time_local",
    "startTime",
    "T",
    "Time",
    "created",
    "receiveTimestamp",
    "date",
)
_LINES = (
    "log",
    "line",
    "textPayload",
    "@message",
    "MESSAGE",
    "short_message",
    "message",
    "msg",
    "event",
    "text",
    "body",
    "Message",
    "formattedMessage",
    "@m",
    "@mt",
    "M",
)
_WRAPPERS = frozenset({"log", "line", "textPayload", "@message", "MESSAGE", "short_message"})
"""Fields that hold a program's whole line, in records made by a collector."""
_HOSTS = ("requestPath", "deploymentId", "ingestionTime", "ddsource", "logName")
"""Fields of services that collect what programs print."""
_HOST_STATUS = "responseStatusCode"
_WORDS = (
    "level",
    "severity",
    "levelname",
    "log.level",
    "lvl",
    "loglevel",
    "log_level",
    "LogLevel",
    "Level",
    "@l",
    "@level",
    "severityText",
    "severity_text",
    "SeverityText",
    "L",
)
_PYTHON_NUMBERS = ("levelno", "level_number", "level_no")
_SYSLOG_NUMBERS = ("PRIORITY", "syslog_severity_code", "syslogseverity", "syslog_severity")
_OTEL_NUMBERS = ("severityNumber", "severity_number", "SeverityNumber")
_HTTP_STATUSES = (
    "responseStatusCode",
    "statusCode",
    "status_code",
    "http_status",
    "http.response.status_code",
    "status",
)
_REQUESTS = (
    "requestPath",
    "requestMethod",
    "method",
    "path",
    "url",
    "uri",
    "request",
    "request_uri",
    "http.request.method",
)
_INNER = ("jsonPayload", "attributes", "content", "_source", "metadata", "fields")
_TIMED = ("jsonPayload", "attributes", "content", "_source", "metadata")
"""Containers whose time fields are of the line; those of a span may hold any date."""
_STREAMS = ("/stdout", "/stderr", "%2Fstdout", "%2Fstderr")
_DEPTH = 6
_MOST_TEXTS = 2000
Record = Mapping[str, Any]


def read_record(text: str) -> Record | None:
    """Return the JSON object that *text* is, else None."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def inner_line(record: Record) -> tuple[str | None, bool]:
    """Return the text that the record is about, and whether that is a whole line of a program."""
    for source in (record, *(_mappings(record, _INNER))):
        for key in _LINES:
            value = source.get(key)
            if isinstance(value, str):
                return value, key in _WRAPPERS or any(name in record for name in _HOSTS) or source is not record
            if key == "body" and isinstance(value, Mapping) and isinstance(value.get("stringValue"), str):
                return value["stringValue"], False
    return None, False


def time_of(record: Record) -> datetime | None:
    """Return when the record was written."""
    for source in (record, *(_mappings(record, _TIMED))):
        for key in _TIMES:
            value = source.get(key)
            if value is not None and (at := read_instant(value)) is not None:
                return at
    return _nested_time(record)


def is_level(record: Record) -> bool | None:
    """Return whether the record's level is an error; None without a known level."""
    sources = (*_mappings(record, _INNER), record)
    for read in (_word, _number, _nested, _request):
        for source in sources:
            found = read(source)
            if found is not None:
                return found
    return None


def is_failed_request(record: Record) -> bool:
    """Return whether the platform says that the request failed, regardless of the levels of its lines."""
    return bool(levels.of_http(record.get(_HOST_STATUS)))


def is_level_of_stream(record: Record) -> bool:
    """Return whether the level is only that of the output stream, not of the line."""
    name = record.get("logName")
    if isinstance(name, str) and name.endswith(_STREAMS):
        return record.get("severity") in {"INFO", "DEFAULT"}
    return record.get("_TRANSPORT") == "stdout" and str(record.get("PRIORITY")) == "6"


def texts(value: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - JSON is of any type
    """Yield each text in *value*, unescaped, so that a search is independent of escapes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < _DEPTH:
        for each in list(value.values())[:_MOST_TEXTS]:
            yield from texts(each, depth + 1)
    elif isinstance(value, list) and depth < _DEPTH:
        for each in value[:_MOST_TEXTS]:
            yield from texts(each, depth + 1)


def _mappings(record: Record, names: tuple[str, ...]) -> Iterator[Record]:
    return (value for name in names if isinstance(value := record.get(name), Mapping))


def _word(source: Record) -> bool | None:
    for key in _WORDS:
        value = source.get(key)
        if isinstance(value, str) and (found := levels.of_field(value)) is not None:
            return found
    status = source.get("status")
    if isinstance(status, str) and (found := levels.of_status(status)) is not None:
        return found
    if isinstance(source.get("s"), str) and isinstance(source.get("t"), Mapping):
        return levels.of_field(source["s"])  # MongoDB
    if "@t" in source and "@l" not in source:
        return False  # Serilog leaves Information out
    return None


def _number(source: Record) -> bool | None:
    readers = (
        (_SYSLOG_NUMBERS, levels.of_syslog),
        (_PYTHON_NUMBERS, levels.of_python),
        (_OTEL_NUMBERS, levels.of_otel),
    )
    for keys, read in readers:
        for key in keys:
            if key in source and (found := read(source[key])) is not None:
                return found
    level = source.get("level")
    if "short_message" in source:
        return levels.of_syslog(level)
    found = levels.of_pino(level)
    return levels.of_gcp(source.get("severity")) if found is None else found


def _nested(source: Record) -> bool | None:
    """Read a level within an object: ECS, loguru and log4js have it there."""
    log, record, level = source.get("log"), source.get("record"), source.get("level")
    if isinstance(log, Mapping) and isinstance(log.get("level"), str):
        return levels.of_field(log["level"])
    if isinstance(record, Mapping) and isinstance(record.get("level"), Mapping):
        return levels.of_python(record["level"].get("no"))
    if isinstance(level, Mapping):
        name = level.get("levelStr") or level.get("name")
        return levels.of_field(name) if isinstance(name, str) else None
    return None


def _request(source: Record) -> bool | None:
    """Return the status of the request in a record."""
    if not any(key in source for key in _REQUESTS):
        return None
    found = (levels.of_http(source.get(key)) for key in _HTTP_STATUSES)
    return next((each for each in found if each is not None), None)


def _nested_time(record: Record) -> datetime | None:
    mongo, log4j, loguru = record.get("t"), record.get("instant"), record.get("record")
    if isinstance(mongo, Mapping):
        return read_instant(mongo.get("$date"))
    if isinstance(log4j, Mapping):
        return read_instant(log4j.get("epochSecond"))
    if isinstance(loguru, Mapping) and isinstance(loguru.get("time"), Mapping):
        return read_instant(loguru["time"].get("timestamp"))
    return None
