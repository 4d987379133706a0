"""What guards the checking and writing of leads guards it on each path: no run is let through where another is not."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerReason, Override, OverrideKind
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.coordination.rate_limit import Grant, RateLimit
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import LeadId
from reconcile.domain.planning.outcome import DeferReason
from reconcile.errors import ErrorClass
from reconcile.ports import Usage
from tests.samples import covering
from tests.services.backfilling import execute, move
from tests.services.check_paths import CHECKING, RUN_LEASES, SHARDED, WRITING, WS, repaired, workspace_lease
from tests.services.fakes import Allowance, failure
from tests.services.run_harness import RunHarness, Wrapped
from tests.services.stop_points import take_over
from tests.use_cases import breaker_key

SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
"""For guards that no statement of the database takes part in."""
HOUR = timedelta(hours=1)


async def fill(harness: RunHarness, *counts: int) -> Sequence[str]:
    """Enter workspaces with so many leads each, whose bookings were all moved; return the leads' ids."""
    leads = await harness.fill(counts)
    move(harness, [each.id for each in leads])
    return [each.id for each in leads]


def calls(harness: RunHarness) -> int:
    return len(harness.ghl.asked) + len(harness.ghl.swept)


@SQLITE
@pytest.mark.parametrize("name", CHECKING)
async def test_each_path_repairs_a_lead_without_a_guard(harness: RunHarness, name: str) -> None:
    """Else the tests below would prove nothing."""
    ids = await fill(harness, 10)

    report = await CHECKING[name](harness, harness.store)

    assert (report.leads_checked, report.rescheduled) == (10, 10)
    assert calls(harness) == (1 if name == "run with lists" else 10)
    assert await repaired(harness) == (0 if name.startswith("dry") else len(ids))


@SQLITE
@pytest.mark.parametrize("name", CHECKING)
@pytest.mark.parametrize("spelled", ["run", "provider:ghl", "provider:ghl/appointment", f"workspace:{WS}"])
async def test_no_path_calls_past_an_open_breaker(harness: RunHarness, name: str, spelled: str) -> None:
    await fill(harness, 10)
    now = harness.clock.now()
    override = Override(kind=OverrideKind.HOLD_OPEN, reason="outage", actor="ada", expires_at=now + HOUR)
    key: BreakerKey = breaker_key(spelled)
    held = Breaker(key=key).with_override(override, now, reason=BreakerReason.MANUAL_HOLD)
    await harness.store.breakers.save(replace(held, generation=1), expected_generation=0)

    report = await CHECKING[name](harness, harness.store)

    assert calls(harness) == 0
    assert report.leads_checked == 0
    assert await repaired(harness) == 0


@dataclass
class CountingBudgets(Allowance):
    """Budgets that add up what was granted and what was given back."""

    granted: int = 0
    given_back: int = 0
    keys: set[str] = field(default_factory=set)

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        grant = await super().reserve(key, wanted=wanted, limit=limit, share=share)
        self.granted += grant.granted
        self.keys.add(key)
        return grant

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        self.given_back += unused
        self.keys.add(key)


METERED = [name for name in CHECKING if not name.startswith("dry")]


@SQLITE
@pytest.mark.parametrize("name", METERED)
async def test_no_path_calls_without_a_budget(harness: RunHarness, name: str) -> None:
    await fill(harness, 10)
    budgets = CountingBudgets(each_time=0)

    report = await CHECKING[name](harness, harness.with_(budgets=budgets))

    assert (calls(harness), budgets.given_back) == (0, 0)
    assert report.defer_reasons == {DeferReason.BUDGET: 10}


@SQLITE
@pytest.mark.parametrize("name", METERED)
async def test_each_path_returns_unused_calls(harness: RunHarness, name: str) -> None:
    """Calls that are reserved and cut off by the deadline are not lost to the account."""
    await fill(harness, 10)
    budgets = CountingBudgets()
    harness.policy = replace(harness.policy, lead_concurrency=1)
    harness.ghl.on_ask = lambda: harness.clock.advance(timedelta(seconds=41))

    await CHECKING[name](harness, harness.with_(budgets=budgets))

    assert calls(harness) == 1
    assert budgets.granted > 1
    assert budgets.granted - budgets.given_back == 1
    assert len(budgets.keys) == 1


@SQLITE
@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("scope", ["run", "workspace"])
async def test_each_path_skips_a_workspace_of_another_holder(harness: RunHarness, name: str, scope: str) -> None:
    await fill(harness, 10)
    if name == "backfill apply":
        await CHECKING["backfill plan"](harness, harness.store)
    before, asked = await repaired(harness), calls(harness)
    lease = RUN_LEASES[name] if scope == "run" else workspace_lease(name)
    await harness.store.leases.acquire(lease, holder="another", ttl=HOUR)

    report = await WRITING[name](harness, harness.store)

    assert calls(harness) == asked
    assert await repaired(harness) == before
    assert report.stopped == ("lease_held" if scope == "run" else None)
    assert list(await harness.store.leases.held()) == [lease]


@covering(1, "migrated_url", "name", "scope")
@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("scope", ["run", "workspace"])
async def test_no_path_writes_after_its_lease_was_taken_over(harness: RunHarness, name: str, scope: str) -> None:
    await fill(harness, 10)
    if name == "backfill apply":
        await CHECKING["backfill plan"](harness, harness.store)
    before, leases = await repaired(harness), harness.store.leases
    lost = RUN_LEASES[name] if scope == "run" else workspace_lease(name)
    taken: dict[str, Lease] = {}

    async def acquire(lease: str, *, holder: str, ttl: timedelta) -> Lease:
        taken[lease] = await leases.acquire(lease, holder=holder, ttl=ttl)
        if workspace_lease(name) in taken:
            await take_over(leases, taken[lost])
        return taken[lease]

    report = await WRITING[name](harness, harness.with_(leases=Wrapped(leases, acquire=acquire)))

    assert (report.stopped, report.success, report.rescheduled) == ("lease_lost", False, 0)
    assert await repaired(harness) == before
    assert await leases.held() == {}


@SQLITE
@pytest.mark.parametrize("name", CHECKING)
async def test_no_path_writes_answers_from_before_a_contract_fault(harness: RunHarness, name: str) -> None:
    ids = await fill(harness, 20)
    if name == "run with lists":
        harness.ghl.unlisted = {LeadId(f"appt-{each}") for each in ids[10:]}  # type: ignore[misc]
    harness.policy = replace(harness.policy, lead_concurrency=1)
    sound_count = 1 if name == "run with lists" else 10

    def change_shape() -> None:
        if len(harness.ghl.asked) > sound_count:
            harness.ghl.always = failure(ErrorClass.CONTRACT)

    harness.ghl.on_ask = change_shape

    report = await CHECKING[name](harness, harness.store)

    assert report.circuit_broken
    assert report.defer_reasons[DeferReason.WITHHELD] > 0
    assert report.rescheduled == 0
    assert await repaired(harness) == 0


@SQLITE
@pytest.mark.parametrize("name", [each for each in CHECKING if each != "backfill plan"])
async def test_no_path_believes_mass_absence(harness: RunHarness, name: str) -> None:
    await harness.fill([20])
    harness.ghl.appointments.clear()
    harness.policy = replace(harness.policy, lead_concurrency=1)

    for _ in range(3):
        report = await CHECKING[name](harness, harness.store)
        harness.clock.advance(HOUR)

    assert report.canceled_found == 0
    assert await repaired(harness) == 0


@pytest.mark.parametrize("name", [each for each in CHECKING if each != "backfill plan"])
async def test_no_path_looks_up_a_quarantined_lead(harness: RunHarness, name: str) -> None:
    """But a backfill: it takes the leads that it was told to."""
    ids = await fill(harness, 10)
    await harness.run()
    harness.clock.advance(HOUR)
    move(harness, ids)
    await execute(
        harness,
        "UPDATE reconcile_lead_state SET quarantined_at = attempted_at WHERE lead_id = :lead_id",
        lead_id=ids[3],
    )
    harness.ghl.asked.clear()

    report = await CHECKING[name](harness, harness.store)

    assert (report.leads_checked, report.rescheduled) == (9, 9)
    assert ids[3] not in harness.ghl.asked


@SQLITE
@pytest.mark.parametrize("name", SHARDED)
async def test_each_path_keeps_to_its_shard(harness: RunHarness, name: str) -> None:
    shards = [Shard(n, 2) for n in range(2)]
    ids = await fill(harness, *[2] * 6)
    if name == "backfill apply":
        await SHARDED["backfill plan"](harness, harness.store, Shard(0, 1))
    mine = [each for each in ids if shards[0].holds(each.partition("-lead")[0])]  # type: ignore[arg-type]
    assert 0 < len(mine) < len(ids)
    harness.ghl.asked.clear()

    first = await SHARDED[name](harness, harness.store, shards[0])
    asked = set(harness.ghl.asked)

    assert first.rescheduled == len(mine)
    assert asked == (set() if name == "backfill apply" else set(mine))
