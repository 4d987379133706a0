"""The Version that GHL is asked with."""

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.errors import ErrorClass, ProviderRejected
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind
from tests.providers.arena import TOMORROW, Arena, lead
from tests.providers.ghl.entered import CONTACT


async def test_a_single_appointment_is_requested_with_the_version_that_has_deleted(ghl: Arena) -> None:
    """With any other nobody says that a deleted one shows it."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.world.ghl.soft_delete(appointment.id)

    found = await ghl.only(lead(booking_id=appointment.id))

    assert found.status is AppointmentStatus.CANCELED


@pytest.mark.parametrize("how", ["401", "400"])
async def test_an_account_that_refuses_the_newest_version_gets_the_dated_one(ghl: Arena, how: str) -> None:
    """Once: from then on the dated one is sent at once."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.BAD_VERSION, how)
    ghl.switch(FaultKind.VERSIONS, "dated")

    found = [await ghl.only(lead(booking_id=appointment.id)) for _ in range(2)]

    assert {each.status for each in found} == {AppointmentStatus.CONFIRMED}
    assert ghl.operations == ["appointment"] * 3


async def test_an_unknown_path_of_the_newest_version_is_requested_with_the_dated_one(ghl: Arena) -> None:
    """GHL answers 404 that names the path."""
    appointment = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.MISSING, "route", times=1)

    assert (await ghl.only(lead(booking_id=appointment.id))).id == appointment.id


async def test_no_version_at_all_is_not_the_tokens_fault(ghl: Arena) -> None:
    """It is a fault of the request, by which no workspace is parked."""
    ghl.switch(FaultKind.MISSING, "version", operation=Simulated.GHL_APPOINTMENT)
    ghl.switch(FaultKind.MISSING_STATUS, "401")

    with pytest.raises(ProviderRejected) as caught:
        await ghl.ask(lead(booking_id="abc"))

    assert caught.value.error_class is ErrorClass.REJECTED
