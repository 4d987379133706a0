"""Compares a lead's rows with a provider's answer and returns the change that makes them agree. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.appointment import CANCELED_STATUSES, HELD, INCONCLUSIVE, Appointment, AppointmentStatus
from reconcile.domain.evidence.booking_reference import canonical, refers_to
from reconcile.domain.evidence.evidence import (
    Absence,
    Evidence,
    evidence,
    lost_booking,
    stored_booking,
    why_not_mentioned,
)
from reconcile.domain.ids import AppointmentId
from reconcile.domain.lead import Lead, LeadStatus, MismatchKind, Rollup
from reconcile.domain.planning.change import Answer, AppointmentChange, Change, Unverified
from reconcile.domain.planning.follow_ups import follow_ups
from reconcile.domain.planning.outcome import Outcome, SkipReason
from reconcile.domain.planning.reschedules import link_reschedules
from reconcile.domain.planning.rollup import PlanningCase, rollup_of, stored_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decision about one lead that follows from an answer.

    *unverified* is the reason why the stored booking is not verified; None if it is. *mismatch* is the kind of
    difference found, *standing* the one that remains after the change. *is_absent*: store the absence until a later
    answer confirms or contradicts it.
    """

    outcome: Outcome
    change: Change | None = None
    unverified: Unverified | None = None
    mismatch: MismatchKind | None = None
    standing: MismatchKind | None = None
    is_absent: bool = False
    skip_reason: SkipReason | None = None

    @property
    def is_verified(self) -> bool:
        """Whether the booking was verified; only then ``verified_at`` moves."""
        return self.unverified is None


_Appointments = Mapping[AppointmentId, Appointment]


def plan(lead: Lead, answer: Answer, *, now: datetime, absence: Absence = Absence.UNCONFIRMED) -> Plan:
    """Return the plan that follows from *answer*; *absence* says whether an absent booking counts as deleted.

    Planning again after the change was applied returns no change.
    """
    is_lost = lost_booking(lead, answer)
    if is_lost and absence is Absence.UNCONFIRMED:
        kind = MismatchKind.UNKNOWN_THERE
        unconfirmed = Unverified.NOT_CONFIRMED
        return Plan(outcome=Outcome.ABSENT, unverified=unconfirmed, mismatch=kind, standing=kind, is_absent=True)
    is_gone = is_lost and absence is Absence.BELIEVED
    lost = canonical(lead.rollup.booking_id or "") if is_gone else None
    change = _change(PlanningCase(lead=lead, answer=answer, now=now, lost=lost))
    unverified = _unverified(lead, answer, absence)
    missing = _missing(lead, unverified)
    if change is not None:
        is_still_missing = change.rollup.booking_id == lead.rollup.booking_id and not is_gone
        return Plan(
            outcome=change.outcome,
            change=change if unverified is None else replace(change, is_verified=False),
            unverified=unverified,
            mismatch=change.mismatch,
            standing=missing if is_still_missing else None,
            is_absent=is_lost and not is_gone and is_still_missing,
        )
    is_unbooked = stored_booking(lead) is None
    statuses = {a.status for a in answer.appointments}
    if (is_unbooked and not statuses.isdisjoint(INCONCLUSIVE)) or unverified is Unverified.UNKNOWN_STATUS:
        is_invalid = AppointmentStatus.UNKNOWN not in statuses
        reason = SkipReason.INVALID_STATUS if is_invalid else SkipReason.UNKNOWN_STATUS
        return Plan(outcome=Outcome.SKIPPED, unverified=Unverified.UNKNOWN_STATUS, skip_reason=reason)
    outcome = Outcome.UNCHANGED if missing is None else Outcome.DISAPPEARED
    return Plan(outcome=outcome, unverified=unverified, mismatch=missing, standing=missing, is_absent=is_lost)


def _unverified(lead: Lead, answer: Answer, absence: Absence) -> Unverified | None:
    """Return why the stored booking is not verified; None if it was seen or counts as deleted."""
    match evidence(lead, answer):
        case Evidence.SEEN:
            return None
        case Evidence.NAMED_ABSENT:
            return None if absence is Absence.BELIEVED else Unverified.NO_CONTROL
        case Evidence.NOT_MENTIONED:
            return why_not_mentioned(lead, answer)


def _missing(lead: Lead, unverified: Unverified | None) -> MismatchKind | None:
    """Return the mismatch of an active stored booking that was not seen."""
    is_standing = lead.rollup.booking_id is not None and lead.rollup.status not in CANCELED_STATUSES
    if unverified is None or unverified is Unverified.UNKNOWN_STATUS or not is_standing:
        return None
    return MismatchKind.OTHER_PERSON if unverified is Unverified.OTHER_PERSON else MismatchKind.DISAPPEARED


def _merge_appointments(case: PlanningCase) -> dict[AppointmentId, Appointment]:
    """Return the lead's appointments as they are to be, reschedules linked."""
    stored = case.stored
    merged = dict(stored)
    for remote in case.answer.appointments:
        known = stored.get(remote.id)
        if known is None and remote.status in INCONCLUSIVE:
            continue
        merged[remote.id] = _updated(known, remote, now=case.now)
    for appointment_id in case.doubtful & merged.keys():
        if merged[appointment_id].status is AppointmentStatus.CONFIRMED:
            merged[appointment_id] = replace(merged[appointment_id], status=AppointmentStatus.UNKNOWN)
    for appointment_id in [i for i in merged if case.lost and refers_to(case.lost, i)]:
        gone = merged[appointment_id]
        if gone.status not in CANCELED_STATUSES:
            merged[appointment_id] = replace(gone, status=AppointmentStatus.CANCELED, canceled_at=case.lost_at)
    link_reschedules(merged, known=stored, undated=_undated(case))
    return {i: replace(a, created_at=None) for i, a in merged.items()}


def _undated(case: PlanningCase) -> frozenset[AppointmentId]:
    """Return the appointments of which neither the provider nor we know when they were called off."""
    dated = {i for i, each in case.stored.items() if each.canceled_at is not None}
    return frozenset(each.id for each in case.answer.appointments if each.canceled_at is None) - dated


def _updated(known: Appointment | None, remote: Appointment, *, now: datetime) -> Appointment:
    """Return *remote* with what only we know of it: the provider wins wherever it says something."""
    status = remote.status
    if known is not None and (
        status in INCONCLUSIVE
        or (status is AppointmentStatus.CANCELED and known.status is AppointmentStatus.RESCHEDULED)
    ):
        status = known.status
    canceled_at = None
    if status in CANCELED_STATUSES:
        canceled_at = (known.canceled_at if known else None) or stored_instant(remote.canceled_at or now)
    starts_at = stored_instant(remote.starts_at)
    ends_at = stored_instant(remote.ends_at) if remote.ends_at else None
    if ends_at is None and known is not None and known.starts_at == starts_at:
        ends_at = known.ends_at
    return replace(
        remote,
        status=status,
        starts_at=starts_at,
        ends_at=ends_at,
        canceled_at=canceled_at,
        replaces=remote.replaces or (known.replaces if known else None),
    )


def _change(case: PlanningCase) -> Change | None:
    lead, stored, merged = case.lead, case.stored, _merge_appointments(case)
    rollup = rollup_of(case, merged)
    rows = tuple(
        AppointmentChange(before=stored.get(i), after=a) for i, a in sorted(merged.items()) if stored.get(i) != a
    )
    status = _status(lead, rollup, now=case.now)
    contact_id = lead.contact_id or case.answer.contact_id
    if case.answer.replaces_contact:
        contact_id = case.answer.contact_id
    if not rows and rollup == lead.rollup and status == lead.status and contact_id == lead.contact_id:
        return None
    moved = rollup != lead.rollup
    chosen = next((a for a in merged.values() if rollup.booking_id and refers_to(rollup.booking_id, a.id)), None)
    is_news = chosen is None or chosen.id in case.listed
    outcome = Outcome.ABSENT if case.lost else _outcome(lead.rollup, rollup, chosen, is_news=is_news)
    mismatch = MismatchKind.DIFFERS if moved else None
    if case.lost:
        mismatch = MismatchKind.UNKNOWN_THERE
    elif lead.rollup.booking_id is None and rollup.status in HELD:
        mismatch = MismatchKind.UNKNOWN_HERE
    return Change(
        lead=lead,
        outcome=outcome,
        rollup=rollup,
        status=status,
        contact_id=contact_id,
        appointments=rows,
        effects=follow_ups(lead, rollup, outcome=outcome, now=case.now) if moved else (),
        mismatch=mismatch,
    )


def _is_newly_booked(before: Rollup, after: Rollup) -> bool:
    return after.status is AppointmentStatus.CONFIRMED and (
        before.status is not AppointmentStatus.CONFIRMED or before.booking_id != after.booking_id
    )


def _status(lead: Lead, rollup: Rollup, *, now: datetime) -> LeadStatus:
    """Return the lead's status: changed by a booking or its loss, and never over a newer value of people.

    After the meeting's start the stored status is theirs.
    """
    is_over = rollup.starts_at is not None and rollup.starts_at <= now
    if lead.status is LeadStatus.KEPT or (is_over and rollup == lead.rollup):
        return lead.status
    if _is_newly_booked(lead.rollup, rollup):
        return LeadStatus.MEETING_BOOKED
    if rollup.status is AppointmentStatus.CONFIRMED and lead.status is LeadStatus.QUALIFIED:
        return LeadStatus.MEETING_BOOKED
    if rollup.status in CANCELED_STATUSES and lead.status is LeadStatus.MEETING_BOOKED:
        return LeadStatus.QUALIFIED
    return lead.status


def _outcome(before: Rollup, after: Rollup, chosen: Appointment | None, *, is_news: bool) -> Outcome:
    if after.status in CANCELED_STATUSES:
        return Outcome.UPDATED if before.status in CANCELED_STATUSES or before == after else Outcome.CANCELED
    if after.status is not AppointmentStatus.CONFIRMED or (_is_newly_booked(before, after) and not is_news):
        return Outcome.UPDATED
    if _is_newly_booked(before, after):
        return Outcome.RESCHEDULED if before.booking_id and chosen and chosen.replaces else Outcome.BOOKED
    return Outcome.UPDATED if before.starts_at == after.starts_at else Outcome.RESCHEDULED
