"""The evidence of a look-up about a lead's stored booking (docs/evidence.md); writes and watermarks follow from it."""

from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.appointment import CANCELED_STATUSES, INCONCLUSIVE
from reconcile.domain.evidence.booking_reference import canonical, provider_of, refers_to
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer, Unverified

ABSENCE_CONFIRMATION = timedelta(seconds=50)
"""A second "no such appointment" counts only this long after the first: a deployment's hiccup is over by then."""


class Evidence(StrEnum):
    """The evidence of one look-up about the lead's booking."""

    SEEN = "seen"
    """The provider returned that appointment, by its id, in a status that is known."""
    NAMED_ABSENT = "named_absent"
    """The provider said, naming this appointment, that it does not exist."""
    NOT_MENTIONED = "not_mentioned"


class Absence(StrEnum):
    """Whether an appointment that was named absent counts as deleted."""

    UNCONFIRMED = "unconfirmed"
    """It was not named absent before, or only a moment ago."""
    NO_CONTROL = "no_control"
    """The same operation returned no other appointment of the account in this run, so it may be broken."""
    BELIEVED = "believed"


def evidence(lead: Lead, answer: Answer) -> Evidence:
    """Return what *answer* says of the booking of *lead*; without a booking, a complete search counts as seen."""
    booking = stored_booking(lead)
    if booking is None:
        return Evidence.SEEN if answer.unverified is None else Evidence.NOT_MENTIONED
    if any(a.status not in INCONCLUSIVE and refers_to(booking, a.id) for a in answer.appointments):
        return Evidence.SEEN
    is_absent = canonical(booking) in answer.absent and not _is_guessed(lead)
    return Evidence.NAMED_ABSENT if is_absent else Evidence.NOT_MENTIONED


def why_not_mentioned(lead: Lead, answer: Answer) -> Unverified:
    """Return why *answer* does not mention the booking of *lead*."""
    booking = stored_booking(lead)
    if answer.unverified is not None or booking is None:
        return answer.unverified or Unverified.NOT_MENTIONED
    if any(refers_to(booking, a.id) for a in answer.appointments):
        return Unverified.UNKNOWN_STATUS
    if canonical(booking) in answer.absent:
        return Unverified.UNKNOWN_OWNER
    if provider_of(booking) is not (lead.rollup.provider or provider_of(booking)):
        return Unverified.UNREADABLE_BOOKING_ID
    return Unverified.NOT_MENTIONED


def lost_booking(lead: Lead, answer: Answer) -> bool:
    """Return whether the provider named the stored, active booking absent."""
    return lead.rollup.status not in CANCELED_STATUSES and evidence(lead, answer) is Evidence.NAMED_ABSENT


def absence(lead: Lead, *, has_control: bool, now: datetime) -> Absence:
    """Return whether a booking that was named absent counts as deleted; *now* is the database's time.

    A booking that is already stored as canceled needs no second look-up.
    """
    since = lead.state.absent_since
    is_news = lead.rollup.status not in CANCELED_STATUSES
    if is_news and (since is None or now - since < ABSENCE_CONFIRMATION):
        return Absence.UNCONFIRMED
    return Absence.BELIEVED if has_control else Absence.NO_CONTROL


def stored_booking(lead: Lead) -> str | None:
    """Return the id of the booking that the lead holds, None where its row has none or a blank one."""
    return (lead.rollup.booking_id or "").strip() or None


def _is_guessed(lead: Lead) -> bool:
    """Return whether the provider follows only from the form of the id; other calendars have ids of GHL's form."""
    booking = lead.rollup.booking_id or ""
    return lead.rollup.provider is None and provider_of(booking) is ProviderName.HIGHLEVEL
