"""One incident from the first healthy run to recovery, with or without guards, measured minute by minute."""

import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.domain.run.request import RunRequest
from reconcile.drill.clock import DrillClock
from reconcile.drill.company import enter
from reconcile.ports import AlertChannel, NoopTelemetry, Provider, Store
from reconcile.services.alerting.notify import Notifier
from reconcile.services.run.context import Dependencies, RunPolicy
from reconcile.services.run.dry_run import on_clock
from reconcile.services.run.run import run
from reconcile.simulator import Booking, Fault, Scenario, Simulator, World, WorldSize, incident, simulate

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_TICK = timedelta(minutes=1)
_MIX: Mapping[Scenario, float] = {
    Scenario.CONFIRMED: 60,
    Scenario.CANCELED: 15,
    Scenario.SHOWED: 10,
    Scenario.RESCHEDULED: 15,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """The plan of an incident: *breaks_at* is the first broken tick (counted from 1), *broken_ticks* their number.

    Without *is_guarded* the same code runs without breakers, backoff, slow start and stored state.
    """

    workspaces: int = 8
    leads_per_workspace: int = 50
    ticks: int = 24
    breaks_at: int = 3
    broken_ticks: int = 15
    is_guarded: bool = True
    latency: timedelta = timedelta(milliseconds=5)
    seed: int = 7
    faults: Callable[[], tuple[Fault, ...]] = incident
    """The fault; by default all GHL records lose their id."""
    channels: Sequence[AlertChannel] = ()
    """The notifier of the runs, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick as measured from outside and as reported by the run."""

    number: int
    is_broken: bool
    provider_calls: int
    wrong_writes: int
    report: RunReport


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """The whole incident."""

    ticks: tuple[Tick, ...]
    plan: DrillPlan

    @property
    def errors(self) -> int:
        """Failed checks over the incident."""
        return sum(t.report.errors for t in self.ticks)

    @property
    def wrong_writes(self) -> int:
        """Leads that were written with wrong values."""
        return sum(t.wrong_writes for t in self.ticks)

    @property
    def max_calls_per_tick_while_open(self) -> int:
        """Provider calls of the most expensive broken tick after the one that tripped."""
        return max((t.provider_calls for t in self.ticks if t.is_broken and t.number > self.plan.breaks_at), default=0)

    @property
    def calls_while_broken(self) -> int:
        """Provider calls of all broken ticks."""
        return sum(t.provider_calls for t in self.ticks if t.is_broken)

    @property
    def starved_leads(self) -> int:
        """Leads that the last tick did not check, though all are due at each: deferred, failed or not read."""
        last = self.ticks[-1].report
        return self.plan.workspaces * self.plan.leads_per_workspace - last.leads_checked - last.skipped

    @property
    def ticks_to_recover(self) -> int | None:
        """The number of ticks from recovery to the first run at full rate, counting from 1; None if there was none."""
        healed = [t for t in self.ticks if t.number >= self.plan.breaks_at + self.plan.broken_ticks]
        full = self.ticks[self.plan.breaks_at - 2].report.leads_checked
        return next((n for n, t in enumerate(healed, start=1) if t.report.leads_checked >= full), None)


async def drill(plan: DrillPlan) -> AsyncGenerator[Tick, None]:
    """Run the incident and yield each tick as it ends."""
    clock = DrillClock(_START)
    world = World.generate(
        seed=plan.seed,
        now=clock.now,
        size=WorldSize(
            workspaces=plan.workspaces, leads_per_workspace=plan.leads_per_workspace, calendly_share=0.0, mix=_MIX
        ),
    )
    truths = {LeadId(lead.id): lead.truth for lead in world.leads}
    with TemporaryDirectory(prefix="reconcile-drill-") as folder:
        url = f"sqlite:///{Path(folder) / 'drill.db'}"
        await bootstrap.migrate_url(url)
        async with simulate(world, latency=plan.latency) as simulator, bootstrap.open_database_url(url) as store:
            await enter(url, world)
            async for tick in _simulate_minutes(plan, clock=clock, simulator=simulator, store=store, truths=truths):
                yield tick


async def _simulate_minutes(
    plan: DrillPlan,
    *,
    clock: DrillClock,
    simulator: Simulator,
    store: Store,
    truths: Mapping[LeadId, Booking | None],
) -> AsyncGenerator[Tick, None]:
    chance = random.Random(plan.seed)
    store = on_clock(store, clock)
    policy = _policy(plan)
    for number in range(1, plan.ticks + 1):
        is_broken = plan.breaks_at <= number < plan.breaks_at + plan.broken_ticks
        simulator.faults.clear()
        if is_broken:
            simulator.faults.add(*plan.faults())
        simulator.requests.reset()
        run_id = RunId(f"tick-{number:02}")
        # In production each tick is a process: only the database outlives it.
        async with bootstrap.providers_at(
            ghl_url=simulator.ghl_url, calendly_url=simulator.calendly_url, clock=clock, random=chance
        ) as providers:
            report = await run(
                RunRequest(
                    workspace_limit=plan.workspaces,
                    leads_per_workspace=plan.leads_per_workspace,
                    trigger=Trigger.SCHEDULE,
                ),
                run_id=run_id,
                policy=policy,
                deps=_dependencies(plan, store, providers, clock=clock, chance=chance),
            )
        yield Tick(
            number=number,
            is_broken=is_broken,
            provider_calls=simulator.requests.total,
            wrong_writes=await _wrong_writes(store, run_id, truths),
            report=report,
        )
        clock.advance(_TICK)


def _policy(plan: DrillPlan) -> RunPolicy:
    if plan.is_guarded:
        return RunPolicy()
    never = BackoffPolicy(base=timedelta(0), quarantine_after=1_000_000)
    return RunPolicy(backoff=never, breaker=BreakerPolicy(is_enforced=False))


def _dependencies(
    plan: DrillPlan,
    store: Store,
    providers: Mapping[ProviderName, Provider],
    *,
    clock: DrillClock,
    chance: random.Random,
) -> Dependencies:
    notifier = Notifier(channels=plan.channels, source="drill", runbook="docs/runbook.md")
    return Dependencies(
        store=store, providers=providers, clock=clock, random=chance, telemetry=NoopTelemetry(), notifier=notifier
    )


async def _wrong_writes(store: Store, run_id: RunId, truths: Mapping[LeadId, Booking | None]) -> int:
    """Count the changes of a run after which the lead differs from the provider's record."""
    changes = await store.ledger.changes(run_id=run_id, limit=100_000)
    return sum(not _is_true(change.after, truths.get(change.lead_id)) for change in changes)


def _is_true(after: Mapping[str, Any], truth: Booking | None) -> bool:
    """Compare what a change wrote with the provider's own records; fields that it did not write are ignored."""
    if truth is None:
        return bool(after.get("booking_status", "canceled") == "canceled")
    starts_at = after.get("booking_starts_at")
    is_at_the_time = starts_at is None or datetime.fromisoformat(starts_at) == truth.starts_at
    return bool(is_at_the_time and after.get("booking_status", truth.status) == truth.status)
