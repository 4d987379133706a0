"""A dry run makes real calls within the published limits, and leaves a run beside it or right after it enough."""

from collections import deque
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.coordination.rate_limit import CALENDLY_FREE_LIMIT, CALENDLY_PAID_LIMIT, GHL_LIMIT, RateLimit
from reconcile.domain.ids import Operation
from reconcile.errors import RateLimited
from reconcile.ports import Usage
from tests.postgres import in_thread
from tests.services.fakes import FakeClock
from tests.services.run_harness import GHL, RunHarness
from tests.use_cases import BURST_SHARE, LocalBudgets, dry_run_store

PUBLISHED = [(GHL_LIMIT, timedelta(seconds=10), 50), (CALENDLY_PAID_LIMIT, timedelta(minutes=1), 334)]
KEY = "an account"


async def _calls(clock: FakeClock, batches: list[int], limit: RateLimit) -> list[datetime]:
    budgets, calls = LocalBudgets(clock, most=BURST_SHARE), list[datetime]()
    for wanted in batches:
        await budgets.reserve(KEY, wanted=wanted, limit=limit)
        calls += [clock.now()] * wanted
    return calls


@pytest.mark.parametrize(("limit", "window", "most"), PUBLISHED)
@given(batches=st.lists(st.integers(1, 60), max_size=20))
def test_a_dry_run_leaves_a_runs_share_in_every_window(
    limit: RateLimit, window: timedelta, most: int, batches: list[int]
) -> None:
    small = [min(each, limit.burst // 3) for each in batches]
    calls = in_thread(_calls(FakeClock(), small, limit))

    for n, at in enumerate(calls):
        assert sum(at - window < each <= at for each in calls[: n + 1]) <= most


async def test_a_dry_run_stops_when_headers_leave_only_a_runs_share() -> None:
    clock = FakeClock()
    budgets = LocalBudgets(clock, most=BURST_SHARE)
    await budgets.settle(KEY, unused=0, usage=Usage(calls=1, remaining=GHL_LIMIT.burst * 2 // 3), limit=GHL_LIMIT)
    before = clock.now()
    await budgets.reserve(KEY, wanted=1, limit=GHL_LIMIT)

    assert clock.now() > before


@pytest.mark.parametrize(
    ("usage", "pause"),
    [
        (Usage(limit=CALENDLY_FREE_LIMIT), timedelta(minutes=1) / 25),
        (Usage(not_before=timedelta(seconds=30)), timedelta(seconds=30)),
    ],
)
async def test_a_dry_run_respects_rate_headers(usage: Usage, pause: timedelta) -> None:
    clock = FakeClock()
    budgets = LocalBudgets(clock, most=BURST_SHARE)
    await budgets.reserve(KEY, wanted=12, limit=CALENDLY_PAID_LIMIT)
    await budgets.settle(KEY, unused=0, usage=usage, limit=CALENDLY_PAID_LIMIT)
    before = clock.now()
    await budgets.reserve(KEY, wanted=12, limit=CALENDLY_PAID_LIMIT)

    assert clock.now() - before >= pause


async def test_a_run_right_after_a_dry_run_checks_all_its_leads(harness: RunHarness) -> None:
    """The provider lets 100 calls into any 10 s, as GoHighLevel does."""
    await harness.fill([50])
    window = deque[datetime]()

    def limit_calls() -> None:
        now = harness.clock.now()
        while window and window[0] <= now - timedelta(seconds=10):
            window.popleft()
        if len(window) >= 100:
            operation = Operation.APPOINTMENT
            raise RateLimited("429", provider=GHL, operation=operation, retry_after=timedelta(seconds=9))
        window.append(now)

    harness.ghl.on_ask = limit_calls
    planned = await harness.run(dry_run=True, whole_set=True, then=timedelta(0))
    done = await harness.run()

    assert (planned.no_change, planned.deferred) == (50, 0)
    assert (done.no_change, done.deferred) == (50, 0)


def test_the_rate_limiters_of_a_dry_run_are_separate(harness: RunHarness) -> None:
    assert isinstance(dry_run_store(harness.store, clock=harness.clock).budgets, LocalBudgets)
