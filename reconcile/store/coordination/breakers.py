"""Implements the port ``Breakers``: one row each, stored by compare-and-set, read as text (``breaker_rows.py``)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, Text, bindparam, cast, or_, select, update

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerState, Override
from reconcile.store.coordination.breaker_rows import GENERATIONS, read_breaker
from reconcile.store.db import clock
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.types import instant_text
from reconcile.store.schema import tables

_C = tables.breaker.c
_AS_TEXT = tuple(cast(column, Text).label(column.name) for column in tables.breaker.c if column.name != "saved_at")
"""All columns as text, so that no damaged value fails the query in the driver."""

REMEMBERED = timedelta(days=1)
"""How long a closed breaker without an override is still loaded."""


class SqlBreakers:
    """Breakers in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[Breaker]:
        """Return all breakers, without those that have been closed and without an override for a day."""
        since = clock.after(bindparam("seconds", -REMEMBERED.total_seconds(), type_=Float()), self._database.dialect)
        is_reported = or_(_C.state != BreakerState.CLOSED.value, _C.is_held, _C.saved_at > since)
        statement = select(*_AS_TEXT).where(is_reported).order_by(_C.scope, _C.name)
        found = [read_breaker(row) for row in await self._database.rows(statement)]
        return [each for each in found if each is not None]

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        """Store the breaker if the stored generation is still the expected one (0: none stored); else return False."""
        values = {**_values(breaker), "saved_at": clock.now(self._database.dialect)}
        if expected_generation == 0:
            statement = insert(tables.breaker, self._database.dialect).values(values).on_conflict_do_nothing()
            if await self._database.change(statement) == 1:
                return True
            # An impossible generation is read as 0.
            is_damaged = _C.generation.is_(None) | (_C.generation < 1) | (_C.generation >= GENERATIONS)
            replacement = update(tables.breaker).where(_is(breaker.key) & is_damaged).values(values)
            return await self._database.change(replacement) == 1
        is_expected = _is(breaker.key) & (_C.generation == expected_generation)
        return await self._database.change(update(tables.breaker).where(is_expected).values(values)) == 1

    async def get(self, key: BreakerKey) -> Breaker | None:
        """Return one breaker as it is stored."""
        row = await self._database.row(select(*_AS_TEXT).where(_is(key)))
        return read_breaker(row) if row else None


def _is(key: BreakerKey) -> ColumnElement[bool]:
    return (_C.scope == key.scope.value) & (_C.name == key.name)


def _values(each: Breaker) -> dict[str, Any]:
    return {
        "scope": each.key.scope.value,
        "name": each.key.name,
        "state": each.state.value,
        "generation": each.generation,
        "reason": each.reason.value,
        "since": each.since,
        "opened_at": each.opened_at,
        "cooldown_seconds": each.cooldown.total_seconds() if each.cooldown is not None else None,
        "next_probe_at": each.next_probe_at,
        "stage": each.stage,
        "checks": each.checks,
        "errors": each.errors,
        "fault": each.fault,
        "tripped_by": each.tripped_by,
        "is_held": each.override is not None,
        "override": _plain(each.override) if each.override else None,
    }


def _plain(override: Override) -> dict[str, str]:
    return {
        "kind": override.kind.value,
        "reason": override.reason,
        "actor": override.actor,
        "expires_at": instant_text(override.expires_at),
    }
