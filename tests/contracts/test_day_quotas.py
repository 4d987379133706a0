"""What every ``DayQuotas`` promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.coordination.day_quota import FRESH_FOR, CallRate, DayReading, DayUse
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.ports import DayQuotas, Store
from tests.services.memory_ports import MemoryDayQuotas

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MIDNIGHT = NOON + timedelta(hours=12)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "database"])
def quotas(request: pytest.FixtureRequest, store: Store) -> DayQuotas:
    """Give the real port and its substitute, without rows."""
    return MemoryDayQuotas() if request.param == "memory" else store.day_quotas


def use(name: str, left: int, *, provider: ProviderName = ProviderName.HIGHLEVEL, calls: int = 300) -> DayUse:
    return DayUse(
        key=f"{provider}:{name}",
        provider=provider,
        workspace_id=WorkspaceId(name),
        reading=DayReading(at=NOON, left=left, ends_at=MIDNIGHT),
        cadence="* * * * *",
        hour=CallRate(lasted=timedelta(minutes=20, seconds=0.5), calls=calls // 3, own_calls=calls // 4),
        hour_before=CallRate(lasted=HOUR, calls=calls, own_calls=calls - 1),
    )


async def test_a_saved_day_is_loaded_as_it_was(quotas: DayQuotas) -> None:
    first, second = use("a", 700), use("b", 10**11)
    await quotas.save([second, first])
    await quotas.save([replace(first, reading=replace(first.reading, left=600)), use("c", 1)])

    found = {each.key: each for each in await quotas.load([first.key, second.key, "ghl:unknown"])}

    assert found == {first.key: replace(first, reading=replace(first.reading, left=600)), second.key: second}
    assert list(await quotas.load([])) == []


async def test_only_days_that_will_not_suffice_are_short_the_first_to_be_used_up_first(quotas: DayQuotas) -> None:
    late, soon, enough, unknown = use("late", 2_000), use("soon", 50), use("enough", 90_000), use("unknown", 5, calls=0)
    elsewhere = use("elsewhere", 9, provider=ProviderName.CALENDLY)
    await quotas.save([late, soon, enough, unknown, elsewhere])

    found = {each.provider: each for each in await quotas.short(now=NOON, limit=9)}

    assert list(found[ProviderName.HIGHLEVEL].first) == [soon, late]
    assert list(found[ProviderName.CALENDLY].first) == [elsewhere]
    assert {each.count for each in found.values()} == {1, 2}


async def test_the_number_of_short_days_is_known_beyond_the_limit(quotas: DayQuotas) -> None:
    await quotas.save([use(f"w-{number}", 10 + number) for number in range(7)])

    (found,) = await quotas.short(now=NOON, limit=2)

    assert (found.count, [each.workspace_id for each in found.first]) == (7, ["w-0", "w-1"])


@pytest.mark.parametrize(
    ("left", "later", "is_short"),
    [
        (50, FRESH_FOR, True),
        (50, FRESH_FOR + timedelta(seconds=1), False),
        (0, FRESH_FOR * 3, True),
        (0, timedelta(hours=12), False),
    ],
    ids=["fresh", "stale", "used up", "renewed"],
)
async def test_a_day_is_short_as_long_as_its_reading_holds(
    quotas: DayQuotas, left: int, later: timedelta, *, is_short: bool
) -> None:
    await quotas.save([use("a", left)])

    assert bool(await quotas.short(now=NOON + later, limit=1)) is is_short
