"""The port ``Breakers``: one row each, stored by compare-and-set."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, RowMapping, bindparam, or_, select, update

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
)
from reconcile.domain.ids import RunId
from reconcile.store.db import clock
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.types import instant_text, read_instant
from reconcile.store.mapping.row_mapper import word
from reconcile.store.schema import tables

_C = tables.breaker.c

REMEMBERED = timedelta(days=1)
"""How long a breaker at rest is still told of."""


class SqlBreakers:
    """Breakers in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[Breaker]:
        """Return all breakers that are not at rest: closed ones with no override are left out after a day."""
        since = clock.after(bindparam("seconds", -REMEMBERED.total_seconds(), type_=Float()), self._database.dialect)
        is_told = or_(_C.state != BreakerState.CLOSED.value, _C.is_held, _C.saved_at > since)
        statement = select(tables.breaker).where(is_told).order_by(_C.scope, _C.name)
        found = [_breaker(row) for row in await self._database.rows(statement)]
        return [each for each in found if each is not None]

    async def save(self, breaker: Breaker, *, expected_generation: int) -> bool:
        """Store the breaker if the stored generation is still the expected one (0: none stored); else return False."""
        values = {**_values(breaker), "saved_at": clock.now(self._database.dialect)}
        if expected_generation == 0:
            statement = insert(tables.breaker, self._database.dialect).values(values).on_conflict_do_nothing()
            return await self._database.change(statement) == 1
        is_expected = _is(breaker.key) & (_C.generation == expected_generation)
        return await self._database.change(update(tables.breaker).where(is_expected).values(values)) == 1

    async def get(self, key: BreakerKey) -> Breaker | None:
        """Return one breaker as it is stored."""
        row = await self._database.row(select(tables.breaker).where(_is(key)))
        return _breaker(row) if row else None


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


def _breaker(row: RowMapping) -> Breaker | None:
    scope, state = word(BreakerScope, row["scope"]), word(BreakerState, row["state"])
    if scope is None or state is None:
        # Another version's row: it knows what to do with it, we do not.
        return None
    cooldown = row["cooldown_seconds"]
    tripped_by = row["tripped_by"]
    return Breaker(
        key=BreakerKey(scope, row["name"]),
        state=state,
        generation=row["generation"],
        reason=word(BreakerReason, row["reason"]) or BreakerReason.NEVER_TRIPPED,
        since=row["since"],
        opened_at=row["opened_at"],
        cooldown=timedelta(seconds=cooldown) if cooldown is not None else None,
        next_probe_at=row["next_probe_at"],
        stage=row["stage"],
        checks=row["checks"],
        errors=row["errors"],
        fault=row["fault"],
        tripped_by=RunId(tripped_by) if tripped_by else None,
        override=_override(row["override"]) if row["override"] else None,
    )


def _override(plain: Mapping[str, str]) -> Override | None:
    kind, expires_at = word(OverrideKind, plain.get("kind")), read_instant(plain.get("expires_at"))
    if kind is None or expires_at is None:
        return None
    return Override(kind=kind, reason=plain.get("reason", ""), actor=plain.get("actor", ""), expires_at=expires_at)
