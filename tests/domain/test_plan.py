"""What a provider's answer makes of a lead."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.appointment import CANCELED_STATUSES, AppointmentStatus, primary
from reconcile.domain.evidence.evidence import Absence
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import LeadState, LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.change import Answer, EffectKind, Unverified
from reconcile.domain.planning.outcome import Outcome, SkipReason
from reconcile.domain.planning.plan import plan
from reconcile.domain.planning.reschedules import RESCHEDULE_WINDOW
from tests.domain.factories import DAY, HOUR, NOW, a_booked_lead, a_lead, an_appointment, applied

CANCELED = AppointmentStatus.CANCELED
CONFIRMED = AppointmentStatus.CONFIRMED


def test_a_booking_unknown_here_is_written_and_the_lead_becomes_booked() -> None:
    lead = a_lead(status=LeadStatus.QUALIFIED)

    decided = plan(lead, Answer(appointments=(an_appointment(),)), now=NOW)

    assert decided.change is not None
    assert (decided.outcome, decided.mismatch) == (Outcome.BOOKED, MismatchKind.UNKNOWN_HERE)
    assert decided.change.rollup.booking_id == "appt-1"
    assert decided.change.status is LeadStatus.MEETING_BOOKED
    assert [e.kind for e in decided.change.effects] == [EffectKind.START_POST_BOOKING_SEQUENCE]


def test_a_booking_that_is_over_starts_no_sequence() -> None:
    past = an_appointment(starts_at=NOW - DAY)

    decided = plan(a_lead(), Answer(appointments=(past,)), now=NOW)

    assert decided.change is not None
    assert decided.change.effects == ()


def test_agreement_plans_nothing() -> None:
    appointment = an_appointment()

    decided = plan(a_booked_lead(appointment), Answer(appointments=(appointment,)), now=NOW)

    assert (decided.outcome, decided.change) == (Outcome.UNCHANGED, None)


def test_a_cancellation_sends_the_lead_back_and_opens_a_task() -> None:
    canceled = an_appointment(status=CANCELED, canceled_at=NOW - HOUR)

    decided = plan(a_booked_lead(), Answer(appointments=(canceled,)), now=NOW)

    assert decided.change is not None
    assert decided.outcome is Outcome.CANCELED
    assert decided.change.status is LeadStatus.QUALIFIED
    assert decided.change.rollup.canceled_at == NOW - HOUR
    assert [e.kind for e in decided.change.effects] == [EffectKind.OPEN_CANCELLATION_TASK]


def test_a_status_that_people_keep_is_never_overwritten() -> None:
    lead = a_lead(status=LeadStatus.KEPT)

    decided = plan(lead, Answer(appointments=(an_appointment(),)), now=NOW)

    assert decided.change is not None
    assert decided.change.status is LeadStatus.KEPT


def test_a_status_set_by_people_after_the_booking_stays() -> None:
    appointment = an_appointment()
    lead = a_booked_lead(appointment, status=LeadStatus.OTHER)

    assert plan(lead, Answer(appointments=(appointment,)), now=NOW).change is None


def test_a_moved_meeting_is_a_reschedule_without_new_follow_ups() -> None:
    moved = an_appointment(starts_at=NOW + 2 * DAY)

    decided = plan(a_booked_lead(), Answer(appointments=(moved,)), now=NOW)

    assert decided.change is not None
    assert (decided.outcome, decided.mismatch) == (Outcome.RESCHEDULED, MismatchKind.DIFFERS)
    assert decided.change.effects == ()


@pytest.mark.parametrize(
    ("distance", "is_linked"),
    [(timedelta(0), True), (RESCHEDULE_WINDOW, True), (RESCHEDULE_WINDOW + timedelta(seconds=1), False)],
)
def test_a_new_appointment_near_a_cancellation_replaces_it(distance: timedelta, is_linked: bool) -> None:
    old = an_appointment("old", status=CANCELED, canceled_at=NOW - 8 * HOUR)
    new = an_appointment("new", created_at=NOW - 8 * HOUR + distance)

    decided = plan(a_booked_lead(an_appointment("old")), Answer(appointments=(old, new)), now=NOW)

    assert decided.change is not None
    rows = {c.after.id: c.after for c in decided.change.appointments}
    assert rows[AppointmentId("new")].replaces == ("old" if is_linked else None)
    assert rows[AppointmentId("old")].status is (AppointmentStatus.RESCHEDULED if is_linked else CANCELED)
    assert decided.outcome is (Outcome.RESCHEDULED if is_linked else Outcome.BOOKED)


def test_a_new_booking_after_a_notified_cancellation_starts_the_sequence_again() -> None:
    """A task was opened for the lost one, and the lead was sent back: for whoever acts on it this is a booking."""
    old = an_appointment("old", status=CANCELED, canceled_at=NOW - HOUR)
    new = an_appointment("new", created_at=NOW)
    lead = a_booked_lead(old, status=LeadStatus.QUALIFIED)

    decided = plan(lead, Answer(appointments=(old, new)), now=NOW)

    assert decided.change is not None
    assert (decided.outcome, decided.change.status) == (Outcome.RESCHEDULED, LeadStatus.MEETING_BOOKED)
    assert [e.kind for e in decided.change.effects] == [EffectKind.START_POST_BOOKING_SEQUENCE]


def test_the_providers_own_link_has_no_time_limit() -> None:
    old = an_appointment("old", status=CANCELED, canceled_at=NOW - 9 * DAY)
    new = an_appointment("new", created_at=NOW, replaces=AppointmentId("old"))

    decided = plan(a_booked_lead(an_appointment("old")), Answer(appointments=(old, new)), now=NOW)

    assert decided.change is not None
    rows = {c.after.id: c.after for c in decided.change.appointments}
    assert rows[AppointmentId("old")].status is AppointmentStatus.RESCHEDULED
    assert decided.outcome is Outcome.RESCHEDULED


def test_one_not_found_changes_nothing_and_is_remembered() -> None:
    lead = a_booked_lead()

    decided = plan(lead, Answer(absent=frozenset({AppointmentId("appt-1")})), now=NOW)

    assert decided.change is None
    assert (decided.outcome, decided.is_absent, decided.mismatch) == (
        Outcome.ABSENT,
        True,
        MismatchKind.UNKNOWN_THERE,
    )
    assert decided.unverified is Unverified.NOT_CONFIRMED


@pytest.mark.parametrize("has_row", [True, False])
def test_a_booking_that_counts_as_deleted_is_canceled(has_row: bool) -> None:
    lead = a_booked_lead(state=LeadState(absent_since=NOW - DAY))
    if not has_row:
        lead = replace(lead, appointments=())

    gone = Answer(absent=frozenset({AppointmentId("appt-1")}))
    decided = plan(lead, gone, now=NOW, absence=Absence.BELIEVED)

    assert decided.change is not None
    assert (decided.outcome, decided.is_verified) == (Outcome.ABSENT, True)
    assert decided.change.rollup.status is CANCELED
    assert decided.change.status is LeadStatus.QUALIFIED
    again = plan(applied(decided.change), gone, now=NOW + HOUR, absence=Absence.BELIEVED)
    assert (again.outcome, again.is_verified) == (Outcome.UNCHANGED, True)


def test_a_booking_that_was_named_absent_without_a_control_is_flagged_and_stays() -> None:
    lead = a_booked_lead(state=LeadState(absent_since=NOW - DAY))

    decided = plan(lead, Answer(absent=frozenset({AppointmentId("appt-1")})), now=NOW, absence=Absence.NO_CONTROL)

    assert decided.change is None
    assert (decided.outcome, decided.standing) == (Outcome.DISAPPEARED, MismatchKind.DISAPPEARED)
    assert (decided.unverified, decided.is_absent) == (Unverified.NO_CONTROL, True)


def test_an_id_that_only_looks_like_one_of_theirs_is_not_canceled_for_being_unknown() -> None:
    """No column says whose it is, and another calendar's id has the same form."""
    guessed = a_lead(rollup=Rollup(booking_id="0a1b2c3d", status=CONFIRMED), state=LeadState(absent_since=NOW - DAY))

    decided = plan(guessed, Answer(absent=frozenset({AppointmentId("0a1b2c3d")})), now=NOW)

    assert (decided.outcome, decided.change) == (Outcome.DISAPPEARED, None)
    assert decided.unverified is Unverified.UNKNOWN_OWNER


def test_an_appointment_that_is_merely_not_listed_is_left_alone() -> None:
    decided = plan(a_booked_lead(), Answer(), now=NOW)

    assert decided.change is None
    assert (decided.outcome, decided.standing) == (Outcome.DISAPPEARED, MismatchKind.DISAPPEARED)
    assert decided.unverified is Unverified.NOT_MENTIONED


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (AppointmentStatus.UNKNOWN, SkipReason.UNKNOWN_STATUS),
        (AppointmentStatus.INVALID, SkipReason.INVALID_STATUS),
    ],
)
def test_a_status_from_which_nothing_follows_changes_nothing(status: AppointmentStatus, reason: SkipReason) -> None:
    odd = an_appointment(status=status)

    known = plan(a_booked_lead(), Answer(appointments=(odd,)), now=NOW)
    new = plan(a_lead(), Answer(appointments=(odd,)), now=NOW)

    assert (known.outcome, known.skip_reason) == (Outcome.SKIPPED, reason)
    assert (new.outcome, new.change) == (Outcome.SKIPPED, None)


def test_a_stored_uri_keeps_its_spelling() -> None:
    uri = "https://api.calendly.com/scheduled_events/EV1"
    invitee = an_appointment(f"{uri}/invitees/INV1", provider=ProviderName.CALENDLY)
    lead = a_lead(rollup=Rollup(booking_id=uri, provider=ProviderName.CALENDLY))

    decided = plan(lead, Answer(appointments=(invitee,)), now=NOW)

    assert decided.change is not None
    assert decided.change.rollup.booking_id == uri
    assert plan(applied(decided.change), Answer(appointments=(invitee,)), now=NOW).change is None


def test_finer_fractions_than_a_database_keeps_do_not_differ_for_ever() -> None:
    fine = an_appointment(starts_at=NOW + DAY + timedelta(microseconds=123456))

    decided = plan(a_lead(), Answer(appointments=(fine,)), now=NOW)

    assert decided.change is not None
    assert plan(applied(decided.change), Answer(appointments=(fine,)), now=NOW).change is None


statuses = st.sampled_from(AppointmentStatus)
instants = st.integers(-30 * 24, 30 * 24).map(lambda hours: NOW + hours * HOUR)
appointments = st.builds(
    lambda number, status, starts_at, canceled_at, created_at, replaces: an_appointment(
        f"a{number}",
        status=status,
        starts_at=starts_at,
        canceled_at=canceled_at if status in CANCELED_STATUSES else None,
        created_at=created_at,
        replaces=replaces and AppointmentId(f"a{replaces}"),
    ),
    st.integers(1, 4),
    statuses,
    instants,
    st.none() | instants,
    st.none() | instants,
    st.none() | st.integers(1, 4),
)
listings = st.lists(appointments, max_size=4, unique_by=lambda a: a.id).map(tuple)


@given(
    stored=listings.map(lambda rows: tuple(replace(a, created_at=None) for a in rows if a.status != "unknown")),
    answered=listings,
    absent=st.frozensets(st.integers(1, 4).map(lambda n: AppointmentId(f"a{n}"))),
    status=st.sampled_from(LeadStatus),
    absent_since=st.none() | st.just(NOW - DAY),
)
def test_planning_again_after_applying_plans_nothing(stored, answered, absent, status, absent_since) -> None:
    """Whatever stood in the rows and whatever the provider says: one step is enough."""
    chosen = primary(stored, now=NOW)
    rollup = Rollup(booking_id=chosen.id, provider=chosen.provider, status=chosen.status) if chosen else Rollup()
    lead = a_lead(appointments=stored, rollup=rollup, status=status, state=LeadState(absent_since=absent_since))
    answer = Answer(appointments=answered, absent=absent - {a.id for a in answered})

    decided = plan(lead, answer, now=NOW)

    if decided.change is not None:
        after = applied(decided.change, LeadState())
        again = plan(after, answer, now=NOW)
        assert again.change is None
        assert all(c.after.created_at is None for c in decided.change.appointments)


@given(st.lists(appointments, max_size=6, unique_by=lambda a: a.id))
def test_the_primary_is_upcoming_if_any_is(rows) -> None:
    upcoming = [a.starts_at for a in rows if a.status is CONFIRMED and a.starts_at > NOW]

    chosen = primary(rows, now=NOW)

    if upcoming:
        assert chosen is not None
        assert chosen.starts_at == min(upcoming)
