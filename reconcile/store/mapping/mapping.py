"""The mapping of our tables, columns and words to a database's: read from TOML and checked as a whole."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName
from reconcile.domain.setup.draft import UNDECIDED
from reconcile.errors import SettingsError
from reconcile.store.mapping.sources import Constant, Expression, Source, expression_fault, read_constant, read_source
from reconcile.store.mapping.vocabulary import AppointmentWords, LeadWords, ProviderWords

PRESETS = ("default", "prisma")
VARIABLE = "RECONCILE_SCHEMA_MAPPING"

WORKSPACE_FIELDS = (
    *("id", "timezone", "ghl_location_id", "ghl_token", "calendly_user", "calendly_token", "active"),
    "provider_preference",
)
ROLLUP_FIELDS = (
    "booking_id",
    "booking_provider",
    "booking_status",
    "booking_starts_at",
    "booking_ends_at",
    "booking_canceled_at",
)
LEAD_FIELDS = (
    *("id", "workspace_id", "email", "contact_id", "status", *ROLLUP_FIELDS),
    *("in_sequence", "last_inbound_at", "attempted_at", "updated_at"),
)
APPOINTMENT_FIELDS = (
    *("id", "lead_id", "workspace_id", "appointment_id", "provider", "status", "starts_at", "ends_at", "canceled_at"),
    *("replaces", "created_at", "updated_at"),
)
_REQUIRED = {
    "workspace": ("id",),
    "lead": ("id", "workspace_id"),
    "appointment": ("lead_id", "appointment_id", "status", "starts_at"),
}
_FIELDS = {"workspace": WORKSPACE_FIELDS, "lead": LEAD_FIELDS, "appointment": APPOINTMENT_FIELDS}
_SECTIONS = {
    "workspace": ("schema", "table", "where", "columns"),
    "lead": ("schema", "table", "where", "columns", "status", "booking_status", "on_change"),
    "appointment": ("schema", "table", "where", "columns", "status", "constants", "on_change"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedTable:
    """One of the customer's tables: the source of each of our fields."""

    name: str
    schema: str | None = None
    sources: Mapping[str, Source]
    where: str | None = None
    """An SQL condition over the row; rows that do not meet it are ignored."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Columns that a new row needs besides our fields."""
    on_change: Mapping[str, Constant] = field(default_factory=dict)
    """Columns that are set with each change that we write."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The column of each field that is in a single column."""
        return {name: source.column for name, source in self.sources.items() if source.column is not None}

    @property
    def expressions(self) -> Mapping[str, str]:
        """The SQL of each field that is only read."""
        return {name: source.sql for name, source in self.sources.items() if source.sql is not None}

    def column_names(self, name: str) -> str:
        """Return the names of the columns that hold the field *name*, for sentences."""
        source = self.sources.get(name)
        return "/".join(source.columns) or f"the expression of {name}" if source else name

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaMapping:
    """A whole mapping; *appointment* is None if the customer has no appointments and our own table holds them."""

    name: str
    workspace: MappedTable
    lead: MappedTable
    appointment: MappedTable | None
    lead_words: LeadWords
    booking_words: AppointmentWords
    appointment_words: AppointmentWords
    provider_words: ProviderWords

    @property
    def lead_provider_words(self) -> ProviderWords:
        """The words for a lead's provider: ours if the column is ours."""
        return self.provider_words if "booking_provider" in self.lead.columns else ProviderWords.ours()

    @property
    def appointment_provider_words(self) -> ProviderWords:
        """The words for an appointment's provider: ours if the column is ours."""
        is_theirs = self.appointment is not None and "provider" in self.appointment.columns
        return self.provider_words if is_theirs else ProviderWords.ours()

    @property
    def is_ours(self) -> bool:
        """Whether the domain tables are our own, so that we create and migrate them."""
        return self.name == "default"


def load_mapping(name: str = "default") -> SchemaMapping:
    """Return the preset *name*, or the mapping in the file of that path; raise SettingsError with all its faults."""
    if name in PRESETS:
        text = files("reconcile.store.mapping").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
        return parse_mapping(text, name=name)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(
            [f"{VARIABLE}: {name} cannot be read ({reason}); give a preset ({', '.join(PRESETS)}) or a TOML file"]
        ) from error
    return parse_mapping(text, name=name)


def parse_mapping(text: str, *, name: str) -> SchemaMapping:
    """Return the mapping that *text* holds; raise SettingsError with all its faults, each naming its place."""
    try:
        raw = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits raises another
        raise SettingsError([f"{VARIABLE}: {name} is not TOML: {error}"]) from error
    except RecursionError:
        raise SettingsError([f"{VARIABLE}: {name} is nested too deeply; a mapping has three levels"]) from None
    reader = _MappingReader(name)
    reader.check_keys(raw, ("workspace", "lead", "appointment", "provider"), where="the top level")
    tables = {section: reader.table(raw, section) for section in _FIELDS if section != "appointment" or section in raw}
    lead, appointment = tables["lead"], tables.get("appointment")
    has_appointment_words = appointment is not None and "status" in appointment.columns
    appointment_words = (
        reader.appointment_words(raw, "appointment", "status") if has_appointment_words else AppointmentWords.ours()
    )
    booking_words = appointment_words if has_appointment_words else AppointmentWords.ours()
    has_booking_column = "booking_status" in lead.columns
    if has_booking_column and ("booking_status" in reader.section(raw, "lead") or not has_appointment_words):
        booking_words = reader.appointment_words(raw, "lead", "booking_status")
    elif not has_booking_column:
        booking_words = AppointmentWords.ours()
    mapping = SchemaMapping(
        name=name,
        workspace=tables["workspace"],
        lead=lead,
        appointment=appointment,
        lead_words=reader.lead_words(raw) if "status" in lead.columns else LeadWords(),
        booking_words=booking_words,
        appointment_words=appointment_words,
        provider_words=reader.provider_words(raw),
    )
    if reader.faults:
        raise SettingsError(reader.faults)
    return mapping


class _MappingReader:
    """Reads sections and collects their faults."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def fault(self, sentence: str) -> None:
        self.faults.append(f"{VARIABLE}: {self._name}: {sentence}")

    def check_keys(self, section: Mapping[str, Any], names: tuple[str, ...], *, where: str) -> None:
        for key in section:
            if key not in names:
                close = get_close_matches(key, names, 1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
                self.fault(f"{where} has an unknown key {key}; {hint}")

    def section(self, raw: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
        found: Any = raw
        for key in path:
            found = found.get(key, {})
            if not isinstance(found, dict):
                self.fault(f"{'.'.join(path)} must be a table")
                return {}
        return dict(found)

    def table(self, raw: Mapping[str, Any], section: str) -> MappedTable:
        body = self.section(raw, section)
        self.check_keys(body, _SECTIONS[section], where=f"[{section}]")
        sources = self._sources(self.section(raw, section, "columns"), section)
        for required in _REQUIRED[section]:
            if required not in sources:
                self.fault(f"[{section}.columns] has no {required}; name the column that holds it")
        schema, name = self._table_name(body, section)
        where = body.get("where")
        if where is not None and (what := expression_fault(where)):
            self.fault(f"[{section}] where {what}")
        return MappedTable(
            name=name,
            schema=schema,
            sources=sources,
            where=where,
            constants=self._constants(raw, section, "constants", ()) if section == "appointment" else {},
            on_change=self._constants(raw, section, "on_change", _FIELDS[section]) if section != "workspace" else {},
        )

    def _sources(self, section: Mapping[str, Any], name: str) -> dict[str, Source]:
        where = f"[{name}.columns]"
        self.check_keys(section, _FIELDS[name], where=where)
        found = {key: read_source(key, value, where=where, fault=self.fault) for key, value in section.items()}
        return {key: source for key, source in found.items() if source is not None}

    def _constants(
        self, raw: Mapping[str, Any], section: str, key: str, fields: tuple[str, ...]
    ) -> Mapping[str, Constant]:
        found = {}
        for column, value in self.section(raw, section, key).items():
            found[column] = read_constant(value, fields=fields)
            if value == UNDECIDED:
                self.fault(f"[{section}.{key}] {column} is undecided; replace {UNDECIDED} by a value")
            if found[column] == Expression(sql=""):
                self.fault(
                    f'[{section}.{key}] {column} must be text, a whole number, a boolean or {{ sql = "expression" }}'
                )
        return found

    def _table_name(self, body: Mapping[str, Any], section: str) -> tuple[str | None, str]:
        name, schema = body.get("table"), body.get("schema")
        if not isinstance(name, str) or not name or not isinstance(schema, str | None):
            self.fault(f'[{section}] has no table; write table = "name" or table = "schema.name"')
            return None, ""
        if schema is None and "." in name:
            schema, _, name = name.partition(".")
        return schema, name

    def _word_list(self, section: Mapping[str, Any], key: str, *, where: str) -> tuple[str, ...]:
        value = section.get(key, [])
        words = value if isinstance(value, list) else [value]
        if not all(isinstance(word, str | int) and word != "" for word in words):
            self.fault(f"{where} {key} must be a text, a whole number, a boolean, or a list of them")
            return ()
        if UNDECIDED in words:
            self.fault(f"{where} {key} is undecided; replace {UNDECIDED} by the value that your column uses for it")
        return tuple(str(word).lower() if isinstance(word, bool) else str(word) for word in words)

    def lead_words(self, raw: Mapping[str, Any]) -> LeadWords:
        where, section = "[lead.status]", self.section(raw, "lead", "status")
        self.check_keys(section, ("meeting-booked", "qualified", "keep"), where=where)
        booked, qualified, keep = (
            self._word_list(section, key, where=where) for key in ("meeting-booked", "qualified", "keep")
        )
        for key, words in (("meeting-booked", booked), ("qualified", qualified)):
            if not words:
                self.fault(f"{where} has no {key}; give the value that your status column uses for it")
        self._distinct({"meeting-booked": booked, "qualified": qualified, "keep": keep}, where=where)
        return LeadWords(booked=booked or ("",), qualified=qualified or ("",), keep=keep)

    def appointment_words(self, raw: Mapping[str, Any], *path: str) -> AppointmentWords:
        where, section = f"[{'.'.join(path)}]", self.section(raw, *path)
        self.check_keys(section, tuple(AppointmentStatus), where=where)
        words = {status: self._word_list(section, status.value, where=where) for status in AppointmentStatus}
        for status in (AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELED):
            if not words[status]:
                self.fault(f"{where} has no {status}; give the value that your status column uses for it")
        self._distinct({status.value: found for status, found in words.items()}, where=where)
        return AppointmentWords({status: found for status, found in words.items() if found})

    def provider_words(self, raw: Mapping[str, Any]) -> ProviderWords:
        where, section = "[provider]", self.section(raw, "provider")
        self.check_keys(section, tuple(ProviderName), where=where)
        words = {name: self._word_list(section, name.value, where=where) or (name.value,) for name in ProviderName}
        self._distinct({name.value: found for name, found in words.items()}, where=where)
        return ProviderWords(words)

    def _distinct(self, words: Mapping[str, tuple[str, ...]], *, where: str) -> None:
        seen: dict[str, str] = {}
        for key, found in words.items():
            for word in found:
                if word in seen and word != UNDECIDED:
                    self.fault(f"{where} uses {word} for {seen[word]} and for {key}; each value must have one meaning")
                seen[word] = key
