"""Measuring how old the truth is costs the database a share of its time, however many leads there are."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.run.report import UNSEEN_AFTER, Freshness
from tests.services.fakes import START, a_workspace
from tests.services.run_harness import TICK, RunHarness, unbooked
from tests.use_cases import new_leads_since, read_freshness


class _Slow:
    """The store's leads, of which measuring takes *took*; counts how often it was done."""

    def __init__(self, harness: RunHarness, took: timedelta) -> None:
        self._desk = harness
        self._took = took
        self.times = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk.store.leads, name)

    async def freshness(self, **asked: Any) -> Freshness:
        self.times += 1
        found = await self._desk.store.leads.freshness(**asked)
        self._desk.clock.advance(self._took)
        return found


@pytest.mark.parametrize(
    ("took", "times"),
    [
        (timedelta(0), 20),
        (timedelta(seconds=0.05), 20),
        (timedelta(seconds=0.2), 5),
        (timedelta(seconds=5), 2),
    ],
    ids=["at once: each minute", "0.05 s: each minute", "0.2 s: after 200 s", "5 s: after ten minutes, not later"],
)
async def test_a_slow_freshness_query_is_made_less_often(harness: RunHarness, took: timedelta, times: int) -> None:
    await harness.fill([1])
    leads = _Slow(harness, took)

    for tick in range(20):
        harness.clock.at = START + tick * TICK
        report = await harness.run(store=replace(harness.store, leads=leads))

        assert report.freshness is not None
        assert report.freshness.measured_at is not None
        assert report.freshness.measured_at <= harness.clock.at

    assert leads.times == times


async def test_an_invalid_or_future_figure_is_measured_again(harness: RunHarness) -> None:
    await harness.fill([1])
    leads = _Slow(harness, timedelta(seconds=5))
    store = replace(harness.store, leads=leads)
    await harness.run(store=store)

    harness.clock.at = START - TICK
    await harness.run(store=store)

    assert leads.times == 2
    assert read_freshness({"oldestSeconds": 1, "due": 0}) is None
    assert read_freshness({"measuredAt": "yesterday", "tookMs": "long"}) is None


async def an_unseen_lead(harness: RunHarness, name: str, *, wrote: timedelta) -> None:
    lead = unbooked(name, f"ws-{name}", in_sequence=False, last_inbound_at=harness.clock.at - wrote)
    await harness.seed([a_workspace(f"ws-{name}")], [lead])


async def is_seen(harness: RunHarness, name: str) -> bool:
    return (await harness.state(name)).attempted_at is not None


async def test_on_a_large_database_a_new_lead_is_found_at_once_and_an_imported_one_when_leads_are_counted(
    harness: RunHarness,
) -> None:
    await harness.fill([1])
    store = replace(harness.store, leads=_Slow(harness, timedelta(seconds=0.2)))
    await harness.run(store=store)

    await an_unseen_lead(harness, "new", wrote=timedelta(minutes=1))
    await an_unseen_lead(harness, "imported", wrote=timedelta(days=100))
    await harness.run(store=store)
    assert (await is_seen(harness, "new"), await is_seen(harness, "imported")) == (True, False)

    for _ in range(5):
        await harness.run(store=store)
    assert await is_seen(harness, "imported")


async def test_a_run_of_one_workspace_finds_its_imported_leads_at_once(harness: RunHarness) -> None:
    await harness.fill([1])
    store = replace(harness.store, leads=_Slow(harness, timedelta(seconds=0.2)))
    await harness.run(store=store)

    await an_unseen_lead(harness, "imported", wrote=timedelta(days=100))
    await harness.run(store=store, workspace=WorkspaceId("ws-imported"))

    assert await is_seen(harness, "imported")


async def test_on_a_small_database_an_imported_lead_is_found_at_once(harness: RunHarness) -> None:
    await harness.fill([1])
    await harness.run()

    await an_unseen_lead(harness, "imported", wrote=timedelta(days=100))
    await harness.run()

    assert await is_seen(harness, "imported")


LAST = Freshness(measured_at=START, took=timedelta(seconds=1))


@pytest.mark.parametrize(
    ("last", "after", "since"),
    [
        (LAST, timedelta(minutes=3), START - UNSEEN_AFTER),
        (LAST, timedelta(0), START - UNSEEN_AFTER),
        (LAST, timedelta(minutes=10), None),
        (LAST, -timedelta(seconds=1), None),
        (replace(LAST, unseen=1), timedelta(0), None),
        (replace(LAST, took=timedelta(milliseconds=49)), timedelta(0), None),
        (replace(LAST, measured_at=None), timedelta(0), None),
        (None, timedelta(0), None),
    ],
)
def test_without_a_recent_count_all_leads_are_searched(
    last: Freshness | None, after: timedelta, since: datetime | None
) -> None:
    assert new_leads_since(last, START + after) == since
