"""Before its first call a plan knows what it needs of each account, and what is left of the account's day."""

from typing import Any

import pytest

from reconcile.domain.run.report import Trigger
from reconcile.errors import RequestError
from tests.services.backfilling import Backfilling
from tests.services.run_harness import RunHarness


def asked(harness: RunHarness) -> int:
    return len(harness.ghl.asked)


async def estimate(harness: RunHarness) -> Any:
    plan, _ = await Backfilling(harness).plan()
    return plan.asked["estimate"]


async def test_an_estimate_lists_the_accounts_that_need_the_most_time(harness: RunHarness) -> None:
    await harness.fill([1, 90, 2, 50, 3])

    found = await estimate(harness)

    assert (found["calls"], found["accounts"]) == (146, 5)
    assert found["lasts"] == found["longest"][0]["lasts"]
    assert [(each["workspaceId"], each["calls"]) for each in found["longest"]] == [
        ("ws-1", 90),
        ("ws-3", 50),
        ("ws-4", 3),
    ]
    assert {each["leftOfDay"] for each in found["longest"]} == {None}


async def test_an_estimate_knows_what_the_schedule_leaves_of_the_day(harness: RunHarness) -> None:
    harness.ghl.day_limit = 100_000
    await harness.fill([5])
    await harness.run(trigger=Trigger.SCHEDULE)

    (found,) = (await estimate(harness))["longest"]

    assert found["leftOfDay"] == 100_000 - 5


async def test_a_plan_that_the_day_does_not_suffice_for_is_refused_before_its_first_call(harness: RunHarness) -> None:
    harness.ghl.day_limit = 12
    await harness.fill([10])
    await harness.run(trigger=Trigger.SCHEDULE)
    before = asked(harness)

    with pytest.raises(RequestError, match=r"10 calls at ghl \(2 left of the day\), 8 too many; type --within 15h"):
        await Backfilling(harness).plan()

    assert asked(harness) == before
