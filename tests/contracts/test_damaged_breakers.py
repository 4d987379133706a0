"""A stored breaker that no program has written is a closed one, ends no run, and can be reset."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
    Trip,
)
from reconcile.domain.ids import ProviderName, RunId, WorkspaceId
from reconcile.store.db.database import Database
from reconcile.store.session import open_store
from tests.domain.factories import NOW
from tests.stores import DEFAULT
from tests.use_cases import BreakerRegistry, Order, Verb, act

KEY = BreakerKey(BreakerScope.PROVIDER, "ghl")
HOLD = Override(kind=OverrideKind.HOLD_OPEN, reason="r", actor="a", expires_at=NOW + timedelta(hours=1))
OPEN = Breaker(key=KEY).trip(NOW, Trip(reason=BreakerReason.ERROR_RATE, checks=5, errors=5), policy=BreakerPolicy())
HELD = OPEN.with_override(HOLD, NOW, reason=BreakerReason.MANUAL_HOLD)
LATEST = (1 << 63) - 1

BOTH: Mapping[str, str] = {
    "generation below zero": "generation = -5",
    "generation zero": "generation = 0",
    "generation without a next": f"generation = {LATEST}",
    "unknown state": "state = 'ajar'",
    "state in capitals": "state = 'OPEN'",
    "empty state": "state = ''",
    "since in the year 9999": "since = '9999-12-31 00:00:00+00'",
    "opened in the year 1": "opened_at = '0001-01-01 00:00:00+00'",
    "probe in the year 2999": "next_probe_at = '2999-01-01 00:00:00+00'",
    "cooldown below zero": "cooldown_seconds = -45",
    "endless cooldown": "cooldown_seconds = 1e300",
    "cooldown of a thousand years": "cooldown_seconds = 3.2e10",
    "stage below zero": "stage = -1",
    "checks below zero": "checks = -1",
    "errors below zero": "errors = -7",
    "held by nobody": "is_held = '1', override = NULL",
    "held and not marked": "is_held = '0'",
    "override is a list": "override = '[1, 2]'",
    "override is a word": "override = '\"open\"'",
    "override is a number": "override = '7'",
    "override is empty": "override = '{}'",
    "override of an unknown kind": 'override = \'{"kind": "ajar", "expires_at": "2026-03-02T10:00:00+00:00"}\'',
    "override without an end": 'override = \'{"kind": "hold_open", "reason": "r", "actor": "a"}\'',
    "override that ends never": 'override = \'{"kind": "hold_open", "expires_at": "never"}\'',
    "override that ends in the year 20260": 'override = \'{"kind": "hold_open", "expires_at": "20260-01-01T00:00Z"}\'',
    "override by a number": 'override = \'{"kind": "hold_open", "actor": 7, "expires_at": "2026-03-02T10:00Z"}\'',
}
SQLITE: Mapping[str, str] = {
    "generation is a word": "generation = 'three'",
    "override is no JSON": "override = '{\"kind\": '",
    "stage is a word": "stage = 'two'",
    "checks are a fraction": "checks = 1.5",
    "cooldown is a word": "cooldown_seconds = 'long'",
    "since is a word": "since = 'yesterday'",
    "probe in a month of two years": "next_probe_at = '2026-24-01'",
    "held is a word": "is_held = 'maybe'",
}
POSTGRESQL: Mapping[str, str] = {
    "since for ever": "since = 'infinity'",
    "opened before Christ": "opened_at = '2026-01-01 00:00:00+00 BC'",
    "probe in the year 20260": "next_probe_at = '20260-01-01 00:00:00+00'",
    "probe never": "next_probe_at = 'infinity'",
    "cooldown is no number": "cooldown_seconds = 'NaN'",
    "cooldown without end": "cooldown_seconds = 'Infinity'",
}


async def execute(url: str, statement: str) -> None:
    database = Database(url)
    try:
        async with database.write_connection() as connection:
            await connection.execute(text(statement))
    finally:
        await database.close()


async def test_a_damaged_breaker_is_closed_and_can_be_reset(migrated_url: str) -> None:
    own = SQLITE if migrated_url.startswith("sqlite") else POSTGRESQL
    async with open_store(migrated_url, mapping=DEFAULT) as store:
        for name, change in {**BOTH, **own}.items():
            await store.breakers.save(HELD, expected_generation=0)
            await execute(migrated_url, f"UPDATE reconcile_breaker SET {change}")  # noqa: S608 - the test's own

            found = await store.breakers.get(KEY)
            assert found is not None, name
            unreadable = (BreakerState.CLOSED, None, BreakerReason.UNREADABLE)
            assert (found.state, found.override, found.reason) == unreadable, name
            assert found in await store.breakers.load(), name

            order = Order(verb=Verb.RESET, key=KEY, reason="damaged", actor="ana")
            done = await act(order, store=store, now=NOW, policy=BreakerPolicy())
            again = await store.breakers.get(KEY)
            assert again == done, name
            assert again.reason is BreakerReason.MANUAL_RESET, name
            await execute(migrated_url, "DELETE FROM reconcile_breaker")


async def test_a_run_closes_a_breaker_whose_next_probe_is_years_ahead(migrated_url: str) -> None:
    later = Breaker(
        key=KEY,
        state=BreakerState.OPEN,
        generation=3,
        reason=BreakerReason.ERROR_RATE,
        since=NOW,
        opened_at=NOW,
        cooldown=timedelta(seconds=45),
        next_probe_at=NOW + timedelta(days=400),
    )
    async with open_store(migrated_url, mapping=DEFAULT) as store:
        await store.breakers.save(later, expected_generation=0)
        (stored,) = await store.breakers.load()

    registry = BreakerRegistry([stored], policy=BreakerPolicy(), run_id=RunId("run-1"), batch_size=50)
    registry.begin({WorkspaceId("ws-1"): frozenset(ProviderName)}, NOW)

    closed = registry.breaker(KEY)
    assert (closed.state, closed.reason, closed.generation) == (BreakerState.CLOSED, BreakerReason.UNREADABLE, 4)
    assert HELD.is_plausible(NOW)
