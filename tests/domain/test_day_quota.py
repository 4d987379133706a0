"""When the calls of a day are used up, and which cadence makes them suffice; nothing is said without evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconcile.domain.coordination.day_quota import (
    FORGOTTEN_AFTER,
    FRESH_FOR,
    MEASURED_FOR,
    CallRate,
    DayReading,
    DayUse,
)
from reconcile.domain.ids import ProviderName, WorkspaceId

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MIDNIGHT = NOON + timedelta(hours=12)
MINUTE = timedelta(minutes=1)

calls = st.integers(0, 100_000)
cadences = st.integers(1, 120).map(lambda each: each * MINUTE)


def reading(left: int, *, at: datetime = NOON, ends_at: datetime = MIDNIGHT) -> DayReading:
    return DayReading(at=at, left=left, ends_at=ends_at)


def day_use(
    left: int, *, spent: int = 0, own: int | None = None, lasted: timedelta = timedelta(hours=1), at: datetime = NOON
) -> DayUse:
    rate = CallRate(lasted=lasted, calls=spent, own_calls=spent if own is None else own)
    return DayUse(
        key="ghl:1",
        provider=ProviderName.HIGHLEVEL,
        workspace_id=WorkspaceId("w"),
        reading=reading(left, at=at),
        hour=rate,
    )


def after_ticks(first: DayUse, *, ticks: int, every: timedelta, own: int, others: int = 0) -> DayUse:
    """Return the use after so many runs, each of which makes *own* calls."""
    use = first
    for _ in range(ticks):
        before = use.reading
        left = max(0, before.left - own - others)
        use = use.then(replace(before, at=before.at + every, left=left), own_calls=own, cadence=use.cadence)
    return use


def test_an_account_that_will_run_out_is_forecast_with_a_cadence_that_fits() -> None:
    use = day_use(1_400, spent=300)  # 300 an hour for 12 hours would be 3,600

    found = use.forecast(now=NOON, every=MINUTE)

    assert found is not None
    assert found.used_up_at == NOON + timedelta(hours=4, minutes=40)
    assert (found.fitting_cadence, found.renewed_at, found.left) == (3 * MINUTE, MIDNIGHT, 1_400)


def test_calls_of_others_are_not_saved_by_a_lower_cadence() -> None:
    mixed = day_use(1_400, spent=200, own=100)  # others: 1,200 until midnight; ours: 1,200 into 200
    alone = day_use(1_100, spent=200, own=100)

    assert mixed.fitting_cadence(MINUTE) == 6 * MINUTE
    assert alone.used_up_at is not None
    assert alone.fitting_cadence(MINUTE) is None


@pytest.mark.parametrize(
    "use",
    [
        day_use(10),
        day_use(10, spent=500, lasted=MEASURED_FOR - MINUTE),
        day_use(3_600, spent=300),
        day_use(3_601, spent=300),
    ],
    ids=["no use yet", "not measured for long enough", "just enough", "more than enough"],
)
def test_nothing_is_said_where_the_day_suffices_or_too_little_is_known(use: DayUse) -> None:
    assert use.forecast(now=NOON, every=MINUTE) is None


def test_a_used_up_day_is_said_without_a_measured_rate_until_it_ends() -> None:
    use = day_use(0)

    assert use.forecast(now=MIDNIGHT - MINUTE, every=MINUTE) is not None
    assert use.forecast(now=MIDNIGHT, every=MINUTE) is None


def test_an_old_reading_says_nothing() -> None:
    use = day_use(100, spent=300)

    assert use.forecast(now=NOON + FRESH_FOR, every=MINUTE) is not None
    assert use.forecast(now=NOON + FRESH_FOR + MINUTE, every=MINUTE) is None


def test_an_unknown_cadence_fits_nothing() -> None:
    found = day_use(100, spent=300).forecast(now=NOON, every=None)

    assert found is not None
    assert found.fitting_cadence is None


@given(left=calls, spent=calls, own=calls, every=cadences)
def test_a_fitting_cadence_fits_and_one_minute_less_does_not(left: int, spent: int, own: int, every: timedelta) -> None:
    assume(own <= spent)
    use = day_use(left, spent=spent, own=own)
    found = use.fitting_cadence(every)
    rest = 12

    def used_with(cadence: timedelta) -> float:
        return (spent - own) * rest + own * rest * (every / cadence)

    if found is None:
        assert left > 0 or spent > 0
        assert used_with(rest * 60 * MINUTE) >= left - 1e-6
        return
    assert found >= every
    assert used_with(found) <= left + 1e-6
    if found > every:
        assert found % MINUTE == timedelta(0)
        assert found - MINUTE < every or used_with(found - MINUTE) > left - 1e-6


@given(left=calls, spent=calls, every=cadences)
def test_the_present_cadence_fits_exactly_if_there_is_no_forecast(left: int, spent: int, every: timedelta) -> None:
    assume(left > 0)
    use = day_use(left, spent=spent)

    assert (use.forecast(now=NOON, every=every) is None) == (use.fitting_cadence(every) == every)


@given(ticks=st.integers(1, 200), every=st.integers(1, 60), own=st.integers(0, 50), others=st.integers(0, 50))
def test_the_measured_rate_is_that_of_the_ticks(ticks: int, every: int, own: int, others: int) -> None:
    first = replace(day_use(10**9), hour=CallRate())
    first = replace(first, reading=replace(first.reading, ends_at=NOON + timedelta(days=99)))

    rate = after_ticks(first, ticks=ticks, every=every * MINUTE, own=own, others=others).rate

    if rate is None:
        assert ticks * every * MINUTE < MEASURED_FOR
        return
    assert rate.calls / (rate.lasted / MINUTE) == pytest.approx((own + others) / every)
    assert rate.own_calls / (rate.lasted / MINUTE) == pytest.approx(own / every)
    assert rate.lasted < timedelta(hours=2, minutes=every)


@given(seen=st.lists(st.tuples(st.integers(-3_000, 90_000), calls, st.integers(0, 200)), max_size=30))
def test_no_order_of_readings_claims_more_calls_than_were_read(seen: list[tuple[int, int, int]]) -> None:
    use, most = replace(day_use(50_000), hour=CallRate()), 0
    for seconds, left, own in seen:
        before = use.reading
        at = before.at + timedelta(seconds=seconds)
        use = use.then(reading(left, at=at, ends_at=MIDNIGHT), own_calls=own, cadence="")
        most += max(0, before.left - left)
        rate = use.hour + use.hour_before
        assert 0 <= rate.calls <= most
        assert rate.lasted >= timedelta(0)
        assert use.used_up_at is None or use.used_up_at <= use.reading.ends_at or left == 0


def test_the_rate_stays_known_when_the_day_is_renewed() -> None:
    use = day_use(100, spent=300, at=MIDNIGHT - MINUTE)
    new = use.then(reading(2_000, at=MIDNIGHT + MINUTE, ends_at=MIDNIGHT + timedelta(days=1)), own_calls=5, cadence="")

    assert new.rate == use.rate
    assert new.forecast(now=MIDNIGHT + MINUTE, every=MINUTE) is not None


@pytest.mark.parametrize(
    ("later", "cadence"), [(MINUTE, "every 2m"), (FORGOTTEN_AFTER + MINUTE, ""), (-FORGOTTEN_AFTER - MINUTE, "")]
)
def test_another_cadence_or_a_day_without_readings_begins_a_new_measurement(later: timedelta, cadence: str) -> None:
    use = day_use(1_000, spent=300).then(reading(990, at=NOON + later), own_calls=10, cadence=cadence)

    assert (use.rate, use.reading.left, use.cadence) == (None, 990, cadence)


def test_a_reading_that_is_older_than_the_stored_one_is_ignored() -> None:
    use = day_use(1_000, spent=300)

    assert use.then(reading(1_050, at=NOON - MINUTE), own_calls=9, cadence="") == use


def test_a_pause_of_hours_is_not_measured() -> None:
    use = day_use(1_000, spent=300)

    assert use.then(reading(990, at=NOON + FRESH_FOR + MINUTE), own_calls=10, cadence="").rate == use.rate


@pytest.mark.parametrize(("left", "spare"), [(5_000, 1_400), (3_600, 0), (10, 0)])
def test_spare_calls_are_those_that_the_present_rate_leaves(left: int, spare: int) -> None:
    assert day_use(left, spent=300).spare(NOON) == spare
    assert day_use(left, spent=300).spare(MIDNIGHT) is None


def test_without_a_rate_all_calls_left_are_spare() -> None:
    assert day_use(70).spare(NOON) == 70
