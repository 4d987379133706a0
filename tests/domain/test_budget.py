"""Never more calls than published, whatever the pattern of asking."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.coordination.rate_limit import (
    CALENDLY_FREE_LIMIT,
    CALENDLY_PAID_LIMIT,
    GHL_LIMIT,
    Grant,
    RateLimit,
    RateLimiter,
    limit_of,
)
from reconcile.domain.ids import ProviderName
from tests.domain.factories import NOW

asks = st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 120)), min_size=1, max_size=60)


@given(
    asks=asks,
    case=st.sampled_from(
        [
            (GHL_LIMIT, timedelta(seconds=10), 100),
            (CALENDLY_PAID_LIMIT, timedelta(minutes=1), 500),
            (CALENDLY_FREE_LIMIT, timedelta(minutes=1), 50),
        ]
    ),
)
def test_no_window_exceeds_the_published_limit(asks, case) -> None:
    limit, window, published = case
    meter, now, calls = RateLimiter(NOW), NOW, []
    for pause, wanted in asks:
        now += timedelta(milliseconds=pause)
        meter, grant = meter.take(wanted, now=now, limit=limit)
        assert 0 <= grant.granted <= wanted
        calls.append((now, grant.granted))

    for start, _ in calls:
        assert sum(n for at, n in calls if start <= at < start + window) <= published


@given(wanted=st.integers(1, 200), after=st.integers(0, 200))
def test_retry_after_is_exact(wanted: int, after: int) -> None:
    meter, _ = RateLimiter(NOW).take(after, now=NOW, limit=GHL_LIMIT)

    meter, grant = meter.take(wanted, now=NOW, limit=GHL_LIMIT)

    if grant.granted < wanted:
        assert meter.take(1, now=NOW + grant.retry_after, limit=GHL_LIMIT)[1].granted == 1
        assert grant.retry_after <= GHL_LIMIT.interval
        early = NOW + grant.retry_after - timedelta(microseconds=2)
        assert meter.take(1, now=early, limit=GHL_LIMIT)[1].granted == 0


def test_calls_that_were_not_made_are_given_back() -> None:
    meter, _ = RateLimiter(NOW).take(75, now=NOW, limit=GHL_LIMIT)

    meter = meter.give_back(10, limit=GHL_LIMIT)

    assert meter.take(75, now=NOW, limit=GHL_LIMIT)[1].granted == 10


def test_the_providers_count_corrects_only_towards_less() -> None:
    fresh, spent = RateLimiter(NOW), RateLimiter(NOW).take(75, now=NOW, limit=GHL_LIMIT)[0]

    assert fresh.at_most(3, now=NOW, limit=GHL_LIMIT).take(75, now=NOW, limit=GHL_LIMIT)[1].granted == 3
    assert spent.at_most(100, now=NOW, limit=GHL_LIMIT) == spent


def test_the_limits_are_those_that_are_published() -> None:
    """As docs/decisions/0013 has them."""
    assert RateLimit(interval=timedelta(milliseconds=432), burst=75) == GHL_LIMIT == limit_of(ProviderName.HIGHLEVEL)
    assert RateLimit(interval=timedelta(milliseconds=240), burst=250) == CALENDLY_PAID_LIMIT
    assert limit_of(ProviderName.CALENDLY) == CALENDLY_PAID_LIMIT
    assert RateLimit(interval=timedelta(milliseconds=2400), burst=25) == CALENDLY_FREE_LIMIT
    assert (Grant(granted=1).left, Grant(granted=1).retry_after) == (0, timedelta(0))


def test_a_share_of_the_limit_grants_fewer_calls_and_never_none() -> None:
    assert GHL_LIMIT.below(0.5) == RateLimit(interval=GHL_LIMIT.interval, burst=37)
    assert (GHL_LIMIT.below(1).burst, GHL_LIMIT.below(0).burst) == (75, 1)


def test_a_grant_has_the_remaining_calls_and_a_partial_one_the_wait() -> None:
    meter, whole = RateLimiter(NOW).take(70, now=NOW, limit=GHL_LIMIT)
    after, part = meter.take(9, now=NOW, limit=GHL_LIMIT)

    assert (whole, meter.arrival_at) == (Grant(granted=70, left=5), NOW + 70 * GHL_LIMIT.interval)
    assert part == Grant(granted=5, retry_after=GHL_LIMIT.interval, all_after=4 * GHL_LIMIT.interval)
    assert after.arrival_at == NOW + 75 * GHL_LIMIT.interval


def test_after_a_pause_no_more_than_the_burst_is_free() -> None:
    meter, grant = RateLimiter(NOW - timedelta(days=1)).take(76, now=NOW, limit=GHL_LIMIT)

    assert (grant.granted, meter.arrival_at) == (75, NOW + 75 * GHL_LIMIT.interval)


def test_a_meter_beyond_the_burst_grants_nothing_until_it_has_come_back() -> None:
    far = RateLimiter(NOW + 80 * GHL_LIMIT.interval)

    after, grant = far.take(1, now=NOW, limit=GHL_LIMIT)

    assert (after, grant) == (
        far,
        Grant(granted=0, retry_after=6 * GHL_LIMIT.interval, all_after=6 * GHL_LIMIT.interval),
    )


def test_calls_beyond_those_taken_are_counted_and_a_full_account_is_left_as_it_is() -> None:
    assert RateLimiter(NOW).give_back(-3, limit=GHL_LIMIT) == RateLimiter(NOW + 3 * GHL_LIMIT.interval)
    assert RateLimiter(NOW).at_most(75, now=NOW, limit=GHL_LIMIT) == RateLimiter(NOW)
    assert RateLimiter(NOW).at_most(74, now=NOW, limit=GHL_LIMIT) == RateLimiter(NOW + GHL_LIMIT.interval)
    assert RateLimiter(NOW - timedelta(days=1)).at_most(99, now=NOW, limit=GHL_LIMIT) == RateLimiter(NOW)
