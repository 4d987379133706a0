"""Mappings: what they may say, and that a wrong one is told of as a whole."""

from pathlib import Path

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import LeadStatus
from reconcile.errors import SettingsError
from reconcile.store.mapping.mapping import PRESETS, SchemaMapping, load_mapping, parse_mapping
from tests.store.schemas import BARE, CAMEL

LEAST = BARE
FORMS = (
    '{ column = "c", zone = "Europe/Berlin" }, { column = "c", epoch = "ms" }, { date = "d", time = "t" }, '
    '{ ghl = "c", calendly = "d" }, { sql = "expression" }'
)


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        parse_mapping(text, name="ours.toml")
    return caught.value.faults


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_read(name: str) -> None:
    mapping = load_mapping(name)

    assert (mapping.name, mapping.is_ours) == (name, name == "default")


def test_a_file_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(LEAST)

    assert load_mapping(str(tmp_path / "ours.toml")).lead.columns["id"] == "no"


def test_a_minimal_mapping_is_accepted() -> None:
    mapping = parse_mapping(LEAST, name="ours.toml")

    assert mapping.appointment is None
    assert mapping.lead_words.encode(LeadStatus.MEETING_BOOKED) == "meeting-booked"
    assert mapping.booking_words.encode(AppointmentStatus.RESCHEDULED) == "rescheduled"
    assert mapping.provider_words.encode(ProviderName.HIGHLEVEL) == "ghl"


def test_a_schema_is_read_from_the_table_name_or_its_own_key() -> None:
    dotted = parse_mapping(LEAST.replace('"person"', '"crm.person"'), name="ours.toml").lead
    apart = parse_mapping(
        LEAST.replace('table = "person"', 'schema = "c.rm"\ntable = "per.son"'), name="ours.toml"
    ).lead

    assert (dotted.schema, dotted.name) == ("crm", "person")
    assert (apart.schema, apart.name) == ("c.rm", "per.son")


def test_a_status_without_a_value_is_written_as_the_nearest_one() -> None:
    words = parse_mapping(CAMEL, name="ours.toml").booking_words

    written = {status: words.encode(status) for status in AppointmentStatus}
    assert written == {
        AppointmentStatus.CONFIRMED: "CONFIRMED",
        AppointmentStatus.CANCELED: "CANCELED",
        AppointmentStatus.RESCHEDULED: "CANCELED",
        AppointmentStatus.SHOWED: "CONFIRMED",
        AppointmentStatus.NO_SHOW: "CONFIRMED",
        AppointmentStatus.UNKNOWN: "CONFIRMED",
        AppointmentStatus.INVALID: "CONFIRMED",
    }


@pytest.mark.parametrize("status", AppointmentStatus)
def test_a_status_in_column_and_side_table_is_read_back(status: AppointmentStatus) -> None:
    mapping: SchemaMapping = parse_mapping(CAMEL, name="ours.toml")
    for words in (mapping.booking_words, mapping.appointment_words):
        assert words.decode(words.encode(status), remembered=status.value) is status


def test_all_faults_are_reported_at_once() -> None:
    found = faults(
        """
        [workspace]
        [workspace.columns]
        id = 7
        [lead]
        table = "lead"
        colums = {}
        [lead.columns]
        id = "id"
        status = "status"
        booking_stauts = "x"
        [appointment]
        table = "appointment"
        [appointment.columns]
        lead_id = "lead"
        status = "status"
        [provider]
        ghl = [1.5]
        zoom = "z"
        """
    )

    assert sorted(fault.removeprefix("RECONCILE_SCHEMA_MAPPING: ours.toml: ") for fault in found) == [
        "[appointment.columns] has no appointment_id; name the column that holds it",
        "[appointment.columns] has no starts_at; name the column that holds it",
        "[appointment.status] has no canceled; give the value that your status column uses for it",
        "[appointment.status] has no confirmed; give the value that your status column uses for it",
        "[lead.columns] has an unknown key booking_stauts; did you mean booking_status?",
        "[lead.columns] has no workspace_id; name the column that holds it",
        "[lead.status] has no meeting-booked; give the value that your status column uses for it",
        "[lead.status] has no qualified; give the value that your status column uses for it",
        "[lead] has an unknown key colums; did you mean columns?",
        "[provider] ghl must be a text, a whole number, a boolean, or a list of them",
        "[provider] has an unknown key zoom; known are ghl, calendly",
        "[workspace.columns] has no id; name the column that holds it",
        "[workspace.columns] id must be the name of a column, or one of " + FORMS,
        '[workspace] has no table; write table = "name" or table = "schema.name"',
    ]


def test_a_value_can_have_only_one_meaning() -> None:
    twice = CAMEL.replace('qualified = "QUALIFIED"', 'qualified = "MEETING BOOKED"')

    assert "uses MEETING BOOKED for meeting-booked and for qualified" in faults(twice)[0]


@pytest.mark.parametrize("text", ["", "[", "lead = 1", "[lead]\ncolumns = 3", "workspace = []", '[lead]\ntable=""'])
def test_a_file_that_is_not_a_mapping_is_refused(text: str) -> None:
    assert faults(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    for name in ("nowhere.toml", str(tmp_path), str(tmp_path / "binary"), "a\0b"):
        with pytest.raises(SettingsError, match="give a preset"):
            load_mapping(name)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("lead", 'status = { sql = "1" }', "status may not be an expression, because it is written"),
        ("lead", 'email = { sql = "a; DROP TABLE b" }', "email must be one SQL expression, without ;"),
        ("lead", 'email = { sql = "a", zone = "UTC" }', "email is no instant, so it has no zone, epoch, date or time"),
        ("lead", 'email = { ghl = "a" }', "email may not differ by provider; only appointment_id and booking_id may"),
        ("lead", 'email = { column = "a", colour = "b" }', "email has an unknown key colour; known are column, date"),
        ("lead", 'email = { column = "a", sql = "b" }', "email must be one of " + FORMS),
        ("lead", 'attempted_at = { date = "a" }', "attempted_at must be one of " + FORMS),
        ("lead", 'attempted_at = { column = "a", epoch = "us" }', "attempted_at has an epoch that is not understood"),
        (
            "lead",
            'attempted_at = { column = "a", zone = "Mars" }',
            "attempted_at has the zone Mars, which is not known",
        ),
        ("lead", "attempted_at = { column = 1 }", "attempted_at must hold names and expressions as text"),
    ],
)
def test_a_source_that_is_not_understood_is_told(place: str, value: str, sentence: str) -> None:
    found = faults(BARE.replace(f"[{place}.columns]", f"[{place}.columns]\n{value}"))

    assert found[0].startswith(f"RECONCILE_SCHEMA_MAPPING: ours.toml: [{place}.columns] {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[lead.on_change]\na = { sql = "" }', "[lead.on_change] a must be text, a whole number, a boolean or { sql"),
        ('[lead.on_change]\na = { sql = "1", when = "x" }', "[lead.on_change] a must be text, a whole number"),
        ("[lead.on_change]\na = 1.5", "[lead.on_change] a must be text, a whole number, a boolean or { sql"),
    ],
)
def test_what_a_column_cannot_be_set_to_is_told(text: str, sentence: str) -> None:
    assert faults(BARE + text)[0].startswith(f"RECONCILE_SCHEMA_MAPPING: ours.toml: {sentence}")


def test_a_condition_is_one_expression() -> None:
    found = faults(BARE.replace('table = "person"', 'table = "person"\nwhere = "a -- b"'))

    assert found == ("RECONCILE_SCHEMA_MAPPING: ours.toml: [lead] where must be one SQL expression, without --",)
