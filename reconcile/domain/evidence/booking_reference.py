"""The reference in a stored booking id. A stored URI is never requested; only the UUIDs in it are used."""

import re
from dataclasses import dataclass

from reconcile.domain.ids import AppointmentId, ProviderName

_CANONICAL_ORIGIN = "https://api.calendly.com"
_CALENDLY = re.compile(
    r"(?:[a-z]+://[^/?#\s]+)?/?scheduled_events/(?P<event>[A-Za-z0-9_-]{1,64})"
    r"(?:/invitees/(?P<invitee>[A-Za-z0-9_-]{1,64}))?/?(?:[?#]\S*)?",
    re.ASCII,
)
_GHL = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_BARE_UUID = re.compile(r"(?:\S*/)?(?P<uuid>[A-Za-z0-9_-]{16,64})/?(?:[?#]\S*)?", re.ASCII)
"""A UUID of Calendly's alone, or at the end of the address of one of its pages; shorter text may be anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendlyReference:
    """The UUIDs in a Calendly URI; *invitee* is None where only the event was stored."""

    event: str
    invitee: str | None = None

    @classmethod
    def parse(cls, text: str) -> "CalendlyReference | None":
        """Return what *text* (an event's or an invitee's URI, on any host, or its path alone) refers to, else None."""
        match = _CALENDLY.fullmatch(text.strip())
        return cls(event=match["event"], invitee=match["invitee"]) if match else None

    def appointment_id(self) -> AppointmentId:
        """Return the canonical URI: the one spelling under which we store it."""
        invitee = f"/invitees/{self.invitee}" if self.invitee else ""
        return AppointmentId(f"{_CANONICAL_ORIGIN}/scheduled_events/{self.event}{invitee}")


def provider_of(booking_id: str) -> ProviderName | None:
    """Return the provider whose ids look like *booking_id*, or None if no provider's do."""
    if CalendlyReference.parse(booking_id):
        return ProviderName.CALENDLY
    return ProviderName.HIGHLEVEL if _GHL.fullmatch(booking_id.strip()) else None


def canonical(booking_id: str) -> AppointmentId:
    """Return the one spelling of *booking_id* that ids are compared in; text of no provider stays as it is."""
    reference = CalendlyReference.parse(booking_id)
    return reference.appointment_id() if reference else AppointmentId(booking_id.strip())


def refers_to(stored: str, appointment_id: AppointmentId) -> bool:
    """Return whether a *stored* booking id means *appointment_id*.

    It does so also where only the Calendly event was stored, or a UUID without saying whether it is the event's or the
    invitee's: no request is made of that, but what Calendly lists can be compared with it.
    """
    ours = canonical(stored)
    if ours == appointment_id or appointment_id.startswith(f"{ours}/invitees/"):
        return True
    bare = _BARE_UUID.fullmatch(ours) if not ours.startswith(_CANONICAL_ORIGIN) else None
    theirs = CalendlyReference.parse(appointment_id) if bare and appointment_id.startswith(_CANONICAL_ORIGIN) else None
    return bare is not None and theirs is not None and bare["uuid"] in {theirs.event, theirs.invitee}
