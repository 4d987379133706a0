"""Never more calls than published, whatever the pattern of asking."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.budget import CALENDLY_FREE_LIMIT, CALENDLY_PAID_LIMIT, GHL_LIMIT, Meter
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
def test_no_window_holds_more_than_is_published(asks, case) -> None:
    limit, window, published = case
    meter, now, calls = Meter(NOW), NOW, []
    for pause, wanted in asks:
        now += timedelta(milliseconds=pause)
        meter, grant = meter.take(wanted, now=now, limit=limit)
        assert 0 <= grant.granted <= wanted
        calls.append((now, grant.granted))

    for start, _ in calls:
        assert sum(n for at, n in calls if start <= at < start + window) <= published


@given(wanted=st.integers(1, 200), after=st.integers(0, 200))
def test_the_wait_that_is_told_is_enough_and_not_too_long(wanted: int, after: int) -> None:
    meter, _ = Meter(NOW).take(after, now=NOW, limit=GHL_LIMIT)

    meter, grant = meter.take(wanted, now=NOW, limit=GHL_LIMIT)

    if grant.granted < wanted:
        assert meter.take(1, now=NOW + grant.retry_after, limit=GHL_LIMIT)[1].granted == 1
        assert grant.retry_after <= GHL_LIMIT.interval
        early = NOW + grant.retry_after - timedelta(microseconds=2)
        assert meter.take(1, now=early, limit=GHL_LIMIT)[1].granted == 0


def test_calls_that_were_not_made_are_given_back() -> None:
    meter, _ = Meter(NOW).take(75, now=NOW, limit=GHL_LIMIT)

    meter = meter.give_back(10, limit=GHL_LIMIT)

    assert meter.take(75, now=NOW, limit=GHL_LIMIT)[1].granted == 10


def test_the_providers_count_corrects_only_towards_less() -> None:
    fresh, spent = Meter(NOW), Meter(NOW).take(75, now=NOW, limit=GHL_LIMIT)[0]

    assert fresh.at_most(3, now=NOW, limit=GHL_LIMIT).take(75, now=NOW, limit=GHL_LIMIT)[1].granted == 3
    assert spent.at_most(100, now=NOW, limit=GHL_LIMIT) == spent
