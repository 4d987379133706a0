"""Runs by the clock."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.ids import RunId
from reconcile.domain.views.page import TimeBucket
from reconcile.ports import ScheduledRun
from tests.services.stub_store import NOW
from tests.use_cases import TimeBuckets, step

HOUR = timedelta(hours=1)


def tick(*, ago: timedelta, checks: int = 10, errors: int = 0, at_risk: int | None = None) -> ScheduledRun:
    return ScheduledRun(
        run_id=RunId("r"),
        started_at=NOW - ago,
        ended_at=NOW - ago,
        checks=checks,
        errors=errors,
        repaired=1,
        at_risk=at_risk,
    )


def moments(ticks: Iterable[ScheduledRun], *, since: datetime, now: datetime) -> tuple[TimeBucket, ...]:
    calendar = TimeBuckets(since=since, now=now)
    for each in ticks:
        calendar.add(each)
    return calendar.buckets


def test_an_hour_has_buckets_of_a_minute_and_a_week_of_two_hours() -> None:
    assert [step(span) for span in (HOUR, HOUR * 24, HOUR * 24 * 7)] == [HOUR / 60, HOUR / 4, HOUR * 2]
    assert step(timedelta(days=400)) == timedelta(days=4)


def test_runs_of_a_bucket_are_summed_and_the_worst_is_kept() -> None:
    ticks = [
        tick(ago=timedelta(minutes=9), errors=1, at_risk=2),
        tick(ago=timedelta(minutes=8), errors=9, at_risk=1),
        tick(ago=timedelta(minutes=7), checks=0),
    ]
    found = [each for each in moments(ticks, since=NOW - HOUR * 24, now=NOW) if each.runs]

    assert [(m.runs, m.checks, m.errors, m.repaired, m.worst, m.at_risk) for m in found] == [(3, 20, 10, 3, 0.9, 2)]
    assert found[0].rate == 0.5


def test_a_bucket_without_runs_exists_and_is_empty() -> None:
    found = moments([], since=NOW - HOUR, now=NOW)

    assert len(found) == 60
    assert {(each.runs, each.at_risk) for each in found} == {(0, None)}


@given(
    st.timedeltas(timedelta(minutes=1), timedelta(days=400)),
    st.timedeltas(timedelta(0), timedelta(days=1)),
    st.lists(st.floats(0, 1.2), max_size=20),
)
def test_buckets_cover_the_time_and_lose_no_run(span: timedelta, shift: timedelta, places: list[float]) -> None:
    """Also one that began before the page and ended in it, or a clock that is ahead."""
    now = NOW + shift
    ticks = [replace(tick(ago=HOUR), ended_at=now - span * place) for place in places]
    found = moments(ticks, since=now - span, now=now)

    assert found[0].start <= now - span
    assert now <= found[-1].end
    assert all(before.end == after.start for before, after in pairwise(found))
    assert len(found) <= 102
    assert sum(each.runs for each in found) == len(places)
