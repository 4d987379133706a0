"""Breakers' reports in, bands of time out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerScope, BreakerState
from reconcile.domain.ids import RunId
from reconcile.domain.run.report_document import read_breakers
from reconcile.domain.views.page import Band
from reconcile.ports import ScheduledRun
from tests.services.stub_store import NOW
from tests.use_cases import Timeline, TimelineBuilder, instant

SINCE = NOW - timedelta(hours=1)
GHL = "provider:ghl"
OPEN, HALF = BreakerState.OPEN, BreakerState.HALF_OPEN


def at(minute: float) -> datetime:
    return SINCE + timedelta(minutes=minute)


def breaker_entry(state: str, *, since: float, breaker: str = GHL) -> Mapping[str, Any]:
    return {"breaker": breaker, "state": state, "since": instant(at(since))}


def tick(minute: float, *breakers: Mapping[str, Any]) -> ScheduledRun:
    return ScheduledRun(
        run_id=RunId(f"r{minute}"),
        started_at=at(minute),
        ended_at=at(minute),
        checks=1,
        errors=0,
        repaired=0,
        breakers=read_breakers(breakers),
    )


def timeline_of(ticks: Sequence[ScheduledRun], *breakers: Breaker, most: int = 9) -> Timeline:
    builder = TimelineBuilder(since=SINCE, now=NOW)
    for each in ticks:
        builder.add(each)
    return builder.timeline(breakers, most=most)


def spans(found: Timeline) -> list[tuple[str, float, float]]:
    return [(b.state, (b.start - SINCE).seconds / 60, (b.end - SINCE).seconds / 60) for b in found.bands]


def test_an_outage_is_one_band_that_begins_and_ends_with_its_transitions() -> None:
    found = timeline_of(
        [
            tick(10),
            tick(11, breaker_entry("open", since=10.5)),
            tick(12, breaker_entry("open", since=11.75)),
            tick(20, breaker_entry("half_open", since=19.5)),
            tick(23, breaker_entry("closed", since=22.5)),
            tick(24),
        ]
    )

    assert spans(found) == [("open", 10.5, 19.5), ("half_open", 19.5, 22.5)]
    assert not any(band.is_current for band in found.bands)
    assert found.rows == (GHL,)


def test_a_breaker_missing_from_reports_ends_at_the_first_report_without_it() -> None:
    assert spans(timeline_of([tick(10, breaker_entry("open", since=9)), tick(11)])) == [("open", 9, 11)]


def test_an_earlier_outage_begins_at_the_start_of_the_page() -> None:
    assert spans(timeline_of([tick(1, breaker_entry("open", since=-30)), tick(2)])) == [("open", 0, 2)]


def test_the_stored_state_extends_to_now() -> None:
    breaker = Breaker(key=BreakerKey(BreakerScope.PROVIDER, "ghl"), state=OPEN, since=at(30))
    seen = timeline_of([tick(31, breaker_entry("open", since=30))], breaker)
    unseen = timeline_of([tick(31)], breaker)
    closed = timeline_of(
        [tick(31, breaker_entry("open", since=30))], replace(breaker, state=BreakerState.CLOSED, since=at(40))
    )

    assert seen.bands == unseen.bands == (Band(breaker=GHL, state=OPEN, start=at(30), end=NOW, is_current=True),)
    assert spans(closed) == [("open", 30, 40)]


def test_frequent_transitions_are_merged_to_the_worst_state() -> None:
    ticks = [
        tick(n / 20, *([breaker_entry("open" if n % 3 else "half_open", since=n / 20)] if n % 2 else []))
        for n in range(1200)
    ]

    assert len(timeline_of(ticks).bands) <= 240
    assert {band.state for band in timeline_of(ticks).bands} == {"open"}


def test_providers_are_first_and_then_the_longest_parked_workspaces() -> None:
    one, two = (
        breaker_entry("open", since=0, breaker="workspace:a"),
        breaker_entry("open", since=5, breaker="workspace:b"),
    )
    found = timeline_of(
        [tick(8, one, two), tick(9, two, breaker_entry("open", since=8)), tick(20, two), tick(21)], most=2
    )

    assert found.rows == (GHL, "workspace:b")
    assert found.more_count == 1


def test_a_workspace_in_no_report_is_counted_by_its_stored_breaker() -> None:
    """A report lists few of very many workspaces; what closed before the page begins is no part of its story."""
    closed = [
        Breaker(key=BreakerKey(BreakerScope.WORKSPACE, f"w{n}"), since=at(minute))
        for n, minute in enumerate((-5, 5, 9))
    ]
    found = timeline_of([tick(8, breaker_entry("open", since=0, breaker="workspace:a")), tick(9)], *closed)

    assert (found.rows, found.more_count) == (("workspace:a",), 2)


def test_a_report_of_another_version_is_not_drawn() -> None:
    odd: Mapping[str, Any] = {"breaker": 7, "state": ["?"], "since": {}}

    assert timeline_of([tick(1, {}, {"state": "ajar", "breaker": GHL}), tick(2, odd)]) == Timeline()


STATES = st.sampled_from(["open", "half_open", "closed", None])


@given(st.lists(st.tuples(STATES, st.floats(-5, 5)), max_size=60))
def test_bands_of_a_breaker_do_not_overlap_and_stay_within_the_page(seen: list[tuple[str | None, float]]) -> None:
    """However the reports contradict each other: clocks differ, and runs of shards overlap."""
    found = timeline_of(
        [
            tick(n, *([breaker_entry(state, since=n - 1 + shift)] if state else []))
            for n, (state, shift) in enumerate(seen)
        ]
    )

    assert all(SINCE <= band.start <= band.end <= NOW for band in found.bands)
    assert all(before.end <= after.start for before, after in pairwise(found.bands))
