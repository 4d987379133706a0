"""The statements that write a batch, each for all rows of one kind; built once for a database's own tables."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Integer,
    Table,
    UpdateBase,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from reconcile.domain.ids import ProviderName
from reconcile.store.db.clock import latest
from reconcile.store.db.insert import insert
from reconcile.store.db.json_rows import Rows
from reconcile.store.leads.lead_query import STATE_COLUMNS
from reconcile.store.leads.ledger_statements import TRUE, WriteStep, ledger_steps
from reconcile.store.mapping.catalog import ColumnKind
from reconcile.store.mapping.domain_tables import APPOINTMENT_FACTS, LEAD_FACTS, DomainTables
from reconcile.store.mapping.fields import DomainTable, Field, type_of
from reconcile.store.mapping.sources import Expression
from reconcile.store.schema import tables

CUSTOMER_STEPS = ("new_appointments", "appointments", "removed", "leads", "attempts")
"""The steps that write to the customer's tables."""
WATERMARKS = ("attempted_at", "verified_at")


def steps(domain: DomainTables, *, names_conflicts: bool = False) -> Mapping[str, WriteStep]:
    """Return the steps of a write in their order, by the name that their rows have in ``BatchRows``.

    A new appointment that a unique key refuses is left out; with *names_conflicts* it is an error that names the key.
    """
    made: list[WriteStep] = []
    if domain.appointment:
        made.append(_new_appointments(domain, domain.appointment, names_conflicts=names_conflicts))
        made.append(_appointments(domain, domain.appointment))
        made.append(_removed(domain, domain.appointment))
    if domain.side_table_appointment_facts():
        made += [_appointment_side_rows(domain), _removed_side_rows(domain)]
    mapped = tuple(name for name in (*LEAD_FACTS, "attempted_at") if name in domain.lead)
    if mapped:
        made.append(_leads(domain, mapped))
    if "attempted_at" in domain.lead:
        made.append(_attempts(domain))
    made += [
        _states(domain, "states", ()),
        _states(domain, "states_with_facts", domain.side_table_lead_facts()),
        *ledger_steps(domain.dialect),
    ]
    return {step.key: step for step in made}


def _rows(domain: DomainTables, key: str, names: tuple[str, ...]) -> Rows:
    return Rows(f"{key}_rows", {name: type_of(name) for name in names}, dialect=domain.dialect)


def _new_appointments(domain: DomainTables, own: DomainTable, *, names_conflicts: bool) -> WriteStep:
    given = ("lead_id", "workspace_id", "appointment_id", *APPOINTMENT_FACTS)
    rows = _rows(domain, "new_appointments", (*given, "id", "at"))
    values: dict[Any, ColumnElement[Any]] = {}
    for name in given:
        if name in own and not own[name].by_provider:
            values |= own[name].assignments(rows[name], dialect=domain.dialect)
    for provider, column in own["appointment_id"].by_provider.items():
        is_its = rows["provider"] == domain.mapping.appointment_provider_words.encode(provider)
        values[column.column] = column.native(case((is_its, rows["appointment_id"])))
    for name in ("created_at", "updated_at"):
        if name in own:
            values |= own[name].assignments(rows["at"], dialect=domain.dialect)
    if needs_own_id(own):
        values[own["id"].column] = own["id"].native(rows["id"])
    for name, value in own.constants.items():
        values[own.table.c[name]] = own.constant(name, value, dialect=domain.dialect)
    statement = insert(own.table, domain.dialect).from_select(
        list(values), select(*values.values()).select_from(rows.table).where(TRUE)
    )
    returned = (own["lead_id"].read.label("lead_id"), own["appointment_id"].read.label("appointment_id"))
    if not names_conflicts:
        statement = statement.on_conflict_do_nothing()
    return WriteStep("new_appointments", statement.returning(*returned), rows)


def needs_own_id(own: DomainTable) -> bool:
    """Return whether we generate the key of a new appointment: the column has no default, and its type allows it."""
    return "id" in own and own.facts["id"].is_required and own["id"].kind in {ColumnKind.TEXT, ColumnKind.UUID}


def new_id() -> str:
    """Return a generated key for a new row."""
    return str(uuid4())


def _appointments(domain: DomainTables, own: DomainTable) -> WriteStep:
    rows = _rows(domain, "appointments", ("lead_id", "appointment_id", *APPOINTMENT_FACTS, "at"))
    values: dict[ColumnElement[Any], ColumnElement[Any]] = {}
    for name in APPOINTMENT_FACTS:
        if name in own:
            values |= own[name].assignments(rows[name], dialect=domain.dialect)
    values |= _on_change(domain, own, values)
    if "updated_at" in own:
        values |= own["updated_at"].assignments(rows["at"], dialect=domain.dialect)
    return WriteStep("appointments", update(own.table).where(_is_same(own, rows)).values(values), rows)


def _is_same(own: DomainTable, rows: Rows) -> ColumnElement[bool]:
    """Return the condition that a customer's appointment is the one in a row."""
    key = own["appointment_id"]
    columns = key.by_provider.values() or (key,)
    is_it = or_(*(each.column == each.native(rows["appointment_id"]) for each in columns))
    exists_for_us = true() if own.where is None else own.where
    return and_(own["lead_id"].column == own["lead_id"].native(rows["lead_id"]), is_it, exists_for_us)


def _on_change(
    domain: DomainTables, own: DomainTable, values: Mapping[ColumnElement[Any], ColumnElement[Any]]
) -> dict[ColumnElement[Any], ColumnElement[Any]]:
    """Return the columns that a change also sets, besides *values*: always, or only if a given field changes."""
    found: dict[ColumnElement[Any], ColumnElement[Any]] = {}
    for name, constant in own.on_change.items():
        column, value = own.table.c[name], own.constant(name, constant, dialect=domain.dialect)
        when = constant.when if isinstance(constant, Expression) else None
        if when is not None:
            becomes = values.get(own[when].column, own[when].column) if when in own else own.table.c[name]
            is_another = own[when].column.is_distinct_from(becomes) if when in own else false()
            value = case((is_another, value), else_=column)
        found[column] = value
    return found


def _appointment_side_rows(domain: DomainTables) -> WriteStep:
    beside = domain.side_table_appointment_facts()
    keys = ("lead_id", "appointment_id")
    rows = _rows(domain, "appointment_side_rows", (*keys, *beside))
    return WriteStep("appointment_side_rows", _upsert(domain, tables.appointment_state, rows, keys, beside), rows)


def _removed(domain: DomainTables, own: DomainTable) -> WriteStep:
    rows = _rows(domain, "removed", ("lead_id", "appointment_id"))
    return WriteStep("removed", delete(own.table).where(_any(rows, _is_same(own, rows))), rows)


def _removed_side_rows(domain: DomainTables) -> WriteStep:
    table = tables.appointment_state
    rows = _rows(domain, "removed_side_rows", ("lead_id", "appointment_id"))
    is_same = (table.c.lead_id == rows["lead_id"]) & (table.c.appointment_id == rows["appointment_id"])
    return WriteStep("removed_side_rows", delete(table).where(_any(rows, is_same)), rows)


def _any(rows: Rows, is_same: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(literal(1)).select_from(rows.table).where(is_same))


def _leads(domain: DomainTables, mapped: tuple[str, ...]) -> WriteStep:
    own = domain.lead
    rows = _rows(domain, "leads", ("id", *mapped, "at", "booking_owner", "former_booking_id"))
    values: dict[ColumnElement[Any], ColumnElement[Any]] = {}
    for name in mapped:
        for provider, part in own[name].by_provider.items():
            values[part.column] = _booking_column(part, provider, rows)
        if not own[name].by_provider:
            values |= own[name].assignments(rows[name], dialect=domain.dialect)
    if "status" in own:
        # Without a word, the status is not changed.
        values[own["status"].column] = func.coalesce(own["status"].native(rows["status"]), own["status"].column)
    values |= _on_change(domain, own, values)
    if "attempted_at" in own:
        values |= _later_attempt(domain, rows)
    if "updated_at" in own:
        values |= own["updated_at"].assignments(rows["at"], dialect=domain.dialect)
    is_same = own["id"].column == own["id"].native(rows["id"])
    return WriteStep("leads", update(own.table).where(is_same).values(values), rows)


def _attempts(domain: DomainTables) -> WriteStep:
    own = domain.lead
    rows = _rows(domain, "attempts", ("lead_id", "attempted_at"))
    later = _later_attempt(domain, rows)
    is_same = own["id"].column == own["id"].native(rows["lead_id"])
    return WriteStep("attempts", update(own.table).where(is_same).values(later), rows)


def _booking_column(part: Field, provider: ProviderName, rows: Rows) -> ColumnElement[Any]:
    """Return the new value of one provider's booking id: the lead's booking, or empty if it held the former one."""
    is_former = and_(
        part.read == rows["former_booking_id"], rows["booking_id"].is_distinct_from(rows["former_booking_id"])
    )
    is_its = rows["booking_owner"] == provider.value
    return case((is_its, part.native(rows["booking_id"])), (is_former, null()), else_=part.column)


def _later_attempt(domain: DomainTables, rows: Rows) -> dict[ColumnElement[Any], ColumnElement[Any]]:
    field = domain.lead["attempted_at"]
    later = latest(field.read, rows["attempted_at"], domain.dialect)
    return field.assignments(later, dialect=domain.dialect)


def _states(domain: DomainTables, key: str, beside: tuple[str, ...]) -> WriteStep:
    columns = tuple(name for name in ("workspace_id", *STATE_COLUMNS) if name != "failure_count")
    types = {name: tables.lead_state.c[name].type for name in ("lead_id", *columns, *beside)}
    rows = Rows(f"{key}_rows", {**types, "failure_count": Integer()}, dialect=domain.dialect)
    names = (*columns, "failure_count", *beside)
    return WriteStep(key, _upsert(domain, tables.lead_state, rows, ("lead_id",), names), rows)


def _upsert(
    domain: DomainTables, table: Table, rows: Rows, keys: tuple[str, ...], names: tuple[str, ...]
) -> UpdateBase:
    statement = insert(table, domain.dialect).from_select(
        [*keys, *names], select(*(rows[name] for name in (*keys, *names))).select_from(rows.table).where(TRUE)
    )
    given = statement.excluded
    values = {
        name: latest(table.c[name], given[name], domain.dialect) if name in WATERMARKS else given[name]
        for name in names
    }
    return statement.on_conflict_do_update(index_elements=list(keys), set_=values)
