"""One scenario, played: the product's own run over a provider of which some look-ups fail, tick by tick."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from benchmarks.attribution.memory import memory_store
from benchmarks.attribution.scenarios import FAILURES, SOUND_AFTER, TICK, TICKS, Scenario, Tick
from benchmarks.virtual_time import START, VirtualClock, in_real_time, on_simulated_clock, stop_time_for
from reconcile import bootstrap
from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.credential import Credential, Token
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import AppointmentId, LeadId, Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadStatus, Rollup
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ContractFault, ErrorClass, ProviderError, RateLimited
from reconcile.ports import BatchReceipt, BatchWrite, Leads, NoopTelemetry, Store, Sweep, Usage
from tests.use_cases import Dependencies, LocalBudgets, RunPolicy, RunRequest, run

GHL = ProviderName.HIGHLEVEL
_MEETING = START + timedelta(days=3)
_PAUSE = timedelta(seconds=30)
"""How long a provider that answers 429 asks to be left alone."""


class FailingProvider:
    """The port ``Provider``: answers each lead soundly, or fails as the scenario says, after simulated time."""

    name = GHL

    def __init__(self, scenario: Scenario, clock: VirtualClock) -> None:
        self.scenario = scenario
        self._clock = clock
        self.tick = Tick(number=0, sound=0)
        self._calls: Counter[WorkspaceId] = Counter()
        self._waits: dict[WorkspaceId, timedelta] = {}

    def begin(self, number: int) -> Tick:
        """Begin a tick, and return what is counted in it."""
        scenario = self.scenario
        self.tick = Tick(number=number, sound=scenario.sound_count)
        return self.tick

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        """Return the one way of looking a lead up."""
        del lead, workspace
        return Lookup(provider=self.name, operation=Operation.APPOINTMENT)

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Answer soundly or raise, once the time that it takes has passed."""
        del lookup, deadline  # none is missed: a run begins no call in its last ten seconds, and none takes longer
        tick, scenario = self.tick, self.scenario
        tick.calls += 1
        self._calls[workspace.id] += 1
        fails = scenario.fails(*place_of(lead.id), tick.number)
        takes = FAILURES[scenario.kind].after if fails else SOUND_AFTER
        await self._clock.sleep(takes)
        if not fails:
            return Answer(appointments=lead.appointments, contact_id=lead.contact_id)
        tick.failed += 1
        raise self._error(workspace)

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Answer as a look-up: there are no lists."""
        lookup = self.lookup(lead, workspace)
        return (
            lookup if isinstance(lookup, SkipReason) else await self.answer(lead, lookup, workspace, deadline=deadline)
        )

    def _error(self, workspace: Workspace) -> ProviderError:
        failure = FAILURES[self.scenario.kind]
        name, operation = self.name, Operation.APPOINTMENT
        if failure.error_class is ErrorClass.RATE_LIMITED:
            self._waits[workspace.id] = _PAUSE
            return RateLimited("GHL answered 429", provider=name, operation=operation, retry_after=_PAUSE)
        if failure.error_class is ErrorClass.CONTRACT:
            text = "GHL appointment response missing required ID field"
            return ContractFault(text, provider=name, operation=operation, shape=("event",))
        text, kind = f"GHL failed: {failure.error_class}", failure.error_class
        return ProviderError(text, provider=name, operation=operation, status=failure.status, error_class=kind)

    def sweep_cost(self, workspace: Workspace) -> None:
        """Return that nothing can be listed: every lead is looked up."""
        del workspace

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        """List nothing."""
        del leads, workspace, plan, deadline
        return Sweep()

    def usage(self, workspace: Workspace) -> Usage:
        """Return what was used of a workspace's account."""
        return Usage(calls=self._calls.pop(workspace.id, 0), not_before=self._waits.pop(workspace.id, None))


@dataclass(slots=True)
class _TripCounter(NoopTelemetry):
    """Counts the breakers that open, as they do."""

    provider: FailingProvider
    scenario: Scenario

    def warning(self, name: str, **facts: object) -> None:
        """Take note of a breaker that opened."""
        if name != "breaker.moved" or facts.get("state") != "open":
            return
        tick = self.provider.tick
        scope, _, rest = str(facts["breaker"]).partition(":")
        # Where there is one workspace, its breaker stops as much as the provider's.
        if scope == "workspace" and self.scenario.workspaces > 1:
            # A workspace's breaker may be one of several of it, by provider.
            failing = {workspace_name(workspace) for workspace, _ in self.scenario.bad}
            tick.healthy_parked += failing.isdisjoint(rest.split("/"))
            return
        tick.wide_trips += 1
        if tick.calls_at_trip is None:
            tick.calls_at_trip = tick.calls


class _WatchedLeads:
    """The port ``Leads``, of which is counted whom each batch verifies."""

    def __init__(self, leads: Leads, provider: FailingProvider) -> None:
        self._leads = leads
        self._provider = provider

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        return getattr(self._leads, name)

    async def write(self, batch: BatchWrite) -> BatchReceipt:
        """Write a batch and count the leads that never fail and that it verifies."""
        receipt = await self._leads.write(batch)
        bad = self._provider.scenario.bad
        verified = (each.lead.id for each in batch.writes if each.state.verified_at != each.lead.state.verified_at)
        self._provider.tick.served += sum(place_of(each) not in bad for each in verified)
        return receipt


async def play(scenario: Scenario, url: str | None = None) -> list[Tick]:
    """Play one scenario and return its ticks; on the migrated, empty database at *url*, else on a store in memory."""
    clock = VirtualClock()
    provider = FailingProvider(scenario, clock)
    ticks: list[Tick] = []
    async with _store(scenario, url, clock) as opened:
        store = replace(opened, leads=cast("Leads", _WatchedLeads(opened.leads, provider)))
        for number in range(1, TICKS + 1):
            begun = clock.monotonic()
            ticks.append(provider.begin(number))
            await run(
                RunRequest(workspace_limit=scenario.workspaces, leads_per_workspace=50),
                run_id=RunId(f"tick-{number:02}"),
                policy=RunPolicy(),
                deps=Dependencies(
                    store=store,
                    providers={GHL: provider},
                    clock=clock,
                    random=random.Random(number),
                    telemetry=_TripCounter(provider, scenario),
                ),
            )
            await asyncio.sleep(max(0.0, begun + TICK.total_seconds() - clock.monotonic()))
    return ticks


@asynccontextmanager
async def _store(scenario: Scenario, url: str | None, clock: VirtualClock) -> AsyncIterator[Store]:
    workspaces = [_workspace(number) for number in range(scenario.workspaces)]
    leads = [_lead(w, i) for w in range(scenario.workspaces) for i in range(scenario.leads)]
    if url is None:
        yield memory_store(workspaces, leads, clock)
        return
    await in_real_time(bootstrap.seed_url(url, workspaces=workspaces, leads=leads))
    async with bootstrap.open_database_url(url) as store:
        yield on_simulated_clock(stop_time_for(store), clock, budgets=LocalBudgets(clock))


def workspace_name(number: int) -> str:
    """Return a workspace's id; they sort by number."""
    return f"w{number:03}"


def place_of(lead_id: LeadId) -> tuple[int, int]:
    """Return the numbers of the workspace and of the lead in an id."""
    workspace, _, lead = lead_id.partition("-")
    return int(workspace[1:]), int(lead)


def _workspace(number: int) -> Workspace:
    credential = Credential(provider=GHL, token=Token("a-token"), account=f"location-{number}")
    return Workspace(id=WorkspaceId(workspace_name(number)), timezone="UTC", credentials={GHL: credential})


def _lead(workspace: int, number: int) -> Lead:
    lead_id = LeadId(f"{workspace_name(workspace)}-{number:03}")
    booked = Appointment(
        id=AppointmentId(f"A-{lead_id}"),
        provider=GHL,
        status=AppointmentStatus.CONFIRMED,
        starts_at=_MEETING,
        ends_at=_MEETING + timedelta(minutes=30),
    )
    return Lead(
        id=lead_id,
        workspace_id=WorkspaceId(workspace_name(workspace)),
        email=f"{lead_id}@example.com",
        contact_id=f"C-{lead_id}",
        status=LeadStatus.MEETING_BOOKED,
        rollup=Rollup(
            booking_id=booked.id,
            provider=GHL,
            status=booked.status,
            starts_at=booked.starts_at,
            ends_at=booked.ends_at,
        ),
        appointments=(booked,),
        in_sequence=True,
    )
