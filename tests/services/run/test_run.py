"""One run as a whole: who may work, when it ends, what it leaves behind."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    Override,
    OverrideKind,
)
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.planning.outcome import DeferReason
from reconcile.domain.run.report import Health
from reconcile.errors import ErrorClass, LeaseLost, StoreUnavailable
from reconcile.ports import BatchReceipt, BatchWrite
from tests.services.fakes import failure
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import RunPolicy

HOUR = timedelta(hours=1)
CANCELED = AppointmentStatus.CANCELED


def cancel_there(harness: RunHarness, lead_id: str) -> None:
    """Call off a lead's appointment at the provider."""
    (found,) = [a for a in harness.ghl.appointments.values() if a.id == f"appt-{lead_id}"]
    harness.ghl.appointments[found.id] = replace(found, status=CANCELED, canceled_at=harness.clock.now())


async def free_leases(harness: RunHarness) -> bool:
    return not await harness.store.leases.held()


async def test_a_healthy_run_checks_all_due_leads_and_reports_it(harness: RunHarness) -> None:
    await harness.fill([2, 3])
    cancel_there(harness, "ws-0-lead-001")

    report = await harness.run()

    assert (report.leads_checked, report.canceled_found, report.no_change, report.errors) == (5, 1, 4, 0)
    assert (report.workspaces_processed, report.eligible_but_unvisited) == (2, 0)
    assert (report.health, report.stopped, report.success) == (Health.HEALTHY, None, True)
    assert report.provider_calls == 5
    assert (await harness.lead("ws-0-lead-001")).rollup.status is CANCELED
    assert await free_leases(harness)


async def test_a_run_without_the_lease_makes_no_call_and_no_write(harness: RunHarness) -> None:
    await harness.fill([2])
    lease = await harness.store.leases.acquire("run", holder="another", ttl=HOUR)
    before = await harness.dump()

    report = await harness.run()

    assert (report.stopped, report.success, report.health) == ("lease_held", True, Health.HEALTHY)
    assert harness.ghl.asked == []
    assert await harness.dump() == before

    await harness.store.leases.release(lease)
    assert (await harness.run()).leads_checked == 2


async def test_a_workspace_with_another_lease_holder_is_skipped(harness: RunHarness) -> None:
    await harness.fill([2, 2])
    await harness.store.leases.acquire("workspace:ws-0", holder="a backfill", ttl=HOUR)

    report = await harness.run()

    assert (report.leads_checked, report.workspaces_processed, report.eligible_but_unvisited) == (2, 1, 1)
    assert not any(lead_id.startswith("ws-0") for lead_id in harness.ghl.asked)
    assert report.health is Health.DEGRADED


async def test_after_the_soft_deadline_no_new_work_starts(harness: RunHarness) -> None:
    """Leads whose turn had not come are deferred, and first in line in the next run."""
    await harness.fill([6])
    harness.policy = RunPolicy(budget=timedelta(seconds=10), lead_concurrency=1)
    asked_before = len(harness.ghl.asked)
    harness.ghl.on_ask = lambda: harness.clock.advance(timedelta(seconds=3))

    report = await harness.run()

    done = len(harness.ghl.asked) - asked_before
    assert (report.stopped, done, report.leads_checked) == ("deadline", 3, 3)
    assert report.defer_reasons == {DeferReason.DEADLINE: 3}
    assert "ended early: deadline" in report.health_reasons
    assert await free_leases(harness)

    first = set(harness.ghl.asked)
    harness.ghl.asked.clear()
    await harness.run()
    assert first.isdisjoint(harness.ghl.asked)


async def test_a_failing_breaker_store_does_not_end_the_run(harness: RunHarness) -> None:
    await harness.fill([3, 3, 3])
    harness.ghl.always = failure(ErrorClass.CONTRACT)

    async def away(*_what: object, **_facts: object) -> bool:
        raise StoreUnavailable("the database does not answer")

    report = await harness.run(store=harness.with_(breakers=Wrapped(harness.store.breakers, save=away)))

    assert report.circuit_broken
    assert report.errors <= 3 + (report.calls_under_way_at_trip or 0)
    assert any("breaker.not_saved" in reason for reason in report.health_reasons)
    assert await harness.store.breakers.load() == []
    assert await free_leases(harness)


async def test_a_database_outage_during_a_write_ends_the_run_without_a_partial_batch(
    harness: RunHarness,
) -> None:
    await harness.fill([2, 2])
    cancel_there(harness, "ws-0-lead-000")
    domain_before = {name: rows for name, rows in (await harness.dump()).items() if not name.startswith("reconcile_")}

    async def away(_batch: BatchWrite) -> BatchReceipt:
        raise StoreUnavailable("the database does not answer")

    with pytest.raises(StoreUnavailable):
        await harness.run(store=harness.with_(leads=Wrapped(harness.store.leads, write=away)))

    after = await harness.dump()
    assert {name: after[name] for name in domain_before} == domain_before
    assert (after["reconcile_batch"], after["reconcile_change"], after["reconcile_outbox"]) == ([], [], [])
    assert await free_leases(harness)
    harness.clock.advance(timedelta(minutes=1))
    assert (await harness.run()).canceled_found == 1


async def test_a_lost_lease_counts_nothing_and_ends_the_run(harness: RunHarness) -> None:
    await harness.fill([2, 2])
    harness.policy = RunPolicy(workspace_concurrency=1)

    async def lost(_batch: BatchWrite) -> BatchReceipt:
        raise LeaseLost("the lease run was taken over")

    report = await harness.run(store=harness.with_(leads=Wrapped(harness.store.leads, write=lost)))

    assert (report.stopped, report.success, report.health) == ("lease_lost", False, Health.UNHEALTHY)
    assert (report.leads_checked, report.workspaces_processed) == (0, 0)
    assert len(harness.ghl.asked) == 2
    assert await free_leases(harness)


async def test_a_run_after_its_lease_writes_nothing(harness: RunHarness) -> None:
    """Another run has taken over; the first one's write is refused by the database, not by its own clock."""
    await harness.fill([2])
    cancel_there(harness, "ws-0-lead-000")
    acquire = harness.store.leases.acquire

    async def briefly(name: str, *, holder: str, ttl: timedelta) -> Lease:
        return await acquire(name, holder=holder, ttl=timedelta(0) if name == "run" else ttl)

    report = await harness.run(store=harness.with_(leases=Wrapped(harness.store.leases, acquire=briefly)))

    assert report.stopped == "lease_lost"
    assert (await harness.lead("ws-0-lead-000")).rollup.status is AppointmentStatus.CONFIRMED


async def test_a_concurrently_changed_lead_is_deferred_to_the_next_run(harness: RunHarness) -> None:
    await harness.fill([2])
    cancel_there(harness, "ws-0-lead-000")
    due_leads = harness.store.leads.due_leads

    async def older(*what: Any, **facts: Any) -> Sequence[Any]:
        """Read what stood there a moment ago: since then a webhook has given the lead a contact."""
        return [replace(each, contact_id="before") for each in await due_leads(*what, **facts)]

    drifted = await harness.run(store=harness.with_(leads=Wrapped(harness.store.leads, due_leads=older)))

    assert (drifted.defer_reasons, drifted.canceled_found, drifted.no_change) == ({DeferReason.DRIFTED: 2}, 0, 0)
    state = await harness.state("ws-0-lead-000")
    assert (state.attempted_at is not None, state.verified_at) == (True, None)

    assert (await harness.run()).canceled_found == 1


async def test_in_shadow_mode_trips_are_reported_and_no_call_is_refused(harness: RunHarness) -> None:
    await harness.fill([4, 4, 4])
    harness.policy = RunPolicy(breaker=BreakerPolicy(is_enforced=False))
    harness.ghl.always = failure(ErrorClass.UNAVAILABLE)

    report = await harness.run()

    assert (report.errors, report.circuit_broken) == (12, False)
    assert "provider:ghl" in report.would_trip
    assert len(set(harness.ghl.asked)) == 12  # some twice: as controls


@pytest.mark.parametrize("key", [RUN_KEY, BreakerKey(BreakerScope.PROVIDER, "ghl")], ids=str)
async def test_while_a_breaker_is_held_open_no_call_is_made(harness: RunHarness, key: BreakerKey) -> None:
    await harness.fill([3])
    now = harness.clock.now()
    held = Override(kind=OverrideKind.HOLD_OPEN, reason="their maintenance", actor="ops", expires_at=now + HOUR)
    breaker = Breaker(key=key).with_override(held, now, reason=BreakerReason.MANUAL_HOLD)
    await harness.store.breakers.save(breaker, expected_generation=0)

    report = await harness.run(then=2 * HOUR)

    assert harness.ghl.asked == []
    assert (report.circuit_broken, report.health) == (True, Health.CIRCUIT_BROKEN)

    assert (await harness.run()).leads_checked == 3


async def test_after_a_429_the_account_gets_no_call_until_its_wait_ends(harness: RunHarness) -> None:
    """Its other leads are not asked about in the same run, and its neighbours are."""
    leads = await harness.fill([6, 2])
    harness.policy = RunPolicy(lead_concurrency=2)
    for each in leads[:6]:
        harness.ghl.verdicts[each.id] = failure(ErrorClass.RATE_LIMITED)

    first, second, third = await harness.run(), await harness.run(), await harness.run()

    assert first.defer_reasons == {DeferReason.RATE_LIMITED: 6}
    assert (first.errors, first.leads_checked, first.circuit_broken) == (0, 2, False)
    assert [second.deferred, second.leads_checked] == [0, 2]
    assert third.defer_reasons == {DeferReason.RATE_LIMITED: 6}
    assert len([each for each in harness.ghl.asked if each.startswith("ws-0")]) == 2
