"""What says absent, and what says nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.errors import (
    ContractFault,
    ErrorClass,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.http.client import Gateway
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind
from tests.providers.arena import EMAIL, TOMORROW, Arena, arena, lead
from tests.providers.ghl.entered import CONTACT, NAME, TOKEN, enter
from tests.samples import covering


@pytest.mark.parametrize("how", ["404", "400"])
@pytest.mark.parametrize("form", ["string", "array", "bare"])
async def test_an_unknown_id_is_absent(ghl: Arena, how: str, form: str) -> None:
    """In both forms, and nobody else's appointment stands in."""
    ghl.switch(FaultKind.UNKNOWN_ID, how)
    ghl.switch(FaultKind.MESSAGE_FORM, form)

    answer = await ghl.answer(lead(booking_id="gone"))

    assert answer == Answer(absent=frozenset({"gone"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["empty_object", "null", "empty_list"])
async def test_an_empty_success_is_a_contract_fault_and_not_an_absence(ghl: Arena, how: str) -> None:
    """An answer without what was asked for says nothing."""
    ghl.switch(FaultKind.UNKNOWN_ID, how)

    with pytest.raises(ContractFault, match=r"^GHL appointment response "):
        await ghl.ask(lead(booking_id="gone"))


UNKNOWN = [
    (FaultKind.BAD_REQUEST, "Bad Request", ErrorClass.REJECTED),
    (FaultKind.BAD_REQUEST, "Invalid API version segment 'x' at position 0", ErrorClass.REJECTED),
    (FaultKind.UNPROCESSABLE, "id not found", ErrorClass.REJECTED),
    (FaultKind.UNAUTHORIZED, "token", ErrorClass.CREDENTIAL),
    (FaultKind.UNAUTHORIZED, "scope", ErrorClass.CREDENTIAL),
    (FaultKind.UNAUTHORIZED, "command_timed_out", ErrorClass.UNAVAILABLE),
    (FaultKind.FORBIDDEN, None, ErrorClass.CREDENTIAL),
    (FaultKind.RATE_LIMITED, None, ErrorClass.RATE_LIMITED),
    (FaultKind.SERVER_ERROR, 500, ErrorClass.UNAVAILABLE),
    (FaultKind.HTML, 502, ErrorClass.UNAVAILABLE),
    (FaultKind.HTML, 404, ErrorClass.UNDECODABLE),
    (FaultKind.HTML, 200, ErrorClass.UNDECODABLE),
    (FaultKind.EMPTY_BODY, None, ErrorClass.UNDECODABLE),
    (FaultKind.CUT_JSON, None, ErrorClass.UNDECODABLE),
    (FaultKind.TRUNCATE, None, ErrorClass.UNDECODABLE),
    (FaultKind.RESET, None, ErrorClass.TRANSPORT),
    (FaultKind.REDIRECT, "http://127.0.0.1:9/", ErrorClass.REJECTED),
    (FaultKind.MISSING_ID, "removed", ErrorClass.CONTRACT),
    (FaultKind.MISSING_ID, "null", ErrorClass.CONTRACT),
    (FaultKind.MISSING_ID, "empty", ErrorClass.CONTRACT),
    (FaultKind.MISSING_ID, "renamed", ErrorClass.CONTRACT),
    (FaultKind.MISSING_ID, "number", ErrorClass.CONTRACT),
]


@covering(1, ("kind", "value"), "way")
@pytest.mark.parametrize(("kind", "value", "error_class"), UNKNOWN)
@pytest.mark.parametrize("way", ["id", "contact", "email"])
async def test_an_indecisive_response_is_raised(
    ghl: Arena, kind: FaultKind, value: str | None, error_class: ErrorClass, way: str
) -> None:
    """By every way: unknown is neither absent nor booked."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(kind, value)
    subject = {
        "id": lead(booking_id=appointment.id),
        "contact": lead(contact_id=CONTACT),
        "email": lead(email=EMAIL),
    }[way]

    with pytest.raises(ProviderError) as caught:
        await ghl.ask(subject)

    assert caught.value.error_class is error_class
    assert TOKEN not in repr(caught.value)
    assert EMAIL not in repr(caught.value)


async def test_the_incident_reads_as_the_field_that_is_missing(ghl: Arena) -> None:
    """With the keys of the new envelope, which is what an operator needs."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.ENVELOPE, "appointment")
    ghl.switch(FaultKind.MISSING_ID)

    with pytest.raises(ContractFault) as caught:
        await ghl.ask(lead(booking_id=appointment.id))

    assert str(caught.value) == "GHL appointment response missing required ID field"
    assert {"appointment", "appointment.startTime", "traceId"} <= set(caught.value.shape)


async def test_a_path_that_is_unknown_is_no_absence() -> None:
    """``Cannot GET`` says that we ask in a wrong way."""

    def build(gateway: Gateway) -> Ghl:
        return Ghl(replace(gateway, base=replace(gateway.base, prefix="/v0")))

    async with arena(build, name=NAME, enter=enter) as ghl:
        for subject in (lead(booking_id="gone"), lead(contact_id="gone")):
            with pytest.raises(ProviderRejected, match=r"^ghl answered 404 to "):
                await ghl.ask(subject)


@pytest.mark.parametrize("soft", [True, False])
async def test_a_deleted_appointment_is_missing_or_marked(ghl: Arena, soft: bool) -> None:
    """A soft delete reads as canceled, a real one as absent."""
    state = ghl.world.ghl
    appointment = state.add_booking(CONTACT, starts_at=TOMORROW)
    (state.soft_delete if soft else state.delete)(appointment.id)

    answer = await ghl.answer(lead(booking_id=appointment.id, contact_id=CONTACT))

    assert [each.status for each in answer.appointments] == ([AppointmentStatus.CANCELED] if soft else [])
    assert answer.absent == (set() if soft else {appointment.id})


@pytest.mark.parametrize("ending", ["cancelled", "rescheduled", "deleted", "gone"])
@pytest.mark.parametrize("contact_id", [CONTACT, None])
async def test_a_canceled_booking_is_searched_for_a_replacement(
    ghl: Arena, ending: str, contact_id: str | None
) -> None:
    """One call more, by the contact of the lead or of the record."""
    state = ghl.world.ghl
    old = state.add_booking(CONTACT, starts_at=TOMORROW)
    new = state.add_booking(CONTACT, starts_at=TOMORROW + timedelta(days=1))
    match ending:
        case "gone":
            state.delete(old.id)
        case "deleted":
            state.soft_delete(old.id)
        case word:
            state.set_status(old.id, word)

    answer = await ghl.answer(lead(booking_id=old.id, contact_id=contact_id))

    found = {each.id: each.status for each in answer.appointments}
    is_known = contact_id is not None or ending != "gone"
    assert found.get(new.id) == (AppointmentStatus.CONFIRMED if is_known else None)  # type: ignore[call-overload]
    assert (old.id in answer.absent) is (ending == "gone")
    assert ghl.asked == ["appointment", "contact_appointments"][: 1 + is_known]
    assert answer.contact_id == (CONTACT if is_known else None)


async def test_a_failed_search_for_a_replacement_is_no_cancellation(ghl: Arena) -> None:
    """Half an answer could open a task for a meeting that was only moved."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW, status="cancelled")
    ghl.switch(FaultKind.SERVER_ERROR, operation=Simulated.GHL_CONTACT_APPOINTMENTS)

    with pytest.raises(ProviderUnavailable):
        await ghl.ask(lead(booking_id=appointment.id))


async def test_a_listed_booking_is_not_absent(ghl: Arena) -> None:
    """Two answers that contradict each other prove no disappearance."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.NOT_FOUND, operation=Simulated.GHL_APPOINTMENT)

    answer = await ghl.answer(lead(booking_id=appointment.id, contact_id=CONTACT))

    assert [each.id for each in answer.appointments] == [appointment.id]
    assert answer.absent == frozenset()


@pytest.mark.parametrize("how", ["404", "400"])
async def test_a_missing_contact_is_searched_by_e_mail(ghl: Arena, how: str) -> None:
    """People whose contact was deleted book again under a new one."""
    ghl.switch(FaultKind.UNKNOWN_ID, how)
    booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)

    answer = await ghl.answer(lead(contact_id="gone", email=EMAIL))

    assert [each.id for each in answer.appointments] == [booked.id]
    assert (answer.contact_id, answer.replaces_contact) == (CONTACT, True)
    assert await ghl.ask(lead(contact_id="gone")) is SkipReason.CONTACT_NOT_FOUND


async def test_an_empty_list_of_a_contact_is_an_answer(ghl: Arena) -> None:
    """That says nothing of a stored appointment."""
    ghl.switch(FaultKind.UNKNOWN_ID, "empty_list")

    assert await ghl.answer(lead(contact_id="gone")) == Answer(contact_id="gone")
