"""The domain tables of one database for statements: the customer's tables joined with our side tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, false, func, null, select, true
from sqlalchemy.sql import FromClause

from reconcile.domain.ids import ProviderName
from reconcile.store.mapping.catalog import Catalog
from reconcile.store.mapping.fields import DomainTable, Field, domain_table, type_of
from reconcile.store.mapping.mapping import ROLLUP_FIELDS, MappedTable, SchemaMapping
from reconcile.store.mapping.vocabulary import Comparison
from reconcile.store.schema import tables

LEAD_FACTS = ("contact_id", "status", *ROLLUP_FIELDS)
"""The fields of a lead that a change writes."""
APPOINTMENT_FACTS = ("provider", "status", "starts_at", "ends_at", "canceled_at", "replaces")
"""The fields of an appointment that a change writes, besides its two keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainTables:
    """The source of each of our fields; *dialect* is the database's name in SQLAlchemy."""

    dialect: str
    mapping: SchemaMapping
    workspace: DomainTable
    lead: DomainTable
    appointment: DomainTable | None

    @classmethod
    def of(cls, mapping: SchemaMapping, catalog: Catalog, *, dialect: str) -> "DomainTables":
        """Return the tables of *mapping* with the types that *catalog* found."""

        def build(key: str) -> DomainTable:
            mapped = getattr(mapping, key)
            words = _known_words(mapping).get(key, {})
            return domain_table(mapped, catalog[key], dialect=dialect, is_ours=mapping.is_ours, words=words)

        return cls(
            dialect=dialect,
            mapping=_as_compared(mapping, catalog),
            workspace=build("workspace"),
            lead=build("lead"),
            appointment=build("appointment") if mapping.appointment else None,
        )

    def lead_column(self, name: str) -> ColumnElement[Any]:
        """Return a lead's field in our form: from the customer's column, else from our side table, else empty."""
        if name == "in_sequence":
            return self.lead.read(name, false())
        if name in {"booking_id", "booking_provider"} and self._bookings():
            return self._booking(name)
        beside = tables.lead_state.c[name] if name in LEAD_FACTS else cast(null(), type_of(name))
        return self.lead.read(name, beside)

    def _bookings(self) -> Mapping[ProviderName, Field]:
        """Return the columns of a lead's booking id, if each provider has its own."""
        return self.lead["booking_id"].by_provider if "booking_id" in self.lead else {}

    def _booking(self, name: str) -> ColumnElement[Any]:
        """Return id or provider of a lead's booking: of the named provider, else of the one whose id is set."""
        words, columns = self.mapping.lead_provider_words, self._bookings()
        said = self.lead.read("booking_provider", tables.lead_state.c.booking_provider)
        named = [(and_(said.in_(words.words[each]), ~columns[each].is_empty()), each) for each in columns]
        found = [*named, *((~columns[each].is_empty(), each) for each in columns)]
        if name == "booking_id":
            return case(*((condition, columns[each].read) for condition, each in found))
        return case(*((condition, words.encode(each)) for condition, each in found), else_=said)

    def lead_lacks(self, name: str) -> ColumnElement[bool]:
        """Return the condition that a lead's field is empty."""
        return self.lead[name].is_empty() if name in self.lead else self.lead_column(name).is_(None)

    def lead_source(self) -> FromClause:
        """Return the leads joined with their stored state."""
        is_same = tables.lead_state.c.lead_id == self.lead["id"].read
        return self.lead.table.outerjoin(tables.lead_state, is_same)

    def lead_exists(self) -> ColumnElement[bool]:
        """Return the condition that a lead's row meets the mapping's filter."""
        return true() if self.lead.where is None else self.lead.where

    def appointment_column(self, name: str) -> ColumnElement[Any]:
        """Return an appointment's field in our form."""
        beside = tables.appointment_state.c[name]
        if self.appointment is None:
            return beside
        read = self.appointment.read(name, beside)
        columns = self.appointment["appointment_id"].by_provider
        if name != "provider" or not columns:
            return read
        words = self.mapping.appointment_provider_words
        return func.coalesce(read, case(*((~columns[each].is_empty(), words.encode(each)) for each in columns)))

    def appointment_source(self) -> FromClause:
        """Return the appointments joined with our side table."""
        beside = tables.appointment_state
        if self.appointment is None:
            return beside
        own = self.appointment
        is_same = (beside.c.lead_id == own["lead_id"].read) & (beside.c.appointment_id == own["appointment_id"].read)
        return own.table.outerjoin(beside, is_same)

    def is_active(self) -> ColumnElement[bool]:
        """Return the condition that a workspace is active."""
        is_on = self.workspace["active"].read.is_not(false()) if "active" in self.workspace else true()
        return and_(is_on, self.workspace_exists())

    def workspace_exists(self) -> ColumnElement[bool]:
        """Return the condition that a workspace's row meets the mapping's filter."""
        return true() if self.workspace.where is None else self.workspace.where

    def lead_is_active(self) -> ColumnElement[bool]:
        """Return the condition that a lead's workspace is active."""
        is_its = self.workspace["id"].column == self.lead["workspace_id"].column
        return select(1).select_from(self.workspace.table).where(is_its, self.is_active()).exists()

    def side_table_lead_facts(self) -> tuple[str, ...]:
        """Return the lead's fields that our side table holds: those that the customer's columns cannot hold."""
        lacking = tuple(name for name in LEAD_FACTS if name not in self.lead)
        is_exact = self.mapping.booking_words.is_complete
        return lacking if is_exact or "booking_status" in lacking else (*lacking, "booking_status")

    def side_table_appointment_facts(self) -> tuple[str, ...]:
        """Return the appointment's fields that our side table holds."""
        if self.appointment is None:
            return APPOINTMENT_FACTS
        lacking = tuple(name for name in APPOINTMENT_FACTS if name not in self.appointment)
        is_exact = self.mapping.appointment_words.is_complete
        return lacking if is_exact or "status" in lacking else (*lacking, "status")


def _known_words(mapping: SchemaMapping) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the known words of statuses, by table and field."""
    return {
        "lead": {"status": mapping.lead_words.all_words, "booking_status": mapping.booking_words.all_words},
        "appointment": {"status": mapping.appointment_words.all_words},
    }


def _as_compared(mapping: SchemaMapping, catalog: Catalog) -> SchemaMapping:
    """Return *mapping* with words that are compared as in their columns."""

    def comparison(key: str, field: str) -> Comparison:
        table: MappedTable | None = getattr(mapping, key)
        column = catalog.get(key, {}).get(table.columns.get(field, "")) if table else None
        return column.comparison if column else Comparison.EXACT

    return replace(
        mapping,
        lead_words=replace(mapping.lead_words, comparison=comparison("lead", "status")),
        booking_words=replace(mapping.booking_words, comparison=comparison("lead", "booking_status")),
        appointment_words=replace(mapping.appointment_words, comparison=comparison("appointment", "status")),
    )
