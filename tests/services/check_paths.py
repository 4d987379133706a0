"""The ways in which leads are checked or written: what guards one of them has to guard each."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.evidence.bulk_listing import SweepCost
from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.ports import Store
from tests.services.backfilling import BOOKED, PLAN, Backfilling, a_plan
from tests.services.run_harness import RunHarness
from tests.use_cases import Applying, Dependencies, OwnBreakers, RunRequest, Stop, carrying_out, planning, run

Path = Callable[[RunHarness, Store], Awaitable[RunReport]]
WS = WorkspaceId("ws-0")
ALL = Shard(0, 1)


def _run(**asked: Any) -> Path:
    async def go(harness: RunHarness, store: Store) -> RunReport:
        return await harness.run(store=store, **asked)

    return go


async def _sweep(harness: RunHarness, store: Store) -> RunReport:
    harness.policy = replace(harness.policy, list_sample_share=0)
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1)
    return await harness.run(store=store)


async def _plan(harness: RunHarness, store: Store, shard: Shard | None = None) -> RunReport:
    """Make one round of planning."""
    if await harness.store.backfills.plan(PLAN) is None:
        await harness.store.backfills.begin(a_plan(), BOOKED)
    over = planning(store, PLAN, clock=harness.clock, breakers=OwnBreakers(store.breakers))
    return await harness.run(store=over, whole_set=True, trigger=Trigger.BACKFILL, shard=shard)


async def apply_round(harness: RunHarness, store: Store, shard: Shard | None = None) -> RunReport:
    """Make one round of carrying a plan out, which is planned first where there is none."""
    if not await harness.store.backfills.counts(PLAN):
        await Backfilling(harness).plan()
    return await run(
        RunRequest(workspace_limit=100, leads_per_workspace=50, whole_set=True, trigger=Trigger.BACKFILL, shard=shard),
        run_id=RunId("apply-1"),
        policy=harness.policy,
        deps=Dependencies(
            store=carrying_out(store, PLAN, breakers=OwnBreakers(None)),
            providers=harness.providers,
            clock=harness.clock,
            random=random.Random(1),
            telemetry=harness.ear,
            stop=Stop(),
            batch_handler=Applying(PLAN),
        ),
    )


CHECKING: Mapping[str, Path] = {
    "run": _run(),
    "run of the schedule": _run(trigger=Trigger.SCHEDULE),
    "run of one workspace": _run(workspace=WS),
    "run of a shard": _run(shard=ALL),
    "run with lists": _sweep,
    "backfill plan": _plan,
    "dry run": _run(dry_run=True),
    "dry run of one workspace": _run(dry_run=True, workspace=WS),
    "dry run of the whole set": _run(dry_run=True, whole_set=True),
}
"""Paths that ask a provider."""
WRITING: Mapping[str, Path] = {name: path for name, path in CHECKING.items() if not name.startswith("dry")} | {
    "backfill apply": apply_round
}
"""Paths that write leads or plans."""
RUN_LEASES: Mapping[str, str] = {
    "run": "run",
    "run of the schedule": "run",
    "run of one workspace": "run:ws-0",
    "run of a shard": "run:0/1",
    "run with lists": "run",
    "backfill plan": f"backfill:{PLAN}:run",
    "backfill apply": f"backfill:{PLAN}:run",
}
SHARDED: Mapping[str, Callable[[RunHarness, Store, Shard], Awaitable[RunReport]]] = {
    "run": lambda harness, store, shard: harness.run(store=store, shard=shard),
    "dry run of the whole set": lambda harness, store, shard: harness.run(
        store=store, shard=shard, dry_run=True, whole_set=True
    ),
    "backfill plan": _plan,
    "backfill apply": apply_round,
}


def workspace_lease(path: str) -> str:
    """Return the name of the lease on the workspace that the path takes."""
    return f"backfill:{PLAN}:workspace:{WS}" if path.startswith("backfill") else f"workspace:{WS}"


async def repaired(harness: RunHarness) -> int:
    """Return how many leads were changed, or have a change planned."""
    runs = await harness.store.ledger.runs()
    changes = [each for row in runs for each in await harness.store.ledger.changes(run_id=row.run_id)]
    planned = await harness.store.backfills.counts(PLAN)
    return len(changes) + planned.get(ItemState.PLANNED, 0)
