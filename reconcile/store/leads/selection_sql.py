"""A backfill's selection in SQL, in the customer's words."""

from sqlalchemy import ColumnElement, and_, case, null, or_

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import Selection
from reconcile.domain.ids import ProviderName
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.schema.tables import lead_state


def is_selected(domain: DomainTables, selection: Selection) -> ColumnElement[bool]:
    """Return the condition that a lead is in *selection* and its workspace is active."""
    owner = domain.lead["workspace_id"]
    conditions = [domain.lead_is_active(), domain.lead_exists()]
    if selection.workspaces:
        conditions.append(owner.read.in_(selection.workspaces))
    if selection.since is not None:
        conditions.append(lead_state.c.attempted_at >= selection.since)
    if selection.statuses:
        conditions.append(or_(*(_has_status(domain, status) for status in selection.statuses)))
    if selection.provider is not None:
        conditions.append(owner_of_booking(domain) == selection.provider.value)
    if selection.signature is not None:
        conditions.append(lead_state.c.reason.icontains(selection.signature, autoescape=True))
    if selection.stale_booked is not None:
        verified_at = lead_state.c.verified_at
        conditions.append(domain.lead_column("booking_id").is_not(None))
        conditions.append(or_(verified_at.is_(None), verified_at < selection.stale_booked))
    return and_(*conditions)


def owner_of_booking(domain: DomainTables) -> ColumnElement[str]:
    """Return the provider of a lead's booking as the lead's row names it, else by the form of its id, else NULL."""
    booking_id = domain.lead_column("booking_id")
    said = domain.lead_column("booking_provider")
    words = domain.mapping.lead_provider_words.words
    return case(
        (booking_id.is_(None), null()),
        *((said.in_(words[name]), name.value) for name in ProviderName),
        (booking_id.like("%scheduled_events/%"), ProviderName.CALENDLY.value),
        else_=ProviderName.HIGHLEVEL.value,
    )


def _has_status(domain: DomainTables, status: AppointmentStatus) -> ColumnElement[bool]:
    """Return the status that ``AppointmentWords.decode`` returns: of the word, or the exact one in the side table."""
    words, said, exact = domain.mapping.booking_words, domain.lead_column("booking_status"), lead_state.c.booking_status
    written = words.encode(status)
    others = [each.value for each in AppointmentStatus if each is not status and words.encode(each) == written]
    is_remembered = and_(said == written, exact == status.value)
    if status not in words.words:
        return is_remembered
    is_said = said.in_(words.words[status])
    return or_(is_remembered, and_(is_said, or_(said != written, exact.is_(None), exact.not_in(others))))
