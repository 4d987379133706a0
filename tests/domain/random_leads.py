"""Leads and answers drawn at random: whatever rows may hold, and whatever a provider may say of them.

Each is made from a number. A strategy that draws value by value takes twenty times as long.
"""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from reconcile.domain.appointment import CANCELED_STATUSES, INCONCLUSIVE, Appointment, AppointmentStatus
from reconcile.domain.evidence.booking_reference import canonical, provider_of, refers_to
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import Lead, LeadState, LeadStatus, Rollup
from reconcile.domain.planning.change import Answer
from tests.domain.factories import DAY, HOUR, NOW, a_lead

EVENT = "https://api.calendly.com/scheduled_events/E1"
IDS = [AppointmentId(each) for each in ("g1", "g2", "g3", f"{EVENT}/invitees/I1", f"{EVENT}/invitees/I2")]
STORED = [each for each in AppointmentStatus if each not in INCONCLUSIVE]
HOURS = (-200, -30, -6, -1, 0, 1, 5, 24, 100)
MICROS = (0, 1, 999, 123_456)
"""Fractions finer than a database keeps."""
OUT_OF_STEP: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"status": None},
    {"provider": None},
    {"starts_at": NOW - 9 * DAY, "ends_at": NOW},
)
PAUSES = st.sampled_from([timedelta(0), timedelta(milliseconds=1), timedelta(minutes=1), 5 * HOUR, 2 * DAY, 60 * DAY])
SEEDS = st.integers(0, 2**32)


def an_appointment_of(number: AppointmentId, chance: Random, *, is_remote: bool) -> Appointment:
    """Draw one appointment, as a row holds it or as a provider tells of it."""

    def instant() -> Any:
        micros = chance.choice(MICROS) if is_remote else 0
        return NOW + chance.choice(HOURS) * HOUR + timedelta(microseconds=micros)

    status = chance.choice(list(AppointmentStatus) if is_remote else STORED)
    starts_at = instant()
    return Appointment(
        id=number,
        provider=provider_of(number) or ProviderName.HIGHLEVEL,
        status=status,
        starts_at=starts_at,
        ends_at=chance.choice([None, starts_at + HOUR, starts_at + 2 * HOUR]),
        canceled_at=chance.choice([None, instant(), instant()]) if status in CANCELED_STATUSES else None,
        replaces=chance.choice([None, None, None, *(each for each in IDS if each != number)]),
        created_at=chance.choice([None, instant()]) if is_remote else None,
    )


def appointments(chance: Random, *, is_remote: bool) -> tuple[Appointment, ...]:
    """Draw some appointments with different ids, in any order."""
    numbers = chance.sample(IDS, chance.randint(0, 4))
    return tuple(an_appointment_of(each, chance, is_remote=is_remote) for each in numbers)


def a_rollup(rows: tuple[Appointment, ...], chance: Random) -> Rollup:
    """Draw what the lead's own row says: nothing, one of its appointments, or something that went out of step."""
    other = chance.choice(rows) if rows and chance.random() < 0.6 else None
    if other is None:
        booking = chance.choice([None, EVENT, *IDS])
        if booking is None:
            return Rollup()
        other = an_appointment_of(AppointmentId(booking), chance, is_remote=False)
    whole = Rollup(
        booking_id=other.id,
        provider=other.provider,
        status=other.status,
        starts_at=other.starts_at,
        ends_at=other.ends_at,
        canceled_at=other.canceled_at,
    )
    return replace(whole, **chance.choice(OUT_OF_STEP))


def a_lead_of(chance: Random) -> Lead:
    """Draw a lead as a database may hold it."""
    rows = appointments(chance, is_remote=False)
    return a_lead(
        appointments=rows,
        rollup=a_rollup(rows, chance),
        status=chance.choice(list(LeadStatus)),
        contact_id=chance.choice([None, "own"]),
        email="ann@example.com",
        state=LeadState(absent_since=chance.choice([None, NOW - DAY, NOW - timedelta(seconds=9)])),
    )


def lead_and_answer(seed: int) -> tuple[Lead, Answer]:
    """Draw a lead and what a provider says of it: of what is not there it names the stored booking at most."""
    chance = Random(seed)
    lead = a_lead_of(chance)
    listed = appointments(chance, is_remote=True)
    asked = [canonical(lead.rollup.booking_id)] if lead.rollup.booking_id and chance.random() < 0.5 else []
    return lead, Answer(
        appointments=listed,
        absent=frozenset(each for each in asked if not any(refers_to(each, other.id) for other in listed)),
        contact_id=chance.choice([None, "theirs"]),
    )
