"""Which new appointment of a lead replaces which canceled one.

Without a link from the provider, two instants decide: the creation of the new one and the cancellation of the other.
Both must be known, and a change after a meeting's start is no cancellation of it.
"""

from bisect import bisect_left
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId

RESCHEDULE_WINDOW = timedelta(hours=6)
"""A new appointment created this close to a cancellation of the same lead counts as its replacement."""

_Appointments = Mapping[AppointmentId, Appointment]


def link_reschedules(
    merged: dict[AppointmentId, Appointment], *, known: _Appointments, undated: Container[AppointmentId]
) -> None:
    """Set ``replaces`` of new appointments and the status of those they replace, in *merged* itself.

    The provider's own chain comes first; else the nearest cancellation in RESCHEDULE_WINDOW. *known* holds the stored
    appointments, which are never linked anew; of the *undated* ones nobody knows when they were called off.
    """
    replaceable = _replaceable(merged, undated)
    for new in sorted(merged.values(), key=lambda a: (a.starts_at, a.id)):
        replaced = new.replaces
        is_new = new.id not in known and new.status is AppointmentStatus.CONFIRMED
        if replaced is None and is_new and new.created_at is not None:
            replaced = _take_nearest(replaceable, new.created_at)
        if replaced is None:
            continue
        # Not *new* itself, which what replaces it may have changed since the list was sorted.
        merged[new.id] = replace(merged[new.id], replaces=replaced)
        old = merged.get(replaced)
        if old is not None and old.status is AppointmentStatus.CANCELED:
            merged[replaced] = replace(old, status=AppointmentStatus.RESCHEDULED)


def _replaceable(merged: _Appointments, undated: Container[AppointmentId]) -> list[tuple[datetime, AppointmentId]]:
    """Return the canceled appointments that no other replaces yet, by the instant of their cancellation."""
    taken = {a.replaces for a in merged.values()}
    return sorted(
        (a.canceled_at, a.id)
        for a in merged.values()
        if a.status is AppointmentStatus.CANCELED
        and a.canceled_at
        and a.canceled_at <= a.starts_at
        and a.id not in undated
        and a.id not in taken
    )


def _take_nearest(canceled: list[tuple[datetime, AppointmentId]], instant: datetime) -> AppointmentId | None:
    """Remove and return what was canceled nearest to *instant*, the least id of several, if it is near enough.

    *canceled* is sorted, so that many new appointments beside many cancellations take no time that grows with both.
    """
    after = bisect_left(canceled, (instant, AppointmentId("")))
    candidates = [after] if after < len(canceled) else []
    if after > 0:
        candidates.append(bisect_left(canceled, (canceled[after - 1][0], AppointmentId(""))))
    if not candidates:
        return None
    distance, appointment_id, nearest = min((abs(instant - canceled[i][0]), canceled[i][1], i) for i in candidates)
    if distance > RESCHEDULE_WINDOW:
        return None
    del canceled[nearest]
    return appointment_id
