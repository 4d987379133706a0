"""One meeting of a recurring appointment, whose id names it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ProviderRejected
from reconcile.providers.ghl.occurrence import Occurrence
from reconcile.simulator import FaultKind
from tests.providers.arena import TOMORROW, Arena, lead
from tests.providers.ghl.entered import CONTACT

MILLIS = round(TOMORROW.timestamp() * 1000)
MEETING = f"MasterOfMany_{MILLIS}_1800"


async def test_the_recurring_appointment_is_the_occurrence_at_the_time_in_its_id(ghl: Arena) -> None:
    """GHL answers with the recurring appointment, whose own times are those of its first meeting."""
    ghl.world.ghl.add_booking(CONTACT, id=MEETING, starts_at=TOMORROW - timedelta(days=70))
    ghl.switch(FaultKind.SET_FIELD, 'id="MasterOfMany"')

    found = await ghl.only(lead(booking_id=MEETING))

    assert (found.id, found.status) == (MEETING, "confirmed")
    assert (found.starts_at, found.ends_at) == (TOMORROW, TOMORROW + timedelta(minutes=30))


async def test_a_meeting_that_is_answered_by_its_own_id_keeps_its_times(ghl: Arena) -> None:
    """It may have been moved since the id was made."""
    ghl.world.ghl.add_booking(CONTACT, id=MEETING, starts_at=TOMORROW + timedelta(hours=2))

    found = await ghl.only(lead(booking_id=MEETING))

    assert (found.id, found.starts_at) == (MEETING, TOMORROW + timedelta(hours=2))


@pytest.mark.parametrize("answered", ["MasterOfFew", f"MasterOfMany_{MILLIS}_3600", "MasterOfMany_"])
async def test_another_appointment_is_not_the_master(ghl: Arena, answered: str) -> None:
    """Only the id before the first underscore is."""
    ghl.world.ghl.add_booking(CONTACT, id=MEETING, starts_at=TOMORROW)
    ghl.switch(FaultKind.SET_FIELD, f'id="{answered}"')

    with pytest.raises(ProviderRejected, match="another appointment than the requested one"):
        await ghl.ask(lead(booking_id=MEETING))


def test_an_occurrences_id_has_its_time() -> None:
    """The documented example."""
    found = Occurrence.parse("ocQHyuzHvysMo5N5VsXc_1729821600000_1800")

    starts_at = datetime(2024, 10, 25, 2, tzinfo=UTC)
    assert found == Occurrence(
        master_id="ocQHyuzHvysMo5N5VsXc", starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30)
    )


@pytest.mark.parametrize("text", ["abc", "abc_1729821600000", "abc_1729821600_1800", "a_1729821600000_1800_", ""])
def test_any_other_id_is_of_no_single_meeting(text: str) -> None:
    """Nothing is guessed from its form."""
    assert Occurrence.parse(text) is None


@given(st.text(alphabet="abc019_", max_size=40))
def test_no_id_raises(text: str) -> None:
    """Whatever its form."""
    found = Occurrence.parse(text)

    assert found is None or replace(found, ends_at=found.starts_at).ends_at <= found.ends_at
