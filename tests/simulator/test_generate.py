"""Generated worlds: the same from the same seed, and true to what they say of themselves."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.simulator import Api, GeneratedLead, Scenario, World, WorldSize
from tests.simulator.conftest import NOW, Clock

SIZES = st.builds(
    WorldSize,
    workspaces=st.integers(0, 3),
    leads_per_workspace=st.integers(0, 8),
    calendly_share=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)


def contents(world: World) -> tuple[object, ...]:
    ghl, calendly = world.ghl, world.calendly
    return (
        world.workspaces,
        world.leads,
        ghl.locations,
        ghl.contacts,
        ghl.appointments,
        calendly.users,
        calendly.events,
        calendly.invitees,
    )


@given(seed=st.integers(0, 2**32), size=SIZES)
def test_the_same_seed_makes_the_same_world(seed: int, size: WorldSize) -> None:
    first, second = (World.generate(seed=seed, now=lambda: NOW, size=size) for _ in range(2))

    assert contents(first) == contents(second)
    assert len(first.leads) == size.workspaces * size.leads_per_workspace


@given(seed=st.integers(0, 2**32))
def test_another_process_makes_the_same_world_at_another_time(seed: int) -> None:
    """A benchmark and its simulator agree by seed and anchor alone."""
    first = World.generate(seed=seed, now=lambda: NOW)
    second = World.generate(seed=seed, now=lambda: NOW + timedelta(hours=5), anchor=NOW)

    assert contents(first) == contents(second)


def test_another_seed_makes_another_world() -> None:
    first, second = (World.generate(seed=seed, now=lambda: NOW) for seed in (1, 2))

    assert contents(first) != contents(second)


def test_time_passes_after_generation() -> None:
    clock = Clock()
    world = World.generate(seed=1, now=clock)
    clock.advance(days=1)

    assert world.now() == NOW + timedelta(days=1)


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.25, 5), (0.5, 10), (1.0, 20)])
def test_leads_are_split_between_the_providers(share: float, count: int) -> None:
    size = WorldSize(workspaces=1, leads_per_workspace=20, calendly_share=share)
    world = World.generate(seed=1, now=lambda: NOW, size=size)

    assert sum(lead.api is Api.CALENDLY for lead in world.leads) == count


def ghl_status(world: World, lead: GeneratedLead) -> str | None:
    """Read the truth out of the records, as a client would that sees all of them."""
    location = world.workspaces[lead.workspace_id].location_id
    records = [
        appointment
        for contact in world.ghl.contacts_by_email(location, lead.email)
        for appointment in world.ghl.appointments_of(contact.id)
        if not appointment.deleted
    ]
    assert len({each.id for each in records}) == len(records)
    words = {"cancelled": "canceled", "noshow": "no_show"}
    statuses = [words.get(each.status, each.status) for each in records]
    return "confirmed" if "confirmed" in statuses else statuses[0] if statuses else None


def calendly_status(world: World, lead: GeneratedLead) -> str | None:
    places = [
        invitee
        for event in world.calendly.events_by_email(lead.email)
        for invitee in world.calendly.invitees_of(event.id)
        if invitee.email == lead.email
    ]
    active = [each for each in places if each.cancellation is None]
    if active:
        return "no_show" if active[0].no_show_at else "confirmed"
    return "canceled" if places else None


@pytest.mark.parametrize("scenario", Scenario)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_truth_of_a_lead_is_in_the_records(scenario: Scenario, share: float) -> None:
    size = WorldSize(workspaces=1, leads_per_workspace=12, calendly_share=share, mix={scenario: 1})
    world = World.generate(seed=3, now=lambda: NOW, size=size)

    for lead in world.leads:
        read = calendly_status if lead.api is Api.CALENDLY else ghl_status
        assert read(world, lead) == (lead.truth.status if lead.truth else None)
        assert lead.scenario == scenario


def test_chains_of_reschedules_have_one_to_three_links() -> None:
    size = WorldSize(workspaces=1, leads_per_workspace=9, calendly_share=1.0, mix={Scenario.RESCHEDULED: 1})
    world = World.generate(seed=1, now=lambda: NOW, size=size)
    lengths = {len(world.calendly.events_by_email(lead.email)) - 1 for lead in world.leads}

    assert lengths == {1, 2, 3}


def test_what_the_company_holds_is_sometimes_nothing_and_sometimes_out_of_date() -> None:
    size = WorldSize(workspaces=2, leads_per_workspace=100)
    world = World.generate(seed=1, now=lambda: NOW, size=size)
    beliefs = {(lead.stored is None, lead.truth is None, lead.stored == lead.truth) for lead in world.leads}

    assert beliefs == {
        (True, True, True),
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (False, False, False),
    }
