"""Whether a mapping fits a table, column by column, without a database."""

from dataclasses import replace
from typing import Any

import pytest

from reconcile.store.mapping.catalog import ColumnFacts, ColumnKind
from reconcile.store.mapping.mapping import SchemaMapping, parse_mapping
from reconcile.store.mapping.mapping_check import fit_faults

TEXT = """
[workspace]
table = "workspaces"
[workspace.columns]
id = "id"
active = "on"
[lead]
table = "crm.leads"
[lead.columns]
id = "id"
workspace_id = "owner"
status = "state"
booking_status = "booking"
booking_provider = "calendar"
booking_canceled_at = "gone"
booking_starts_at = "begins"
[lead.status]
meeting-booked = "BOOKED"
qualified = "QUALIFIED"
keep = "LOST"
[lead.booking_status]
confirmed = "NEW"
canceled = "OFF"
[appointment]
table = "meetings"
[appointment.columns]
id = "key"
lead_id = "lead"
appointment_id = "number"
provider = "calendar"
status = "state"
starts_at = "begins"
canceled_at = "gone"
[appointment.status]
confirmed = "NEW"
canceled = "OFF"
[appointment.constants]
title = "Call"
[provider]
ghl = "GHL"
calendly = "CAL"
"""
MAPPING = parse_mapping(TEXT, name="x.toml")
ENUMS = {
    "leads.state": ("BOOKED", "QUALIFIED", "LOST"),
    "leads.booking": ("NEW", "OFF"),
    "leads.calendar": ("GHL", "CAL"),
    "meetings.state": ("NEW", "OFF"),
    "meetings.calendar": ("GHL", "CAL"),
}
KINDS = {
    "workspaces": {"id": ColumnKind.UUID, "on": ColumnKind.BOOLEAN},
    "leads": {
        "id": ColumnKind.INTEGER,
        "owner": ColumnKind.UUID,
        "state": ColumnKind.ENUM,
        "booking": ColumnKind.ENUM,
        "calendar": ColumnKind.ENUM,
        "gone": ColumnKind.INSTANT,
        "begins": ColumnKind.NAIVE_INSTANT,
    },
    "meetings": {
        "key": ColumnKind.UUID,
        "lead": ColumnKind.INTEGER,
        "number": ColumnKind.TEXT,
        "calendar": ColumnKind.ENUM,
        "state": ColumnKind.ENUM,
        "begins": ColumnKind.INSTANT,
        "gone": ColumnKind.NAIVE_INSTANT,
        "title": ColumnKind.TEXT,
    },
}
SECTIONS = {"workspaces": "workspace", "leads": "lead", "meetings": "appointment"}


def facts(table: str, name: str, kind: ColumnKind) -> ColumnFacts:
    """Return a column that fits."""
    labels = ENUMS.get(f"{table}.{name}", ())
    return ColumnFacts(name=name, type_name=f"{kind} type", kind=kind, is_required=False, labels=labels)


def faults(change: dict[str, Any], *, dialect: str = "postgresql", mapping: SchemaMapping = MAPPING) -> Any:
    """Return what is wrong where these columns, by ``table.column``, differ from what fits; None drops the column."""
    catalog = {
        SECTIONS[table]: {name: facts(table, name, kind) for name, kind in columns.items()}
        for table, columns in KINDS.items()
    }
    for place, changes in change.items():
        table, _, name = place.partition(".")
        if not name:
            del catalog[SECTIONS[table]]
        elif changes is None:
            del catalog[SECTIONS[table]][name]
        else:
            found = catalog[SECTIONS[table]].get(name) or facts(table, name, ColumnKind.TEXT)
            catalog[SECTIONS[table]][name] = replace(found, **changes)
    return list(fit_faults(mapping, catalog, dialect=dialect))


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_a_mapping_with_matching_column_types_is_accepted(dialect: str) -> None:
    assert faults({}, dialect=dialect) == []


WORD, KEY = "text, uuid, integer or an enum", "; name another column"


@pytest.mark.parametrize(
    ("place", "kind", "sentence"),
    [
        ("workspaces.id", ColumnKind.INTEGER, None),
        ("workspaces.id", ColumnKind.BOOLEAN, "[workspace.columns] id of x.toml: workspaces.id is odd, not " + WORD),
        (
            "workspaces.on",
            ColumnKind.TEXT,
            "[workspace.columns] active of x.toml: workspaces.on is odd, not a boolean or",
        ),
        ("leads.owner", ColumnKind.INTEGER, None),
        (
            "leads.owner",
            ColumnKind.INSTANT,
            "[lead.columns] workspace_id of x.toml: crm.leads.owner is odd, not " + WORD,
        ),
        ("leads.state", ColumnKind.TEXT, None),
        ("leads.state", ColumnKind.INSTANT, "[lead.columns] status of x.toml: crm.leads.state is odd, not text, a num"),
        ("leads.begins", ColumnKind.INSTANT, None),
        (
            "leads.begins",
            ColumnKind.TEXT,
            "[lead.columns] booking_starts_at of x.toml: crm.leads.begins is odd, not a time",
        ),
        (
            "meetings.lead",
            ColumnKind.OTHER,
            "[appointment.columns] lead_id of x.toml: meetings.lead is odd, not " + WORD,
        ),
        (
            "meetings.number",
            ColumnKind.INTEGER,
            "[appointment.columns] appointment_id of x.toml: meetings.number is odd, n",
        ),
        ("meetings.title", ColumnKind.BOOLEAN, None),
    ],
)
def test_a_column_of_another_type_is_refused(place: str, kind: ColumnKind, sentence: str | None) -> None:
    found = faults({place: {"kind": kind, "type_name": "odd"}})

    assert [each.startswith(sentence) and KEY in each for each in found if sentence] == [True] * bool(sentence)
    assert bool(found) == bool(sentence)


def test_on_sqlite_any_column_type_is_accepted() -> None:
    assert (
        faults(
            {"leads.begins": {"kind": ColumnKind.TEXT}, "workspaces.on": {"kind": ColumnKind.TEXT}}, dialect="sqlite"
        )
        == []
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"leads": {}}, "there is no table crm.leads; correct table in [lead] of x.toml (RECONCILE_SCHEMA_MAPPING)"),
        (
            {"leads.gone": None, "leads.goner": {}},
            "[lead.columns] booking_canceled_at of x.toml: crm.leads has no column gone; did you mean goner?",
        ),
        (
            {"workspaces.id": None},
            "[workspace.columns] id of x.toml: workspaces has no column id; the nearest name is on",
        ),
        (
            {"meetings.title": None},
            "[appointment.constants] of x.toml: meetings has no column title; did you mean state?",
        ),
        (
            {"meetings.room": {"is_required": True}},
            (
                "meetings.room is required and has no default, so no appointment can be inserted; name it in "
                "[appointment.columns] or give it a value in [appointment.constants] of x.toml"
            ),
        ),
        (
            {"meetings.key": {"is_required": True, "kind": ColumnKind.INTEGER}},
            "meetings.key is a number without a default, so no appointment can be inserted; give it a sequence",
        ),
        (
            {"leads.gone": {"precision": 2}},
            (
                "[lead.columns] booking_canceled_at of x.toml: crm.leads.gone keeps 2 digits of a second, so a "
                "cancellation would differ in every run; leave it out, and it is kept in our tables"
            ),
        ),
        (
            {"meetings.gone": {"precision": 0}},
            (
                "[appointment.columns] canceled_at of x.toml: meetings.gone keeps 0 digits of a second, so a "
                "cancellation would differ in every run; leave it out, and it is kept in our tables"
            ),
        ),
        (
            {"leads.state": {"labels": ("BOOKED", "QUALIFIED", "CLOSED")}},
            "crm.leads.state is the enum enum type, which has no LOST ([lead.status]); did you mean CLOSED?",
        ),
        (
            {"leads.state": {"labels": ("BOOKED", "LOST")}},
            "crm.leads.state is the enum enum type, which has no QUALIFIED ([lead.status]); it has BOOKED, LOST",
        ),
        (
            {"leads.state": {"labels": ("QUALIFIED", "LOST")}},
            "crm.leads.state is the enum enum type, which has no BOOKED ([lead.status]); it has QUALIFIED, LOST",
        ),
        (
            {"leads.booking": {"labels": ("NEW", "XY")}},
            "crm.leads.booking is the enum enum type, which has no OFF ([lead.booking_status]); it has NEW, XY",
        ),
        (
            {"leads.calendar": {"labels": ("GHL", "XY")}},
            "crm.leads.calendar is the enum enum type, which has no CAL ([lead.booking_provider]); it has GHL, XY",
        ),
        (
            {"meetings.state": {"labels": ("XY", "OFF")}},
            "meetings.state is the enum enum type, which has no NEW ([appointment.status]); it has XY, OFF",
        ),
        (
            {"meetings.calendar": {"labels": ("XY", "CAL")}},
            "meetings.calendar is the enum enum type, which has no GHL ([appointment.provider]); it has XY, CAL",
        ),
    ],
)
def test_a_mismatch_is_reported_with_column_and_remedy(change: dict[str, Any], sentence: str) -> None:
    assert faults(change) == [sentence]


@pytest.mark.parametrize(
    "change",
    [
        {"leads.gone": {"precision": 3}},
        {"leads.begins": {"precision": 0}},
        {"leads.more": {"is_required": True}},
        {"meetings.title": {"is_required": True}},
        {"meetings.lead": {"is_required": True}},
        {"meetings.key": {"is_required": True}},
        {"meetings.key": {"kind": ColumnKind.INTEGER}},
        {"leads.state": {"kind": ColumnKind.TEXT, "labels": ()}},
    ],
)
def test_a_writable_column_is_accepted(change: dict[str, Any]) -> None:
    assert faults(change) == []


def test_mismatched_columns_are_reported_before_their_values() -> None:
    found = faults({"workspaces.on": None, "meetings": {}, "leads.state": {"labels": ()}})

    assert [each.partition(":")[0].partition(";")[0] for each in found] == [
        "[workspace.columns] active of x.toml",
        "there is no table meetings",
    ]


def test_without_an_appointment_table_its_columns_are_not_checked() -> None:
    assert faults({"meetings": {}}, mapping=replace(MAPPING, appointment=None)) == []
