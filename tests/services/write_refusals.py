"""What keeps a batch from being written, as changes to a store's ports: each is one way in which a write fails."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from reconcile.domain.coordination.lease import Lease
from reconcile.errors import LeaseHeld, LeaseLost, StoreUnavailable
from reconcile.ports import Store
from reconcile.store.db.database import Database
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import Stop

SOFT_END = timedelta(seconds=45)
"""Beyond the time in which a run of a harness, or a round of a backfill, begins new work."""


@dataclass(kw_only=True)
class Obstacles:
    """Puts one obstacle in the way of the runs that get the store from ``over``; *stop* is such a run's."""

    harness: RunHarness
    stop: Stop = field(default_factory=Stop)
    leases: list[Lease] = field(default_factory=list)

    def over(self, store: Store, obstacle: "Obstacle") -> Store:
        """Return *store* with the obstacle in it."""
        return obstacle(self, store)


Obstacle = Callable[[Obstacles, Store], Store]


def workspace_busy(_: Obstacles, store: Store) -> Store:
    """Let another run hold the lease of each workspace."""

    async def acquire(name: str, **asked: Any) -> Lease:
        if "workspace:" in name:
            raise LeaseHeld(f"{name} is held")
        return await store.leases.acquire(name, **asked)

    return replace(store, leases=Wrapped(store.leases, acquire=acquire))


def taken_over(obstacles: Obstacles, store: Store) -> Store:
    """Let another run take the workspace's lease over while the batch is under way: the store's own fence is met."""

    async def acquire(name: str, **asked: Any) -> Lease:
        lease = await store.leases.acquire(name, **asked)
        if "workspace:" in name:
            obstacles.leases.append(lease)
        return lease

    async def leave() -> None:
        for lease in obstacles.leases:
            await store.leases.release(lease)

    async def write(*given: Any, **named: Any) -> Any:
        await leave()
        return await store.leads.write(*given, **named)

    async def record(*given: Any, **named: Any) -> Any:
        await leave()
        return await store.backfills.record(*given, **named)

    return replace(
        store,
        leases=Wrapped(store.leases, acquire=acquire),
        leads=Wrapped(store.leads, write=write),
        backfills=Wrapped(store.backfills, record=record),
    )


def _refusing(error: Exception) -> Obstacle:
    def over(_: Obstacles, store: Store) -> Store:
        async def refuse(*_: Any, **__: Any) -> Any:
            raise error

        return replace(
            store,
            leads=Wrapped(store.leads, write=refuse),
            backfills=Wrapped(store.backfills, record=refuse),
        )

    return over


def _first(act: Callable[[Obstacles], None]) -> Obstacle:
    """Return what acts when a run asks which workspaces it is to visit."""

    def over(obstacles: Obstacles, store: Store) -> Store:
        def then(read: Any) -> Any:
            async def reading(*given: Any, **named: Any) -> Any:
                act(obstacles)
                return await read(*given, **named)

            return reading

        return replace(
            store,
            leads=Wrapped(store.leads, due_workspaces=then(store.leads.due_workspaces)),
            backfills=Wrapped(store.backfills, workspaces=then(store.backfills.workspaces)),
        )

    return over


OBSTACLES: Mapping[str, Obstacle] = {
    "the workspace is busy": workspace_busy,
    "the lease is lost": _refusing(LeaseLost("another run has taken over")),
    "another run has taken over": taken_over,
    "the database is unreachable": _refusing(StoreUnavailable("the database does not answer")),
    "SIGTERM": _first(lambda obstacles: obstacles.stop.terminate()),
    "the time is over": _first(lambda obstacles: obstacles.harness.clock.advance(SOFT_END)),
}
"""After each of these nothing is written, and nothing may be reported or marked as done."""


async def away(*_: Any, **__: Any) -> Any:
    """Stand for a call to a database that does not answer."""
    raise StoreUnavailable("the database does not answer")


@asynccontextmanager
async def locked(harness: RunHarness, lead_id: str) -> AsyncIterator[None]:
    """Hold the row of one lead for a block, as a transaction of the customer's would."""
    if harness.url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    import asyncpg  # noqa: PLC0415 - not for SQLite

    holder = await asyncpg.connect(harness.url)
    try:
        await holder.execute("BEGIN")
        await holder.execute("SELECT 1 FROM lead WHERE id = $1 FOR UPDATE", lead_id)
        yield
    finally:
        await holder.close()


async def refuse_updates(harness: RunHarness, lead_id: str) -> Callable[[], Any]:
    """Let the customer's database refuse to change one lead; return what ends that."""
    if harness.url.startswith("sqlite"):
        begin = [
            f"""CREATE TRIGGER closed BEFORE UPDATE ON lead WHEN NEW.id = '{lead_id}'
            BEGIN SELECT RAISE(ABORT, 'closed'); END"""
        ]
        end = "DROP TRIGGER closed"
    else:
        body = f"BEGIN IF NEW.id = '{lead_id}' THEN RAISE EXCEPTION 'closed'; END IF; RETURN NEW; END"
        begin = [
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            "CREATE TRIGGER closed BEFORE UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
        end = "DROP TRIGGER closed ON lead"

    async def execute(*statements: str) -> None:
        database = Database(harness.url)
        try:
            for statement in statements:
                await database.change(text(statement))
        finally:
            await database.close()

    await execute(*begin)
    return lambda: execute(end)
