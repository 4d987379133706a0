"""What is ruled on figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.verification.checklist import StepResult, overall
from reconcile.domain.verification.claim import (
    Claim,
    Expected,
    Figures,
    Rate,
    Ruling,
    RulingReason,
    RulingStatus,
    Sightings,
    judge,
)
from reconcile.domain.verification.log_entry import LogEntry
from reconcile.domain.verification.log_figures import LogTally

SINCE = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = "Missing ghlAppointmentId"
GONE = Claim(since=SINCE, signatures=[(TEXT, Expected.GONE)], max_error_rate=Rate.parse("5/min"))


def figures(
    *, count: int = 0, before: int = 0, undated: int = 0, watched: timedelta = HOUR, **facts: object
) -> Figures:
    seen = Sightings(TEXT, Expected.GONE, count=count, count_before=before, checks_before=before, count_undated=undated)
    return Figures(since=SINCE, until=SINCE + watched, sightings=[seen], **{"checks": 100, **facts})  # type: ignore[arg-type]


TABLE = {
    "fixed": (figures(before=50, checks_before=100), RulingStatus.PASS, RulingReason.AS_CLAIMED),
    "not fixed": (figures(count=99, before=50, checks_before=50), RulingStatus.FAIL, RulingReason.STILL_SEEN),
    "half fixed": (figures(count=30, before=50, checks_before=50), RulingStatus.FAIL, RulingReason.HALF_FIXED),
    "new here": (figures(count=1, before=0, checks_before=50), RulingStatus.FAIL, RulingReason.STILL_SEEN),
    "no traffic": (
        figures(checks=0, before=50, checks_before=50),
        RulingStatus.INCONCLUSIVE,
        RulingReason.TOO_FEW_CHECKS,
    ),
    "seen once in little": (figures(checks=1, count=1), RulingStatus.FAIL, RulingReason.STILL_SEEN),
    "another failure in its place": (figures(worst_errors=6), RulingStatus.FAIL, RulingReason.RATE_TOO_HIGH),
    "at the rate": (figures(worst_errors=5), RulingStatus.PASS, RulingReason.AS_CLAIMED),
    "too early for a rate": (figures(watched=timedelta(seconds=59)), RulingStatus.INCONCLUSIVE, RulingReason.TOO_SHORT),
    "too high at once": (
        figures(watched=timedelta(seconds=9), worst_errors=6),
        RulingStatus.FAIL,
        RulingReason.RATE_TOO_HIGH,
    ),
    "seen in a line without a time": (figures(undated=1), RulingStatus.INCONCLUSIVE, RulingReason.UNDATED),
    "errors at no time": (figures(worst_errors=3, undated_errors=3), RulingStatus.INCONCLUSIVE, RulingReason.UNDATED),
    "levels known": (figures(lines=100, unknown_levels=5), RulingStatus.PASS, RulingReason.AS_CLAIMED),
    "levels unknown": (figures(lines=100, unknown_levels=6), RulingStatus.INCONCLUSIVE, RulingReason.LEVELS_UNKNOWN),
    "not read to the end": (figures(cut_lines=1), RulingStatus.INCONCLUSIVE, RulingReason.CUT_LINES),
}


@pytest.mark.parametrize(("seen", "word", "why"), TABLE.values(), ids=TABLE)
def test_a_claim_is_ruled_on(seen: Figures, word: RulingStatus, why: RulingReason) -> None:
    ruling = judge(GONE, seen)

    assert (ruling.word, ruling.why) == (word, why)
    assert ruling.figures is seen
    assert ruling.text


def test_a_required_text_fails_only_after_enough_checks() -> None:
    claim = Claim(since=SINCE, signatures=[(TEXT, Expected.PRESENT)], min_checks=10)

    def ruled(checks: int, count: int) -> tuple[RulingStatus, bool]:
        seen = Sightings(TEXT, Expected.PRESENT, count=count)
        ruling = judge(claim, Figures(since=SINCE, until=SINCE + HOUR, checks=checks, sightings=[seen]))
        return ruling.word, ruling.is_final

    assert ruled(9, 0) == (RulingStatus.INCONCLUSIVE, False)
    assert ruled(10, 0) == (RulingStatus.FAIL, False)  # it may yet come
    assert ruled(10, 1) == (RulingStatus.PASS, False)


def test_an_allowed_text_does_not_change_the_ruling() -> None:
    claim = Claim(since=SINCE, signatures=[(TEXT, Expected.MAY_APPEAR)])
    for count in (0, 7):
        seen = Sightings(TEXT, Expected.MAY_APPEAR, count=count)
        assert judge(claim, Figures(since=SINCE, until=SINCE, checks=9, sightings=[seen])).word is RulingStatus.PASS


@pytest.mark.parametrize(
    "text", ["-5/min", "5", "5/week", "five/min", "", "5/", "1e9/min", "5.5/min", "\u0665/min", "/min"]
)
def test_an_invalid_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a whole number of errors in a unit of time"):
        Rate.parse(text)


def test_rates_are_read_and_written() -> None:
    assert [str(Rate.parse(text)) for text in ("5/min", "5/m", "300/h", "0/s", "9/d")] == [
        "5/min",
        "5/min",
        "300/h",
        "0/s",
        "9/d",
    ]


@given(st.lists(st.integers(0, 3599), max_size=60))
def test_the_worst_unit_is_found_in_any_order(seconds: list[int]) -> None:
    tally = LogTally(claim=GONE)
    for each in seconds:
        tally.add(LogEntry(text="x", at=SINCE + timedelta(seconds=each), is_error=True))

    by_minute = [each // 60 for each in seconds]
    assert tally.figures(until=SINCE + HOUR).worst_errors == max(map(by_minute.count, by_minute), default=0)


def test_a_reports_checks_count_instead_of_its_line() -> None:
    tally = LogTally(claim=GONE)
    tally.add(LogEntry(text="started", at=SINCE, is_error=True))
    tally.add(LogEntry(text="report", at=SINCE, checks=40, errors=2))
    tally.add(LogEntry(text="report", at=SINCE - HOUR, checks=30, errors=30))
    seen = tally.figures(until=SINCE + HOUR)

    assert (seen.checks, seen.checks_word) == (40, "check")
    assert (seen.errors, seen.worst_errors) == (3, 3), "a report must not hide the error of another line"
    assert (seen.checks_before, seen.errors_before) == (30, 30)


def test_lines_without_a_time_are_left_out_and_reported() -> None:
    tally = LogTally(claim=GONE)
    tally.add(LogEntry(text="fine"))
    ruling = judge(GONE, tally.figures(until=SINCE + HOUR))

    assert ruling.word is RulingStatus.INCONCLUSIVE
    assert "1 line without a time left out" in ruling.text


def test_a_count_of_one_is_singular() -> None:
    seen = {count: figures(checks=count, count=1, checks_word="line") for count in (1, 2)}
    assert [judge(GONE, seen[count]).text for count in seen] == [
        f"“{TEXT}” was seen once since, in 1 line",
        f"“{TEXT}” was seen once since, in 2 lines",
    ]
    rate = Claim(since=SINCE, max_error_rate=Rate.parse("1/min"), min_checks=1)
    one = replace(figures(checks=1, worst_errors=1), sightings=())
    assert judge(rate, one).text == "1 check since; at most 1 error in 1 min, where 1/min is the most"
    assert judge(GONE, figures(checks=1)).text == "only 1 check since, of 5 that are wanted"
    assert judge(GONE, figures(cut_lines=1)).text == "1 line too long to be read to the end"


def test_a_failure_outweighs_inconclusive_signatures() -> None:
    def results(*words: RulingStatus) -> list[StepResult]:
        return [StepResult(title="t", ruling=Ruling(word=each, why=RulingReason.AS_CLAIMED, text="")) for each in words]

    assert overall(results(RulingStatus.PASS, RulingStatus.PASS)) is RulingStatus.PASS
    assert overall(results(RulingStatus.PASS, RulingStatus.INCONCLUSIVE)) is RulingStatus.INCONCLUSIVE
    assert overall(results(RulingStatus.INCONCLUSIVE, RulingStatus.FAIL)) is RulingStatus.FAIL
