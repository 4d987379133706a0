"""Fakes at the ports of a run: a clock that a test moves, a provider that says what it is told to, a sink, an ear."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from reconcile.domain.appointment import INCONCLUSIVE, Appointment
from reconcile.domain.coordination.day_quota import DayReading
from reconcile.domain.coordination.rate_limit import Grant, RateLimit
from reconcile.domain.credential import Credential, Token
from reconcile.domain.evidence.booking_reference import canonical, provider_of
from reconcile.domain.evidence.bulk_listing import SweepCost, SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import AppointmentId, LeadId, Operation, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import (
    ContractFault,
    ErrorClass,
    OutOfTime,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from reconcile.ports import NoopTelemetry, OutboxRow, Sweep, Usage

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Verdict: TypeAlias = Answer | SkipReason | Exception

_BY: Mapping[ProviderName, tuple[Operation, Operation, Operation]] = {
    ProviderName.HIGHLEVEL: (Operation.APPOINTMENT, Operation.CONTACT_APPOINTMENTS, Operation.CONTACT_SEARCH),
    ProviderName.CALENDLY: (Operation.INVITEE, Operation.SCHEDULED_EVENTS, Operation.SCHEDULED_EVENTS),
}
"""The first call by booking id, by contact and by e-mail."""


class FakeClock:
    """Stands still until it is moved; who sleeps is woken when that much has passed, or at once if *is_hasty*."""

    def __init__(self, *, is_hasty: bool = True) -> None:
        self.at = START
        self.is_hasty = is_hasty
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 1000.0 + (self.at - START).total_seconds()

    def advance(self, duration: timedelta) -> None:
        """Let *duration* have passed, and wake who has slept enough."""
        self.at += duration
        due = [each for each in self._sleepers if each[0] <= self.at]
        self._sleepers = [each for each in self._sleepers if each[0] > self.at]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)

    async def sleep(self, duration: timedelta) -> None:
        until = self.at + duration
        if self.is_hasty:
            await asyncio.sleep(0)
            self.at = max(self.at, until)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((until, woken))
        await woken


class FakeProvider:
    """Knows the appointments that it was given, and says of a lead what it was told to say instead.

    While *gate* is not set, calls are under way and get no answer; *on_ask* is called when a call arrives. With *cost*
    it can be swept: it lists all appointments but the *unlisted*, and with *on_sweep* says otherwise. With *day_limit*
    each account has so many calls a day until midnight, and none afterwards.
    """

    def __init__(self, name: ProviderName = ProviderName.HIGHLEVEL, *, clock: FakeClock) -> None:
        self.name = name
        self.clock = clock
        self.appointments: dict[AppointmentId, Appointment] = {}
        self.verdicts: dict[LeadId, Verdict] = {}
        self.always: Verdict | None = None
        self.asked: list[LeadId] = []
        self.under_way = 0
        self.peak = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()
        self.on_ask: Callable[[], None] = lambda: None
        self.cost: SweepCost | None = None
        self.swept: list[WorkspaceId] = []
        self.unlisted: set[AppointmentId] = set()
        self.on_sweep: Exception | dict[LeadId, Answer] = {}
        self.day_limit: int | None = None
        self._calls: Counter[str] = Counter()
        self._calls_of_day: Counter[tuple[date, str]] = Counter()
        self._waits: dict[str, timedelta] = {}

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        if self.name not in workspace.credentials:
            return SkipReason.NOT_CONFIGURED
        by_id, by_contact, by_email = _BY[self.name]
        booking_id = lead.rollup.booking_id
        owner = lead.rollup.provider or (provider_of(booking_id) if booking_id else None)
        if booking_id and owner is self.name:
            return Lookup(provider=self.name, operation=by_id)
        if lead.contact_id and self.name is ProviderName.HIGHLEVEL:
            return Lookup(provider=self.name, operation=by_contact)
        return Lookup(provider=self.name, operation=by_email) if lead.email else SkipReason.NO_IDENTITY

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        if deadline <= self.clock.monotonic():
            raise OutOfTime("out of time", provider=self.name, operation=lookup.operation)
        self.asked.append(lead.id)
        self._call(workspace, lookup.operation)
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)
        self.arrived.set()
        self.on_ask()
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
        finally:
            self.under_way -= 1
        verdict = self.verdicts.get(lead.id, self.always) or self._known(lead, lookup)
        if isinstance(verdict, RateLimited):
            self._waits[workspace.id] = verdict.retry_after
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Answer as a look-up, and list the booking unless it is one of the *unlisted*."""
        lookup = self.lookup(lead, workspace)
        if isinstance(lookup, SkipReason):
            return lookup
        answer = await self.answer(lead, lookup, workspace, deadline=deadline)
        if isinstance(answer, SkipReason) or not answer.appointments:
            return answer
        lists = frozenset({_BY[self.name][1]})
        if any(each.id in self.unlisted for each in answer.appointments):
            return replace(answer, silent=lists)
        return replace(answer, returned=answer.returned | lists)

    def sweep_cost(self, workspace: Workspace) -> SweepCost | None:
        return self.cost if self.name in workspace.credentials else None

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> Sweep:
        if deadline <= self.clock.monotonic():
            raise OutOfTime("out of time", provider=self.name, operation=Operation.SWEEP)
        self.swept.append(workspace.id)
        self._call(workspace, Operation.SWEEP)
        self.arrived.set()
        self.on_ask()
        await asyncio.sleep(0)
        await self.gate.wait()
        if isinstance(self.on_sweep, RateLimited):
            self._waits[workspace.id] = self.on_sweep.retry_after
        if isinstance(self.on_sweep, Exception):
            raise self.on_sweep
        shown = {i: a for i, a in self.appointments.items() if i not in self.unlisted}
        found = {each.id: shown.get(canonical(each.rollup.booking_id or "")) for each in leads}
        answers = {i: Answer(appointments=(a,)) for i, a in found.items() if a and a.status not in INCONCLUSIVE}
        answers |= {each.id: Answer() for each in leads if each.rollup.provider not in {None, self.name}}
        answers |= self.on_sweep
        return Sweep(answers=answers, calls=1, mentioned=sum(each is not None for each in found.values()))

    def usage(self, workspace: Workspace) -> Usage:
        calls, day = self._calls.pop(workspace.id, 0), None
        if self.day_limit is not None and calls:
            day = DayReading(at=self.clock.now(), left=self.calls_left(workspace.id), ends_at=self._midnight())
        return Usage(calls=calls, not_before=self._waits.pop(workspace.id, None), day=day)

    def calls_left(self, workspace_id: str) -> int:
        """Return how many calls the account has today."""
        return max(0, (self.day_limit or 0) - self._calls_of_day[self.clock.now().date(), workspace_id])

    def spend(self, workspace_id: str, calls: int) -> None:
        """Make calls of another program to the account."""
        self._calls_of_day[self.clock.now().date(), workspace_id] += calls

    def _call(self, workspace: Workspace, operation: Operation) -> None:
        self._calls[workspace.id] += 1
        is_refused = self.day_limit is not None and not self.calls_left(workspace.id)
        self.spend(workspace.id, 1)
        if is_refused:
            wait = self._waits[workspace.id] = self._midnight() - self.clock.now()
            raise RateLimited("no calls left", provider=self.name, operation=operation, retry_after=wait)

    def _midnight(self) -> datetime:
        return datetime.combine(self.clock.now().date() + timedelta(days=1), time(), UTC)

    def _known(self, lead: Lead, lookup: Lookup) -> Answer:
        booking_id = lead.rollup.booking_id
        if booking_id is None or lookup.operation is not _BY[self.name][0]:
            return Answer()
        found = self.appointments.get(canonical(booking_id))
        if found is None:
            return Answer(absent=frozenset({canonical(booking_id)}))
        return Answer(appointments=(found,), returned=frozenset({lookup.operation}))


def failure(kind: ErrorClass, *, provider: ProviderName = ProviderName.HIGHLEVEL) -> ProviderError:
    """Return an error as an adapter raises it."""
    operation, text = _BY[provider][0], f"{provider} failed"
    match kind:
        case ErrorClass.CONTRACT:
            text = f"{provider} response missing required ID field"
            return ContractFault(text, provider=provider, operation=operation, shape=("appointment", "traceId"))
        case ErrorClass.RATE_LIMITED:
            wait = timedelta(seconds=90)
            return RateLimited(text, provider=provider, operation=operation, retry_after=wait)
        case ErrorClass.CREDENTIAL | ErrorClass.REJECTED:
            return ProviderRejected(text, provider=provider, operation=operation, error_class=kind)
        case _:
            return ProviderUnavailable(text, provider=provider, operation=operation, error_class=kind)


def a_workspace(workspace_id: str, *providers: ProviderName) -> Workspace:
    """Return a workspace with credentials at *providers*, at GHL if none are named."""
    return Workspace(
        id=WorkspaceId(workspace_id),
        timezone="UTC",
        credentials={
            name: Credential(provider=name, token=Token("a-token"), account=f"{name}-{workspace_id}")
            for name in providers or (ProviderName.HIGHLEVEL,)
        },
    )


@dataclass
class Allowance:
    """Budgets that grant each account so many calls at a time."""

    each_time: int = 1_000_000

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        granted = min(wanted, self.each_time)
        pause = timedelta(0) if granted == wanted else timedelta(seconds=20)
        return Grant(granted=granted, left=self.each_time - granted, retry_after=pause)

    async def settle(self, key: str, *, unused: int, usage: Usage, limit: RateLimit) -> None:
        """Grant as much again."""


@dataclass
class FakeSink:
    """Takes follow-ups; *failing* names those at which it is broken, *rejecting* those that it does not want."""

    delivered: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    rejecting: set[str] = field(default_factory=set)

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        await asyncio.sleep(0)
        if row.key in self.failing:
            raise ProviderUnavailable("the webhook answered 503", provider="webhook", operation="deliver", status=503)
        if row.key in self.rejecting:
            raise ProviderRejected("the webhook answered 404", provider="webhook", operation="deliver", status=404)
        self.delivered.append(row.key)


@dataclass
class Ear(NoopTelemetry):
    """Hears what is told to an operator's tools."""

    events: list[str] = field(default_factory=list)

    def event(self, name: str, **facts: object) -> None:
        self.events.append(name)

    def warning(self, name: str, **facts: object) -> None:
        self.events.append(name)
