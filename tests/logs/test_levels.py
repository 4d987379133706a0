"""What is a level or a time, and what only looks like one."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.verification.claim import Claim, Expected, Rate, RulingReason, RulingStatus, judge
from reconcile.domain.verification.log_entry import LogEntry
from reconcile.domain.verification.log_figures import LogTally
from reconcile.logs import entries

STAMP = "2026-03-02T09:12:00Z"
AT = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)


def read(*lines: object) -> list[LogEntry]:
    texts = (each if isinstance(each, str) else json.dumps(each) for each in lines)
    return list(entries(io.BytesIO("\n".join(texts).encode()), name="x"))


UNKNOWN = {
    "a status": {"status": 200, "msg": "x"},
    "a severity of no scale": {"severity": 17, "msg": "x"},
    "a level of no scale": {"level": 200, "msg": "x"},
    "a small level": {"level": 3, "msg": "x"},
    "a level that is true": {"level": True, "msg": "x"},
    "another kind of level": {"level": "gold", "msg": "x"},
    "another kind of status": {"status": "success", "message": "x"},
    "a word of the message": f"{STAMP} connection error: retry",
    "a word in small letters": f"{STAMP} info endpoint asked",
    "no form": "just text",
    "a path": f"{STAMP} GET /error-pages 200",
    "capitals late in the message": f"{STAMP} the customer wrote INFO twice",
    "a stream of Google Cloud": {"logName": "projects/p/logs/stdout", "severity": "INFO", "textPayload": "x"},
    "a stream of journald": {"_TRANSPORT": "stdout", "PRIORITY": "6", "MESSAGE": "x"},
}


@pytest.mark.parametrize("line", UNKNOWN.values(), ids=UNKNOWN)
def test_other_words_and_numbers_are_no_levels(line: object) -> None:
    (entry,) = read(line)

    assert (entry.is_error, entry.has_level) == (False, False)


KNOWN = {
    "Google Cloud's number": ({"severity": 200, "message": "x"}, False),
    "a failed request of an access log": ({"method": "GET", "path": "/", "status": 502}, True),
    "an answered request": ({"method": "GET", "path": "/", "status": 200}, False),
    "a level beside a status": ({"level": "info", "status": 502, "path": "/"}, False),
    "a failed request beside the level of what was printed": (
        {"level": "info", "responseStatusCode": 500, "requestPath": "/api", "message": "INFO x"},
        True,
    ),
    "a word beside a number": ({"level": 40, "levelname": "ERROR", "message": "x"}, True),
    "a payload's own level": ({"severity": "INFO", "jsonPayload": {"level": 50, "msg": "x"}}, True),
    "a program's own level": ({"level": "info", "msg": "ERROR: as somebody wrote"}, False),
    "one of several lines": ({"requestPath": "/", "level": "info", "message": "INFO a\nERROR b"}, True),
    "colors": (f"{STAMP} \x1b[31mERROR\x1b[0m x", True),
}


@pytest.mark.parametrize(("line", "is_error"), KNOWN.values(), ids=KNOWN)
def test_the_programs_own_of_several_levels_counts(line: object, is_error: bool) -> None:
    (entry,) = read(line)

    assert (entry.is_error, entry.has_level) == (is_error, True)


@pytest.mark.parametrize(
    "line",
    [
        "booking of 2026-03-02 09:12:00 failed",
        "ERROR: 2026-03-02 09:12:00 is taken",
        "ERROR 2026-03-02 09:12:00 is taken",
        {"level": "error", "msg": f"{STAMP} is taken"},
        {"msg": f"{STAMP} is taken"},
        {"level": "error", "msg": "x", "fields": {"time": STAMP}},
        f'level=error msg="moved to time={STAMP}"',
        f"level=error msg=moved-to-{STAMP}",
    ],
)
def test_a_date_in_the_message_is_no_time(line: object) -> None:
    assert [each.at for each in read(line)] == [None]


MILLIS = int(AT.timestamp() * 1000)


@pytest.mark.parametrize(
    "fields",
    [
        {"TimeUTC": "2026-03-02 09:12:00"},
        {"timestampInMs": MILLIS, "TimeUTC": "2026-03-02 09:11:00"},
        {"time": STAMP},
        {"timestamp": "2026-03-02T10:12:00+01:00"},
        {"ts": MILLIS / 1000},
        {"ts": str(MILLIS // 1000)},
        {"ts": f"{MILLIS // 1000}.000"},
        {"time": MILLIS * 1_000_000},
        {"@t": STAMP},
        {"date": MILLIS / 1000},
        {"t": {"$date": STAMP}},
        {"instant": {"epochSecond": MILLIS // 1000, "nanoOfSecond": 7}},
        {"time_local": "02/Mar/2026:10:12:00 +0100"},
    ],
)
def test_the_time_fields_of_json_are_read(fields: dict[str, object]) -> None:
    assert [each.at for each in read({**fields, "level": "info", "message": "x"})] == [AT]


def test_a_time_without_a_year_is_the_last_such_day() -> None:
    line = b"<11>Mar  2 09:12:00 web-1 app: x"

    def at(newest: datetime | None) -> datetime | None:
        return next(entries(io.BytesIO(line), name="x", newest=newest)).at

    assert at(AT + timedelta(days=1)) == AT
    assert at(AT - timedelta(days=2)) == AT.replace(year=2025)
    assert at(None) is None


TRACES = {
    "Python": f'{STAMP} ERROR failed\nTraceback (most recent call last):\n  File "x", line 1\nValueError: x',
    "Python without a time": f'{STAMP} INFO fine\nTraceback (most recent call last):\n  File "x"\nValueError: x',
    "Java": f"{STAMP} ERROR failed\njava.lang.Error: x\n\tat a.B.c(D.java:1)\nCaused by: a.Error: y\n\t... 3 more",
    "JavaScript": f"{STAMP} error: failed\nTypeError: x\n    at a (b.js:1:1)",
    ".NET": "fail: App.Jobs[0]\n      failed\n      System.Exception: x\n         at A.B()",
    "java.util.logging": "Mar 02, 2026 9:12:00 AM a.B c\nSEVERE: failed",
}


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES)
def test_a_stack_trace_counts_once_and_has_its_records_time(text: str) -> None:
    found = read(text)
    records = [each for each in found if not each.is_continuation and each.is_error]

    assert len(records) == 1
    assert all(each.has_level for each in found if not each.is_continuation)
    is_dated = not text.startswith("fail")
    assert found[0].at == (AT if is_dated else None)
    # A trace beside no error's record may have been printed at any time after the record before it.
    assert {each.at for each in found[1:]} == ({AT} if is_dated and "INFO fine" not in text else {None})


def test_lines_of_unknown_formats_continue_a_record_only_up_to_a_limit() -> None:
    found = read(f"{STAMP} INFO fine", *["    what is this"] * 300)

    assert sum(each.is_continuation for each in found) == 100
    assert sum(not each.has_level for each in found) == 200
    assert sum(each.is_continuation for each in read(f"{STAMP} what is this", "    and this")) == 0


def test_an_error_within_the_lines_after_a_record_is_counted() -> None:
    assert [each.is_error for each in read(f"{STAMP} INFO fine", "    ERROR x", "    FATAL: y")] == [False, True, True]


def verdict(lines: list[str], *, signature: str | None = None) -> tuple[RulingStatus, RulingReason]:
    claim = Claim(
        since=None,
        signatures=[(signature, Expected.GONE)] if signature else [],
        max_error_rate=None if signature else Rate.parse("5/min"),
    )
    tally = LogTally(claim=claim)
    for each in read(*lines):
        tally.add(each)
    ruling = judge(claim, tally.figures())
    return ruling.word, ruling.why


def test_a_report_does_not_hide_the_errors_of_other_lines() -> None:
    report = json.dumps({"leadsChecked": 40, "errors": 0, "timestamp": STAMP})
    lines = [report, *[f"{STAMP} ERROR x"] * 6]

    assert verdict(lines) == (RulingStatus.FAIL, RulingReason.RATE_TOO_HIGH)
