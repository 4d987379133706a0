"""A mapping proposed from a survey: which table is which, and which column is which field. Pure."""

import re
from collections.abc import Mapping, Sequence

from reconcile.domain.setup.draft import (
    UNDECIDED,
    Certainty,
    MappingDraft,
    MappingProposal,
    first_named,
    quoted,
    words_of,
)
from reconcile.domain.setup.identifier import identifier
from reconcile.domain.setup.joined import add_email, add_enrollment, add_zone
from reconcile.domain.setup.needed_views import (
    proposal_before_leads,
    proposal_before_workspaces,
    proposal_without,
    views_of_leads,
    with_base,
    with_leads,
)
from reconcile.domain.setup.preference import add_preference
from reconcile.domain.setup.survey import SurveyedColumn, SurveyedTable, SurveyedType, ValueShape
from reconcile.domain.setup.tables import (
    BOOKING,
    appointment_score,
    best_table,
    booking_columns,
    owner_column,
    ownerless_lead_score,
    shaped_columns,
    workspace_score,
)
from reconcile.domain.setup.word_choices import (
    add_lead_status,
    add_provider_column,
    add_providers,
    add_state_words,
    word_counts,
)

_INSTANTS = frozenset({SurveyedType.INSTANT, SurveyedType.NAIVE_INSTANT})
_STATE_TYPES = frozenset({SurveyedType.TEXT, SurveyedType.ENUM, SurveyedType.INTEGER, SurveyedType.BOOLEAN})
_STATE = r"(status|state|stage|phase)"
_CALLED_OFF = r"cancel+ed"


def propose_mapping(tables: Sequence[SurveyedTable]) -> MappingProposal:
    """Return a mapping of *tables*; without a table of leads or workspaces, only the obstacle."""
    workspace = best_table(tables, workspace_score)
    if workspace is None:
        return proposal_without("workspaces (tokens or locations)")
    workspace, lead = with_leads(tables, with_base(workspace, tables))
    by_way = views_of_leads(tables, workspace)
    if by_way is not None and (lead is None or ownerless_lead_score(by_way[0]) > ownerless_lead_score(lead)):
        return proposal_before_leads(*by_way, workspace)
    if lead is None:
        return proposal_before_workspaces(tables, workspace)
    lead = with_base(lead, tables)
    others = [each for each in tables if each.full_name not in workspace.names | lead.names]
    appointment = best_table(others, lambda each: appointment_score(each, lead))
    made = MappingDraft()
    _add_workspace(made, workspace, others)
    _add_lead(made, lead, workspace, others)
    if appointment is not None:
        _add_appointment(made, appointment, lead, workspace)
    add_providers(made, [each for each in (lead, appointment) if each is not None])
    add_preference(made, workspace, others)
    return MappingProposal(choices=tuple(made.choices), obstacles=tuple(made.obstacles))


def _key(made: MappingDraft, section: str, table: SurveyedTable, owner: SurveyedColumn | None = None) -> None:
    """Propose the column that names a row by itself."""
    alone = [next(iter(each)) for each in table.unique if len(each) == 1]
    named = first_named(table.columns.values(), r"^id$", r"-id$")
    if len(table.primary) == 1:
        of = f" of {table.stands_for}" if table.stands_for else ""
        made.add(f"{section}.columns", "id", quoted(table.primary[0]), f"the primary key{of}")
        return
    if table.is_view and named is not None:
        made.column(section, "id", named, "by its name; a view has no keys")
        return
    rest = [name for name in table.primary if owner is None or name != owner.name]
    if len(rest) == 1 and table.columns[rest[0]].is_sequence:
        reason = "part of the primary key, filled by a sequence, so unique by itself"
        made.add(f"{section}.columns", "id", quoted(rest[0]), reason, Certainty.LIKELY)
    elif rest and rest[0] in alone:
        made.add(f"{section}.columns", "id", quoted(rest[0]), "unique by itself")
    else:
        made.undecided(f"{section}.columns", "id", f"no column of {table.full_name} is unique by itself")
        made.obstacles.append(
            f"the ids of {table.full_name} are unique only together with another column, so no row can be named; add a "
            "column with an id of its own (GENERATED ALWAYS AS IDENTITY, UNIQUE), and name it as id"
        )


def _table(made: MappingDraft, section: str, table: SurveyedTable) -> None:
    made.add(section, "table", quoted(table.full_name), "a view" if table.is_view else f"{table.rows} rows looked at")
    removed = first_named(
        (each for each in table.columns.values() if each.type in _INSTANTS), r"^(deleted|archived)-(at|on|time)$"
    )
    if removed is not None:
        condition = f"{identifier(table.name)}.{identifier(removed.name)} IS NULL"
        made.add(section, "where", quoted(condition), "soft delete", Certainty.LIKELY)


def _add_workspace(made: MappingDraft, table: SurveyedTable, others: Sequence[SurveyedTable]) -> None:
    columns = table.columns.values()
    _table(made, "workspace", table)
    _key(made, "workspace", table)
    zone = next(iter(shaped_columns(table, ValueShape.ZONE)), None) or first_named(columns, r"time-?zone|^tz$")
    if zone is not None:
        made.column("workspace", "timezone", zone, "IANA names")
    else:
        add_zone(made, table, others)
    texts = [each for each in columns if each.type is SurveyedType.TEXT]
    location = next((each for each in shaped_columns(table, ValueShape.GHL_ID)), None) or first_named(
        texts, r"location"
    )
    made.column("workspace", "ghl_location_id", location, "GHL ids")
    token = next(iter(shaped_columns(table, ValueShape.GHL_TOKEN)), None)
    made.column("workspace", "ghl_token", token, "GHL tokens by their shape")
    user = next(iter(shaped_columns(table, ValueShape.CALENDLY_USER)), None)
    made.column("workspace", "calendly_user", user, "Calendly user URIs")
    second = first_named(
        (each for each in texts if each not in (token, user, location)), r"calendly.*(token|pat|key|secret)"
    )
    made.column("workspace", "calendly_token", second, "by its name")
    flags = [each for each in columns if each.type is SurveyedType.BOOLEAN]
    made.column("workspace", "active", first_named(flags, r"^(is-)?(active|enabled)$"), "a flag of that name")


def _add_lead(
    made: MappingDraft, table: SurveyedTable, workspace: SurveyedTable, others: Sequence[SurveyedTable]
) -> None:
    columns = list(table.columns.values())
    owner = owner_column(table, workspace)
    _table(made, "lead", table)
    _key(made, "lead", table, owner)
    how = "the foreign key" if owner and owner.name in table.references else "by its name"
    made.column("lead", "workspace_id", owner, f"{how} to {workspace.full_name}")
    own = [each for each in columns if each.type is SurveyedType.TEXT and each.name not in table.references]
    email = next(iter(shaped_columns(table, ValueShape.EMAIL)), None) or first_named(own, r"e-?mail")
    if email is not None:
        made.column("lead", "email", email, "e-mail addresses by their shape")
    else:
        add_email(made, table, others)
    contact = first_named((each for each in shaped_columns(table, ValueShape.GHL_ID)), "contact")
    made.column("lead", "contact_id", contact, "GHL ids, and its name says contact")
    _add_booking_id(made, "lead", "booking_id", table)
    _add_times(
        made,
        "lead",
        table,
        {"starts_at": "booking_starts_at", "ends_at": "booking_ends_at", "canceled_at": "booking_canceled_at"},
    )
    states = [each for each in columns if each.type in _STATE_TYPES and each.words]
    booking_state = first_named(states, rf"{BOOKING}.*({_STATE}|{_CALLED_OFF})")
    add_state_words(made, "lead", "booking_status", booking_state)
    add_provider_column(made, "lead", "booking_provider", table)
    rest = [
        each for each in states if each is not booking_state and not re.search("provider|calendar", words_of(each.name))
    ]
    add_lead_status(
        made, first_named(rest, rf"^(lead-|contact-)?{_STATE}$", rf"{_STATE}$", r"^(is-)?(meeting-)?booked$")
    )
    _add_sequence(made, table, others)
    _add_instant(made, "lead", "last_inbound_at", _wrote(table))
    instants = [each for each in columns if each.type in _INSTANTS]
    _add_instant(made, "lead", "attempted_at", first_named(instants, r"(checked|reconciled|synced|verified)-?(at)?$"))
    _add_instant(made, "lead", "updated_at", first_named(instants, r"^(updated|modified)-(at|on)$"))


def _wrote(table: SurveyedTable) -> SurveyedColumn | None:
    found = [each for each in table.columns.values() if each.type in _INSTANTS or each.type is SurveyedType.INTEGER]
    return first_named(found, r"last-(inbound|reply|message|response)", r"(inbound|replied|wrote)")


def _add_booking_id(made: MappingDraft, section: str, key: str, table: SurveyedTable) -> None:
    found = booking_columns(table)
    if len(found) == 1:
        made.column(section, key, found[0], "ids of bookings by their shape")
        return
    ghl = [each for each in found if each.has(ValueShape.GHL_ID) and not each.has(ValueShape.CALENDLY_EVENT)]
    calendly = [each for each in found if each.has(ValueShape.CALENDLY_EVENT) and not each.has(ValueShape.GHL_ID)]
    if len(ghl) == len(calendly) == 1:
        value = f"{{ ghl = {quoted(ghl[0].name)}, calendly = {quoted(calendly[0].name)} }}"
        made.add(f"{section}.columns", key, value, "a column for each provider, by the shape of the ids")
    elif found:
        names = ", ".join(each.name for each in found)
        made.undecided(f"{section}.columns", key, f"several columns hold ids: {names}")


def _add_times(made: MappingDraft, section: str, table: SurveyedTable, keys: Mapping[str, str]) -> None:
    instants = [each for each in table.columns.values() if each.type in _INSTANTS]
    patterns = {
        "starts_at": (rf"{BOOKING}.*(start|begin)", r"^(start|begin)"),
        "ends_at": (rf"{BOOKING}.*end", r"^end"),
        "canceled_at": (rf"{BOOKING}.*cancel", r"^cancel"),
    }
    for name, key in keys.items():
        _add_instant(made, section, key, first_named(instants, *patterns[name]))


def _add_instant(made: MappingDraft, section: str, key: str, column: SurveyedColumn | None) -> None:
    if column is None:
        return
    if column.type is SurveyedType.INTEGER:
        value = f'{{ column = {quoted(column.name)}, epoch = "{UNDECIDED}" }}'
        made.add(f"{section}.columns", key, value, "a number: seconds (s) or milliseconds (ms)?", Certainty.UNDECIDED)
    elif column.type is SurveyedType.NAIVE_INSTANT and not column.is_millisecond:
        value = f'{{ column = {quoted(column.name)}, zone = "{UNDECIDED}" }}'
        reason = "a timestamp without time zone: local time of which zone? UTC if it is none"
        made.add(f"{section}.columns", key, value, reason, Certainty.UNDECIDED)
    else:
        is_prisma = column.type is SurveyedType.NAIVE_INSTANT
        reason = "timestamp(3), which Prisma keeps in UTC" if is_prisma else "by its name and type"
        certainty = Certainty.LIKELY if is_prisma else Certainty.SURE
        made.add(f"{section}.columns", key, quoted(column.name), reason, certainty)


def _add_sequence(made: MappingDraft, table: SurveyedTable, others: Sequence[SurveyedTable]) -> None:
    flags = [each for each in table.columns.values() if each.type in {SurveyedType.BOOLEAN, SurveyedType.INTEGER}]
    if (flag := first_named(flags, r"sequence|cadence|drip")) is not None:
        made.column("lead", "in_sequence", flag, "a flag of that name")
        return
    if (odd := first_named(table.columns.values(), r"sequence|cadence|drip")) is not None:
        made.add(
            "lead.columns",
            "in_sequence",
            f'"{UNDECIDED}"',
            f'which of {word_counts(odd)} of {odd.name} means so? write {{ sql = "…" }}',
            Certainty.UNDECIDED,
        )
        return
    add_enrollment(made, table, others)


def _add_appointment(made: MappingDraft, table: SurveyedTable, lead: SurveyedTable, workspace: SurveyedTable) -> None:
    columns = table.columns.values()
    state = first_named(
        (each for each in columns if each.type in _STATE_TYPES and each.words),
        rf"^({BOOKING}-)?{_STATE}$",
        rf"(is-)?{_CALLED_OFF}$",
    )
    instants = [each for each in columns if each.type in _INSTANTS]
    start = first_named(instants, r"start|begin")
    if state is None or start is None:
        made.obstacles.append(
            f"{table.full_name} looks like appointments, but {'its status' if state is None else 'its start'} was not "
            "found in a column of its own; appointments are kept in our tables unless you add [appointment]"
        )
        return
    _table(made, "appointment", table)
    if len(table.primary) == 1 and not table.columns[table.primary[0]].has_default:
        made.add("appointment.columns", "id", quoted(table.primary[0]), "the primary key, which has no default")
    key = next(name for name, target in table.references.items() if target in lead.names)
    made.column("appointment", "lead_id", table.columns[key], f"the foreign key to {lead.full_name}")
    if (owner := owner_column(table, workspace)) is not None:
        made.column("appointment", "workspace_id", owner, f"the foreign key to {workspace.full_name}")
    _add_booking_id(made, "appointment", "appointment_id", table)
    add_state_words(made, "appointment", "status", state)
    add_provider_column(made, "appointment", "provider", table)
    _add_instant(made, "appointment", "starts_at", start)
    _add_instant(made, "appointment", "ends_at", first_named(instants, r"end"))
    _add_instant(made, "appointment", "canceled_at", first_named(instants, r"cancel"))
    made_at = first_named(instants, r"^created-(at|on)$")
    if made_at is not None and made_at.is_required and not made_at.has_default:
        _add_instant(made, "appointment", "created_at", made_at)
    _add_instant(made, "appointment", "updated_at", first_named(instants, r"^(updated|modified)-(at|on)$"))
    known = {
        column
        for each in made.choices
        if each.section == "appointment.columns"
        for column in re.findall(r'"([^"]+)"', each.value)
    }
    for column in columns:
        if column.is_required and not column.has_default and column.name not in known:
            made.undecided("appointment.constants", column.name, "required in new rows: which value?")
