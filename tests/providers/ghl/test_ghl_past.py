"""How many calls a booking costs that is stored as over or canceled, by its state here and at GHL."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import AppointmentId, Operation
from reconcile.domain.lead import Lead, Rollup
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, NOW, TOMORROW, Arena, lead
from tests.providers.ghl.entered import CONTACT, LOCATION, NAME

YESTERDAY = NOW - timedelta(days=1)
LISTED, BY_ID = "contact_appointments", "appointment"


async def stored(ghl: Arena, booking_id: str, **differs: object) -> Lead:
    """Return a lead whose row agrees with what GHL says of this booking, except where it *differs*."""
    found = next(
        each
        for each in (await ghl.answer(lead(booking_id=booking_id, contact_id=CONTACT))).appointments
        if each.id == booking_id
    )
    ghl.attempts.clear()
    rollup = Rollup(
        booking_id=booking_id, provider=NAME, status=found.status, starts_at=found.starts_at, ends_at=found.ends_at
    )
    return replace(lead(contact_id=CONTACT, email=EMAIL), rollup=replace(rollup, **differs))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "starts_at", "expected"),
    [
        ("showed", YESTERDAY, [LISTED]),
        ("noshow", YESTERDAY, [LISTED]),
        ("confirmed", YESTERDAY, [LISTED]),
        ("cancelled", YESTERDAY, [LISTED]),
        ("cancelled", TOMORROW, [LISTED]),
        ("confirmed", TOMORROW, [BY_ID]),
        ("invalid", YESTERDAY, [LISTED, BY_ID]),
    ],
)
async def test_a_booking_without_news_costs_one_call(
    ghl: Arena, status: str, starts_at: object, expected: list[str]
) -> None:
    """The list of its contact shows it and whether there is another one."""
    booking = ghl.world.ghl.add_booking(CONTACT, starts_at=starts_at, status=status)  # type: ignore[arg-type]

    answer = await ghl.answer(await stored(ghl, booking.id))

    assert ghl.asked == expected
    assert [each.id for each in answer.appointments] == [booking.id]
    assert answer.contact_id == CONTACT


@pytest.mark.parametrize(
    "differs",
    [
        {"status": AppointmentStatus.NO_SHOW},
        {"starts_at": YESTERDAY - timedelta(hours=1)},
        {"ends_at": None},
    ],
    ids=["status", "start", "end"],
)
async def test_news_of_a_booking_is_taken_from_the_booking_itself(ghl: Arena, differs: dict[str, object]) -> None:
    """A list may lag behind; it is not requested a second time."""
    booking = ghl.world.ghl.add_booking(CONTACT, starts_at=YESTERDAY, status="showed")

    answer = await ghl.answer(await stored(ghl, booking.id, **differs))

    assert ghl.asked == [LISTED, BY_ID]
    assert [each.status for each in answer.appointments] == [AppointmentStatus.SHOWED]
    assert Operation.APPOINTMENT in answer.returned


async def test_a_new_booking_is_found_beside_one_that_is_over(ghl: Arena) -> None:
    booking = ghl.world.ghl.add_booking(CONTACT, starts_at=YESTERDAY, status="showed")
    subject = await stored(ghl, booking.id)
    following = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)

    answer = await ghl.answer(subject)

    assert ghl.asked == [LISTED]
    assert {each.id for each in answer.appointments} == {booking.id, following.id}


async def test_a_booking_that_is_not_listed_is_asked_for_and_never_absent_by_the_list(ghl: Arena) -> None:
    """Only GHL's own words about the booking name it absent."""
    booking = ghl.world.ghl.add_booking(CONTACT, starts_at=YESTERDAY, status="showed")
    subject = await stored(ghl, booking.id)
    ghl.switch(FaultKind.LIST_HIDES, "all")

    hidden = await ghl.answer(subject)
    ghl.world.ghl.delete(booking.id)
    calls = ghl.asked
    ghl.attempts.clear()
    deleted = await ghl.answer(subject)

    assert (calls, ghl.asked) == ([LISTED, BY_ID], [LISTED, BY_ID])
    assert (hidden.absent, deleted.absent) == (frozenset(), frozenset({AppointmentId(booking.id)}))


async def test_a_contact_that_is_gone_is_searched_for_as_before(ghl: Arena) -> None:
    """Each list is requested once."""
    booking = ghl.world.ghl.add_booking(CONTACT, starts_at=YESTERDAY, status="showed")
    subject = replace(await stored(ghl, booking.id), contact_id="GoneContactOfTheLead")

    answer = await ghl.answer(subject)

    assert answer.appointments[0].id == booking.id
    assert ghl.asked == [LISTED, BY_ID, "contact_search", LISTED]


async def test_the_booking_of_another_contact_is_not_taken_from_the_list(ghl: Arena) -> None:
    other = ghl.world.ghl.add_contact(LOCATION, email="other@example.com")
    booking = ghl.world.ghl.add_booking(other.id, starts_at=YESTERDAY, status="showed")
    rollup = Rollup(booking_id=booking.id, provider=NAME, status=AppointmentStatus.SHOWED, starts_at=YESTERDAY)

    answer = await ghl.answer(replace(lead(contact_id=CONTACT, email=EMAIL), rollup=rollup))

    assert answer.appointments == ()
    assert answer.unverified is not None
