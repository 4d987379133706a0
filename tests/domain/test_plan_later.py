"""Whatever the rows hold and a provider says: what is planned is right in every field, and planned once."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.domain.appointment import CANCELED_STATUSES, INCONCLUSIVE, Appointment, AppointmentStatus, primary
from reconcile.domain.evidence.booking_reference import canonical, refers_to
from reconcile.domain.evidence.evidence import Absence, lost_booking
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import Lead, LeadState, Rollup
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.planning.plan import Plan, plan
from reconcile.domain.planning.reschedules import RESCHEDULE_WINDOW
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead, an_appointment, applied
from tests.domain.random_leads import PAUSES, SEEDS, lead_and_answer

CANCELED, CONFIRMED = AppointmentStatus.CANCELED, AppointmentStatus.CONFIRMED
RESCHEDULED = AppointmentStatus.RESCHEDULED


def written(lead: Lead, decided: Plan) -> Lead:
    """Return *lead* as the store holds it after *decided*."""
    state = LeadState(absent_since=(lead.state.absent_since or NOW) if decided.is_absent else None)
    return applied(decided.change, state) if decided.change else replace(lead, state=state)


def lost_id(lead: Lead, answer: Answer) -> AppointmentId | None:
    """Return the stored booking where the answer names it absent."""
    return canonical(lead.rollup.booking_id or "") if lost_booking(lead, answer) else None


def cut(instant: datetime) -> datetime:
    """Return *instant* in whole milliseconds."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def starts_between(lead: Lead, earlier: datetime, later: datetime) -> bool:
    """Tell whether a confirmed meeting of *lead* begins meanwhile, so that another one may be the next."""
    starts = [each.starts_at for each in lead.appointments if each.status is CONFIRMED]
    if lead.rollup.status is CONFIRMED and lead.rollup.starts_at is not None:
        starts.append(lead.rollup.starts_at)
    return any(earlier < at <= later for at in starts)


@settings(max_examples=100)
@given(seed=SEEDS, pause=PAUSES)
def test_planning_again_later_plans_nothing_unless_a_meeting_has_begun(seed, pause) -> None:
    """A disappearance that was seen once is the other thing that time alone decides."""
    lead, answer = lead_and_answer(seed)
    later = NOW + pause
    decided = plan(lead, answer, now=NOW)
    after = written(lead, decided)

    again = plan(after, answer, now=later)

    if decided.is_absent:
        return
    if again.is_absent:  # whose booking it is may be known only since the change: from now on it is missed
        assert again.change is None
        return
    if not starts_between(after, NOW, later):
        assert again.change is None
        assert again.outcome in {Outcome.UNCHANGED, Outcome.SKIPPED, Outcome.DISAPPEARED}
        return
    if again.change is not None:
        assert again.change.appointments == ()
        assert again.change.contact_id == after.contact_id
    assert plan(written(after, again), answer, now=later).change is None


@settings(max_examples=100)
@given(seed=SEEDS, pause=PAUSES)
def test_a_disappearance_is_planned_once(seed, pause) -> None:
    lead, answer = lead_and_answer(seed)
    decided = plan(lead, answer, now=NOW)
    after = written(lead, decided)
    confirmed = plan(after, answer, now=NOW + DAY, absence=Absence.BELIEVED)
    at_last = written(after, confirmed)

    if not decided.is_absent:
        return
    assert confirmed.change is not None
    assert confirmed.change.rollup != after.rollup
    lost = lost_id(lead, answer)
    assert lost is not None
    held = {each.id for each in lead.appointments if each.status not in CANCELED_STATUSES and refers_to(lost, each.id)}
    gone_at = {each.canceled_at for each in at_last.appointments if each.id in held}
    assert gone_at <= {after.state.absent_since}  # when it was first missed
    if not starts_between(at_last, NOW + DAY, NOW + DAY + pause):
        assert plan(at_last, answer, now=NOW + DAY + pause, absence=Absence.BELIEVED).change is None


Expected = Callable[[Appointment, Appointment | None, Appointment], Any]
FIELDS: Mapping[str, Expected] = {
    "id": lambda remote, _known, _row: remote.id,
    "provider": lambda remote, _known, _row: remote.provider,
    "status": lambda remote, known, _row: (
        known.status
        if known and (remote.status in INCONCLUSIVE or (remote.status, known.status) == (CANCELED, RESCHEDULED))
        else remote.status
    ),
    "starts_at": lambda remote, _known, _row: cut(remote.starts_at),
    "ends_at": lambda remote, known, row: (
        cut(remote.ends_at)
        if remote.ends_at
        else (known.ends_at if known and known.starts_at == row.starts_at else None)
    ),
    "canceled_at": lambda remote, known, row: (
        (known.canceled_at if known else None) or cut(remote.canceled_at or NOW)
        if row.status in CANCELED_STATUSES
        else None
    ),
    "replaces": lambda remote, known, _row: remote.replaces or (known.replaces if known else None),
    "created_at": lambda _remote, _known, _row: None,
}
"""What each field of a row is to be, by what the provider says, what was known, and the row itself."""


@settings(max_examples=100)
@given(seed=SEEDS)
def test_a_row_gets_every_field_from_the_provider(seed) -> None:
    """Nothing of the old value is left; a field that is added later has to be entered above."""
    lead, answer = lead_and_answer(seed)
    decided = plan(lead, answer, now=NOW)
    if decided.is_absent:
        return
    known = {each.id: each for each in lead.appointments}
    rows = {each.id: each for each in written(lead, decided).appointments}
    replaced = {each.replaces for each in rows.values()}
    is_another_ahead = any(each.status is CONFIRMED and each.starts_at > NOW for each in answer.appointments)

    assert set(FIELDS) == {each.name for each in fields(Appointment)}
    for remote in answer.appointments:
        row, before = rows.get(remote.id), known.get(remote.id)
        if row is None:
            assert before is None
            assert remote.status in INCONCLUSIVE
            continue
        for name, expected in FIELDS.items():
            found, wanted = getattr(row, name), expected(remote, before, row)
            if name == "status" and remote.id in replaced and wanted is CANCELED:
                wanted = RESCHEDULED
            if name == "status" and remote.status in INCONCLUSIVE and is_another_ahead and wanted is CONFIRMED:
                wanted = AppointmentStatus.UNKNOWN  # never INVALID, which is no word of the rows
            if name == "replaces" and wanted is None and before is None:
                assert found is None or row.status is CONFIRMED
                continue  # by nearness: see below
            assert found == wanted, name


@settings(max_examples=100)
@given(seed=SEEDS)
def test_rows_that_the_provider_does_not_mention_stay_unless_replaced(seed) -> None:
    lead, answer = lead_and_answer(seed)
    decided = plan(lead, answer, now=NOW)
    if decided.is_absent:
        return
    told = {each.id for each in answer.appointments}
    lost = lost_id(lead, answer)
    rows = {each.id: each for each in written(lead, decided).appointments}
    replaced = {each.replaces for each in rows.values()}

    for before in lead.appointments:
        if before.id in told or (lost and refers_to(lost, before.id)):
            continue
        is_replaced = before.id in replaced and before.status is CANCELED
        assert rows[before.id] == (replace(before, status=RESCHEDULED) if is_replaced else before)


@settings(max_examples=100)
@given(seed=SEEDS)
def test_an_appointment_is_linked_by_time_at_most_once(seed) -> None:
    lead, answer = lead_and_answer(seed)
    known = {each.id: each for each in lead.appointments}
    rows = {each.id: each for each in written(lead, plan(lead, answer, now=NOW)).appointments}
    by_nearness = {
        remote.id: replaced
        for remote in answer.appointments
        if remote.id in rows and remote.id not in known and remote.replaces is None
        if (replaced := rows[remote.id].replaces)
    }
    said = [each.replaces for each in rows.values() if each.id not in by_nearness]
    created = {each.id: each.created_at or NOW for each in answer.appointments}

    assert len(set(by_nearness.values())) == len(by_nearness)
    for new, old in by_nearness.items():
        assert old not in said
        assert rows[old].status is RESCHEDULED
        canceled_at = rows[old].canceled_at
        assert canceled_at is not None
        assert abs(canceled_at - created[new]) <= RESCHEDULE_WINDOW


@settings(max_examples=100)
@given(seed=SEEDS)
def test_the_leads_row_has_the_values_of_its_next_appointment(seed) -> None:
    lead, answer = lead_and_answer(seed)
    decided = plan(lead, answer, now=NOW)
    after = written(lead, decided)
    booking = lead.rollup.booking_id
    has_no_row = booking is not None and not any(refers_to(booking, each.id) for each in after.appointments)
    listed = {each.id for each in answer.appointments}
    known = [a for a in after.appointments if a.id in listed or (booking and refers_to(booking, a.id))]
    chosen = primary(known, now=NOW)
    if decided.is_absent or has_no_row or chosen is None or chosen.status in CANCELED_STATUSES:
        return  # what is called off may be outdone by a row that nobody has listed
    expected = {
        "booking_id": booking if booking and refers_to(booking, chosen.id) else chosen.id,
        "is_foreign": False,
        **{name: getattr(chosen, name) for name in ("provider", "status", "starts_at", "ends_at", "canceled_at")},
    }

    assert set(expected) == {each.name for each in fields(Rollup)}
    assert {name: getattr(after.rollup, name) for name in expected} == expected


@settings(max_examples=100)
@given(seed=SEEDS)
def test_a_contact_that_is_known_stays_and_one_that_is_not_is_learned(seed) -> None:
    lead, answer = lead_and_answer(seed)
    decided = plan(lead, answer, now=NOW)
    if decided.is_absent:
        return

    assert written(lead, decided).contact_id == (lead.contact_id or answer.contact_id)


def test_a_meeting_that_was_moved_to_an_earlier_time_leaves_the_old_one_rescheduled() -> None:
    """The old one had replaced another: whichever of the links is made first, both are kept."""
    first = an_appointment("first", status=RESCHEDULED, canceled_at=NOW - DAY)
    old = an_appointment("old", starts_at=NOW + 3 * DAY, replaces=first.id)
    lead = a_booked_lead(old, appointments=(first, old))
    canceled = replace(old, status=CANCELED, canceled_at=NOW, replaces=None)
    new = an_appointment("new", starts_at=NOW + DAY, created_at=NOW)

    rows = written(lead, plan(lead, Answer(appointments=(canceled, new)), now=NOW)).appointments

    assert {each.id: (each.status, each.replaces) for each in rows} == {
        "first": (RESCHEDULED, None),
        "old": (RESCHEDULED, "first"),
        "new": (CONFIRMED, "old"),
    }


def test_the_providers_own_link_excludes_a_link_by_time() -> None:
    old = an_appointment("old", status=CANCELED, canceled_at=NOW)
    near = an_appointment("near", starts_at=NOW + DAY, created_at=NOW)
    named = an_appointment("named", starts_at=NOW + 2 * DAY, created_at=NOW, replaces=old.id)
    lead = a_booked_lead(an_appointment("old"))

    rows = written(lead, plan(lead, Answer(appointments=(near, named, old)), now=NOW)).appointments

    assert {each.id: each.replaces for each in rows} == {"old": None, "near": None, "named": "old"}


@given(
    length=st.integers(2, 6),
    order=st.randoms(use_true_random=False),
    told_before=st.integers(0, 6),
    provider=st.sampled_from(ProviderName),
)
def test_a_chain_of_reschedules_keeps_each_link_once(length, order, told_before, provider) -> None:
    """However much of it was told at a time, and in which order."""
    ids = [AppointmentId(f"a{n}") for n in range(length)]
    chain = [
        an_appointment(
            each,
            provider=provider,
            starts_at=NOW + DAY + n * HOUR,
            status=CONFIRMED if n == length - 1 else RESCHEDULED,
            canceled_at=None if n == length - 1 else NOW - HOUR,
            replaces=ids[n - 1] if n else None,
            created_at=NOW - HOUR,
        )
        for n, each in enumerate(ids)
    ]
    lead, now = a_lead(), NOW
    for told in (chain[:told_before], chain, chain):
        order.shuffle(told)
        lead, now = written(lead, plan(lead, Answer(appointments=tuple(told)), now=now)), now + 5 * HOUR
        chain.sort(key=lambda each: each.id)

    links = [(each.id, each.replaces) for each in sorted(lead.appointments, key=lambda each: each.id)]
    assert links == list(zip(ids, [None, *ids[:-1]], strict=True))
    assert lead.rollup.booking_id == ids[-1]
