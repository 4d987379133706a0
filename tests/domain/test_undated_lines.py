"""Lines without a time, logs that are judged whole, and what is said of lines whose level is not known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.verification.claim import Claim, Expected, Rate, Ruling, RulingReason, RulingStatus, judge
from reconcile.domain.verification.line_shape import line_shape
from reconcile.domain.verification.log_entry import LogEntry
from reconcile.domain.verification.log_figures import LogTally

SINCE = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOOM = "boom"


def ruling(
    times: Sequence[int | None], *, since: datetime | None = SINCE, rate: str | None = None, level: bool = True
) -> Ruling:
    """Judge lines at *times*, minutes after SINCE; those without a time are errors that hold the signature."""
    claim = Claim(
        since=since,
        signatures=() if rate else [(BOOM, Expected.GONE)],
        max_error_rate=Rate.parse(rate) if rate else None,
        min_checks=1,
    )
    tally = LogTally(claim=claim)
    for each in times:
        at = None if each is None else SINCE + timedelta(minutes=each)
        tally.add(LogEntry(text=BOOM if at is None else "fine", at=at, is_error=at is None, has_level=level))
    return judge(claim, tally.figures())


@pytest.mark.parametrize(
    ("times", "word", "why"),
    [
        ([-9, None, -8, 5], RulingStatus.PASS, RulingReason.AS_CLAIMED),
        ([-9, 5, None, 6], RulingStatus.FAIL, RulingReason.STILL_SEEN),
        ([-9, 5, None], RulingStatus.FAIL, RulingReason.STILL_SEEN),
        ([-9, None, 5], RulingStatus.INCONCLUSIVE, RulingReason.UNDATED),
        ([None, 5, 6], RulingStatus.INCONCLUSIVE, RulingReason.UNDATED),
        ([None, -5, 6], RulingStatus.PASS, RulingReason.AS_CLAIMED),
        ([5, -9, None], RulingStatus.INCONCLUSIVE, RulingReason.UNDATED),
        ([None, None], RulingStatus.INCONCLUSIVE, RulingReason.UNDATED),
    ],
)
def test_a_line_without_a_time_counts_if_both_neighbors_are_on_one_side(
    times: list[int | None], word: RulingStatus, why: RulingReason
) -> None:
    found = ruling(times)

    assert (found.word, found.why) == (word, why)


@given(st.lists(st.none() | st.integers(-20, 20), max_size=12))
def test_a_signature_in_a_line_without_a_time_never_passes_unless_it_is_known_to_be_older(
    times: list[int | None],
) -> None:
    if ruling(times).word is not RulingStatus.PASS:
        return
    for number, each in enumerate(times):
        if each is None:
            dated_before = [at for at in times[:number] if at is not None]
            dated_after = [at for at in times[number:] if at is not None]
            assert dated_before[-1:] < [0]
            assert dated_after[0] < 0


def test_without_an_instant_the_whole_log_counts_and_the_verdict_says_so() -> None:
    failed, passed = ruling([-90, None, 90], since=None), ruling([-90, 90], since=None)

    assert (failed.why, passed.why) == (RulingReason.STILL_SEEN, RulingReason.AS_CLAIMED)
    for each in (failed, passed):
        assert each.text.endswith("; the whole log was judged, as no --since is given")
        assert " since," not in each.text
        assert each.figures is not None
        assert (each.figures.since, each.figures.until) == (SINCE - 1.5 * HOUR, SINCE + 1.5 * HOUR)


@pytest.mark.parametrize(
    ("times", "rate", "why"),
    [
        ([-9, 9, None, None, 10], "1/min", RulingReason.RATE_TOO_HIGH),
        ([-9, None, None, 5], "1/min", RulingReason.UNDATED),
        ([-9, None, 5], "1/min", RulingReason.AS_CLAIMED),
        ([None, None], "1/min", RulingReason.UNDATED),
    ],
)
def test_errors_without_a_time_are_not_left_out_of_a_rate(
    times: list[int | None], rate: str, why: RulingReason
) -> None:
    assert ruling(times, rate=rate).why is why


def test_a_whole_log_without_any_time_has_no_rate() -> None:
    assert ruling([None, None], since=None, rate="1/min").why is RulingReason.UNDATED
    assert ruling([None, None], since=None).why is RulingReason.STILL_SEEN


def test_lines_with_an_unknown_level_are_counted_with_an_example_shape() -> None:
    found = ruling([0, 1, 2], rate="1/min", level=False)

    assert found.why is RulingReason.LEVELS_UNKNOWN
    assert "3 of 3 lines have no level that is known" in found.text
    assert "one looks like “a”" in found.text


@given(st.text())
def test_the_shape_of_a_line_has_none_of_its_content(text: str) -> None:
    shape = line_shape(text)

    assert len(shape) <= 80
    assert {each for each in shape if each.isalpha()} <= {"a"}
    assert {each for each in shape if each.isdigit()} <= {"0"} | {each for each in text if not each.isdecimal()}


def test_a_shape_keeps_separators() -> None:
    assert line_shape("Booking 4711 of ann@example.com  failed: [x=1]") == "a 0 a a@a.a a: [a=0]"
