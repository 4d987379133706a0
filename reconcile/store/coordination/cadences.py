"""Implements the ports ``Cadences`` and ``AppliedAnnotations``."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, Table, select, update

from reconcile.domain.run.cadence import CadenceOverride, CadenceSource
from reconcile.ports import AppliedAnnotation
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.own_rows import each_readable
from reconcile.store.mapping.row_mapper import word
from reconcile.store.schema import tables

_ONLY = "run"


class SqlCadences:
    """The cadence override in a database: at most one row, which is cleared by its expiry and never deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def override(self) -> CadenceOverride | None:
        """Return the stored override, also an expired one."""
        row = await self._database.row(select(tables.cadence).where(tables.cadence.c.name == _ONLY))
        found = each_readable([row] if row else [], _override, table=tables.cadence, damaged=self._database.damaged)
        return found[0] if found else None

    async def set(self, override: CadenceOverride) -> None:
        """Store *override* and replace the previous one."""
        values = {
            "name": _ONLY,
            "every_seconds": override.every.total_seconds(),
            "reason": override.reason,
            "actor": override.actor,
            "source": override.source.value,
            "set_at": override.set_at,
            "expires_at": override.expires_at,
        }
        await _put(self._database, tables.cadence, "name", values)

    async def clear(self) -> None:
        """End the override."""
        mine = update(tables.cadence).where(tables.cadence.c.name == _ONLY)
        await self._database.change(mine.values(every_seconds=0.0, reason="", actor=""))


def _override(row: RowMapping) -> CadenceOverride | None:
    if row["every_seconds"] <= 0:
        return None
    if row["expires_at"] is None or row["set_at"] is None:
        raise ValueError
    return CadenceOverride(
        every=timedelta(seconds=row["every_seconds"]),
        reason=row["reason"],
        actor=row["actor"],
        source=word(CadenceSource, row["source"]) or CadenceSource.COMMAND,
        set_at=row["set_at"],
        expires_at=row["expires_at"],
    )


class SqlAppliedAnnotations:
    """Applied annotations in a database, one row each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_all(self) -> Sequence[AppliedAnnotation]:
        """Return the stored annotations in key order."""
        rows = await self._database.rows(select(tables.order).order_by(tables.order.c.key))
        return each_readable(rows, _annotation, table=tables.order, damaged=self._database.damaged)

    async def remember(self, row: AppliedAnnotation) -> None:
        """Store *row* and replace the previous one."""
        # An annotation's value may be empty.
        value = f"={row.value}"
        values = {"key": row.key, "value": value, "seen_at": row.seen_at, "fault": row.fault, "until": row.until}
        await _put(self._database, tables.order, "key", values)

    async def forget(self, key: str) -> None:
        """Delete the row of an annotation that no longer exists."""
        mine = update(tables.order).where(tables.order.c.key == key)
        await self._database.change(mine.values(value="", fault=None, until=None))


def _annotation(row: RowMapping) -> AppliedAnnotation | None:
    if not row["value"]:
        return None
    if row["seen_at"] is None:
        raise ValueError
    return AppliedAnnotation(**{**row, "value": row["value"][1:]})


async def _put(database: Database, table: Table, key: str, values: dict[str, Any]) -> None:
    row = insert(table, database.dialect).values(values)
    given = {name: row.excluded[name] for name in values if name != key}
    await database.change(row.on_conflict_do_update(index_elements=[key], set_=given))
