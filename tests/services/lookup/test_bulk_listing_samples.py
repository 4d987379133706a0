"""What keeps lists honest, and the few that are looked up beside them from speaking for all."""

from dataclasses import replace
from datetime import timedelta

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.ids import AppointmentId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.errors import ErrorClass
from tests.services.fakes import START, failure
from tests.services.run_harness import RunHarness, tripped


async def test_a_sample_that_contradicts_the_lists_is_believed(listed: RunHarness) -> None:
    """And all that they settled is looked up."""
    leads = await listed.fill([20])
    listed.ghl.unlisted = {leads[9].appointments[0].id}
    others = [each for each in leads if each is not leads[9]]
    listed.ghl.on_sweep = {each.id: Answer(appointments=each.appointments) for each in others}
    for each in others:
        canceled = replace(each.appointments[0], status=AppointmentStatus.CANCELED, canceled_at=START)
        listed.ghl.appointments[canceled.id] = canceled

    report = await listed.run()

    assert sorted(listed.ghl.asked) == [each.id for each in leads]
    assert (report.canceled_found, report.no_change) == (19, 1)
    assert "sweep.contradicted" in listed.ear.events


async def test_beside_lists_one_lead_whose_booking_is_called_off_is_always_looked_up(listed: RunHarness) -> None:
    """Its person may have a new booking in a calendar that no list shows: then all of them are looked up."""
    leads = await listed.fill([20])
    for each in leads[:10]:
        canceled = replace(each.appointments[0], status=AppointmentStatus.CANCELED, canceled_at=START)
        listed.ghl.appointments[canceled.id] = canceled
    await listed.run()
    listed.clock.advance(timedelta(minutes=2))
    listed.ghl.asked.clear()
    await listed.run()
    (sample,) = listed.ghl.asked
    for each in leads[:10]:
        again = replace(each.appointments[0], id=AppointmentId(f"{each.id}-again"))
        listed.ghl.verdicts[each.id] = Answer(appointments=(listed.ghl.appointments[each.appointments[0].id], again))
    listed.clock.advance(timedelta(minutes=2))
    report = await listed.run()

    assert sample in {each.id for each in leads[:10]}
    assert report.booked_found == 10


async def test_where_lists_settle_all_a_sample_is_taken_now_and_then(listed: RunHarness) -> None:
    listed.policy = replace(listed.policy, list_sample_share=1)
    await listed.fill([20])

    report = await listed.run()

    assert (len(listed.ghl.asked), report.no_change) == (1, 20)


async def _odd_ones(harness: RunHarness, *, workspaces: int) -> list[Lead]:
    """Enter workspaces with twenty leads each, of which one is not listed."""
    leads = await harness.fill([20] * workspaces)
    odd = [each for each in leads if each.id.endswith("-007")]
    harness.ghl.unlisted = {each.appointments[0].id for each in odd}
    harness.policy = replace(harness.policy, workspace_concurrency=16)
    return odd


async def test_a_few_odd_records_do_not_speak_for_a_provider(listed: RunHarness) -> None:
    """Nearly all that is looked up beside lists is odd: what was listed must count as well."""
    odd = await _odd_ones(listed, workspaces=12)
    listed.ghl.verdicts = {each.id: failure(ErrorClass.CONTRACT) for each in odd}

    report = await listed.run()

    assert (tripped(report), report.errors, report.no_change) == ({}, 12, 228)


async def test_look_ups_that_all_fail_stop_at_once_whatever_lists_show(listed: RunHarness) -> None:
    """The samples tell the one from the other."""
    await _odd_ones(listed, workspaces=12)
    listed.ghl.always = failure(ErrorClass.CONTRACT)

    report = await listed.run()

    assert tripped(report)["provider:ghl"] == BreakerState.OPEN
    # And those that were under way, twice: what its list showed counts where a workspace is done before the third one.
    assert report.errors <= 3 + 2 * 4
    assert (report.circuit_broken, report.canceled_found) == (True, 0)
