"""GHL's lists: whom they settle, whom they leave to a look-up, and when they are no good."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.errors import ContractFault, ErrorClass, ProviderError
from reconcile.ports import Sweep
from reconcile.providers.ghl import listing as ghl_listing
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.listing import SoughtRecords
from reconcile.simulator import FaultKind
from tests.providers.arena import DEADLINE, NOW, TOMORROW, Arena, lead
from tests.providers.ghl.bodies import RAW
from tests.providers.ghl.entered import CONTACT, LOCATION

YESTERDAY = NOW - timedelta(days=1)
PLAN = SweepPlan(since=NOW, until=NOW + timedelta(days=30), expected_calls=3, most_calls=10)


def named(lead_id: str, **facts: str | None) -> Lead:
    return replace(lead(**facts), id=lead_id)  # type: ignore[arg-type]


async def swept(ghl: Arena, *leads: Lead, plan: SweepPlan = PLAN) -> Sweep:
    return await ghl.provider.sweep(leads, ghl.workspace, plan=plan, deadline=DEADLINE)


async def settled(ghl: Arena, *leads: Lead, plan: SweepPlan = PLAN) -> Collection[str]:
    return (await swept(ghl, *leads, plan=plan)).answers.keys()


async def test_one_list_of_each_calendar_settles_all_that_stand(ghl: Arena) -> None:
    other = ghl.world.ghl.add_calendar(LOCATION)
    booked = [ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW, calendar_id=each) for each in (None, other, other)]
    leads = [named(f"lead-{n}", booking_id=each.id) for n, each in enumerate(booked)]

    found = await swept(ghl, *leads)

    assert ghl.operations == ["calendars", "calendar_events", "calendar_events"]
    assert found.calls == 3
    assert {each: await ghl.answer(known) for each, known in zip(found.answers, leads, strict=True)} == found.answers


async def test_unsettled_leads_are_left_to_look_ups(ghl: Arena) -> None:
    """Each for a reason of its own; none is called absent."""
    state = ghl.world.ghl
    stranger = state.add_contact(LOCATION, email="bob@example.com").id
    canceled, gone, deleted, over, moved, theirs, odd = (
        state.add_booking(CONTACT, starts_at=TOMORROW, status=status).id
        for status in ("cancelled", "confirmed", "confirmed", "confirmed", "confirmed", "confirmed", "on hold")
    )
    state.delete(gone)
    state.soft_delete(deleted)
    state.move(over, NOW - timedelta(hours=1))
    state.move(moved, NOW + timedelta(days=31))
    leads = [named(each, booking_id=each) for each in (canceled, gone, deleted, over, moved, odd)]
    leads += [named("theirs", booking_id=theirs, contact_id=stranger), named("unbooked", contact_id=CONTACT)]

    assert await settled(ghl, *leads) == set()
    long_ago = replace(PLAN, since=NOW - timedelta(days=1))  # a list may hold more than it was asked for
    assert await settled(ghl, *leads, plan=long_ago) == set()


async def test_a_booking_that_was_moved_is_settled_with_its_new_time(ghl: Arena) -> None:
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.world.ghl.move(booked.id, TOMORROW + timedelta(days=2))

    (answer,) = (await swept(ghl, lead(booking_id=booked.id, contact_id=CONTACT))).answers.values()

    assert answer == await ghl.answer(lead(booking_id=booked.id, contact_id=CONTACT))
    assert answer.appointments[0].starts_at == TOMORROW + timedelta(days=2)


PAST = replace(PLAN, since=NOW - timedelta(days=30), includes_past=True)


@pytest.mark.parametrize(
    ("status", "starts_at"),
    [
        ("cancelled", TOMORROW),
        ("cancelled", YESTERDAY),
        ("confirmed", YESTERDAY),
        ("showed", YESTERDAY),
        ("noshow", YESTERDAY),
    ],
)
@pytest.mark.parametrize("rebooked", [None, TOMORROW, YESTERDAY])
async def test_a_booking_that_is_called_off_or_over_is_settled_with_the_others_of_its_contact(
    ghl: Arena, status: str, starts_at: datetime, rebooked: datetime | None
) -> None:
    """A look-up takes two calls for it. Those of the contact are in any calendar."""
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=starts_at, status=status)
    calendar = ghl.world.ghl.add_calendar(LOCATION)
    if rebooked:
        ghl.world.ghl.add_booking(CONTACT, starts_at=rebooked + timedelta(hours=2), calendar_id=calendar)
    known = lead(booking_id=booked.id, contact_id=CONTACT)

    (listed,) = (await swept(ghl, known, plan=PAST)).answers.values()

    looked_up = await ghl.answer(known)
    assert isinstance(looked_up, Answer)
    assert set(listed.appointments) == set(looked_up.appointments)
    assert (listed.contact_id, listed.unverified) == (looked_up.contact_id, looked_up.unverified)


async def test_an_unclear_appointment_of_its_contact_leaves_a_canceled_booking_to_a_look_up(ghl: Arena) -> None:
    """Another contact's unclear appointment does not."""
    state = ghl.world.ghl
    stranger = state.add_contact(LOCATION, email="bob@example.com").id
    own = state.add_booking(CONTACT, starts_at=TOMORROW, status="cancelled")
    theirs = state.add_booking(stranger, starts_at=TOMORROW, status="cancelled")
    state.add_booking(stranger, starts_at=TOMORROW, status="on hold")
    leads = [named("own", booking_id=own.id, contact_id=CONTACT)]
    leads.append(named("theirs", booking_id=theirs.id, contact_id=stranger))

    assert await settled(ghl, *leads, plan=PAST) == {"own"}


@pytest.mark.parametrize(
    ("raw", "is_clear"),
    [
        ({}, True),
        ({"contactId": "another", "startTime": 5}, True),
        ({"startTime": 5}, False),
        ({"isRecurring": "true"}, False),
        ({"appointmentStatus": "booked"}, False),
        ({"locationId": "elsewhere"}, False),
        ({"id": None, "contactId": None}, False),
    ],
    ids=["sound", "broken, of another", "broken", "recurring", "vague", "of another location", "broken, of nobody"],
)
def test_all_appointments_of_a_contact_are_known_or_none_counts(raw: dict[str, object], *, is_clear: bool) -> None:
    canceled = {**RAW, "appointmentStatus": "cancelled"}
    events = {"events": [canceled, {**RAW, "id": "second", **raw}]}
    contact, location = str(RAW["contactId"]), str(RAW["locationId"])
    sought = SoughtRecords(booking_ids=frozenset({RAW["id"]}), contact_ids=frozenset({contact}))
    listed = ghl_parsing.read_calendar_events(events, is_sought=sought.holds)
    by_id = ghl_listing.distinct(listed.records)
    listing = ghl_listing.LocationListing(records=by_id, unclear=listed.unclear, is_complete=True)
    known = lead(booking_id=RAW["id"], contact_id=contact)

    answer = ghl_listing.answer_from_list(known, listing, location_id=location, now=NOW)
    unread = replace(listing, is_complete=False)

    assert (answer is not None) is is_clear
    assert ghl_listing.answer_from_list(known, unread, location_id=location, now=NOW) is None


async def test_one_broken_appointment_does_not_keep_the_others(ghl: Arena) -> None:
    state = ghl.world.ghl
    broken = state.add_booking(CONTACT, starts_at=TOMORROW, status="")
    sound = state.add_booking(CONTACT, starts_at=TOMORROW)

    found = await settled(ghl, named("broken", booking_id=broken.id), named("sound", booking_id=sound.id))

    assert found == {"sound"}


@pytest.mark.parametrize(
    ("kind", "value"), [(FaultKind.MISSING_ID, "removed"), (FaultKind.MISSING_FIELD, "appointmentStatus")]
)
async def test_a_list_of_nothing_but_broken_appointments_is_a_contract_fault(
    ghl: Arena, kind: FaultKind, value: str
) -> None:
    """The incident."""
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(kind, value)

    with pytest.raises(ContractFault):
        await swept(ghl, lead(booking_id=booked.id))


@pytest.mark.parametrize(
    ("kind", "value", "error_class"),
    [
        (FaultKind.SERVER_ERROR, 503, ErrorClass.UNAVAILABLE),
        (FaultKind.UNAUTHORIZED, "scope", ErrorClass.CREDENTIAL),
        (FaultKind.NOT_FOUND, None, ErrorClass.REJECTED),
        (FaultKind.CUT_JSON, None, ErrorClass.UNDECODABLE),
        (FaultKind.TRUNCATE, None, ErrorClass.UNDECODABLE),
        (FaultKind.HTML, 200, ErrorClass.UNDECODABLE),
        (FaultKind.RATE_LIMITED, None, ErrorClass.RATE_LIMITED),
    ],
)
async def test_a_failing_list_is_requested_once(
    ghl: Arena, kind: FaultKind, value: str | float | None, error_class: ErrorClass
) -> None:
    """And nothing is concluded from it: its leads can be looked up."""
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(kind, value)

    with pytest.raises(ProviderError) as caught:
        await swept(ghl, lead(booking_id=booked.id))

    assert caught.value.error_class is error_class
    assert len(ghl.attempts) == 1


async def test_an_empty_list_settles_nothing(ghl: Arena) -> None:
    """A provider that answers 200 with nothing in it makes nobody absent."""
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.world.ghl.delete(booked.id)

    assert (await swept(ghl, lead(booking_id=booked.id))).answers == {}


async def test_more_calendars_than_calls_are_not_listed(ghl: Arena) -> None:
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    for _ in range(3):
        ghl.world.ghl.add_calendar(LOCATION)

    found = await swept(ghl, lead(booking_id=booked.id), plan=replace(PLAN, most_calls=4))

    assert (found.answers, found.calls, ghl.operations) == ({}, 1, ["calendars"])


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        ([RAW], 1),
        ([RAW, {**RAW, "contactId": "another"}], 0),
        ([RAW, dict(RAW)], 1),
        ([{**RAW, "isRecurring": "true"}], 0),
        ([{**RAW, "rrule": "RRULE:FREQ=DAILY"}], 0),
        ([{**RAW, "masterEventId": "master"}], 0),
        ([{**RAW, "id": "ocQHyuzHvysMo5N5VsXc_1729821600000_1800"}], 0),
        ([None, "text", {**RAW, "startTime": 5}, RAW], 1),
    ],
    ids=["one", "twice and unlike", "twice alike", "recurring", "rule", "instance", "its id", "beside broken ones"],
)
def test_an_id_of_several_occurrences_settles_none(raw: list[object], count: int) -> None:
    sought = SoughtRecords(booking_ids=frozenset({RAW["id"]}))
    listed = ghl_parsing.read_calendar_events({"events": raw}, is_sought=sought.holds)

    assert len(ghl_listing.distinct(listed.records)) == count


def test_more_than_a_few_broken_appointments_are_no_accident() -> None:
    """Also where some are sound; and a list of many thousands is not read to its end."""
    with pytest.raises(ContractFault, match="missing required ID"):
        ghl_parsing.read_calendar_events({"events": [RAW, *([{}] * 100_000)]}, is_sought=lambda _: True)


async def test_without_a_location_there_is_no_list(ghl: Arena) -> None:
    credential = next(iter(ghl.workspace.credentials.values()))
    nowhere = replace(ghl.workspace, credentials={credential.provider: replace(credential, account=None)})

    assert ghl.provider.sweep_cost(nowhere) is None
    assert ghl.provider.sweep_cost(replace(ghl.workspace, credentials={})) is None
