"""Growth with table size: a run over the same due leads, and the query of due work, in larger databases."""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import Engine, event

from benchmarks.process import UNCAPPED, measured
from benchmarks.runs import CLI, database, seeded, simulator
from reconcile import bootstrap
from reconcile.domain.due import DuePolicy
from reconcile.domain.run.report import UNSEEN_AFTER
from reconcile.domain.run.request import RunRequest
from reconcile.ports import Store
from reconcile.settings import Settings
from reconcile.simulator import Scenario, WorldSize

_DUE = WorldSize(workspaces=20, leads_per_workspace=50, calendly_share=0.0, mix={Scenario.CONFIRMED: 1})
_OTHER_WORKSPACES = 1_000
_REPEATS = 5

# A company some years old: six in ten leads have met, two in ten have written, few are in touch now. All were verified
# within the week, so nothing of theirs is due; one in a hundred is urgent and was looked at a moment ago.
_LEADS = """
    INSERT INTO lead (id, workspace_id, email, contact_id, booking_id, booking_provider, booking_status,
                      booking_starts_at, in_sequence, last_inbound_at)
    SELECT 'old-' || lpad(i::text, 8, '0'), 'old-' || lpad((i % {workspaces})::text, 6, '0'),
           'l' || i || '@example.com', 'c' || i, CASE WHEN h < 60 THEN 'b' || i END, CASE WHEN h < 60 THEN 'ghl' END,
           CASE WHEN h < 60 THEN 'confirmed' END,
           CASE WHEN h < 60 THEN now() - interval '1 day' - interval '1 year' * random() END, h >= 99,
           CASE WHEN h BETWEEN 60 AND 79 THEN now() - interval '1 year' * random() END
    FROM (SELECT i, (hashint4(i) & 2147483647) % 100 AS h FROM generate_series(0, {leads} - 1) AS i) AS made
"""
_STATES = """
    INSERT INTO reconcile_lead_state (lead_id, workspace_id, attempted_at, verified_at, failure_count)
    SELECT id, workspace_id, now() + interval '10 minutes', now() - interval '6 days' * random(), 0 FROM lead
    WHERE id LIKE 'old-%' AND (booking_id IS NOT NULL OR in_sequence OR last_inbound_at IS NOT NULL)
"""
_WORKSPACES = """
    INSERT INTO workspace (id, ghl_location_id, ghl_token)
    SELECT 'old-' || lpad(i::text, 6, '0'), 'loc-' || i, 'pit-' || i FROM generate_series(0, {workspaces} - 1) AS i
"""


async def _aged(url: str, leads: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        size = {"workspaces": _OTHER_WORKSPACES, "leads": leads}
        for statement in (_WORKSPACES, _LEADS, _STATES):
            await connection.execute(statement.format(**size))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _milliseconds(url: str, query: Callable[[Store], Awaitable[object]]) -> float:
    """Return the minimum of a few times in milliseconds, to exclude other load."""
    times = []
    for _ in range(_REPEATS):
        async with bootstrap.open_database_url(url) as store:
            started_at = time.perf_counter()
            await query(store)
            times.append(time.perf_counter() - started_at)
    return round(1000 * min(times), 1)


async def _chosen(url: str) -> dict[str, float]:
    """Return the time of the query of due work, with some due and with nothing due, in milliseconds.

    *all*: as in the first run on a database and one in ten minutes; other runs query new leads only.
    """
    policy, now = DuePolicy(), datetime.now(UTC)
    idle = now - timedelta(hours=2)  # afterwards all due leads have been checked
    day = now - UNSEEN_AFTER
    never = replace(policy, hot=timedelta(days=1), stale=timedelta(days=30))
    async with bootstrap.open_database_url(url) as store:
        some = (await store.leads.due_workspaces(now=now, policy=policy, limit=10)).workspaces[0].id
    questions: Mapping[str, Callable[[Store], Awaitable[object]]] = {
        "choose_ms": lambda store: store.leads.due_workspaces(now=now, policy=policy, limit=10, wrote_since=day),
        "choose_all_ms": lambda store: store.leads.due_workspaces(now=now, policy=policy, limit=10),
        "leads_ms": lambda store: store.leads.due_leads(some, now=now, policy=policy, limit=50),
        "nothing_ms": lambda store: store.leads.due_workspaces(now=idle, policy=never, limit=10, wrote_since=day),
        "nothing_all_ms": lambda store: store.leads.due_workspaces(now=idle, policy=never, limit=10),
        "risk_ms": lambda store: store.leads.at_risk_count(now=now, policy=policy),
    }
    return {name: await _milliseconds(url, query) for name, query in questions.items()}


async def _statements(environment: Mapping[str, str]) -> int:
    """Return how many statements a run in this process sends."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(Engine, "before_cursor_execute", counted)
    settings = Settings.from_env(environment)
    request = RunRequest(workspace_limit=settings.workspace_limit, leads_per_workspace=settings.leads_per_workspace)
    try:
        await bootstrap.run(settings, request)
    finally:
        event.remove(Engine, "before_cursor_execute", counted)
    return count


def _measured(leads: int) -> dict[str, Any]:
    anchor = datetime.now(UTC)
    with database("postgresql") as url, simulator(_DUE, anchor=anchor, latency_ms=0) as addresses:
        seeded(url, _DUE, anchor=anchor)
        asyncio.run(_aged(url, leads))
        chosen = asyncio.run(_chosen(url))
        environment = {
            "RECONCILE_DATABASE_URL": url,
            "RECONCILE_GHL_BASE_URL": addresses["ghl"],
            "RECONCILE_CALENDLY_BASE_URL": addresses["calendly"],
            "RECONCILE_WORKSPACE_LIMIT": str(_DUE.workspaces),
            "RECONCILE_HOT_MINUTES": "0",
            "RECONCILE_OUTPUT": "json",
            **UNCAPPED,
        }
        measured((*CLI, "run"), environment)  # the first run writes new rows
        run = measured((*CLI, "run"), environment)
        statements = asyncio.run(_statements(environment))
    report = json.loads(run.output.splitlines()[-1])
    return {
        "leads": leads,
        **chosen,
        "due": report["leadsChecked"],
        "wall_s": round(run.wall, 2),
        "cpu_ms_per_due_lead": round(1000 * run.cpu / max(1, report["leadsChecked"]), 3),
        "statements_per_workspace": round(statements / _DUE.workspaces, 1),
        "peak_rss_mb": round(run.peak_rss_mb),
    }


def main() -> None:
    """Print a table, and as the last line JSON with the figures of the largest database and of the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--leads", type=int, nargs="+", default=[10, 10_000, 100_000, 1_000_000])
    results = [_measured(leads) for leads in parser.parse_args().leads]
    for name in results[0]:
        print(f"{name:26}", *(f"{result[name]:>10}" for result in results))
    print(json.dumps({**results[-1], "others": results[:-1]}))


if __name__ == "__main__":
    main()
