"""Appointments as a provider reports them, and the choice of the primary one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconcile.domain.ids import AppointmentId, ProviderName


class AppointmentStatus(StrEnum):
    """The status of an appointment, independent of the provider."""

    CONFIRMED = "confirmed"
    CANCELED = "canceled"
    RESCHEDULED = "rescheduled"
    """Canceled, and replaced by another appointment."""
    SHOWED = "showed"
    NO_SHOW = "no_show"
    UNKNOWN = "unknown"
    """A status unknown to this version: the appointment exists, and nothing is concluded from it."""
    INVALID = "invalid"
    """GHL's status of a booking that a user marked as not valid: neither held nor canceled."""


HELD = frozenset({AppointmentStatus.CONFIRMED, AppointmentStatus.SHOWED, AppointmentStatus.NO_SHOW})
"""Statuses of an appointment that was not canceled."""
CANCELED_STATUSES = frozenset({AppointmentStatus.CANCELED, AppointmentStatus.RESCHEDULED})
INCONCLUSIVE = frozenset({AppointmentStatus.UNKNOWN, AppointmentStatus.INVALID})
"""Statuses of an appointment that exists, without a decision following from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One appointment of one lead; instants are aware. *created_at* is the provider's and is not stored."""

    id: AppointmentId
    provider: ProviderName
    status: AppointmentStatus
    starts_at: datetime
    ends_at: datetime | None = None
    canceled_at: datetime | None = None
    replaces: AppointmentId | None = None
    created_at: datetime | None = None


def primary(
    appointments: Iterable[Appointment], *, now: datetime, preferred: ProviderName | None = None
) -> Appointment | None:
    """Return the next upcoming confirmed appointment, else the latest held, else the latest canceled, else None.

    Among upcoming ones, those of the *preferred* provider come first.
    """
    known = [a for a in appointments if a.status not in INCONCLUSIVE]
    upcoming = [a for a in known if a.status is AppointmentStatus.CONFIRMED and a.starts_at > now]
    if upcoming:
        return min(upcoming, key=lambda a: (preferred not in {None, a.provider}, a.starts_at, a.id))
    held = [a for a in known if a.status in HELD]
    if held:
        return max(held, key=lambda a: (a.starts_at, a.id))
    return max(known, key=lambda a: (a.canceled_at or a.starts_at, a.id), default=None)
