"""The decision: what would make a lead's rows agree with what the provider said. Pure, so a test is a table."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.appointment import CALLED_OFF, HELD, INCONCLUSIVE, Appointment, AppointmentStatus, primary
from reconcile.domain.booking_reference import canonical, provider_of, refers_to
from reconcile.domain.change import Answer, AppointmentChange, Change, Effect, EffectKind
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import Lead, LeadStatus, MismatchKind, Rollup
from reconcile.domain.outcome import Outcome, SkipReason
from reconcile.domain.reschedules import link_reschedules

ABSENCE_CONFIRMATION = timedelta(seconds=50)
"""A second "no such appointment" counts only this long after the first: a deployment's hiccup is over by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What follows from an answer.

    *mismatch* is the kind of difference found; it is left standing where *change* is None. *is_absent* asks for the
    disappearance to be remembered until a later answer confirms or contradicts it.
    """

    outcome: Outcome
    change: Change | None = None
    mismatch: MismatchKind | None = None
    is_absent: bool = False
    skip_reason: SkipReason | None = None


_Appointments = Mapping[AppointmentId, Appointment]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One decision's givens: *lost* is the stored booking that the provider has twice said not to know."""

    lead: Lead
    answer: Answer
    now: datetime
    lost: AppointmentId | None

    @property
    def stored(self) -> dict[AppointmentId, Appointment]:
        return {a.id: a for a in self.lead.appointments}

    @property
    def lost_at(self) -> datetime:
        """When the loss was first seen."""
        return _stored(self.lead.state.absent_since or self.now)


def plan(lead: Lead, answer: Answer, *, now: datetime) -> Plan:
    """Return what *answer* asks for. Planning again after the change was applied plans nothing."""
    lost = lost_booking(lead, answer)
    if lost and not _is_confirmed(lead, now):
        return Plan(outcome=Outcome.ABSENT, mismatch=MismatchKind.UNKNOWN_THERE, is_absent=True)
    change = _change(_Case(lead=lead, answer=answer, now=now, lost=lost))
    if change is not None:
        return Plan(outcome=change.outcome, change=change, mismatch=change.mismatch)
    statuses = {a.status for a in answer.appointments}
    if AppointmentStatus.UNKNOWN in statuses:
        return Plan(outcome=Outcome.SKIPPED, skip_reason=SkipReason.UNKNOWN_STATUS)
    if AppointmentStatus.INVALID in statuses:
        return Plan(outcome=Outcome.SKIPPED, skip_reason=SkipReason.INVALID_STATUS)
    return Plan(outcome=Outcome.UNCHANGED)


def lost_booking(lead: Lead, answer: Answer) -> AppointmentId | None:
    """Return the stored booking that the provider does not know, unless it is called off here as well."""
    if lead.rollup.booking_id is None or lead.rollup.status in CALLED_OFF:
        return None
    if lead.rollup.provider is None and provider_of(lead.rollup.booking_id) is ProviderName.HIGHLEVEL:
        return None  # only the form of the id says whose it is, and other calendars have such ids too
    booking = canonical(lead.rollup.booking_id)
    return booking if booking in answer.absent else None


def _is_confirmed(lead: Lead, now: datetime) -> bool:
    since = lead.state.absent_since
    return since is not None and now - since >= ABSENCE_CONFIRMATION


def _merge_appointments(case: _Case) -> dict[AppointmentId, Appointment]:
    """Return the lead's appointments as they are to be, reschedules linked."""
    stored = case.stored
    merged = dict(stored)
    for remote in case.answer.appointments:
        known = stored.get(remote.id)
        if known is None and remote.status in INCONCLUSIVE:
            continue
        merged[remote.id] = _updated(known, remote, now=case.now)
    for appointment_id in [i for i in merged if case.lost and refers_to(case.lost, i)]:
        gone = merged[appointment_id]
        if gone.status not in CALLED_OFF:
            merged[appointment_id] = replace(gone, status=AppointmentStatus.CANCELED, canceled_at=case.lost_at)
    link_reschedules(merged, known=stored, undated=_undated(case))
    return {i: replace(a, created_at=None) for i, a in merged.items()}


def _undated(case: _Case) -> frozenset[AppointmentId]:
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
    if status in CALLED_OFF:
        canceled_at = (known.canceled_at if known else None) or _stored(remote.canceled_at or now)
    starts_at = _stored(remote.starts_at)
    ends_at = _stored(remote.ends_at) if remote.ends_at else None
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


def _stored(instant: datetime) -> datetime:
    """Cut to milliseconds, the least precision of the databases we write to: finer would differ at every check."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _rollup(case: _Case, merged: _Appointments) -> Rollup:
    """Return what the lead's own row is to say."""
    before = case.lead.rollup
    candidates = list(merged.values())
    unlisted = _unlisted_booking(case.lead, merged)
    if unlisted is not None and case.lost is None:
        candidates.append(unlisted)
    chosen = primary(candidates, now=case.now)
    if chosen is None:
        if case.lost is None:
            return before
        return replace(before, status=AppointmentStatus.CANCELED, canceled_at=case.lost_at)
    if chosen is unlisted:
        return before
    keeps_spelling = before.booking_id is not None and refers_to(before.booking_id, chosen.id)
    return Rollup(
        booking_id=before.booking_id if keeps_spelling else chosen.id,
        provider=chosen.provider,
        status=chosen.status,
        starts_at=chosen.starts_at,
        ends_at=chosen.ends_at,
        canceled_at=chosen.canceled_at,
    )


def _unlisted_booking(lead: Lead, merged: _Appointments) -> Appointment | None:
    """Return the rollup as an appointment where it has no row of its own, so that it competes for being primary."""
    rollup = lead.rollup
    if rollup.booking_id is None or rollup.status is None or rollup.starts_at is None:
        return None
    if any(refers_to(rollup.booking_id, i) for i in merged):
        return None
    provider = rollup.provider or provider_of(rollup.booking_id)
    if provider is None:
        return None
    return Appointment(
        id=canonical(rollup.booking_id),
        provider=provider,
        status=rollup.status,
        starts_at=rollup.starts_at,
        ends_at=rollup.ends_at,
        canceled_at=rollup.canceled_at,
    )


def _change(case: _Case) -> Change | None:
    lead, stored, merged = case.lead, case.stored, _merge_appointments(case)
    rollup = _rollup(case, merged)
    rows = tuple(
        AppointmentChange(before=stored.get(i), after=a) for i, a in sorted(merged.items()) if stored.get(i) != a
    )
    status = _status(lead, rollup)
    contact_id = lead.contact_id or case.answer.contact_id
    if not rows and rollup == lead.rollup and status == lead.status and contact_id == lead.contact_id:
        return None
    moved = rollup != lead.rollup
    chosen = next((a for a in merged.values() if rollup.booking_id and refers_to(rollup.booking_id, a.id)), None)
    outcome = Outcome.ABSENT if case.lost else _outcome(lead.rollup, rollup, chosen)
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
        effects=_effects(lead, rollup, outcome=outcome, now=case.now) if moved else (),
        mismatch=mismatch,
    )


def _is_newly_booked(before: Rollup, after: Rollup) -> bool:
    return after.status is AppointmentStatus.CONFIRMED and (
        before.status is not AppointmentStatus.CONFIRMED or before.booking_id != after.booking_id
    )


def _status(lead: Lead, rollup: Rollup) -> LeadStatus:
    """Return the lead's status: moved by a booking or its loss, and never against what people have set since."""
    if lead.status is LeadStatus.KEPT:
        return LeadStatus.KEPT
    if _is_newly_booked(lead.rollup, rollup):
        return LeadStatus.MEETING_BOOKED
    if rollup.status is AppointmentStatus.CONFIRMED and lead.status is LeadStatus.QUALIFIED:
        return LeadStatus.MEETING_BOOKED
    if rollup.status in CALLED_OFF and lead.status is LeadStatus.MEETING_BOOKED:
        return LeadStatus.QUALIFIED
    return lead.status


def _outcome(before: Rollup, after: Rollup, chosen: Appointment | None) -> Outcome:
    if after.status in CALLED_OFF:
        return Outcome.UPDATED if before.status in CALLED_OFF or before == after else Outcome.CANCELED
    if after.status is not AppointmentStatus.CONFIRMED:
        return Outcome.UPDATED
    if _is_newly_booked(before, after):
        return Outcome.RESCHEDULED if before.booking_id and chosen and chosen.replaces else Outcome.BOOKED
    return Outcome.UPDATED if before.starts_at == after.starts_at else Outcome.RESCHEDULED


def _effects(lead: Lead, rollup: Rollup, *, outcome: Outcome, now: datetime) -> tuple[Effect, ...]:
    """Ask for follow-ups of what happens now; nobody wants a sequence about a meeting that is over."""
    if rollup.booking_id is None:
        return ()
    # Where the loss of the one before was told, what replaces it is news as well.
    is_news = outcome is Outcome.BOOKED or (outcome is Outcome.RESCHEDULED and lead.rollup.status in CALLED_OFF)
    if is_news and rollup.starts_at is not None and rollup.starts_at > now:
        return (_effect(EffectKind.START_POST_BOOKING_SEQUENCE, lead, rollup, rollup.starts_at),)
    was_booked = lead.rollup.booking_id is not None and lead.rollup.status not in CALLED_OFF
    if was_booked and rollup.status is AppointmentStatus.CANCELED:
        return (_effect(EffectKind.OPEN_CANCELLATION_TASK, lead, rollup, rollup.canceled_at),)
    return ()


def _effect(kind: EffectKind, lead: Lead, rollup: Rollup, instant: datetime | None) -> Effect:
    """Name the effect by what caused it, so that planning it twice, even after a crash, delivers it once."""
    appointment_id = canonical(rollup.booking_id or "")
    cause = "\n".join([kind, lead.workspace_id, lead.id, appointment_id, instant.isoformat() if instant else ""])
    return Effect(kind=kind, key=hashlib.sha256(cause.encode()).hexdigest()[:40], appointment_id=appointment_id)
