"""What is learned of an account from its answers' headers."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.coordination.day_quota import DayReading
from reconcile.domain.coordination.rate_limit import CALENDLY_FREE_LIMIT, CALENDLY_PAID_LIMIT, GHL_LIMIT, RateLimit
from reconcile.domain.ids import Operation, ProviderName
from reconcile.providers.account import AccountUsage, Published
from reconcile.providers.http.call import ProviderAttempt
from reconcile.providers.http.rate_limits import RateHeaders
from tests.providers.arena import NOW

GHL = Published(calls=100, window=timedelta(seconds=10), assumed=GHL_LIMIT)
CALENDLY = Published(calls=500, window=timedelta(minutes=1), assumed=CALENDLY_PAID_LIMIT)


def attempt(**rate: object) -> ProviderAttempt:
    """Return an attempt whose answer had these headers."""
    return ProviderAttempt(
        provider=ProviderName.HIGHLEVEL,
        operation=Operation.APPOINTMENT,
        method="GET",
        url_template="/calendars/events/appointments/{appointment_id}",
        origin="https://services.example.com",
        number=1,
        duration=timedelta(0),
        status=200,
        rate=RateHeaders(**rate),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("published", "limit", "expected"),
    [
        (GHL, None, None),
        (GHL, 0, None),
        (GHL, 100, None),
        (GHL, 1000, None),
        (GHL, 40, RateLimit(interval=timedelta(seconds=1), burst=30)),
        (GHL, 1, RateLimit(interval=timedelta(seconds=10), burst=1)),
        (CALENDLY, 500, None),
        (CALENDLY, 50, CALENDLY_FREE_LIMIT),
        (CALENDLY, 100, RateLimit(interval=timedelta(seconds=1.2), burst=50)),
    ],
)
def test_a_smaller_limit_than_the_published_one_is_kept_below(
    published: Published, limit: int | None, expected: RateLimit | None
) -> None:
    """Burst and rate together stay under what the headers allow in a window."""
    assert published.lowered_limit(RateHeaders(limit=limit)) == expected


async def test_no_call_begins_that_the_last_headers_do_not_leave() -> None:
    """Calls in flight count as made, until the provider's window ends."""
    account_usage, at = AccountUsage(), NOW
    account_usage.record(attempt(remaining=2, reset=timedelta(seconds=30)), now=NOW)

    async with account_usage.call(lambda: at) as first, account_usage.call(lambda: at) as second:
        at += timedelta(seconds=10)
        async with account_usage.call(lambda: at) as third:
            left = account_usage.calls_left(at)

    assert (first, second, third, left) == (None, None, timedelta(seconds=20), 0)
    assert account_usage.usage(CALENDLY).not_before == timedelta(seconds=20)
    assert account_usage.calls_left(NOW + timedelta(seconds=30)) is None


@pytest.mark.parametrize(("has_plans", "most"), [(True, 1), (False, 5)])
async def test_the_first_call_to_an_account_with_a_plan_is_alone(*, has_plans: bool, most: int) -> None:
    """Its answer shows the limit; the others begin once it has ended, however it ends."""
    account_usage, in_flight, answer = AccountUsage(has_plans=has_plans), 0, asyncio.Event()
    peaks = []

    async def call() -> None:
        nonlocal in_flight
        async with account_usage.call(lambda: NOW):
            in_flight += 1
            await answer.wait()

    calls = [asyncio.ensure_future(call()) for _ in range(5)]
    await asyncio.sleep(0)
    peaks.append(in_flight)
    answer.set()
    await asyncio.gather(*calls)

    assert (peaks, in_flight) == ([most], 5)


def test_the_window_of_the_headers_counts() -> None:
    """GHL says how long it is."""
    found = GHL.lowered_limit(RateHeaders(limit=40, window=timedelta(seconds=60)))

    assert found == RateLimit(interval=timedelta(seconds=6), burst=30)


def test_the_lesser_of_both_remainders_counts() -> None:
    """Of the window, and of the day."""
    account_usage = AccountUsage()
    account_usage.record(attempt(remaining=99, daily_remaining=3), now=NOW)

    assert account_usage.usage(GHL).remaining == 3


def test_an_attempt_without_a_response_keeps_the_rate_headers() -> None:
    """But it counts."""
    account_usage = AccountUsage()
    account_usage.record(attempt(remaining=7), now=NOW)
    account_usage.record(replace(attempt(), status=None, rate=None), now=NOW)

    usage = account_usage.usage(GHL)

    assert (usage.calls, usage.remaining) == (2, 7)


def test_the_longer_of_two_waits_counts() -> None:
    """Whichever came first."""
    account_usage = AccountUsage()
    for seconds in (3, 9, 5):
        account_usage.wait(timedelta(seconds=seconds))

    assert account_usage.usage(GHL).not_before == timedelta(seconds=9)
    assert account_usage.usage(GHL).not_before is None


@pytest.mark.parametrize(
    ("daily_reset", "wait"),
    [(timedelta(minutes=5), timedelta(minutes=5)), (None, timedelta(hours=1))],
)
def test_an_account_whose_day_is_used_up_waits_for_the_next(daily_reset: timedelta | None, wait: timedelta) -> None:
    """As long as GHL says, where it does."""
    account_usage = AccountUsage()
    account_usage.record(attempt(daily_remaining=0, daily_reset=daily_reset), now=NOW)

    assert account_usage.usage(GHL).not_before == wait


@pytest.mark.parametrize(
    ("daily_reset", "ends_in"), [(timedelta(hours=9), timedelta(hours=9)), (None, timedelta(hours=24))]
)
def test_the_usage_has_what_is_left_of_the_day_and_when_it_ends(
    daily_reset: timedelta | None, ends_in: timedelta
) -> None:
    """At midnight UTC where no header says it; a wait is an hour at most, and the day is not."""
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    account_usage = AccountUsage()
    account_usage.record(attempt(daily_remaining=7, daily_reset=daily_reset), now=midnight)
    account_usage.record(replace(attempt(), status=None, rate=None), now=midnight)

    assert account_usage.usage(GHL).day == DayReading(at=midnight, left=7, ends_at=midnight + ends_in)
    assert account_usage.usage(GHL).day is None
