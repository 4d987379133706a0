"""Measuring how old the truth is costs the database a share of its time, however many leads there are."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.report import Freshness
from reconcile.runner.freshness import read_freshness
from tests.runner.desk import TICK, Desk
from tests.runner.fakes import START


class _Slow:
    """The store's leads, of which measuring takes *took*; counts how often it was done."""

    def __init__(self, desk: Desk, took: timedelta) -> None:
        self._desk = desk
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
async def test_what_takes_long_is_measured_seldom(desk: Desk, took: timedelta, times: int) -> None:
    await desk.fill([1])
    leads = _Slow(desk, took)

    for tick in range(20):
        desk.clock.at = START + tick * TICK
        report = await desk.run(store=replace(desk.store, leads=leads))

        assert report.freshness is not None
        assert report.freshness.measured_at is not None
        assert report.freshness.measured_at <= desk.clock.at

    assert leads.times == times


async def test_a_figure_of_another_form_or_from_the_future_is_measured_anew(desk: Desk) -> None:
    await desk.fill([1])
    leads = _Slow(desk, timedelta(seconds=5))
    store = replace(desk.store, leads=leads)
    await desk.run(store=store)

    desk.clock.at = START - TICK
    await desk.run(store=store)

    assert leads.times == 2
    assert read_freshness({"oldestSeconds": 1, "due": 0}) is None
    assert read_freshness({"measuredAt": "yesterday", "tookMs": "long"}) is None
