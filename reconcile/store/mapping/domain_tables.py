"""The domain tables of one database, the customer's and our side tables side by side, as the statements need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, cast, false, null, select, true
from sqlalchemy.sql import FromClause

from reconcile.store.mapping.catalog import Catalog
from reconcile.store.mapping.fields import DomainTable, domain_table, type_of
from reconcile.store.mapping.mapping import ROLLUP_FIELDS, MappedTable, SchemaMapping
from reconcile.store.mapping.vocabulary import Comparison
from reconcile.store.schema import tables

LEAD_FACTS = ("contact_id", "status", *ROLLUP_FIELDS)
"""What a change writes of a lead."""
APPOINTMENT_FACTS = ("provider", "status", "starts_at", "ends_at", "canceled_at", "replaces")
"""What a change writes of an appointment, beside its two keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainTables:
    """Where each of our fields lives; *dialect* is the database's name in SQLAlchemy."""

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
        """Return a lead's field as ours: from the customer's column, else from our side table, else empty."""
        if name == "in_sequence":
            return self.lead.read(name, false())
        beside = tables.lead_state.c[name] if name in LEAD_FACTS else cast(null(), type_of(name))
        return self.lead.read(name, beside)

    def lead_lacks(self, name: str) -> ColumnElement[bool]:
        """Ask whether a lead's field is empty, wherever it lives."""
        return self.lead[name].is_empty() if name in self.lead else self.lead_column(name).is_(None)

    def lead_source(self) -> FromClause:
        """Return the leads with our memory of them."""
        is_same = tables.lead_state.c.lead_id == self.lead["id"].read
        return self.lead.table.outerjoin(tables.lead_state, is_same)

    def appointment_column(self, name: str) -> ColumnElement[Any]:
        """Return an appointment's field as ours, from where it lives."""
        beside = tables.appointment_state.c[name]
        return self.appointment.read(name, beside) if self.appointment else beside

    def appointment_source(self) -> FromClause:
        """Return the appointments with what we keep beside them."""
        beside = tables.appointment_state
        if self.appointment is None:
            return beside
        own = self.appointment
        is_same = (beside.c.lead_id == own["lead_id"].read) & (beside.c.appointment_id == own["appointment_id"].read)
        return own.table.outerjoin(beside, is_same)

    def is_active(self) -> ColumnElement[bool]:
        """Ask whether a workspace is not switched off."""
        return self.workspace["active"].column.is_not(false()) if "active" in self.workspace else true()

    def lead_is_active(self) -> ColumnElement[bool]:
        """Ask whether a lead is of a workspace that is not switched off."""
        is_its = self.workspace["id"].column == self.lead["workspace_id"].column
        return select(1).select_from(self.workspace.table).where(is_its, self.is_active()).exists()

    def side_table_lead_facts(self) -> tuple[str, ...]:
        """Return which of a lead's facts go to our side table: what the customer lacks or cannot tell."""
        lacking = tuple(name for name in LEAD_FACTS if name not in self.lead)
        is_exact = self.mapping.booking_words.is_complete
        return lacking if is_exact or "booking_status" in lacking else (*lacking, "booking_status")

    def side_table_appointment_facts(self) -> tuple[str, ...]:
        """Return which of an appointment's facts go to our side table."""
        if self.appointment is None:
            return APPOINTMENT_FACTS
        lacking = tuple(name for name in APPOINTMENT_FACTS if name not in self.appointment)
        is_exact = self.mapping.appointment_words.is_complete
        return lacking if is_exact or "status" in lacking else (*lacking, "status")


def _known_words(mapping: SchemaMapping) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the words of statuses that we know, by table and field."""
    return {
        "lead": {"status": mapping.lead_words.all_words, "booking_status": mapping.booking_words.all_words},
        "appointment": {"status": mapping.appointment_words.all_words},
    }


def _as_compared(mapping: SchemaMapping, catalog: Catalog) -> SchemaMapping:
    """Return *mapping* with words that compare as the columns that hold them do."""

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
