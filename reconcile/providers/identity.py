"""By what a lead can be looked up: the ids and addresses in its row, as far as a request can hold them."""

import re

from reconcile.domain.evidence.booking_reference import provider_of
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead

_GHL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_LONGEST_ADDRESS = 254
"""As mail allows."""


def own_booking_id(lead: Lead, provider: ProviderName) -> str | None:
    """Return the stored booking id if it is *provider*'s: by the row's own word, else by its form."""
    stored = lead.rollup.booking_id
    if not stored or not stored.strip():
        return None
    owner = lead.rollup.provider or provider_of(stored)
    return stored.strip() if owner is provider else None


def is_ghl_id(text: str) -> bool:
    """Tell whether *text* has the form of an id of GHL."""
    return _GHL_ID.fullmatch(text) is not None


def contact_id(lead: Lead) -> str | None:
    """Return the lead's id at GHL, None where there is none or it has not the form of one."""
    found = (lead.contact_id or "").strip()
    return found if is_ghl_id(found) else None


def address(lead: Lead, *, longest: int = _LONGEST_ADDRESS) -> str | None:
    """Return the lead's e-mail address as it is compared: trimmed, lower-case; None where it is none or too long."""
    found = (lead.email or "").strip().lower()
    usable = len(found) <= longest and found.isprintable() and _ADDRESS.fullmatch(found)
    return found if usable else None
