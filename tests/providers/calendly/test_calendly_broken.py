"""A broken event in the list of a person's events: it is told, and the others are read."""

from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.evidence import Evidence, evidence
from reconcile.domain.planning.change import Unverified
from reconcile.errors import ContractFault
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.simulator import ApiOperation, FaultKind
from tests.providers.arena import EMAIL, TOMORROW, Arena, lead
from tests.providers.calendly.bodies import EVENT
from tests.providers.calendly.entered import USER

PAGE = {"next_page_token": None}
LATER = TOMORROW + timedelta(days=6)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("broken", [{**EVENT, "start_time": None}, {**EVENT, "uri": None}, "Ann Example", None])
def test_the_others_of_a_page_are_read(broken: object, is_first: bool) -> None:
    """The fault holds the record's keys, and no value."""
    listed = [broken, EVENT] if is_first else [EVENT, broken]

    page = calendly_parsing.read_events({"collection": listed, "pagination": PAGE})

    assert len(page.items) == 1
    (fault,) = page.faults
    assert fault.shape == (tuple(sorted(fault.shape)) if isinstance(broken, dict) else ())
    assert "Ann" not in f"{fault!r}{fault.shape}"


def test_a_page_of_which_nothing_can_be_read_is_broken() -> None:
    with pytest.raises(ContractFault, match="missing required start time"):
        calendly_parsing.read_events({"collection": [{**EVENT, "start_time": None}], "pagination": PAGE})


@pytest.mark.parametrize("way", ["e-mail", "stored place"])
async def test_a_cancellation_is_returned_although_another_event_is_broken(calendly: Arena, way: str) -> None:
    """The search is not complete, and the report has one note."""
    state = calendly.world.calendly
    canceled = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    state.cancel(canceled.id)
    other = state.add_booking(USER, email=EMAIL, starts_at=LATER)
    calendly.switch(FaultKind.BROKEN_RECORD, other.event_id, operation=ApiOperation.CALENDLY_EVENTS)
    subject = lead(email=EMAIL, booking_id=state.uri(canceled.id) if way == "stored place" else None)

    answer = await calendly.answer(subject)

    assert [each.status for each in answer.appointments] == [AppointmentStatus.CANCELED]
    assert answer.unverified is Unverified.INCOMPLETE
    assert evidence(subject, answer) is (Evidence.SEEN if way == "stored place" else Evidence.NOT_MENTIONED)
    (note,) = calendly.provider.usage(calendly.workspace).notes
    assert note.startswith("workspace ws: Calendly events response missing required start time field; its other")


async def test_a_missing_booking_is_not_absent_if_another_event_is_broken(calendly: Arena) -> None:
    """The broken one may be it."""
    state = calendly.world.calendly
    gone = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    uri = state.uri(gone.id)
    state.delete(gone.event_id)
    state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    broken = state.add_booking(USER, email=EMAIL, starts_at=LATER)
    calendly.switch(FaultKind.BROKEN_RECORD, broken.event_id, operation=ApiOperation.CALENDLY_EVENTS)

    answer = await calendly.answer(lead(email=EMAIL, booking_id=uri))

    assert (answer.absent, answer.unverified) == (frozenset(), Unverified.INCOMPLETE)


@pytest.mark.parametrize("is_stored", [True, False])
async def test_broken_invitees_of_another_event_do_not_hide_a_known_cancellation(
    calendly: Arena, is_stored: bool
) -> None:
    """Where nothing else is known of the person, the list of invitees is what is broken."""
    state = calendly.world.calendly
    canceled = state.add_booking(USER, email=EMAIL, starts_at=TOMORROW)
    state.cancel(canceled.id)
    state.add_booking(USER, email=EMAIL, starts_at=LATER)
    calendly.switch(FaultKind.MISSING_FIELD, "status", operation=ApiOperation.CALENDLY_INVITEES)
    subject = lead(email=EMAIL, booking_id=state.uri(canceled.id) if is_stored else None)

    if not is_stored:
        with pytest.raises(ContractFault):
            await calendly.answer(subject)
        return
    answer = await calendly.answer(subject)

    assert [each.status for each in answer.appointments] == [AppointmentStatus.CANCELED]
    assert answer.unverified is Unverified.INCOMPLETE
