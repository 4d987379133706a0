"""The ids and the e-mail address of a lead by which a provider can look it up."""

import re

from reconcile.domain.evidence.booking_reference import provider_of
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead

_GHL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_LONGEST_ADDRESS = 254
"""The longest address that SMTP allows (RFC 5321, erratum 1690)."""


def own_booking_id(lead: Lead, provider: ProviderName) -> str | None:
    """Return the stored booking id if it belongs to *provider*, by the row's provider column, else by its form."""
    stored = lead.rollup.booking_id
    if not stored or not stored.strip():
        return None
    owner = lead.rollup.provider or provider_of(stored)
    return stored.strip() if owner is provider else None


def is_ghl_id(text: str) -> bool:
    """Return whether *text* has the form of a GHL id."""
    return _GHL_ID.fullmatch(text) is not None


def contact_id(lead: Lead) -> str | None:
    """Return the lead's contact id at GHL; None if there is none or it has another form."""
    found = (lead.contact_id or "").strip()
    return found if is_ghl_id(found) else None


def address(lead: Lead, *, longest: int = _LONGEST_ADDRESS) -> str | None:
    """Return the lead's e-mail address, trimmed and in lower case; None if it is not valid or longer than *longest*."""
    found = (lead.email or "").strip().lower()
    usable = len(found) <= longest and found.isprintable() and _ADDRESS.fullmatch(found)
    return found if usable else None
