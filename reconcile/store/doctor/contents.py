"""What the mapped tables hold, as a run reads them: how many rows, which statuses, and a few leads by id."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.formatting import count_of
from reconcile.domain.lead import LeadStatus
from reconcile.domain.planning.listed_change import UNREADABLE, listed_reference
from reconcile.domain.views.finding import FindingStatus
from reconcile.store.doctor.row_access import Judgement
from reconcile.store.mapping.domain_tables import DomainTables
from reconcile.store.mapping.fields import DomainTable
from reconcile.store.mapping.readable import readable
from reconcile.store.mapping.vocabulary import AppointmentWords, LeadWords

_COUNTED = 100_000
"""Rows of each table that are counted."""
_MOST_WORDS = 20
_SAMPLE = 5
_LONGEST = 100
"""Characters of a value that is shown."""
_SHOWN = ("workspace_id", "status", "booking_id", "booking_provider", "booking_status", "booking_starts_at")
_PRESENT = {"email": "an e-mail address", "contact_id": "a contact id", "last_inbound_at": "a message from it"}
"""Fields whose values are a person's, or say less than that they are there."""


async def row_counts(connection: AsyncConnection, domain: DomainTables) -> Judgement:
    """Return how many workspaces, leads and appointments there are for a run."""
    parts = [
        await _count(connection, domain.workspace, "workspace"),
        await _count(connection, domain.lead, "lead"),
    ]
    if domain.appointment is not None:
        parts.append(await _count(connection, domain.appointment, "appointment"))
    else:
        parts.append("appointments in a table of ours")
    return FindingStatus.FINE, f"a run sees {', '.join(parts)}"


async def _count(connection: AsyncConnection, table: DomainTable, noun: str) -> str:
    some = _rows(table, literal_column("1").label("one")).limit(_COUNTED + 1).subquery()
    count = (await connection.execute(select(func.count()).select_from(some))).scalar_one()
    return count_of(count, noun) if count <= _COUNTED else f"more than {_COUNTED} {noun}s"


async def status_counts(connection: AsyncConnection, domain: DomainTables) -> Sequence[Judgement]:
    """Return a sentence for each status column: its words with counts, and what the mapping makes of each."""
    mapping = domain.mapping
    found: list[Judgement] = []
    for mapped, table, field, words in (
        (mapping.lead, domain.lead, "status", mapping.lead_words),
        (mapping.lead, domain.lead, "booking_status", mapping.booking_words),
        (mapping.appointment, domain.appointment, "status", mapping.appointment_words),
    ):
        if mapped is None or table is None or field not in table:
            continue
        counts = await _value_counts(connection, table, field)
        if not counts:
            continue
        section = "appointment" if mapped is mapping.appointment else "lead"
        found += _judge(counts, words, place=f"{mapped}.{mapped.columns[field]}", line=f"[{section}.{field}]")
    return found


async def _value_counts(connection: AsyncConnection, table: DomainTable, field: str) -> Sequence[tuple[str, int]]:
    some = _rows(table, table[field].read.label("word")).limit(_COUNTED).subquery()
    counted = select(some.c.word, func.count().label("rows")).where(some.c.word.is_not(None)).group_by(some.c.word)
    rows = await connection.execute(counted.order_by(func.count().desc(), some.c.word).limit(_MOST_WORDS))
    return [(str(word), int(number)) for word, number in map(tuple, rows)]


def _judge(
    counts: Iterable[tuple[str, int]], words: LeadWords | AppointmentWords, *, place: str, line: str
) -> Iterable[Judgement]:
    """Return one sentence with all words, and a warning for those of bookings that the mapping does not name."""
    meanings = [(word, number, words.decode(word)) for word, number in counts]
    listed = ", ".join(f"{_listed(word)} {number} ({_meaning(meaning)})" for word, number, meaning in meanings)
    yield FindingStatus.FINE, f"{place}: {listed}"
    unknown = [_listed(word) for word, _, meaning in meanings if meaning is AppointmentStatus.UNKNOWN]
    if unknown:
        yield (
            FindingStatus.WARNING,
            (
                f"{place} has values that {line} does not name, so no run changes these bookings: "
                f"{', '.join(unknown)}; "
                "add each to the line of its meaning"
            ),
        )


def _meaning(meaning: LeadStatus | AppointmentStatus | None) -> str:
    match meaning:
        case LeadStatus.KEPT:
            return "kept"
        case LeadStatus.OTHER:
            return "replaced by a booking"
        case AppointmentStatus.UNKNOWN | None:
            return "not mapped"
        case _:
            return meaning.value


async def sample_leads(connection: AsyncConnection, domain: DomainTables) -> Sequence[Judgement]:
    """Return what a run reads of the first leads; of a person only whether it is there."""
    lead, mapped = domain.lead, domain.mapping.lead
    names = [name for name in ("id", *_SHOWN, "in_sequence", *_PRESENT) if name in lead]
    statement = _rows(lead, *(lead[name].read.label(name) for name in names)).order_by(lead["id"].column).limit(_SAMPLE)
    found: list[Judgement] = []
    for stored in (await connection.execute(statement)).mappings():
        row, fault = readable({name: stored[name] for name in names}, mapped, beside=mapped.name)
        if fault or not lead["id"].is_key(row["id"]):
            continue
        if "booking_id" in names:
            row["booking_id"] = listed_reference(row["booking_id"])
        values = [f"{name} {_value(row[name])}" for name in names if name in _SHOWN]
        has = [said for name, said in _PRESENT.items() if name in names and row[name] is not None]
        lacks = [said for name, said in _PRESENT.items() if name in names and row[name] is None]
        values += [f"with {' and '.join(has)}"] if has else []
        values += [f"without {' and '.join(lacks)}"] if lacks else []
        values += ["in a sequence"] if "in_sequence" in names and row["in_sequence"] else []
        found.append((FindingStatus.FINE, f"lead {row['id']}: {', '.join(values)}"))
    return found


def _value(value: Any) -> str:  # noqa: ANN401 - of any column
    if value is None:
        return "empty"
    return value.isoformat(timespec="minutes") if hasattr(value, "isoformat") else _listed(str(value))


def _listed(text: str) -> str:
    """Return *text*, unless it may be somebody's address: a mapping may name a wrong column."""
    return UNREADABLE if "@" in text or len(text) > _LONGEST else text


def _rows(table: DomainTable, *columns: ColumnElement[Any]) -> Select[Any]:
    statement = select(*columns).select_from(table.table)
    return statement if table.where is None else statement.where(table.where)
