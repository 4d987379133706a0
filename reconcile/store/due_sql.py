"""``reconcile.domain.due`` asked in SQL; a property test holds the two against each other."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, or_

from reconcile.domain.due import DuePolicy
from reconcile.store.domain_tables import DomainTables
from reconcile.store.tables import lead_state
from reconcile.store.types import Instant

NOW = bindparam("now", type_=Instant())
STALE_BEFORE = bindparam("stale_before", type_=Instant())
SOON_UNTIL = bindparam("soon_until", type_=Instant())
RESTED_BEFORE = bindparam("rested_before", type_=Instant())
OVERDUE_BEFORE = bindparam("overdue_before", type_=Instant())

_OVERDUE_AFTER = timedelta(minutes=5)


def instants(now: datetime, policy: DuePolicy) -> dict[str, Any]:
    """Return the parameters of the conditions below."""
    return {
        "now": now,
        "stale_before": now - policy.stale,
        "soon_until": now + policy.soon,
        "rested_before": now - policy.hot,
        "overdue_before": now - policy.hot - _OVERDUE_AFTER,
    }


def meets_soon(domain: DomainTables) -> ColumnElement[bool]:
    """Ask whether a lead has an appointment ahead that is not called off."""
    starts_at = domain.lead_column("booking_starts_at")
    return and_(starts_at >= NOW, starts_at < SOON_UNTIL, domain.lead_column("booking_canceled_at").is_(None))


def is_hot(domain: DomainTables) -> ColumnElement[bool]:
    """Ask what ``due.is_hot`` asks."""
    return or_(domain.lead_column("in_sequence"), meets_soon(domain), lead_state.c.absent_since.is_not(None))


def is_warm(domain: DomainTables) -> ColumnElement[bool]:
    """Ask what ``due.is_warm`` asks."""
    verified_at = lead_state.c.verified_at
    has_booking_without_status = and_(
        domain.lead_column("booking_id").is_not(None), domain.lead_column("booking_status").is_(None)
    )
    return or_(
        verified_at <= STALE_BEFORE,
        and_(verified_at.is_(None), domain.lead_column("last_inbound_at").is_not(None)),
        has_booking_without_status,
    )


def is_due(domain: DomainTables) -> ColumnElement[bool]:
    """Ask what ``due.due`` asks: hot or warm, not set aside, rested."""
    state = lead_state.c
    return and_(
        state.quarantined_at.is_(None),
        or_(state.next_attempt_at.is_(None), state.next_attempt_at <= NOW),
        or_(state.attempted_at.is_(None), state.attempted_at <= RESTED_BEFORE),
        or_(is_hot(domain), is_warm(domain)),
    )


def is_overdue(domain: DomainTables) -> ColumnElement[bool]:
    """Ask whether a lead is due and was not attempted for five minutes more than that, or never."""
    attempted_at = lead_state.c.attempted_at
    return and_(is_due(domain), or_(attempted_at.is_(None), attempted_at <= OVERDUE_BEFORE))


def priority(domain: DomainTables) -> ColumnElement[int]:
    """Order hot before warm."""
    return case((is_hot(domain), 0), else_=1)
