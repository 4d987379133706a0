"""Bulk listings of the arena's Calendly, and the leads that they are made for."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.lead import Lead, LeadState
from reconcile.domain.planning.change import Answer
from reconcile.ports import Sweep
from tests.provider_lookup import ask
from tests.providers.arena import NOW, TOMORROW, Arena, lead
from tests.providers.calendly.entered import USER

PLAN = SweepPlan(since=NOW, until=NOW + timedelta(days=30), expected_calls=2, most_calls=20)


def booked(calendly: Arena, name: str = "lead", *, starts_at: object = TOMORROW) -> Lead:
    state = calendly.world.calendly
    invitee = state.add_booking(USER, email=f"{name}@example.com", starts_at=starts_at)  # type: ignore[arg-type]
    return replace(lead(booking_id=state.uri(invitee.id), email=f"{name}@example.com"), id=name)  # type: ignore[arg-type]


async def swept(calendly: Arena, *leads: Lead, plan: SweepPlan = PLAN) -> Sweep:
    return await calendly.provider.sweep(leads, calendly.workspace, plan=plan, deadline=calendly.clock.monotonic() + 50)


async def settled(calendly: Arena, *leads: Lead, plan: SweepPlan = PLAN) -> Collection[str]:
    return (await swept(calendly, *leads, plan=plan)).answers.keys()


async def verified(calendly: Arena, subject: Lead) -> Lead:
    """Return the lead as it is after a look-up, some time later."""
    asked = await ask(calendly.provider, subject, calendly.workspace, deadline=calendly.clock.monotonic() + 50)
    assert isinstance(asked, Answer)
    known = replace(asked.appointments[0], created_at=None)
    calendly.clock.at += timedelta(minutes=10)
    state = LeadState(verified_at=calendly.clock.now())
    calendly.attempts.clear()
    return replace(subject, appointments=(known,), state=state)
