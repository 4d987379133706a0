"""One occurrence of a recurring appointment; its id is ``MASTER_MILLISECONDS_SECONDS``."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reconcile.domain.ids import AppointmentId
from reconcile.providers.ghl.parsing import Record

_OCCURRENCE = re.compile(r"(?P<master>[A-Za-z0-9-]{1,64})_(?P<start>[0-9]{12,13})_(?P<length>[0-9]{1,6})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One occurrence: the id of the recurring appointment, and its times."""

    master_id: str
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def parse(cls, booking_id: str) -> "Occurrence | None":
        """Parse *booking_id*; None if it is not the id of an occurrence."""
        found = _OCCURRENCE.fullmatch(booking_id)
        if found is None:
            return None
        starts_at = _EPOCH + timedelta(milliseconds=int(found["start"]))
        length = timedelta(seconds=int(found["length"]))
        return cls(master_id=found["master"], starts_at=starts_at, ends_at=starts_at + length)


def with_requested_id(record: Record, booking_id: str) -> Record | None:
    """Return *record* with *booking_id* as its id; None if it is another appointment.

    For one occurrence GHL may return the recurring appointment, with the times of its first occurrence. It is the same
    booking; its times are in *booking_id*.
    """
    appointment = record.appointment
    if appointment.id == booking_id:
        return record
    occurrence = Occurrence.parse(booking_id)
    if occurrence is None or occurrence.master_id != appointment.id:
        return None
    same = replace(
        appointment, id=AppointmentId(booking_id), starts_at=occurrence.starts_at, ends_at=occurrence.ends_at
    )
    return replace(record, appointment=same)
