"""A list that leaves out what exists makes the run unhealthy though nothing failed, and nothing follows from it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.bulk_listing import SweepCost
from reconcile.domain.ids import Operation
from reconcile.domain.planning.change import Answer
from reconcile.domain.run.report import Health
from tests.services.fakes import START, a_workspace
from tests.services.run_harness import RunHarness, unbooked

LISTED = frozenset({Operation.CONTACT_APPOINTMENTS})


@pytest.mark.parametrize(("missing", "is_told"), [("all", True), ("most", False), ("none", False)])
async def test_account_lists_without_any_active_booking_are_a_failed_control(
    harness: RunHarness, missing: str, is_told: bool
) -> None:
    """Each booking is found when it is looked up by its id: the error rate is 0."""
    leads = await harness.fill([8])
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1)
    ids = [each.appointments[0].id for each in leads]
    harness.ghl.unlisted = {"all": set(ids), "most": set(ids[1:]), "none": set()}[missing]

    report = await harness.run()

    assert (report.errors, report.no_change) == (0, 8)
    sentence = "control failed: ghl/sweep was answered without any of 8 bookings that have to be in it"
    assert (sentence in report.health_reasons) is is_told
    assert (report.health is Health.UNHEALTHY) is is_told


async def test_lists_without_canceled_bookings_are_no_failed_control(harness: RunHarness) -> None:
    leads = await harness.fill([8])
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1)
    for each in leads:
        (own,) = each.appointments
        canceled = replace(own, status=AppointmentStatus.CANCELED, canceled_at=START)
        harness.ghl.appointments[own.id] = canceled
        harness.ghl.unlisted.add(own.id)

    report = await harness.run()

    assert report.canceled_found == 8
    assert not any("control failed" in each for each in report.health_reasons)


@pytest.mark.parametrize(("silent", "is_told"), [(3, True), (2, False)])
async def test_searches_verify_nothing_while_lists_omit_existing_bookings(
    harness: RunHarness, silent: int, is_told: bool
) -> None:
    """The meetings of three leads are over, and their contacts' lists do not show them."""
    past = await harness.fill({"ws-a": silent})
    new = unbooked("new-1", "ws-b")
    await harness.seed([a_workspace("ws-b")], [new])
    for each in past:
        answer = Answer(
            appointments=tuple(replace(a, starts_at=START - timedelta(hours=1)) for a in each.appointments),
            returned=frozenset({Operation.APPOINTMENT}),
            silent=LISTED,
        )
        harness.ghl.verdicts[each.id] = answer
    harness.ghl.verdicts[new.id] = Answer()

    await harness.run(workspace_limit=1)
    report = await harness.run()

    told = [each for each in report.health_reasons if each.startswith("control failed: ghl/contact_appointments")]
    state = await harness.state(new.id)
    assert (len(told), report.errors) == (int(is_told), 0)
    if is_told:
        assert report.health is Health.UNHEALTHY
    assert state.attempted_at is not None


async def test_one_list_that_shows_a_booking_is_a_control_that_held(harness: RunHarness) -> None:
    leads = await harness.fill({"ws-a": 5})
    for number, each in enumerate(leads):
        answer = Answer(appointments=each.appointments, silent=LISTED if number else frozenset())
        harness.ghl.verdicts[each.id] = answer if number else replace(answer, returned=LISTED)

    report = await harness.run()

    assert not any("control failed" in each for each in report.health_reasons)
