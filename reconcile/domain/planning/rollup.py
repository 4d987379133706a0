"""The lead's own row after an answer: which appointment is its booking. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.appointment import CANCELED_STATUSES, HELD, INCONCLUSIVE, Appointment, AppointmentStatus, primary
from reconcile.domain.evidence.booking_reference import canonical, provider_of, refers_to
from reconcile.domain.ids import AppointmentId
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.planning.change import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningCase:
    """One decision's givens: *lost* is the stored booking where the provider is believed that there is none."""

    lead: Lead
    answer: Answer
    now: datetime
    lost: AppointmentId | None

    @property
    def stored(self) -> dict[AppointmentId, Appointment]:
        return {a.id: a for a in self.lead.appointments}

    @property
    def doubtful(self) -> frozenset[AppointmentId]:
        """Those of which the provider says something unknown, where another one is confirmed and ahead."""
        answered = self.answer.appointments
        if not any(a.status is AppointmentStatus.CONFIRMED and a.starts_at > self.now for a in answered):
            return frozenset()
        return frozenset(a.id for a in answered if a.status in INCONCLUSIVE)

    @property
    def listed(self) -> frozenset[AppointmentId]:
        """The appointments that the provider has named."""
        return frozenset(a.id for a in self.answer.appointments)

    @property
    def is_booked(self) -> bool:
        """Whether the lead's own row says that a booking stands."""
        before = self.lead.rollup
        return before.status not in CANCELED_STATUSES and (before.booking_id is not None or before.status is not None)

    @property
    def lost_at(self) -> datetime:
        """When the loss was first seen."""
        return stored_instant(self.lead.state.absent_since or self.now)


def stored_instant(instant: datetime) -> datetime:
    """Cut to milliseconds, the least precision of the databases we write to: finer would differ at every check."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def rollup_of(case: PlanningCase, merged: Mapping[AppointmentId, Appointment]) -> Rollup:
    """Return what the lead's own row is to say."""
    before = case.lead.rollup
    listed, own = case.listed, before.booking_id
    candidates = [each for i, each in merged.items() if i in listed or (own is not None and refers_to(own, i))]
    unlisted = _unlisted_booking(case.lead, merged)
    if unlisted is not None and any(refers_to(unlisted.id, i) for i in case.doubtful):
        unlisted = None
    if unlisted is not None and case.lost is None:
        candidates.append(unlisted)
    chosen = primary(candidates, now=case.now, preferred=case.answer.preferred)
    if case.is_booked and (chosen is None or chosen.status in CANCELED_STATUSES):
        # A row that is not listed creates no booking. It keeps one alive: a look-up of one appointment lists no other.
        rows = [each for each in merged.values() if each.status in HELD]
        chosen = primary(rows, now=case.now, preferred=case.answer.preferred) or chosen
    if chosen is None:
        if case.lost is None:
            return before
        return replace(before, status=AppointmentStatus.CANCELED, canceled_at=case.lost_at)
    if chosen is unlisted or _is_about_another(before, chosen):
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


def _unlisted_booking(lead: Lead, merged: Mapping[AppointmentId, Appointment]) -> Appointment | None:
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


def _is_about_another(before: Rollup, chosen: Appointment) -> bool:
    """Return whether a called-off appointment says nothing of an active booking that is stored without its id."""
    if before.booking_id is not None or before.status not in HELD or chosen.status not in CANCELED_STATUSES:
        return False
    return before.provider not in {None, chosen.provider} or before.starts_at != chosen.starts_at
