"""A person's places as appointments: each reschedule is one link, whichever of its two ends tells of it."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.evidence.booking_reference import CalendlyReference
from reconcile.providers.calendly.booking_state import BookedInvitee, appointments
from reconcile.providers.calendly.parsing import Event, Invitee
from tests.providers.arena import EMAIL, NOW


def _chain(length: int, chance: Random) -> list[BookedInvitee]:
    """Return places that were each moved to the next; of each move one end says so, or both."""
    references = [CalendlyReference(event=f"E{n}", invitee=f"I{n}") for n in range(length)]
    ends = [chance.choice(["old", "new", "both"]) for _ in range(length - 1)]
    places = []
    for n, reference in enumerate(references):
        is_last = n == length - 1
        starts_at = NOW + timedelta(days=chance.randint(1, 60))
        status = "active" if is_last else "canceled"
        event = Event(id=reference.event, status=status, starts_at=starts_at, ends_at=None, canceled_at=None)
        invitee = Invitee(
            reference=reference,
            email=EMAIL,
            status=status,
            rescheduled=not is_last,
            predecessor=references[n - 1] if n and ends[n - 1] != "old" else None,
            successor=None if is_last or ends[n] == "new" else references[n + 1],
            no_show=False,
            canceled_at=None if is_last else NOW,
            created_at=NOW,
        )
        places.append(BookedInvitee(event=event, invitee=invitee))
    return places


@given(seed=st.integers(0, 2**32), length=st.integers(1, 8))
def test_a_chain_of_places_has_each_link_once(seed: int, length: int) -> None:
    chance = Random(seed)
    chain = _chain(length, chance)
    ids = [each.invitee.reference.appointment_id() for each in chain]
    shuffled = chance.sample(chain, length)

    found = appointments({each.invitee.reference: each for each in shuffled})

    assert {each.id: each.replaces for each in found} == dict(zip(ids, [None, *ids[:-1]], strict=True))
    assert len(found) == length
    assert [each.id for each in found if each.status is AppointmentStatus.CONFIRMED] == ids[-1:]
