"""Rows a second written to the store as runs write them, compared with the driver alone."""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiosqlite
import asyncpg

from reconcile import bootstrap
from reconcile.domain.coordination.lease import Lease
from reconcile.domain.lead import Lead
from reconcile.ports import LeadWrite, Store
from tests import postgres, stores

_AT_ONCE = 4
"""Workspaces written side by side: a run's way, and below the pool's size."""
_TABLES = ("lead", "appointment", "reconcile_lead_state", "reconcile_change", "reconcile_outbox")
"""Each booking leaves one row in each; a batch leaves two or three more, which are not counted."""

_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reconcile'"


def _leads(workspaces: int, size: int) -> list[list[Lead]]:
    return [[stores.lead(f"l{w:05}-{i:05}", workspace_id=f"w{w:05}") for i in range(size)] for w in range(workspaces)]


def _bookings(leads: Sequence[Lead]) -> list[LeadWrite]:
    return [stores.lead_write(each, change=stores.booking(each, stores.appointment(f"A-{each.id}"))) for each in leads]


async def _written(store: Store, batches: Sequence[Sequence[LeadWrite]], lease: Lease) -> float:
    """Write all batches and return the seconds that it took."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def write(writes: Sequence[LeadWrite]) -> None:
        async with slots:
            receipt = await store.leads.write(stores.batch(writes, leases=[lease]))
            assert not receipt.drifted

    started_at = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for writes in batches:
            group.create_task(write(writes))
    return time.perf_counter() - started_at


async def _ours(url: str, workspaces: int, size: int) -> dict[str, Any]:
    leads = _leads(workspaces, size)
    await bootstrap.migrate_url(url)
    names = [stores.workspace(some[0].workspace_id) for some in leads]
    await bootstrap.seed_url(url, workspaces=names, leads=[each for some in leads for each in some])
    bookings = [_bookings(some) for some in leads]
    booked = await _measured_writes(url, bookings)
    before = await _updates(url)
    same = await _measured_writes(url, [[stores.lead_write(_as_written(each)) for each in some] for some in bookings])
    after = await _updates(url)
    rows = workspaces * size * len(_TABLES)
    return {
        "rows": rows,
        "rows_per_s": round(rows / booked),
        "unchanged_leads_per_s": round(workspaces * size / same),
        "tuples_updated_unchanged": None if before is None or after is None else after - before,
    }


def _as_written(write: LeadWrite) -> Lead:
    """Return a lead after its booking was written."""
    change = write.change
    return replace(write.lead, rollup=change.rollup, contact_id=change.contact_id) if change else write.lead


async def _measured_writes(url: str, batches: Sequence[Sequence[LeadWrite]]) -> float:
    async with bootstrap.open_database_url(url) as store:
        lease = await store.leases.acquire("run", holder="benchmark", ttl=timedelta(minutes=10))
        seconds = await _written(store, batches, lease)
        await store.leases.release(lease)
    return seconds


async def _updates(url: str) -> int | None:
    """Return how many tuples of the customer's tables were updated so far; SQLite does not count them."""
    if not url.startswith("postgresql"):
        return None
    connection = await asyncpg.connect(url)
    try:
        # A session reports its counts when it ends.
        while await connection.fetchval(_SESSIONS):  # noqa: ASYNC110 - the server sets no event of ours
            await asyncio.sleep(0.01)
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        statement = "SELECT sum(n_tup_upd)::bigint FROM pg_stat_user_tables WHERE relname IN ('lead', 'appointment')"
        return int(await connection.fetchval(statement))
    finally:
        await connection.close()


async def _bare_postgresql(url: str, rows: int, size: int) -> dict[str, float]:
    """Return rows a second of asyncpg alone: many rows in one call, and one row in each, both in transactions."""
    connection = await asyncpg.connect(url)
    made = [(f"k{n}", "ghl", "confirmed", stores.NOW) for n in range(rows)]
    statement = "INSERT INTO bare VALUES ($1, $2, $3, $4)"
    try:
        await connection.execute("CREATE TABLE bare (id text PRIMARY KEY, provider text, status text, at timestamptz)")
        started_at = time.perf_counter()
        for start in range(0, rows, size):
            async with connection.transaction():
                await connection.executemany(statement, made[start : start + size])
        many = rows / (time.perf_counter() - started_at)
        some = made[: min(rows, 5_000)]
        await connection.execute("TRUNCATE bare")
        started_at = time.perf_counter()
        for row in some:
            await connection.execute(statement, *row)
        return {
            "bare_rows_per_s": round(many),
            "bare_one_by_one_per_s": round(len(some) / (time.perf_counter() - started_at)),
        }
    finally:
        await connection.close()


async def _bare_sqlite(path: Path, rows: int, size: int) -> dict[str, float]:
    """Return rows a second of aiosqlite alone, in the same journal mode."""
    made = [(f"k{n}", "ghl", "confirmed", stores.NOW.isoformat()) for n in range(rows)]
    async with aiosqlite.connect(path) as connection:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("CREATE TABLE bare (id text PRIMARY KEY, provider text, status text, at text)")
        started_at = time.perf_counter()
        for start in range(0, rows, size):
            await connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?)", made[start : start + size])
            await connection.commit()
        return {"bare_rows_per_s": round(rows / (time.perf_counter() - started_at)), "bare_one_by_one_per_s": 0}


@asynccontextmanager
async def _sqlite() -> AsyncIterator[tuple[str, Path]]:
    with TemporaryDirectory(prefix="reconcile-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}", Path(folder) / "bare.db"


async def _measured(kind: str, workspaces: int, size: int) -> dict[str, Any]:
    rows = workspaces * size * len(_TABLES)
    if kind == "postgresql":
        with postgres.find().start() as server:
            url = server.create_database()
            ours = await _ours(url, workspaces, size)
            bare = await _bare_postgresql(server.create_database(), rows, size)
    else:
        async with _sqlite() as (url, path):
            ours = await _ours(url, workspaces, size)
            bare = await _bare_sqlite(path, rows, size)
    return {"database": kind, **ours, **bare, "ratio": round(ours["rows_per_s"] / bare["bare_rows_per_s"], 2)}


def main() -> None:
    """Print a table, and as the last line the same as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writes", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=100)
    parser.add_argument("--leads", type=int, default=200, help="leads per workspace, which is a batch's size")
    wanted = parser.parse_args()
    results = [asyncio.run(_measured(kind, wanted.workspaces, wanted.leads)) for kind in ("postgresql", "sqlite")]
    for name in results[0]:
        print(f"{name:26}", *(f"{result[name]!s:>12}" for result in results))
    print(json.dumps({**results[0], "others": results[1:]}))


if __name__ == "__main__":
    main()
