"""A workspace whose account has no calls left holds no slot, and is visited again once it has."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.attribution.memory import memory_store
from benchmarks.virtual_time import START, VirtualClock, run_virtually
from benchmarks.waiting import MemoryBudgets
from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.domain.evidence.bulk_listing import SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import DeferReason, SkipReason
from reconcile.domain.run.report import RunReport
from reconcile.domain.workspace import Workspace
from reconcile.ports import NoopTelemetry, Sweep, Usage
from tests.services.fakes import a_workspace
from tests.services.run_harness import GHL, booked
from tests.use_cases import LEAST_WAIT, Dependencies, RunPolicy, RunRequest, Stop, budget_key, run

RUN_SECONDS = 40.0
"""The part of a run in which work may begin."""


@dataclass(kw_only=True)
class SlowProvider:
    """The port ``Provider``: answers each lead after *latency*; keeps when each account and workspace was called."""

    clock: VirtualClock
    latency: timedelta
    name: ProviderName = GHL
    by_account: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    by_workspace: dict[WorkspaceId, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    used: dict[WorkspaceId, int] = field(default_factory=lambda: defaultdict(int))

    def lookup(self, _lead: Lead, _workspace: Workspace) -> Lookup | SkipReason:
        return Lookup(provider=self.name, operation=Operation.APPOINTMENT)

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        del deadline
        self.by_account[workspace.credentials[self.name].account or ""].append(self.clock.now())
        self.by_workspace[workspace.id].append(self.clock.now())
        self.used[workspace.id] += 1
        await self.clock.sleep(self.latency)
        return Answer(appointments=lead.appointments, returned=frozenset({lookup.operation}))

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        raise NotImplementedError

    def sweep_cost(self, _workspace: Workspace) -> None:
        return None

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        raise NotImplementedError

    def usage(self, workspace: Workspace) -> Usage:
        return Usage(calls=self.used.pop(workspace.id, 0))


class LimitedBudgets(MemoryBudgets):
    """Accounts with a limit of their own, as if it had been learned from headers."""

    def __init__(self, clock: VirtualClock, limits: Mapping[str, RateLimit]) -> None:
        super().__init__(clock)
        self._limits = limits

    def _limit(self, key: str, assumed: RateLimit) -> RateLimit:
        return self._limits.get(key, assumed)


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A workspace with its number of leads, and its account with the account's limit."""

    leads: int
    account: int = 0
    limit: RateLimit | None = None


@dataclass(kw_only=True)
class Outcome:
    """What a run did, and how long it took."""

    report: RunReport
    provider: SlowProvider
    seconds: float

    def last_call(self, number: int) -> float:
        """Return when a workspace was last called, in seconds since the start of the run."""
        return (self.provider.by_workspace[WorkspaceId(f"ws-{number:02}")][-1] - START).total_seconds()


async def served(
    customers: Sequence[Customer], *, latency: timedelta, slots: int = 2, stop_after: float | None = None
) -> Outcome:
    """Make one run over these customers."""
    clock, stop = VirtualClock(), Stop()
    workspaces = [_workspace(number, each.account) for number, each in enumerate(customers)]
    leads = [
        booked(f"{workspace.id}-lead-{n:03}", workspace.id)
        for workspace, each in zip(workspaces, customers, strict=True)
        for n in range(each.leads)
    ]
    limits = {
        budget_key(workspace, GHL): each.limit
        for workspace, each in zip(workspaces, customers, strict=True)
        if each.limit is not None
    }
    provider = SlowProvider(clock=clock, latency=latency)
    store = replace(memory_store(workspaces, leads, clock), budgets=LimitedBudgets(clock, limits))
    if stop_after is not None:
        asyncio.get_running_loop().call_later(stop_after, stop.terminate)
    began = clock.monotonic()
    report = await run(
        RunRequest(workspace_limit=100, leads_per_workspace=100),
        run_id=RunId("run"),
        policy=RunPolicy(workspace_concurrency=slots, lead_concurrency=4),
        deps=Dependencies(
            store=store,
            providers={GHL: provider},
            clock=clock,
            random=random.Random(1),
            telemetry=NoopTelemetry(),
            stop=stop,
        ),
    )
    return Outcome(report=report, provider=provider, seconds=clock.monotonic() - began)


def _workspace(number: int, account: int) -> Workspace:
    workspace = a_workspace(f"ws-{number:02}")
    credential = replace(workspace.credentials[GHL], account=f"account-{account}")
    return replace(workspace, credentials={GHL: credential})


def every(seconds: float, *, burst: int) -> RateLimit:
    return RateLimit(interval=timedelta(seconds=seconds), burst=burst)


LATENCY = timedelta(seconds=0.1)


def test_the_leads_of_an_account_without_calls_are_looked_up_later_in_the_run() -> None:
    found = run_virtually(served([Customer(leads=30, limit=every(0.5, burst=10))], latency=LATENCY))

    assert (found.report.leads_checked, found.report.deferred, found.report.defer_reasons) == (30, 0, {})
    assert 9 < found.seconds < 12  # 20 calls, one each half second


def test_a_waiting_workspace_holds_no_slot() -> None:
    """With a single slot, those behind it are visited at once."""
    waiting = [Customer(leads=20, account=n, limit=every(1, burst=5)) for n in range(2)]
    free = [Customer(leads=8, account=n) for n in range(2, 12)]

    found = run_virtually(served([*waiting, *free], latency=LATENCY, slots=1))

    assert found.report.deferred == 0
    assert max(found.last_call(n) for n in range(2, 12)) < 6  # 12 visits of about half a second
    assert min(found.last_call(n) for n in range(2)) > 14


def test_a_wait_beyond_the_end_of_the_run_is_left_to_the_next() -> None:
    """The run ends at once."""
    found = run_virtually(served([Customer(leads=20, limit=every(60, burst=5))], latency=LATENCY))

    assert (found.report.leads_checked, found.report.deferred) == (5, 15)
    assert found.report.defer_reasons == {DeferReason.BUDGET: 15}
    assert found.seconds < 2


def test_after_sigterm_no_visit_is_waited_for() -> None:
    found = run_virtually(served([Customer(leads=30, limit=every(1, burst=10))], latency=LATENCY, stop_after=5))

    assert (found.report.leads_checked, found.report.deferred) == (10, 20)
    assert found.seconds == pytest.approx(5, abs=0.01)


customers = st.lists(
    st.builds(
        Customer,
        leads=st.integers(1, 30),
        account=st.integers(0, 3),
    ),
    min_size=1,
    max_size=8,
)
limits = st.lists(
    st.builds(every, st.floats(0.05, 3), burst=st.integers(1, 20)) | st.none(),
    min_size=4,
    max_size=4,
)


@given(customers=customers, limits=limits, latency=st.floats(0.01, 1), slots=st.integers(1, 4))
def test_no_account_exceeds_its_limit_and_none_that_has_calls_is_left_out(
    customers: list[Customer], limits: list[RateLimit | None], latency: float, slots: int
) -> None:
    """In any window; whatever the workspaces, their accounts, the limits and the latency."""
    customers = [replace(each, limit=limits[each.account]) for each in customers]

    found = run_virtually(served(customers, latency=timedelta(seconds=latency), slots=slots))

    leads = sum(each.leads for each in customers)
    assert found.report.leads_checked + found.report.deferred == leads
    assert found.report.leads_checked == sum(len(each) for each in found.provider.by_account.values())
    for account, limit in enumerate(limits):
        calls, wanted = found.provider.by_account[f"account-{account}"], _leads_of(account, customers)
        if limit is None:
            continue
        for first, start in enumerate(calls):
            for last, end in enumerate(calls[first:], first):
                assert last - first + 1 <= limit.burst + (end - start) / limit.interval + 1
        # A workspace is visited once in LEAST_WAIT, and finds a burst of calls at most.
        visits = max((-(-each.leads // limit.burst) for each in customers if each.account == account), default=0)
        waits = limit.interval.total_seconds() * (wanted - limit.burst) + LEAST_WAIT.total_seconds() * visits
        if waits + wanted * latency < RUN_SECONDS / 4:
            assert len(calls) == wanted


def _leads_of(account: int, customers: Sequence[Customer]) -> int:
    return sum(each.leads for each in customers if each.account == account)
