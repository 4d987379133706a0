"""Refusals that do not name the appointment write nothing, however often they come and however few leads there are."""

from datetime import timedelta

import pytest

from reconcile.domain.appointment import CALLED_OFF
from reconcile.simulator import ApiOperation, Fault, FaultKind, Scenario, WorldSize
from tests.integration.office import Office, an_office

STANDING = {Scenario.CONFIRMED: 1}
SIZES = {"1x1": WorldSize(workspaces=1, leads_per_workspace=1), "1x4": WorldSize(workspaces=1, leads_per_workspace=4)}
SIZES["3x1"] = WorldSize(workspaces=3, leads_per_workspace=1)
NAMELESS = [
    "version header was not found.",
    "Location not found",
    "Token not found",
    "Calendar not found",
    "Route GET:/calendars/events/appointments/x not found",
    "default backend - 404",
]


async def canceled(office: Office) -> int:
    return sum(each.rollup.status in CALLED_OFF for each in (await office.leads()).values())


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", NAMELESS)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_refusals_of_ghl_that_name_something_else_write_nothing(
    migrated_url: str, size: WorldSize, words: str
) -> None:
    async with an_office(migrated_url, seed=3, size=size, mix=STANDING) as office:
        before = await office.leads()
        office.simulator.faults.add(
            Fault(kind=FaultKind.BAD_REQUEST, value=words, operation=ApiOperation.GHL_APPOINTMENT)
        )

        for _ in range(3):
            await office.tick(then=timedelta(minutes=10))

        after = await office.leads()
        asked = [i for i, each in before.items() if each.rollup.booking_id]
        assert await canceled(office) == 0
        assert {i: after[i].rollup for i in asked} == {i: before[i].rollup for i in asked}
        assert await office.store.outbox.pending_count() == 0
