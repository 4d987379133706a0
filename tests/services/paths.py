"""The ways in which leads are checked or written: what guards one of them has to guard each."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.bulk_listing import SweepCost
from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.domain.shard import Shard
from reconcile.ports import Store
from tests.services.backfilling import BOOKED, PLAN, Backfilling, a_plan
from tests.services.desk import Desk
from tests.use_cases import Applying, Dependencies, OwnBreakers, RunRequest, Stop, carrying_out, planning, run

Path = Callable[[Desk, Store], Awaitable[RunReport]]
WS = WorkspaceId("ws-0")
ALL = Shard(0, 1)


def _run(**asked: Any) -> Path:
    async def go(desk: Desk, store: Store) -> RunReport:
        return await desk.run(store=store, **asked)

    return go


async def _sweep(desk: Desk, store: Store) -> RunReport:
    desk.policy = replace(desk.policy, list_sample_share=0)
    desk.ghl.cost = SweepCost(fixed=3, lookup=1)
    return await desk.run(store=store)


async def _plan(desk: Desk, store: Store, shard: Shard | None = None) -> RunReport:
    """Make one round of planning."""
    if await desk.store.backfills.plan(PLAN) is None:
        await desk.store.backfills.begin(a_plan(), BOOKED)
    over = planning(store, PLAN, clock=desk.clock, breakers=OwnBreakers(store.breakers))
    return await desk.run(store=over, whole_set=True, trigger=Trigger.BACKFILL, shard=shard)


async def apply_round(desk: Desk, store: Store, shard: Shard | None = None) -> RunReport:
    """Make one round of carrying a plan out, which is planned first where there is none."""
    if not await desk.store.backfills.counts(PLAN):
        await Backfilling(desk).plan()
    return await run(
        RunRequest(workspace_limit=100, leads_per_workspace=50, whole_set=True, trigger=Trigger.BACKFILL, shard=shard),
        run_id=RunId("apply-1"),
        policy=desk.policy,
        deps=Dependencies(
            store=carrying_out(store, PLAN, breakers=OwnBreakers(None)),
            providers=desk.providers,
            clock=desk.clock,
            random=random.Random(1),
            telemetry=desk.ear,
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
SHARDED: Mapping[str, Callable[[Desk, Store, Shard], Awaitable[RunReport]]] = {
    "run": lambda desk, store, shard: desk.run(store=store, shard=shard),
    "dry run of the whole set": lambda desk, store, shard: desk.run(
        store=store, shard=shard, dry_run=True, whole_set=True
    ),
    "backfill plan": _plan,
    "backfill apply": apply_round,
}


def workspace_lease(path: str) -> str:
    """Return the name of the lease on the workspace that the path takes."""
    return f"backfill:{PLAN}:workspace:{WS}" if path.startswith("backfill") else f"workspace:{WS}"


async def repaired(desk: Desk) -> int:
    """Return how many leads were changed, or have a change planned."""
    runs = await desk.store.ledger.runs()
    changes = [each for row in runs for each in await desk.store.ledger.changes(run_id=row.run_id)]
    planned = await desk.store.backfills.counts(PLAN)
    return len(changes) + planned.get(ItemState.PLANNED, 0)
