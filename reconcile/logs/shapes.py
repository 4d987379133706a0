"""Removes the wrapper of a log line: Docker, CRI, kubectl, syslog, Loki, CloudWatch, Google Cloud, Datadog."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconcile.logs import json_fields, levels
from reconcile.logs.instants import leading_time, read_instant
from reconcile.logs.json_fields import Record
from reconcile.logs.logfmt import says_error
from reconcile.logs.text_lines import TextLine, level_token, read_line

_COLORS = re.compile(r"\x1b\[[\d;]{0,20}m")
_POD = re.compile(r"\[pod/[^\]\s]{1,400}\]\s|[\w.-]{1,80}\s+\| ", re.ASCII)
_CRI = re.compile(r"\s(stdout|stderr)\s([FP])\s?", re.ASCII)
_PRIORITY = re.compile(r"(?:\d{1,5} )?<(\d{1,3})>(?:1 (?=[\d-]))?", re.ASCII)
_STRUCTURED = re.compile(r" \S+ \S+ \S+ (?:(?:\S+ )?(?:-|(?:\[(?:[^\]\\]|\\.)*+\])+))? ?", re.ASCII)
_PROCESS = re.compile(r"\s(?:[\w.:-]+ )?[\w./()@-]+\[[\w.]+\]:\s?|\s[\w.-]+ [\w./()-]+:\s", re.ASCII)
_BAD_WORD = re.compile(
    r"(?<![\w.-])(?:ERROR|FATAL|CRITICAL|PANIC|EMERGENCY|ALERT)(?![\w.-])"
    r"|^Traceback \(most recent|^(?:\w+\.)*\w*(?:Error|Exception):|\b[Uu]ncaught\b|^panic:"
)
_DEPTH = 6
_HEAD = 16 * 1024
"""The number of characters of a line in which level and time are searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One line and the fields of its wrapper.

    *is_error* is None without a level of a known format. *own* is the program's line; *has_time*: it has a time of its
    own. *is_partial*: the runtime split the line, and the next part follows. *is_begun*: the record ends on the next
    line. *facts* are the fields if the program itself wrote JSON.
    """

    text: str
    own: str = ""
    at: datetime | None = None
    is_error: bool | None = None
    has_time: bool = False
    stream: str = ""
    is_partial: bool = False
    is_begun: bool = False
    is_cut: bool = False
    facts: Record | None = None


@dataclass(frozen=True, slots=True)
class ShapeReader:
    """Reads lines; a time without a year gets the last year with which it is not after *newest*."""

    newest: datetime | None = None

    def of_line(self, text: str, depth: int = 0) -> Shape:
        """Parse one line of text."""
        if "\x1b" in text:
            text = _COLORS.sub("", text)
        if depth < _DEPTH:
            if text[:1] == "{":
                record = json_fields.read_record(text)
                if record is not None:
                    return self.of_record(record, depth)
            wrapped = self._of_prefix(text, depth)
            if wrapped is not None:
                return wrapped
            start = 1 if text[:1] == "[" else 0
            time = leading_time(text, start, newest=self.newest)
            if time is not None:
                return self._after_time(text, time.end, time.at, depth)
        return _shape(read_line(text[:_HEAD].lstrip(), newest=self.newest), text)

    def of_record(self, record: Record, depth: int = 0) -> Shape:
        """Parse one JSON record."""
        if isinstance(record.get("log"), str) and isinstance(record.get("time"), str) and "stream" in record:
            return replace(
                self.of_line(record["log"].removesuffix("\n"), depth + 1),
                at=read_instant(record["time"]),
                stream=str(record["stream"]),
                is_partial=not record["log"].endswith("\n"),
            )
        at, is_error = json_fields.time_of(record), json_fields.is_level(record)
        line, is_whole, inner = None, True, None
        payload = record.get("jsonPayload")
        if isinstance(payload, dict) and depth < _DEPTH:
            inner = self.of_record(payload, depth + 1)
        else:
            line, is_whole = json_fields.inner_line(record)
        if line is not None and depth < _DEPTH:
            inner = self._of_lines(line, depth + 1)
        own = "" if inner is None else inner.own
        if inner is not None:
            if inner.is_error is not None and (is_whole or is_error is None):
                is_error = inner.is_error
            elif json_fields.is_level_of_stream(record):
                is_error = None
        is_error = json_fields.is_failed_request(record) or is_error
        has_inner_time = inner is not None and (is_whole or inner.is_error is not None)
        is_json = inner is not None and inner.facts is not None
        return Shape(
            text=inner.text if is_json and inner is not None else "\n".join(json_fields.texts(record)),
            own=own,
            at=at or (inner.at if inner is not None and has_inner_time else None),
            is_error=is_error,
            has_time=inner is None or inner.has_time or not is_whole,
            is_begun=inner is not None and inner.is_begun,
            facts=inner.facts if is_json and inner is not None else record,
        )

    def of_pair(self, pair: list[Any]) -> Shape:
        """Parse one of Loki's pairs."""
        return replace(self.of_line(pair[1].rstrip("\n")), at=read_instant(pair[0]))

    def _of_lines(self, text: str, depth: int) -> Shape:
        """Parse the text of a record; each of its lines may be an error."""
        first, *others = text.rstrip("\n").split("\n", 200)
        shape = self.of_line(first, depth)
        if others and not shape.is_error:
            for each in others:
                if self.of_line(each, depth + 1).is_error:
                    return replace(shape, is_error=True)
        return shape

    def _of_prefix(self, text: str, depth: int) -> Shape | None:
        prefix = _POD.match(text)
        if prefix is not None:
            return replace(self.of_line(text[prefix.end() :], depth + 1), stream=prefix[0].strip())
        priority = _PRIORITY.match(text)
        if priority is None:
            return None
        is_error = levels.of_syslog(int(priority[1]) % 8)
        own = text[priority.end() :]
        inner = self._of_structured(own, depth) if priority[0].endswith("1 ") else self.of_line(own, depth + 1)
        return replace(inner, is_error=is_error if inner.is_error is None else inner.is_error, has_time=True)

    def _of_structured(self, text: str, depth: int) -> Shape:
        """Return what follows the priority by RFC 5424: time, host, program, process, kind, structured data, text."""
        time = leading_time(text, newest=self.newest)
        end = time.end if time is not None else 1
        head = _STRUCTURED.match(text, end)
        inner = self.of_line(text[head.end() if head is not None else end :], depth + 1)
        return replace(inner, at=time.at if time is not None else inner.at)

    def _after_time(self, text: str, end: int, at: datetime | None, depth: int) -> Shape:
        """Return what follows a time: a whole line with its own time or form, or the rest of this line."""
        head = text[end : end + _HEAD]
        cri = _CRI.match(head)
        if cri is not None:
            own = self.of_line(text[end + cri.end() :], depth + 1)
            return replace(own, at=at, stream=cri[1], is_partial=cri[2] == "P")
        process = _PROCESS.match(head)
        if process is not None and level_token(head, is_after_time=True) is None:
            own = self.of_line(text[end + process.end() :], depth + 1)
            return replace(own, at=at or own.at, has_time=True)
        skipped = 1 if head[:1] in {" ", "\t"} else len(head) - len(head.lstrip("] \t"))
        inner = self.of_line(text[end + skipped :], depth + 1)
        if inner.facts is None and inner.is_error is None and not (inner.has_time or inner.is_begun):
            line = read_line(text[: end + _HEAD], newest=self.newest)
            inner = replace(inner, is_error=line.is_error, is_begun=line.is_begun)
        # The outer time has an offset, which a program's own often lacks.
        return replace(inner, at=at or inner.at)


def suspects_error(text: str) -> bool:
    """Return whether a line without a known level looks like an error's all the same."""
    return bool(_BAD_WORD.search(text)) or says_error(text[:_HEAD])


def _shape(line: TextLine, text: str) -> Shape:
    return Shape(
        text=text, own=text, at=line.at, is_error=line.is_error, has_time=line.has_time, is_begun=line.is_begun
    )
