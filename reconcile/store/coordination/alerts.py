"""Implements the port ``Alerts``: one row for each condition that was ever notified, one for each channel."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, or_, select

from reconcile.domain.alert import Alert, Condition, ConditionKind, Confirmation
from reconcile.domain.ids import RunId
from reconcile.ports import ChannelState
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.own_rows import each_readable
from reconcile.store.db.types import TEXT, instant_text, read_instant
from reconcile.store.mapping.row_mapper import word
from reconcile.store.schema import tables

_C = tables.alert.c


class SqlAlerts:
    """Alerts in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = Rows("keys", {"key": TEXT}, dialect=database.dialect)

    async def load(self, *, since: datetime, keys: Collection[str] = ()) -> Sequence[Alert]:
        """Return active alerts, those that ended after *since*, and those with *keys* at any time."""
        is_named = _C.key.in_(select(self._keys["key"]).select_from(self._keys.table))
        wanted = select(tables.alert).where(or_(_C.over_at.is_(None), _C.over_at >= since, is_named)).order_by(_C.key)
        rows = await self._database.rows(wanted, self._keys.parameter([{"key": key} for key in keys]))
        # An unknown kind belongs to another version of the program and is left to it.
        return each_readable(rows, _known_alert, table=tables.alert, damaged=self._database.damaged)

    async def save(self, alerts: Sequence[Alert]) -> frozenset[str]:
        """Store each of *alerts* if the stored generation is the one before its own; return the stored keys."""
        if not alerts:
            return frozenset()
        rows = [_values(alert) for alert in sorted(alerts, key=lambda each: each.key)]
        row = insert(tables.alert, self._database.dialect)
        statement = row.on_conflict_do_update(
            index_elements=["key"],
            set_={name: row.excluded[name] for name in rows[0] if name != "key"},
            where=_C.generation == row.excluded.generation - 1,
        ).returning(_C.key)
        async with self._database.write_connection() as connection:
            return frozenset((await connection.execute(statement, rows)).scalars())

    async def channels(self) -> Mapping[str, ChannelState]:
        """Return the state of each channel by name."""
        rows = await self._database.rows(select(tables.alert_channel))
        states = each_readable(
            rows, lambda row: ChannelState(**row), table=tables.alert_channel, damaged=self._database.damaged
        )
        return {state.name: state for state in states}

    async def save_channel(self, state: ChannelState) -> None:
        """Store *state* and replace the previous one."""
        values = {name: getattr(state, name) for name in ChannelState.__dataclass_fields__}
        row = insert(tables.alert_channel, self._database.dialect).values(values)
        given = {name: row.excluded[name] for name in values if name != "name"}
        await self._database.change(row.on_conflict_do_update(index_elements=["name"], set_=given))


def _values(alert: Alert) -> dict[str, Any]:
    condition = alert.condition
    return {
        "key": alert.key,
        "kind": condition.kind.value,
        "subject": condition.subject,
        "since": alert.since,
        "seen_at": alert.seen_at,
        "over_at": alert.over_at,
        "text": condition.text,
        "coming": condition.coming,
        "commands": list(condition.commands),
        "level": condition.level,
        "size": condition.size,
        "usual_calls": alert.usual_calls,
        "saved_calls": alert.saved_calls,
        "counted_run": alert.counted_run,
        "heard": {channel: _plain(heard) for channel, heard in alert.heard.items()},
        "generation": alert.generation,
    }


def _plain(heard: Confirmation) -> dict[str, Any]:
    return {
        "since": instant_text(heard.since),
        "is_over": heard.is_over,
        "level": heard.level,
        "size": heard.size,
        "at": instant_text(heard.at),
        "times": heard.times,
    }


def _known_alert(row: RowMapping) -> Alert | None:
    kind = word(ConditionKind, row["kind"])
    return _alert(row, kind) if kind else None


def _alert(row: RowMapping, kind: ConditionKind) -> Alert:
    if row["since"] is None or row["seen_at"] is None:
        raise ValueError
    return Alert(
        condition=Condition(
            kind=kind,
            subject=row["subject"],
            since=row["since"],
            text=row["text"],
            coming=row["coming"],
            commands=tuple(row["commands"]),
            level=row["level"],
            size=row["size"],
            over_at=row["over_at"],
        ),
        since=row["since"],
        seen_at=row["seen_at"],
        over_at=row["over_at"],
        usual_calls=row["usual_calls"],
        saved_calls=row["saved_calls"],
        counted_run=RunId(row["counted_run"]) if row["counted_run"] else None,
        heard={channel: heard for channel, plain in row["heard"].items() if (heard := _heard_from_row(plain))},
        generation=row["generation"],
    )


def _heard_from_row(plain: Mapping[str, Any]) -> Confirmation | None:
    since, at = read_instant(plain["since"]), read_instant(plain["at"])
    if since is None or at is None:
        return None
    return Confirmation(
        since=since, at=at, is_over=plain["is_over"], level=plain["level"], size=plain["size"], times=plain["times"]
    )
