"""The rules of ``reconcile.domain.due`` in SQL; a property test compares the two."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    not_,
    or_,
    select,
    true,
    union,
)

from reconcile.domain.due import DuePolicy
from reconcile.domain.lead import MismatchKind
from reconcile.store.db.types import SQLITE, Instant
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.schema.tables import lead_state

NOW = bindparam("now", type_=Instant())
STALE_BEFORE = bindparam("stale_before", type_=Instant())
SOON_UNTIL = bindparam("soon_until", type_=Instant())
RESTED_BEFORE = bindparam("rested_before", type_=Instant())
OVERDUE_BEFORE = bindparam("overdue_before", type_=Instant())
WROTE_SINCE = bindparam("wrote_since", type_=Instant())

_OVERDUE_AFTER = timedelta(minutes=5)
_EVER = datetime(1, 1, 1, tzinfo=UTC)

_C = lead_state.c
_IS_ABSENT = _C.absent_since.is_not(None)
_HAS_DISAPPEARED = _C.mismatch == MismatchKind.DISAPPEARED.value
_IS_STALE = _C.verified_at <= STALE_BEFORE
_IS_FREE = and_(
    _C.quarantined_at.is_(None),
    or_(_C.next_attempt_at.is_(None), _C.next_attempt_at <= NOW),
    or_(_C.attempted_at.is_(None), _C.attempted_at <= RESTED_BEFORE),
)


def instants(now: datetime, policy: DuePolicy, *, wrote_since: datetime | None = None) -> dict[str, Any]:
    """Return the parameters of the conditions below; *wrote_since* is for ``has_due_leads`` and ``is_unseen``."""
    return {
        "now": now,
        "stale_before": now - policy.stale,
        "soon_until": now + policy.soon,
        "rested_before": now - policy.hot,
        "overdue_before": now - policy.hot - _OVERDUE_AFTER,
        "wrote_since": wrote_since or _EVER,
    }


def meets_soon(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition that a lead has an upcoming appointment that is not canceled."""
    return and_(_starts_soon(domain), domain.lead_lacks("booking_canceled_at"))


def is_hot(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition of ``due.is_hot``."""
    is_missed = and_(or_(_IS_ABSENT, _HAS_DISAPPEARED), _is_upcoming(domain))
    return or_(domain.lead_column("in_sequence"), meets_soon(domain), _may_stand_again(domain), is_missed)


def is_warm(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition of ``due.is_warm``."""
    wrote = not_(domain.lead_lacks("last_inbound_at"))
    lacks_status = and_(not_(domain.lead_lacks("booking_id")), domain.lead_lacks("booking_status"))
    return or_(_IS_STALE, and_(_C.verified_at.is_(None), wrote), _wrote_since_verified(domain), lacks_status)


def is_due(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition of ``due.due``: hot or warm, not in quarantine, not attempted recently."""
    return and_(_IS_FREE, or_(is_hot(domain), is_warm(domain)))


def is_overdue(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition that a lead is due and was not attempted for five more minutes, or never."""
    attempted_at = _C.attempted_at
    return and_(is_due(domain), or_(attempted_at.is_(None), attempted_at <= OVERDUE_BEFORE))


def is_never_verified(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition that a lead has something to compare, and no provider has answered for it yet."""
    engaged = (not_(domain.lead_lacks("booking_id")), not_(domain.lead_lacks("last_inbound_at")))
    return and_(_C.verified_at.is_(None), or_(*engaged, domain.lead_column("in_sequence")))


def is_unseen(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition that a lead of an active workspace wrote before ``wrote_since`` and has no stored state."""
    if "last_inbound_at" not in domain.lead:
        return false()
    wrote_before = domain.lead["last_inbound_at"].before(WROTE_SINCE)
    return and_(_C.lead_id.is_(None), wrote_before, domain.lead_is_active())


def priority(domain: DomainTables) -> ColumnElement[int]:
    """Return the order: hot before warm."""
    return case((is_hot(domain), 0), else_=1)


def has_due_leads(domain: DomainTables, workspace_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a workspace has due leads."""
    if domain.dialect == SQLITE:
        # It asks what names the workspace once for each of them, whatever it costs, and what does not name it once.
        owner = domain.lead["workspace_id"].column
        return or_(*(workspace_id.in_(each.with_only_columns(owner)) for each in _reasons(domain)))
    return or_(*(each.where(_is_of(domain, workspace_id)).exists() for each in _reasons(domain)))


def due_lead_ids(domain: DomainTables, workspace_id: ColumnElement[Any]) -> CompoundSelect[Any]:
    """Return the query for the ids of a workspace's due leads."""
    key = domain.lead["id"].column
    found = [each.with_only_columns(key).correlate(None) for each in _reasons(domain)]
    return union(*(each.where(_is_of(domain, workspace_id)) for each in found))


def _is_of(domain: DomainTables, workspace_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return domain.lead["workspace_id"].column == workspace_id


def _reasons(domain: DomainTables) -> Sequence[Select[tuple[int]]]:
    """Return one query for each reason to be due; together they find the leads of ``is_due``.

    An index answers each without a look at the leads that it does not concern; joined by OR inside one question, they
    would have the database read all of them.
    """
    lead, asked = domain.lead, []
    if "in_sequence" in lead:
        asked.append(_leads(domain, domain.lead_column("in_sequence")))
    asked.append(_leads_or_states(domain, "booking_starts_at", _starts_soon(domain), empty="booking_canceled_at"))
    has_booking = not_(domain.lead_lacks("booking_id"))
    asked.append(_leads_or_states(domain, "booking_id", has_booking, empty="booking_status"))
    if "booking_starts_at" in lead and "booking_canceled_at" in lead:
        asked.append(_leads(domain, _may_stand_again(domain)))
    else:
        asked.append(_states(domain, _may_stand_again(domain)))
    missed = [_states(domain, each, _is_upcoming(domain)) for each in (_IS_ABSENT, _HAS_DISAPPEARED)]
    asked += [*missed, _states(domain, _IS_STALE)]
    if "last_inbound_at" in lead:
        is_unverified = _C.verified_at.is_(None)
        asked.append(_states(domain, is_unverified, not_(domain.lead_lacks("last_inbound_at"))))
        asked.append(_unseen(domain))
        asked.append(_wrote_lately(domain))
    return asked


def _may_stand_again(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition that a lead's booking is canceled and starts in the future."""
    return and_(_starts_in_future(domain), not_(domain.lead_lacks("booking_canceled_at")))


def _is_upcoming(domain: DomainTables) -> ColumnElement[bool]:
    return or_(domain.lead_lacks("booking_starts_at"), _starts_in_future(domain))


def _starts_in_future(domain: DomainTables) -> ColumnElement[bool]:
    if "booking_starts_at" in domain.lead:
        return domain.lead["booking_starts_at"].since(NOW)
    return _C.booking_starts_at >= NOW


def _wrote_since_verified(domain: DomainTables) -> ColumnElement[bool]:
    """Return the condition that a lead wrote after it was verified; a message time in the future is ignored."""
    if "last_inbound_at" not in domain.lead:
        return false()
    wrote_at = domain.lead["last_inbound_at"]
    return and_(wrote_at.read > _C.verified_at, wrote_at.read <= NOW)


def _wrote_lately(domain: DomainTables) -> Select[tuple[int]]:
    """Return the query for leads that wrote after they were verified; those verified longer ago are due anyway."""
    wrote = domain.lead["last_inbound_at"].since(STALE_BEFORE)
    source = domain.lead.table.join(lead_state, domain.lead["id"].names(_C.lead_id))
    return select(1).select_from(source).where(wrote, _wrote_since_verified(domain), _IS_FREE, domain.lead_exists())


def _starts_soon(domain: DomainTables) -> ColumnElement[bool]:
    if "booking_starts_at" in domain.lead:
        starts_at = domain.lead["booking_starts_at"]
        return and_(starts_at.since(NOW), starts_at.before(SOON_UNTIL))
    return and_(_C.booking_starts_at >= NOW, _C.booking_starts_at < SOON_UNTIL)


def _leads_or_states(
    domain: DomainTables, name: str, condition: ColumnElement[bool], *, empty: str
) -> Select[tuple[int]]:
    """Return the query for leads that may be attempted, meet *condition* on *name*, and have no *empty*."""
    is_empty = domain.lead_lacks(empty)
    if name not in domain.lead:
        return _states(domain, condition, is_empty)
    if empty in domain.lead:
        return _leads(domain, condition, is_empty)
    return _leads(domain, condition, beside=is_empty)


def _leads(
    domain: DomainTables, *conditions: ColumnElement[bool], beside: ColumnElement[bool] | None = None
) -> Select[tuple[int]]:
    """Return the query that reads the customer's table first, and the stored state lead by lead.

    With a join the planner reads all stored states if it expects many leads, and for a column that is mostly
    filled whenever another one is, it expects far too many.
    """
    wanted = _IS_FREE if beside is None else and_(_IS_FREE, beside)
    is_free = select(wanted).where(_C.lead_id == domain.lead["id"].read).scalar_subquery()
    return (
        select(1)
        .select_from(domain.lead.table)
        .where(*conditions, func.coalesce(is_free, true()), domain.lead_exists())
    )


def _states(domain: DomainTables, *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
    """Return the query that reads the stored state first."""
    source = lead_state.join(domain.lead.table, domain.lead["id"].names(_C.lead_id))
    return select(1).select_from(source).where(*conditions, _IS_FREE, domain.lead_exists())


def _unseen(domain: DomainTables) -> Select[tuple[int]]:
    """Return the query for leads that wrote and have no stored state."""
    is_known = select(1).where(_C.lead_id == domain.lead["id"].read).exists()
    wrote = domain.lead["last_inbound_at"].since(WROTE_SINCE)
    return select(1).select_from(domain.lead.table).where(wrote, not_(is_known), domain.lead_exists())
