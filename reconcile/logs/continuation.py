"""Finds lines that continue the previous record: stack traces, indented text, records on two lines."""

import re
from dataclasses import dataclass
from datetime import datetime

from reconcile.logs.shapes import Shape

MAX_CONTINUATION_LINES = 100
"""The most lines that can continue one record; more are lines of an unknown format."""
_TRACEBACK = re.compile(r"Traceback \(most recent|goroutine \d+ \[|Exception in thread|Stack trace:|stacktrace:")
_EXCEPTION = re.compile(r"(?:[\w$]+[.:\\/]{1,2})*\w*(?:Error|Exception|Failure|Fault)(?::\s|\s\[|$)")
_CAUSE = re.compile(
    r"Caused by:|\.\.\. \d+ more|During handling of the above|The above exception was|\[stacktrace\]|[}\])]$"
)
_INDENT = re.compile(r"\t|\s{2}|\s+at \S")


@dataclass(slots=True)
class OpenRecord:
    """The last record of one stream, for deciding whether the next lines belong to it."""

    at: datetime | None = None
    has_time: bool = False
    is_error: bool = False
    is_begun: bool = False
    trace: bool = False
    is_ending: bool = False
    """A traceback's frames have passed, so that the line without indentation which follows is its last."""
    lines: int = 0

    def take(self, shape: Shape) -> bool:
        """Add *shape* to this record if it continues it, and return whether it does."""
        if self.lines >= MAX_CONTINUATION_LINES or shape.facts is not None or shape.is_partial or self.is_begun:
            return False
        own = shape.own
        is_taken = self._is_trace(shape, own) or (bool(_INDENT.match(own)) and shape.is_error is None)
        if is_taken:
            self.is_ending = self.trace and bool(_INDENT.match(own))
            self.lines += 1
        return is_taken

    def _is_trace(self, shape: Shape, own: str) -> bool:
        lacks_time = (self.at is not None and shape.at is None) or (self.has_time and not shape.has_time)
        if self.trace:
            is_last = self.is_ending and bool(_EXCEPTION.match(own)) and not shape.has_time
            return is_last or bool(_CAUSE.match(own))
        if self.is_error and (_TRACEBACK.match(own) or (lacks_time and _EXCEPTION.match(own))):
            self.trace = True
            return True
        return False


def open_record(shape: Shape, *, is_error: bool, at: datetime | None) -> OpenRecord:
    """Return the record that *shape* starts; no line continues a line of an unknown format."""
    is_trace = bool(_TRACEBACK.match(shape.own))
    return OpenRecord(
        at=at,
        has_time=shape.has_time,
        is_error=is_error,
        is_begun=shape.is_begun,
        trace=is_trace,
        lines=0 if is_trace or shape.is_error is not None or shape.is_begun else MAX_CONTINUATION_LINES,
    )
