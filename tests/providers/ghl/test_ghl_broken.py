"""A broken record in a contact's list: it is told, and the others are read."""

from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.evidence import Evidence, evidence
from reconcile.domain.planning.change import Unverified
from reconcile.errors import ContractFault
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, TOMORROW, Arena, lead
from tests.providers.ghl.bodies import RAW
from tests.providers.ghl.entered import CONTACT

PERSONAL = "Ann Example ann@example.com"


def broken(**changes: Any) -> dict[str, Any]:
    return {**RAW, "title": PERSONAL, **changes}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (broken(id=None), "missing required ID field"),
        (broken(startTime=None), "missing required start time field"),
        (broken(startTime="soon"), "has an unreadable start time field"),
        (broken(endTime="2023-09-25T15:00:00+05:30"), "has an unreadable end time field"),
        (broken(appointmentStatus=7), "missing required status field"),
        (PERSONAL, "has an unreadable events field"),
        (None, "has an unreadable events field"),
    ],
)
@pytest.mark.parametrize("key", ["events", "appointments"])
@pytest.mark.parametrize("is_first", [True, False])
def test_the_others_of_a_list_are_read(record: object, message: str, key: str, is_first: bool) -> None:
    """Under both names that the list has. The fault holds the record's keys, and no value."""
    content = {key: [record, RAW] if is_first else [RAW, record]}

    listed = ghl_parsing.read_contact_appointments(content)

    assert [each.appointment.id for each in listed.records] == [RAW["id"]]
    (fault,) = listed.faults
    assert str(fault) == f"GHL contact appointments response {message}"
    assert fault.shape == (tuple(sorted(record)) if isinstance(record, dict) else ())
    assert "Ann" not in f"{fault!r}{fault.shape}"


def test_both_lists_of_an_answer_are_read() -> None:
    """Whichever of them is the empty one."""
    other = {**RAW, "id": "other"}
    listed = ghl_parsing.read_contact_appointments({"events": [RAW], "appointments": [other]})

    assert [each.appointment.id for each in listed.records] == [RAW["id"], "other"]
    assert ghl_parsing.read_contact_appointments({"events": [], "appointments": [other]}).records


@pytest.mark.parametrize("way", ["contact", "email"])
async def test_a_cancellation_is_returned_although_another_record_is_broken(ghl: Arena, way: str) -> None:
    """And the report has one note, however often the list is read."""
    state = ghl.world.ghl
    canceled = state.add_booking(CONTACT, starts_at=TOMORROW, status="cancelled")
    state.add_booking(CONTACT, id="broken", starts_at=TOMORROW)
    ghl.switch(FaultKind.BROKEN_RECORD, "broken")
    subject = lead(contact_id=CONTACT) if way == "contact" else lead(email=EMAIL)

    found = [await ghl.only(subject) for _ in range(2)]

    assert {(each.id, each.status) for each in found} == {(canceled.id, AppointmentStatus.CANCELED)}
    (note,) = ghl.provider.usage(ghl.workspace).notes
    assert note.startswith(
        "workspace ws: GHL contact appointments response missing required start time field; its other"
    )
    assert "appointmentStatus" in note
    assert "broken" not in note


async def test_a_list_without_a_readable_record_is_broken(ghl: Arena) -> None:
    """As in the incident, by which a provider's breaker opens."""
    for _ in range(3):
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.MISSING_ID, "removed")

    with pytest.raises(ContractFault, match=r"^GHL contact appointments response missing required ID field$"):
        await ghl.ask(lead(contact_id=CONTACT))

    assert ghl.provider.usage(ghl.workspace).notes == ()


@pytest.mark.parametrize("way", ["contact", "email", "stored id"])
async def test_a_list_with_a_broken_record_is_no_complete_search(ghl: Arena, way: str) -> None:
    """What cannot be read may be the booking: it is neither found nor absent."""
    state = ghl.world.ghl
    past = state.add_booking(CONTACT, starts_at=TOMORROW, status="cancelled")
    state.add_booking(CONTACT, id="broken", starts_at=TOMORROW)
    ghl.switch(FaultKind.BROKEN_RECORD, "broken")
    ways: dict[str, dict[str, Any]] = {"contact": {"contact_id": CONTACT}, "email": {"email": EMAIL}}
    subject = lead(**ways.get(way, {"contact_id": CONTACT, "booking_id": "gone"}))

    answer = await ghl.answer(subject)

    assert [each.id for each in answer.appointments] == [past.id]
    assert (answer.absent, answer.unverified) == (frozenset(), Unverified.INCOMPLETE)


async def test_a_seen_booking_counts_although_another_record_is_broken(ghl: Arena) -> None:
    state = ghl.world.ghl
    canceled = state.add_booking(CONTACT, starts_at=TOMORROW, status="cancelled")
    state.add_booking(CONTACT, id="broken", starts_at=TOMORROW)
    ghl.switch(FaultKind.BROKEN_RECORD, "broken")
    subject = lead(contact_id=CONTACT, booking_id=canceled.id)

    assert evidence(subject, await ghl.answer(subject)) is Evidence.SEEN
