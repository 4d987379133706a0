"""Events as log lines on stderr: JSON objects for machines, short lines for people."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from reconcile.ports import NoopTelemetry

_LOGGER = logging.getLogger("reconcile")


class LoggingTelemetry(NoopTelemetry):
    """The ``Telemetry`` port on the standard library's logging: events are lines, all else is ignored."""

    def event(self, name: str, **facts: object) -> None:
        """Log *name* with its *facts*."""
        _LOGGER.info(name, extra={"facts": facts})

    def warning(self, name: str, **facts: object) -> None:
        """Log a problem that does not end the run."""
        _LOGGER.warning(name, extra={"facts": facts})


def is_logged(level: int) -> bool:
    """Return whether events of this severity are logged."""
    return _LOGGER.isEnabledFor(level)


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; of an exception type and place only, because its text may hold personal data."""
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """One short line per event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``level event key=value…``."""
        facts = " ".join(f"{key}={value}" for key, value in getattr(record, "facts", {}).items())
        return f"{record.levelname.lower():7} {record.getMessage()} {facts}".rstrip()


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the current ``sys.stderr``, which a progress bar replaces so that lines appear above it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def configure(*, level: str, as_json: bool) -> None:
    """Log events of this program to stderr; libraries are silenced, because their lines may hold URLs and headers."""
    handler = _StderrHandler()
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.getLogger().handlers[:] = [logging.NullHandler()]  # otherwise Python prints their warnings
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(level.upper())
