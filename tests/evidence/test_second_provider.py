"""Workspaces with both providers: when the other one is asked, and whose booking counts where both show one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files

import pytest

from reconcile.domain.appointment import Appointment, AppointmentStatus, primary
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import AppointmentId, LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.planning.change import Answer
from reconcile.errors import ErrorClass
from reconcile.store.mapping.mapping import parse_mapping
from tests.domain.factories import a_booked_lead, an_appointment
from tests.services.fakes import START, a_workspace, failure
from tests.services.run_harness import RunHarness, open_harness, unbooked
from tests.use_cases import explain_workspace

GHL, CALENDLY = ProviderName.HIGHLEVEL, ProviderName.CALENDLY
DAY = timedelta(days=1)
CANCELED, SHOWED = AppointmentStatus.CANCELED, AppointmentStatus.SHOWED
LEAD = LeadId("lead")
EVENT = AppointmentId("https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/BBBBBBBBBBBBBBBB")
PREFERENCE = """
provider_preference = { sql = "CASE WHEN workspace.timezone = 'UTC' THEN 'calendly' ELSE workspace.timezone END" }
"""


def at_calendly(starts_at: timedelta = 4 * DAY) -> Appointment:
    return an_appointment(EVENT, provider=CALENDLY, starts_at=START + starts_at)


def a_past_lead(status: AppointmentStatus, starts_at: timedelta) -> Lead:
    canceled_at = START - DAY if status is CANCELED else None
    booking = an_appointment("at-ghl", status=status, starts_at=START + starts_at, canceled_at=canceled_at)
    lead = a_booked_lead(booking, lead_id=LEAD, workspace_id="ws")
    return replace(lead, email="ann@example.com", in_sequence=True, status=LeadStatus.OTHER)


PAST = {
    "called off": a_past_lead(CANCELED, 3 * DAY),
    "over": a_past_lead(SHOWED, -DAY),
    "over, and nobody said how it went": a_past_lead(AppointmentStatus.CONFIRMED, -DAY),
}


async def filled(harness: RunHarness, lead: Lead) -> None:
    """Enter *lead* with its booking at GHL, in a workspace with both providers."""
    await harness.seed([a_workspace("ws", GHL, CALENDLY)], [lead])
    harness.ghl.appointments |= {each.id: each for each in lead.appointments}


@pytest.mark.parametrize("lead", PAST.values(), ids=PAST)
async def test_once_a_booking_is_called_off_or_over_the_other_provider_is_asked_again(
    harness: RunHarness, lead: Lead
) -> None:
    await filled(harness, lead)
    harness.providers[CALENDLY].verdicts[LEAD] = Answer(appointments=(at_calendly(),))
    first = await harness.run()
    found = await harness.lead(LEAD)
    harness.providers[CALENDLY].verdicts.clear()
    harness.providers[CALENDLY].appointments[EVENT] = at_calendly()
    harness.ghl.asked.clear()
    second = await harness.run()

    assert (first.booked_found, first.errors) == (1, 0)
    assert (found.rollup.booking_id, found.rollup.provider) == (EVENT, CALENDLY)
    assert (second.no_change, harness.ghl.asked) == (1, [])


async def test_while_a_booking_stands_only_its_provider_is_asked(harness: RunHarness) -> None:
    await filled(harness, replace(a_past_lead(AppointmentStatus.CONFIRMED, DAY)))
    report = await harness.run()

    assert report.no_change == 1
    assert (harness.ghl.asked, harness.providers[CALENDLY].asked) == ([LEAD], [])


async def test_where_the_other_provider_shows_nothing_the_past_booking_stays(harness: RunHarness) -> None:
    await filled(harness, PAST["over"])
    report = await harness.run()

    assert (report.no_change, report.errors) == (1, 0)
    assert (await harness.lead(LEAD)).rollup == PAST["over"].rollup
    assert (await harness.state(LEAD)).verified_at is not None


async def test_a_breaker_of_the_other_provider_keeps_no_booking_from_being_restored(harness: RunHarness) -> None:
    await filled(harness, PAST["called off"])
    harness.ghl.appointments[AppointmentId("at-ghl")] = an_appointment("at-ghl", starts_at=START + 3 * DAY)
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT, fault="contract")
    breaker = Breaker(key=BreakerKey(BreakerScope.PROVIDER, CALENDLY))
    await harness.store.breakers.save(breaker.trip(START, trip, policy=BreakerPolicy()), expected_generation=0)
    await harness.run()

    assert harness.providers[CALENDLY].asked == []
    assert (await harness.lead(LEAD)).rollup.status is AppointmentStatus.CONFIRMED


async def test_a_failure_of_the_other_provider_is_one_of_the_lead_and_hides_no_restored_booking(
    harness: RunHarness,
) -> None:
    await filled(harness, PAST["called off"])
    harness.providers[CALENDLY].always = failure(ErrorClass.TRANSPORT, provider=CALENDLY)
    failed = await harness.run()
    harness.ghl.appointments[AppointmentId("at-ghl")] = an_appointment("at-ghl", starts_at=START + 3 * DAY)
    await harness.run(then=timedelta(hours=1))
    await harness.run()

    assert failed.errors == 1
    assert (await harness.lead(LEAD)).rollup.status is AppointmentStatus.CONFIRMED


async def test_an_empty_list_of_the_other_provider_omits_no_booking(harness: RunHarness) -> None:
    leads = [
        replace(PAST["over, and nobody said how it went"], id=LeadId(f"lead-{n}"), email=f"{n}@example.com")
        for n in range(4)
    ]
    await harness.seed([a_workspace("ws", GHL, CALENDLY)], leads)
    harness.ghl.appointments |= {each.id: each for lead in leads for each in lead.appointments}
    report = await harness.run()

    assert (report.no_change, len(harness.providers[CALENDLY].asked)) == (4, 4)
    assert not [each for each in report.health_reasons if "control failed" in each]


async def test_a_probe_of_a_provider_is_one_look_up(harness: RunHarness) -> None:
    await filled(harness, PAST["called off"])
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT, fault="contract")
    breaker = Breaker(key=BreakerKey(BreakerScope.PROVIDER, GHL)).trip(START, trip, policy=BreakerPolicy())
    await harness.store.breakers.save(breaker, expected_generation=0)
    harness.clock.advance(timedelta(minutes=5))
    await harness.run()

    assert (harness.ghl.asked, harness.providers[CALENDLY].asked) == ([LEAD], [])


# --- preference --------------------------------------------------------------------------------------------------


@pytest.fixture
async def preferring(migrated_url: str) -> AsyncIterator[RunHarness]:
    """Give a harness whose mapping prefers Calendly for workspaces in UTC."""
    preset = files("reconcile.store.mapping").joinpath("presets", "default.toml").read_text()
    text = preset.replace('timezone = "timezone"\n', f'timezone = "timezone"\n{PREFERENCE}')
    async with open_harness(migrated_url, mapping=parse_mapping(text, name="own.toml")) as found:
        yield found


async def both_show_one(harness: RunHarness) -> Lead:
    """Let GHL show the earlier of two bookings, make a run, and return the lead."""
    await harness.seed([a_workspace("ws", GHL, CALENDLY)], [unbooked(LEAD, "ws")])
    harness.ghl.verdicts[LEAD] = Answer(appointments=(an_appointment("at-ghl", starts_at=START + DAY),))
    harness.providers[CALENDLY].verdicts[LEAD] = Answer(appointments=(at_calendly(),))
    await harness.run()
    return await harness.lead(LEAD)


async def test_of_two_bookings_that_of_the_preferred_provider_counts(preferring: RunHarness) -> None:
    lead = await both_show_one(preferring)

    assert (lead.rollup.booking_id, lead.rollup.provider) == (EVENT, CALENDLY)
    assert {each.provider for each in lead.appointments} == {GHL, CALENDLY}


async def test_of_two_bookings_the_next_one_counts_where_no_provider_is_preferred(harness: RunHarness) -> None:
    lead = await both_show_one(harness)

    assert (lead.rollup.booking_id, lead.rollup.provider) == ("at-ghl", GHL)


async def test_a_preference_chooses_among_upcoming_bookings_only() -> None:
    held = an_appointment("at-ghl", status=SHOWED, starts_at=START - DAY)
    older = replace(at_calendly(-2 * DAY), status=SHOWED)

    assert primary([held, older], now=START, preferred=CALENDLY) == held
    assert primary([held, at_calendly()], now=START, preferred=GHL) == at_calendly()


async def test_a_preference_in_an_unknown_word_is_a_fault_of_the_workspace_and_prefers_none(
    preferring: RunHarness,
) -> None:
    await preferring.seed([replace(a_workspace("ws", GHL), timezone="Europe/Berlin")], [])
    shown = await explain_workspace(
        WorkspaceId("ws"), store=preferring.store, now=START, policy=DuePolicy(), breaker=BreakerPolicy()
    )

    assert shown.preferred_provider is None
    (fault,) = shown.faults
    assert fault.startswith("workspace ws: provider_preference holds a word that [provider] of own.toml does not name")
