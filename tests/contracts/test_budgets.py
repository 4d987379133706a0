"""What every ``Budgets`` promises. Limits are slow, so that no test depends on how long it takes."""

import asyncio
from datetime import timedelta

import pytest

from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.ports import Store, Usage

SLOW = RateLimit(interval=timedelta(hours=1), burst=10)
SLOWER = RateLimit(interval=timedelta(hours=2), burst=4)
KEY = "ghl/loc-w1"


async def test_a_fresh_account_has_its_whole_burst(store: Store) -> None:
    grant = await store.budgets.reserve(KEY, wanted=10, limit=SLOW)

    assert (grant.granted, grant.retry_after) == (10, timedelta(0))


async def test_no_more_than_the_burst_is_granted(store: Store) -> None:
    grant = await store.budgets.reserve(KEY, wanted=25, limit=SLOW)
    again = await store.budgets.reserve(KEY, wanted=1, limit=SLOW)

    assert grant.granted == 10
    assert again.granted == 0
    assert timedelta(minutes=59) < again.retry_after <= timedelta(hours=1)


async def test_returned_calls_can_be_reserved_again(store: Store) -> None:
    await store.budgets.reserve(KEY, wanted=10, limit=SLOW)
    await store.budgets.settle(KEY, unused=3, usage=Usage(calls=7), limit=SLOW)

    assert (await store.budgets.reserve(KEY, wanted=10, limit=SLOW)).granted == 3


async def test_calls_beyond_the_reservation_are_counted(store: Store) -> None:
    await store.budgets.reserve(KEY, wanted=2, limit=SLOW)
    await store.budgets.settle(KEY, unused=-3, usage=Usage(calls=5), limit=SLOW)

    assert (await store.budgets.reserve(KEY, wanted=10, limit=SLOW)).granted == 5


async def test_headers_only_lower_the_remaining_calls(store: Store) -> None:
    await store.budgets.settle(KEY, unused=0, usage=Usage(remaining=2), limit=SLOW)
    await store.budgets.settle(KEY, unused=0, usage=Usage(remaining=9), limit=SLOW)

    assert (await store.budgets.reserve(KEY, wanted=10, limit=SLOW)).granted == 2


async def test_a_smaller_limit_is_stored(store: Store) -> None:
    await store.budgets.settle(KEY, unused=0, usage=Usage(limit=SLOWER), limit=SLOW)

    assert (await store.budgets.reserve(KEY, wanted=10, limit=SLOW)).granted == 4


async def test_a_greater_limit_is_ignored(store: Store) -> None:
    await store.budgets.settle(KEY, unused=0, usage=Usage(limit=SLOW), limit=SLOWER)

    assert (await store.budgets.reserve(KEY, wanted=10, limit=SLOWER)).granted == 4


@pytest.mark.parametrize("interval", [timedelta(seconds=1), timedelta(hours=1)], ids=str)
async def test_no_call_is_granted_before_the_end_of_a_refusal(store: Store, interval: timedelta) -> None:
    limit = RateLimit(interval=interval, burst=10)
    await store.budgets.settle(KEY, unused=0, usage=Usage(not_before=timedelta(hours=3)), limit=limit)
    grant = await store.budgets.reserve(KEY, wanted=1, limit=limit)

    assert grant.granted == 0
    assert timedelta(hours=2, minutes=59) < grant.retry_after <= timedelta(hours=3)


async def test_accounts_are_independent(store: Store) -> None:
    taken = {KEY: 10, "ghl/loc-w0": 1, "ghl/loc-w2": 3}
    for key, wanted in taken.items():
        await store.budgets.reserve(key, wanted=wanted, limit=SLOW)

    left = {key: (await store.budgets.reserve(key, wanted=10, limit=SLOW)).granted for key in taken}

    assert left == {key: 10 - wanted for key, wanted in taken.items()}


async def test_concurrent_reservations_never_exceed_the_burst(store: Store) -> None:
    grants = await asyncio.gather(*(store.budgets.reserve(KEY, wanted=2, limit=SLOW) for _ in range(12)))

    assert sum(grant.granted for grant in grants) == 10


async def test_a_reservation_with_a_share_leaves_the_rest_of_the_burst(store: Store) -> None:
    backfill = await store.budgets.reserve(KEY, wanted=100, limit=SLOW, share=0.5)
    again = await store.budgets.reserve(KEY, wanted=1, limit=SLOW, share=0.5)
    schedule = await store.budgets.reserve(KEY, wanted=100, limit=SLOW)

    assert (backfill.granted, again.granted, schedule.granted) == (5, 0, 5)


async def test_a_share_applies_to_the_learned_limit(store: Store) -> None:
    """Of an account on a free plan nothing would be left to others, were it the published limit's."""
    learned = Usage(calls=0, limit=RateLimit(interval=timedelta(hours=1), burst=4))
    await store.budgets.settle(KEY, unused=0, usage=learned, limit=SLOW)

    assert (await store.budgets.reserve(KEY, wanted=100, limit=SLOW, share=0.5)).granted == 2
