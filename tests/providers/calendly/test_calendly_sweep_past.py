"""Calendly's lists of bookings that are canceled or over: whom they settle, and whom they leave to a look-up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from tests.provider_lookup import ask
from tests.providers.arena import NOW, TOMORROW, Arena
from tests.providers.calendly.entered import USER
from tests.providers.calendly.sweeping import PLAN, booked, settled, swept, verified

PAST = replace(PLAN, since=NOW - timedelta(days=30), includes_past=True)


async def is_as_looked_up(calendly: Arena, known: Lead, listed: Answer) -> bool:
    """Return whether a look-up gives the same appointments; *created_at* is not stored and does not count."""
    looked_up = await ask(calendly.provider, known, calendly.workspace, deadline=calendly.clock.monotonic() + 50)
    assert isinstance(looked_up, Answer)
    return {replace(each, created_at=None) for each in listed.appointments} == {
        replace(each, created_at=None) for each in looked_up.appointments
    }


async def test_a_canceled_event_settles_without_another_call(calendly: Arena) -> None:
    """A look-up takes three: nothing of it can change, and no other event has changed since."""
    leads = [booked(calendly, f"lead-{n}", starts_at=TOMORROW + timedelta(hours=n)) for n in range(3)]
    for each in leads:
        calendly.world.calendly.cancel((each.rollup.booking_id or "").rpartition("/")[2])
    known = [await verified(calendly, each) for each in leads]

    found = await swept(calendly, *known, plan=PAST)

    assert calendly.operations == ["scheduled_events"]
    assert all([await is_as_looked_up(calendly, each, found.answers[each.id]) for each in known])
    assert await settled(calendly, *known) == set(), "a list of active events does not show them"
    assert await settled(calendly, *leads, plan=PAST) == set(), "they were never verified"


@pytest.mark.parametrize("happened", ["nothing", "no_show"])
async def test_a_meeting_that_is_over_is_settled_by_its_invitees(calendly: Arena, happened: str) -> None:
    state = calendly.world.calendly
    subject = booked(calendly, starts_at=NOW - timedelta(hours=2))
    known = await verified(calendly, subject)
    if happened == "no_show":
        state.mark_no_show((subject.rollup.booking_id or "").rpartition("/")[2])

    found = await swept(calendly, known, plan=PAST)

    assert calendly.operations == ["scheduled_events", "invitees"]
    assert await is_as_looked_up(calendly, known, found.answers[known.id])


async def test_whoever_booked_again_is_left_to_a_look_up(calendly: Arena) -> None:
    """The invitees of each event that changed since are read once for all leads."""
    state = calendly.world.calendly
    leads = [booked(calendly, f"lead-{n}", starts_at=TOMORROW + timedelta(hours=n)) for n in range(3)]
    for each in leads:
        state.cancel((each.rollup.booking_id or "").rpartition("/")[2])
    known = [await verified(calendly, each) for each in leads]
    state.add_booking(USER, email="lead-1@example.com", starts_at=TOMORROW + timedelta(days=1))
    state.add_booking(USER, email="somebody@example.com", starts_at=TOMORROW + timedelta(days=2))

    assert await settled(calendly, *known, plan=PAST) == {"lead-0", "lead-2"}
    assert calendly.operations == ["scheduled_events", "invitees", "invitees"]


async def test_a_place_in_a_group_that_was_not_updated_is_found(calendly: Arena) -> None:
    """Whether an invitee more updates a group event is not known."""
    state = calendly.world.calendly
    subject = booked(calendly)
    state.cancel((subject.rollup.booking_id or "").rpartition("/")[2])
    event = state.add_event(USER, starts_at=TOMORROW, limit=9)
    for n in range(2):
        state.invite(event.id, email=f"{n}@example.com")
    known = await verified(calendly, subject)
    updated_at = state.events[event.id].updated_at
    state.invite(event.id, email="lead@example.com")
    state.events[event.id] = replace(state.events[event.id], updated_at=updated_at)

    assert await settled(calendly, known, plan=PAST) == set()


async def test_more_changed_events_than_leads_are_not_read(calendly: Arena) -> None:
    """The lead that was verified last is settled: nothing has changed since."""
    state = calendly.world.calendly
    early, late = booked(calendly, "early"), booked(calendly, "late")
    for each in (early, late):
        state.cancel((each.rollup.booking_id or "").rpartition("/")[2])
    early = await verified(calendly, early)
    for n in range(3):
        state.add_booking(USER, email=f"{n}@example.com", starts_at=TOMORROW + timedelta(hours=n))
    calendly.clock.at += timedelta(minutes=10)
    late = await verified(calendly, late)

    assert await settled(calendly, early, late, plan=PAST) == {"late"}
    assert calendly.operations == ["scheduled_events"]


@pytest.mark.parametrize("calls", [1, 2])
async def test_a_list_that_was_not_read_to_its_end_settles_no_canceled_booking(calendly: Arena, calls: int) -> None:
    """A new booking may be on the page that was not read."""
    state = calendly.world.calendly
    subject = booked(calendly)
    state.cancel((subject.rollup.booking_id or "").rpartition("/")[2])
    for n in range(100):
        state.add_booking(USER, email=f"{n}@example.com", starts_at=TOMORROW + timedelta(minutes=n))
    known = await verified(calendly, subject)

    found = await settled(calendly, known, plan=replace(PAST, most_calls=calls))

    assert found == ({known.id} if calls > 1 else set())
