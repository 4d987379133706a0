"""A backfill in a run harness: its rounds over a real store, with the harness's clock and providers."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import BackfillPlan, ChangeCaps, ItemState, PlanId, Selection
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import AppointmentId, LeadId, RunId
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.ports import Store
from reconcile.store.db.database import Database
from tests.services.fakes import START
from tests.services.run_harness import RunHarness
from tests.use_cases import (
    ROUND,
    Applying,
    BackfillRequest,
    Dependencies,
    OwnBreakers,
    RunRequest,
    Stop,
    backfill,
    carrying_out,
    planning,
    run,
)

PLAN = PlanId("plan-1")
DAYS = timedelta(days=1)
BOOKED = Selection(stale_booked=START + timedelta(days=365))
"""Every lead that holds a booking."""
_PROCESSES = count(1)
"""Numbers that tell the runs of one backfill from those of another over the same plan."""
OPEN = ChangeCaps(changes=1_000_000, percent=100, canceled_percent=100)


def _as_it_is(store: Store) -> Store:
    return store


@dataclass
class Backfilling:
    """What a process of a backfill does, without the process."""

    harness: RunHarness
    shard: Shard | None = None
    batch: int = 3
    rounds: int = 0
    stop: Stop = field(default_factory=Stop)
    wrap: Callable[[Store], Store] = _as_it_is
    process: int = field(default_factory=_PROCESSES.__next__)

    async def plan(
        self,
        selection: Selection = BOOKED,
        *,
        caps: ChangeCaps = OPEN,
        within: timedelta = timedelta(hours=6),
        **asked: Any,
    ) -> tuple[BackfillPlan, RunReport | None]:
        """Plan as ``bootstrap.backfill.plan`` does."""
        store, clock = self.harness.store, self.harness.clock
        request = BackfillRequest(name=PLAN, selection=selection, asked=asked, within=within, share=0.5)
        made = await backfill.begin(request, store=store, clock=clock)
        own = OwnBreakers(store.breakers)
        trouble = None
        if made.planned_at is None:
            over = planning(self.wrap(store), PLAN, clock=clock, breakers=own)
            trouble = await self._off(ItemState.SELECTED, store=over, work=None)
        if trouble is not None and trouble.circuit_broken:
            await backfill.hold(PLAN, backfill.trouble_of(trouble), backfills=store.backfills)
        return await backfill.complete(PLAN, store=store, caps=caps, clock=clock), trouble

    async def apply(self, *, approve: str | None = None) -> tuple[BackfillPlan, RunReport | None]:
        """Carry out as ``bootstrap.backfill.apply`` does."""
        store = self.harness.store
        await backfill.admitted(PLAN, approve=approve, backfills=store.backfills)
        applying = Applying(PLAN)
        over = carrying_out(self.wrap(store), PLAN, breakers=OwnBreakers(None))
        trouble = await self._off(ItemState.PLANNED, store=over, work=applying)
        if applying.trouble is not None:
            await backfill.hold(PLAN, applying.trouble, backfills=store.backfills)
        await backfill.conclude(PLAN, backfills=store.backfills, now=self.harness.clock.now())
        return await backfill.known_plan(PLAN, store.backfills), trouble

    async def _off(self, state: ItemState, *, store: Store, work: Applying | None) -> RunReport | None:
        async def once() -> RunReport:
            return await self.round(state, store=store, work=work)

        return await backfill.work_off(
            PLAN, state, store=self.harness.store, clock=self.harness.clock, shard=self.shard, once=once
        )

    async def round(
        self, state: ItemState, *, store: Store, work: Applying | None, stop: Stop | None = None
    ) -> RunReport:
        """Make one run over the leads of the plan that are in *state*."""
        self.rounds += 1
        self.stop = stop or Stop()
        request = RunRequest(
            workspace_limit=1000,
            leads_per_workspace=self.batch,
            whole_set=True,
            trigger=Trigger.BACKFILL,
            shard=self.shard,
        )
        return await run(
            request,
            run_id=RunId(f"{state}-{self.rounds:03}-{self.process}"),
            policy=replace(self.harness.policy, budget=ROUND, rate_share=0.5),
            deps=Dependencies(
                store=store,
                providers=self.harness.providers,
                clock=self.harness.clock,
                random=random.Random(self.rounds),
                telemetry=self.harness.ear,
                stop=self.stop,
                batch_handler=work,
            ),
        )

    async def listed(self, *states: ItemState) -> set[LeadId]:
        """Return the plan's leads in these states."""
        rows = await self.harness.store.backfills.items(PLAN, states=states, limit=100_000)
        return {row.lead_id for row in rows}


def cancel(harness: RunHarness, lead_ids: Iterable[str]) -> None:
    """Let GHL have canceled these leads' bookings."""
    for lead_id in lead_ids:
        appointment_id = AppointmentId(f"appt-{lead_id}")
        gone = harness.ghl.appointments[appointment_id]
        harness.ghl.appointments[appointment_id] = replace(gone, status=AppointmentStatus.CANCELED, canceled_at=START)


def move(harness: RunHarness, lead_ids: Iterable[str], by: timedelta = DAYS) -> None:
    """Let GHL have moved these leads' bookings."""
    for lead_id in lead_ids:
        appointment_id = AppointmentId(f"appt-{lead_id}")
        old = harness.ghl.appointments[appointment_id]
        harness.ghl.appointments[appointment_id] = replace(old, starts_at=old.starts_at + by)


async def execute(harness: RunHarness, statement: str, **parameters: Any) -> None:
    """Write as somebody else."""
    database = Database(harness.url)
    try:
        await database.change(text(statement), parameters)
    finally:
        await database.close()


async def of_customer(harness: RunHarness) -> dict[str, list[tuple[Any, ...]]]:
    """Return the customer's rows, and the follow-ups."""
    tables = await harness.dump()
    return {name: tables[name] for name in ("lead", "appointment", "reconcile_outbox")}


def a_plan() -> BackfillPlan:
    """Return a plan of which nothing is made yet."""
    return BackfillPlan(id=PLAN, made_at=START, asked={})
