"""Naive times, and whose wall clock they are."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.planning.outcome import SkipReason
from reconcile.errors import ContractFault, ProviderRejected, ProviderUnavailable
from reconcile.providers.ghl.lookup import Ghl
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind
from tests.provider_lookup import ask
from tests.providers.arena import DEADLINE, NOW, TOMORROW, Arena, arena, credential, lead
from tests.providers.ghl.entered import CONTACT, NAME, TOKEN, enter


@pytest.mark.parametrize("timezone", [None, "Nowhere/At_All", "America"])
async def test_an_unknown_zone_is_requested_once(timezone: str | None) -> None:
    """The location's own, for all leads of the run."""
    async with arena(Ghl, name=NAME, enter=enter, timezone=timezone) as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=datetime(2026, 7, 1, 16, tzinfo=UTC))

        found = [await ghl.only(lead(contact_id=CONTACT)) for _ in range(3)]

    assert {each.starts_at for each in found} == {datetime(2026, 7, 1, 16, tzinfo=UTC)}
    assert ghl.operations == ["contact_appointments", "location", "contact_appointments", "contact_appointments"]


async def test_a_zone_is_requested_once_for_concurrent_leads() -> None:
    """The first asks, the others wait."""
    async with arena(Ghl, name=NAME, enter=enter) as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(5):
                tasks.create_task(ghl.only(lead(contact_id=CONTACT)))

    assert ghl.operations.count("location") == 1


async def test_a_zone_is_not_requested_if_none_is_needed() -> None:
    """Times with an offset are instants."""
    async with arena(Ghl, name=NAME, enter=enter) as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
        ghl.switch(FaultKind.TIME_FORMAT, "iso")

        await ghl.only(lead(contact_id=CONTACT))

    assert ghl.operations == ["contact_appointments"]


async def test_a_location_that_has_no_zone_we_know_is_not_configured() -> None:
    """Every wall clock would be a guess."""
    async with arena(Ghl, name=NAME, enter=enter) as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
        ghl.switch(FaultKind.SET_FIELD, 'timezone="Mars/Olympus"')

        assert await ghl.ask(lead(contact_id=CONTACT)) is SkipReason.NOT_CONFIGURED


async def test_a_location_without_a_zone_is_a_contract_fault() -> None:
    """The field is the only reason for the call."""
    async with arena(Ghl, name=NAME, enter=enter) as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
        ghl.switch(FaultKind.MISSING_FIELD, "timezone")

        with pytest.raises(ContractFault, match=r"^GHL location response missing required time zone field$"):
            await ghl.ask(lead(contact_id=CONTACT))


async def test_a_workspace_without_zone_and_location_is_not_configured(ghl: Arena) -> None:
    """There is nobody to ask."""
    ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.workspace = replace(ghl.workspace, timezone=None, credentials={NAME: credential(NAME, TOKEN, None)})

    assert await ghl.ask(lead(contact_id=CONTACT)) is SkipReason.NOT_CONFIGURED


@pytest.mark.parametrize("way", ["contact", "lists"])
async def test_the_locations_zone_wins_over_the_workspaces(way: str) -> None:
    """And one note says so, however many leads there are."""
    async with arena(Ghl, name=NAME, enter=enter, timezone="Europe/Berlin") as ghl:
        ghl.switch(FaultKind.TIME_FORMAT, "naive")
        booked = ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
        for _ in range(2):
            if way == "contact":
                assert (await ghl.only(lead(contact_id=CONTACT))).starts_at == TOMORROW
            else:
                plan = SweepPlan(since=NOW, until=NOW + timedelta(days=9), expected_calls=1, most_calls=20)
                subject = lead(booking_id=booked.id)
                swept = await ghl.provider.sweep([subject], ghl.workspace, plan=plan, deadline=DEADLINE)
                assert swept.answers[subject.id].appointments[0].starts_at == TOMORROW
        notes = ghl.provider.usage(ghl.workspace).notes

    (note,) = notes
    assert note.startswith("workspace ws: its mapped time zone Europe/Berlin is not its GoHighLevel location's")
    assert note.endswith("America/New_York, which is used")
    assert ghl.provider.usage(ghl.workspace).notes == ()


@pytest.mark.parametrize("timezone", ["America/New_York", "US/Eastern", "America/Toronto", None, "Nowhere/At_All"])
async def test_zones_with_equal_offsets_cause_no_note(timezone: str | None) -> None:
    """One zone has several names."""
    async with arena(Ghl, name=NAME, enter=enter, timezone=timezone) as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)

        await ghl.only(lead(contact_id=CONTACT))

        assert ghl.provider.usage(ghl.workspace).notes == ()


async def test_the_workspaces_zone_counts_if_the_location_is_forbidden() -> None:
    """A token without that scope; without a zone of the workspace's it is a fault."""
    async with arena(Ghl, name=NAME, enter=enter, timezone="America/New_York") as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
        ghl.switch(FaultKind.UNAUTHORIZED, "scope", operation=Simulated.GHL_LOCATION)

        assert [(await ghl.only(lead(contact_id=CONTACT))).starts_at for _ in range(2)] == [TOMORROW] * 2
        assert ghl.operations.count("location") == 1

        ghl.workspace = replace(ghl.workspace, timezone=None)
        with pytest.raises(ProviderRejected):
            await ask(Ghl(ghl.gateway), lead(contact_id=CONTACT), ghl.workspace, deadline=DEADLINE)


async def test_an_unavailable_location_fails_the_look_up() -> None:
    """It may answer in a moment, and say another zone than the workspace's."""
    async with arena(Ghl, name=NAME, enter=enter, timezone="America/New_York") as ghl:
        ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
        ghl.switch(FaultKind.SERVER_ERROR, 500, operation=Simulated.GHL_LOCATION)

        with pytest.raises(ProviderUnavailable):
            await ghl.ask(lead(contact_id=CONTACT))


@pytest.mark.parametrize(
    ("wall_clock", "instant"),
    [
        ("2026-03-08 02:30:00", datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        ("2026-11-01 01:30:00", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("2026-11-01 02:30:00", datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
)
async def test_a_wall_clock_is_read_across_a_change_of_the_clocks(
    ghl: Arena, wall_clock: str, instant: datetime
) -> None:
    """One that is skipped is shifted forward, one that is shown twice is the first."""
    ghl.world.ghl.add_booking(CONTACT, starts_at=TOMORROW)
    ghl.switch(FaultKind.SET_FIELD, f'startTime="{wall_clock}"')
    ghl.switch(FaultKind.MISSING_FIELD, "endTime")

    assert (await ghl.only(lead(contact_id=CONTACT))).starts_at == instant
