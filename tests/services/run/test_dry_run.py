"""A dry run shows everything and keeps nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.planning.change import Change, EffectKind
from reconcile.domain.planning.listed_change import ListedChange, listed_change
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import ErrorClass
from tests.services.fakes import FakeSink, a_workspace, failure
from tests.services.run_harness import RunHarness, booked


async def entered(harness: RunHarness, count: int, *, canceled: int) -> None:
    """Enter one workspace with *count* leads, of whose bookings the last *canceled* are called off at GHL."""
    leads = [booked(f"lead-{n:03}", "ws-0") for n in range(count)]
    await harness.seed([a_workspace("ws-0")], leads)
    for number, each in enumerate(leads):
        (found,) = each.appointments
        if number >= count - canceled:
            found = replace(found, status=AppointmentStatus.CANCELED, canceled_at=harness.clock.now())
        harness.ghl.appointments[found.id] = found


async def test_a_dry_run_writes_nothing(harness: RunHarness) -> None:
    await entered(harness, 6, canceled=2)
    await harness.run()
    before = await harness.dump()

    harness.sink = sink = FakeSink()
    for always in (None, failure(ErrorClass.CONTRACT)):
        harness.ghl.always = always
        await harness.run(dry_run=True)
        await harness.run(dry_run=True, whole_set=True)

    assert await harness.dump() == before
    assert sink.delivered == []


async def test_a_dry_run_reports_what_a_run_would_write(harness: RunHarness) -> None:
    await entered(harness, 5, canceled=2)

    planned = await harness.run(dry_run=True)
    done = await harness.run()

    assert (planned.dry_run, planned.canceled_found, planned.no_change) == (True, 2, 3)
    assert (done.canceled_found, done.no_change) == (2, 3)


async def test_a_dry_run_pages_through_all_due_leads_within_limits_and_rate(harness: RunHarness) -> None:
    """More leads than one page, than one account's burst, than a breaker's window, and than a run has time for."""
    await entered(harness, 300, canceled=3)

    report = await harness.run(dry_run=True, whole_set=True, leads_per_workspace=20, workspace_limit=1)

    assert sorted(harness.ghl.asked) == [f"lead-{n:03}" for n in range(300)]
    assert (report.leads_checked, report.canceled_found, report.deferred) == (300, 3, 0)
    assert report.stopped is None


@pytest.mark.parametrize("asked", [{}, {"whole_set": True}, {"whole_set": True, "leads_per_workspace": 1}], ids=str)
async def test_with_probes_each_lead_is_still_checked_once(harness: RunHarness, asked: dict[str, Any]) -> None:
    """A run that probes has two rounds, and a dry run's first one moves no watermark."""
    await harness.fill([6, 6])
    harness.ghl.always = failure(ErrorClass.CONTRACT)
    await harness.run(then=timedelta(minutes=5))
    harness.ghl.always = None
    harness.ghl.asked.clear()

    report = await harness.run(dry_run=True, **asked)

    assert report.leads_checked == len(harness.ghl.asked) == len(set(harness.ghl.asked)) > 2


async def test_a_breaker_that_opens_in_a_dry_run_stops_it_and_is_not_stored(harness: RunHarness) -> None:
    await harness.fill([4, 4, 4])
    harness.ghl.always = failure(ErrorClass.CONTRACT)

    report = await harness.run(dry_run=True, whole_set=True)

    assert report.circuit_broken
    assert report.errors <= 3 + (report.calls_under_way_at_trip or 0)
    assert [b for b in await harness.store.breakers.load() if b.state is not BreakerState.CLOSED] == []


async def test_each_planned_change_is_told_once_with_its_old_and_new_values(harness: RunHarness) -> None:
    await entered(harness, 5, canceled=2)
    told: list[ListedChange] = []

    report = await harness.run(dry_run=True, whole_set=True, leads_per_workspace=2, on_change=told.append)

    assert [(each.lead_id, each.kind, each.follow_ups) for each in told] == [
        (f"lead-{n:03}", Outcome.CANCELED, ("open_cancellation_task",)) for n in (3, 4)
    ]
    assert (told[0].before["bookingStatus"], told[0].after["bookingStatus"]) == ("confirmed", "canceled")
    assert told[0].reason == "status_or_time_differs"
    assert report.changes == {Outcome.CANCELED: 2}
    assert report.effects_created == {EffectKind.OPEN_CANCELLATION_TASK: 2}


def test_a_stored_id_that_is_no_id_is_not_listed() -> None:
    """It may be anything: an address with a person's e-mail in it."""
    lead = booked("lead-000", "ws-0")
    told = listed_change(
        Change(
            lead=replace(lead, rollup=replace(lead.rollup, booking_id="mailto:ann@example.com")),
            outcome=Outcome.UPDATED,
            rollup=lead.rollup,
            status=lead.status,
            contact_id=None,
        )
    )

    assert told.before["bookingId"] == "(unreadable)"
    assert "@" not in repr(told.document())
