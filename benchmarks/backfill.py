"""A backfill over many leads in PostgreSQL: four shards, killed every few seconds, with the schedule running."""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from benchmarks.runs import CLI, SEED, simulator
from reconcile import bootstrap
from reconcile.drill.company import lead_of, workspace_of
from reconcile.simulator import Scenario, World, WorldSize
from tests import postgres

_SHARDS = 4
_STORIES = (Scenario.CONFIRMED, Scenario.CANCELED, Scenario.RESCHEDULED)
_TICK = 20.0
"""Seconds between two runs of the schedule."""
_STEP = 0.25

_TWICE = "SELECT count(*) FROM (SELECT FROM reconcile_change GROUP BY lead_id HAVING count(*) > 1) AS twice"
_ASKED_FOR = """
SELECT count(DISTINCT effect ->> 'key') AS kinds, count(*) AS all
FROM reconcile_backfill_lead, json_array_elements(change -> 'effects') AS effect WHERE state = 'applied'
"""
_MISSING = """
SELECT count(*) FROM reconcile_backfill_lead, json_array_elements(change -> 'effects') AS effect
WHERE state = 'applied' AND NOT EXISTS (SELECT FROM reconcile_outbox WHERE key = effect ->> 'key')
"""
_STATES = "SELECT state, count(*) AS leads FROM reconcile_backfill_lead GROUP BY state"
_UNVERIFIED = """
SELECT count(*) FROM lead LEFT JOIN reconcile_lead_state AS state ON state.lead_id = lead.id
WHERE lead.booking_id IS NOT NULL AND state.verified_at IS NULL
"""


@dataclass
class Live:
    """The schedule: a run every few seconds, and how each ended."""

    environment: Mapping[str, str]
    walls: list[float] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    async def tick(self) -> None:
        """Make one run."""
        started_at = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *CLI, "run", env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        out, _ = await process.communicate()
        self.walls.append(time.perf_counter() - started_at)
        self.codes.append(process.returncode or 0)
        self.reports.append(json.loads(out.splitlines()[-1]))

    async def go_on(self, until: asyncio.Event) -> None:
        """Make runs until it is over."""
        while not until.is_set():
            await self.tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), max(0.0, _TICK - self.walls[-1]))

    def figures(self, since: int) -> dict[str, Any]:
        """Return the figures of the runs from *first* on."""
        reports = self.reports[since:]
        return {
            "runs": len(reports),
            "failed": sum(code != 0 for code in self.codes[since:]),
            "errors": sum(report["errors"] for report in reports),
            "deferred": sum(report["deferred"] for report in reports),
            "checked": sum(report["leadsChecked"] for report in reports),
            "slowest_s": round(max(self.walls[since:]), 1),
        }


def _size(wanted: argparse.Namespace) -> WorldSize:
    return WorldSize(
        workspaces=wanted.workspaces,
        leads_per_workspace=wanted.leads,
        calendly_share=0.0,
        mix=dict.fromkeys(_STORIES, 1.0),
    )


def _seeded(url: str, wanted: argparse.Namespace, *, anchor: datetime) -> None:
    world = World.generate(seed=SEED, now=lambda: anchor, anchor=anchor, size=_size(wanted))
    asyncio.run(bootstrap.migrate_url(url))
    hot = set(list(world.workspaces)[: wanted.hot])
    seen: set[str] = set()
    leads = []
    for each in world.leads:
        # One lead of some workspaces is the schedule's: it is due at every tick.
        is_hot = each.workspace_id in hot and each.workspace_id not in seen
        seen.add(each.workspace_id)
        leads.append(replace(lead_of(each), in_sequence=is_hot))
    workspaces = [workspace_of(each) for each in world.workspaces.values()]
    asyncio.run(bootstrap.seed_url(url, workspaces=workspaces, leads=leads))


async def _shard(
    index: int, arguments: Sequence[str], environment: Mapping[str, str], running: dict[int, asyncio.subprocess.Process]
) -> dict[str, Any]:
    """Process one shard by consecutive processes; return the output of the last one."""
    while True:
        process = await asyncio.create_subprocess_exec(
            *CLI,
            "backfill",
            *arguments,
            env={**environment, "RECONCILE_SHARD": f"{index}/{_SHARDS}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running[index] = process
        out, err = await process.communicate()
        if process.returncode == 0:
            return dict(json.loads(out.splitlines()[-1]))
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"a shard ended with {process.returncode}:\n{err.decode()[-2000:]}")


async def _worked_off(
    arguments: Sequence[str], environment: Mapping[str, str], *, kill_every: float, chance: random.Random
) -> tuple[float, int, list[dict[str, Any]]]:
    """Return how long four shards took, and how often one was killed."""
    running: dict[int, asyncio.subprocess.Process] = {}
    started_at, kills = time.perf_counter(), 0
    shards = [asyncio.ensure_future(_shard(n, arguments, environment, running)) for n in range(_SHARDS)]
    next_at = started_at + kill_every
    while not all(each.done() for each in shards):
        await asyncio.wait(shards, timeout=_STEP)
        if time.perf_counter() >= next_at:
            next_at += kill_every
            alive = [process for index, process in running.items() if not shards[index].done()]
            if alive:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(alive).pid, signal.SIGKILL)
                    kills += 1
    return time.perf_counter() - started_at, kills, [each.result() for each in shards]


def _calls(address: str) -> int:
    with urllib.request.urlopen(f"{address}/_simulator/requests") as answer:  # noqa: S310 - the simulator of this run
        return int(json.load(answer)["total"])


async def _measured(url: str, addresses: Mapping[str, str], wanted: argparse.Namespace) -> dict[str, Any]:
    environment = {
        **os.environ,
        "RECONCILE_DATABASE_URL": url,
        "RECONCILE_GHL_BASE_URL": addresses["ghl"],
        "RECONCILE_CALENDLY_BASE_URL": addresses["calendly"],
        "RECONCILE_WORKSPACE_LIMIT": "1000",
        "RECONCILE_HOT_MINUTES": "0",
        "RECONCILE_FOLLOW_UPS": "all",
        "RECONCILE_RUN_MIN_CHANGES": "100000",
        "RECONCILE_RUN_MAX_CHANGES": "100000",
        "RECONCILE_OUTPUT": "json",
    }
    chance, is_over, live = random.Random(SEED), asyncio.Event(), Live(environment)
    for _ in range(2):
        await live.tick()
    alone, calls = live.figures(0), _calls(addresses["ghl"])
    beside = asyncio.ensure_future(live.go_on(is_over))
    plan = ("plan", "--stale-booked", "1s", "--name", "bench")
    planned = await _worked_off(plan, environment, kill_every=wanted.kill_every, chance=chance)
    live_calls = sum(report["providerCalls"] for report in live.reports[2:])
    made = next(each for each in planned[2] if each["hash"])
    calls = _calls(addresses["ghl"]) - calls - live_calls
    apply = ("apply", "bench", "--approve", made["hash"])
    applied = await _worked_off(apply, environment, kill_every=wanted.kill_every, chance=chance)
    is_over.set()
    await beside
    database = await asyncpg.connect(url)
    states = {row["state"]: row["leads"] for row in await database.fetch(_STATES)}
    effects = await database.fetchrow(_ASKED_FOR)
    assert effects is not None
    result = {
        "leads": made["selected"],
        "planned_s": round(planned[0], 1),
        "planned_per_s": round(made["selected"] / planned[0]),
        "applied_s": round(applied[0], 1),
        "applied_per_s": round(made["selected"] / applied[0]),
        "kills": planned[1] + applied[1],
        "calls_per_lead": round(calls / made["selected"], 3),
        "states": states,
        "unverified": await database.fetchval(_UNVERIFIED),
        "changed_twice": await database.fetchval(_TWICE),
        "effects_asked_for": effects["all"],
        "effects_doubled": effects["all"] - effects["kinds"],
        "effects_missing": await database.fetchval(_MISSING),
        "live_alone": alone,
        "live_beside": live.figures(2),
    }
    await database.close()
    return result


def main() -> None:
    """Print a table, and the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backfill", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=1000)
    parser.add_argument("--leads", type=int, default=100, help="leads per workspace")
    parser.add_argument("--hot", type=int, default=50, help="workspaces in which the schedule has a lead to check")
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--kill-every", type=float, default=15.0, help="seconds between two SIGKILLs")
    wanted = parser.parse_args()
    anchor = datetime.now(UTC) + timedelta(days=2)  # no meeting is near enough to make its lead due
    with (
        postgres.find().start() as server,
        simulator(_size(wanted), anchor=anchor, latency_ms=wanted.latency_ms) as addresses,
    ):
        url = server.create_database()
        _seeded(url, wanted, anchor=anchor)
        result = asyncio.run(_measured(url, addresses, wanted))
    for name, value in result.items():
        print(f"{name:18} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
