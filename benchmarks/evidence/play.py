"""Plays one world: real runs over a real database and the world's provider, look by look."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.evidence.company import Company, Transport
from benchmarks.evidence.judge import Judge, Result
from benchmarks.evidence.members import company_of
from benchmarks.evidence.naive import NaiveReconciler
from benchmarks.evidence.worlds import Case, Mode
from benchmarks.virtual_time import VirtualClock, in_real_time, on_simulated_clock, stop_time_for
from reconcile import bootstrap
from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerState
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import EffectKind
from reconcile.ports import NoopTelemetry, Provider, Store
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.http.client import BaseUrl, Gateway
from tests.use_cases import Dependencies, LocalBudgets, Order, RunPolicy, RunRequest, Verb, act, breaker_key, run

TICK = timedelta(minutes=1)
_AGES = timedelta(days=365)
_WAITS = (*[TICK] * 10, *[timedelta(hours=1)] * 24, *[timedelta(days=1)] * 8)
"""How a change that was missed is waited for: by the minute, then by the hour, then by the day."""
GHL = ProviderName.HIGHLEVEL


async def play(case: Case, url: str) -> Result:
    """Play one world in the migrated, empty database at *url*, and return the result."""
    clock = VirtualClock()
    company = _prepared(case, clock)
    judge = Judge(case, company)
    async with _opened(url, company, clock) as store:
        office = _Office(case=case, company=company, store=store, clock=clock)
        for look in range(1, case.looks + 1):
            await office.look(look)
            assert company.calls, "nothing was asked"
            leads, effects = await office.leads(), await office.effects()
            judge.judge(leads, effects, look)
        judge.result.missed = judge.missed(leads, effects, case.looks)
        if judge.result.missed:
            judge.result.minutes = await _waited(office, judge)
    return judge.result


async def play_control(case: Case) -> Result:
    """Play one world with the control in place of the product."""
    clock = VirtualClock()
    company = _prepared(case, clock)
    judge, naive = Judge(case, company), NaiveReconciler(company, clock)
    for look in range(1, case.looks + 1):
        if look > 1:
            await clock.sleep(TICK)
        _change(case, company, look)
        company.begin_look()
        naive.look()
        judge.judge(naive.leads(), naive.effects(), look)
    judge.result.missed = judge.missed(naive.leads(), naive.effects(), case.looks)
    waited = timedelta(0)
    for wait in _WAITS if judge.result.missed else ():
        await clock.sleep(wait)
        waited += wait
        naive.look()
        if not judge.missed(naive.leads(), naive.effects(), case.looks):
            break
    judge.result.minutes = waited / TICK
    return judge.result


def _prepared(case: Case, clock: VirtualClock) -> Company:
    """Return a world's company with everything that happened before the first look."""
    company = company_of(case, clock)
    for member in company.members:
        if member.is_affected:
            case.statement.prepare(company, member)
    return company


def _change(case: Case, company: Company, look: int) -> None:
    """Let happen what happens before the look of this number."""
    if change := case.statement.later.get(look):
        for member in company.members:
            if member.is_affected:
                change(company, member)


async def _waited(office: "_Office", judge: Judge) -> float:
    """Look on until everything that is due is written; return the minutes that it took."""
    waited = timedelta(0)
    for wait in _WAITS:
        await office.look(office.case.looks + 1, after=wait, is_last=True)
        waited += wait
        if not judge.missed(await office.leads(), await office.effects(), office.case.looks):
            break
    return waited / TICK


@dataclass(slots=True, kw_only=True)
class _Office:
    case: Case
    company: Company
    store: Store
    clock: VirtualClock
    _number: int = 0

    async def look(self, look: int, *, after: timedelta = TICK, is_last: bool = False) -> None:
        """Make one run, *after* so long since the one before."""
        if self._number:
            await self.clock.sleep(after)
        elif self.case.mode is Mode.HOLD_CLOSED:
            await self._hold_closed()
        if not is_last:
            _change(self.case, self.company, look)
        self.company.begin_look()
        self._number += 1
        chance = random.Random(self._number)
        is_enforced = self.case.mode is not Mode.METRICS_ONLY
        await run(
            RunRequest(workspace_limit=1000, leads_per_workspace=1000),
            run_id=RunId(f"look-{self._number:03}"),
            policy=RunPolicy(breaker=BreakerPolicy(is_enforced=is_enforced)),
            deps=Dependencies(
                store=self.store,
                providers=_providers(self.company, self.clock, chance),
                clock=self.clock,
                random=chance,
                telemetry=NoopTelemetry(),
            ),
        )
        if self.case.mode is Mode.RESET:
            for each in await self.store.breakers.load():
                if each.state is not BreakerState.CLOSED:
                    await self._order(str(each.key), lasts=None)

    async def leads(self) -> Mapping[LeadId, Lead]:
        """Return all leads as the database holds them."""
        later, found = self.clock.now() + _AGES, dict[LeadId, Lead]()
        for workspace in self.company.workspaces:
            due = await self.store.leads.due_leads(workspace.id, now=later, policy=DuePolicy(), limit=10_000)
            found |= {each.id: each for each in due}
        for member in self.company.members:
            if member.lead.id not in found:
                lead = await self.store.leads.lead(member.lead.id)
                assert lead is not None
                found[lead.id] = lead
        return found

    async def effects(self) -> Mapping[LeadId, Sequence[EffectKind]]:
        """Return the follow-ups that each lead has caused."""
        found: dict[LeadId, list[EffectKind]] = {}
        for row in await self.store.outbox.pending(now=self.clock.now() + _AGES, limit=100_000):
            found.setdefault(row.lead_id, []).append(row.kind)
        return found

    async def _hold_closed(self) -> None:
        workspaces = [f"workspace:{each.id}" for each in self.company.workspaces]
        for key in ("run", f"provider:{self.company.provider}", *workspaces):
            await self._order(key, lasts=timedelta(days=20))

    async def _order(self, key: str, *, lasts: timedelta | None) -> None:
        order = Order(verb=Verb.RESET, key=breaker_key(key), reason="benchmark", actor="benchmark", lasts=lasts)
        await act(order, store=self.store, now=self.clock.now(), policy=BreakerPolicy())


def _providers(company: Company, clock: VirtualClock, chance: random.Random) -> Mapping[ProviderName, Provider]:
    """Return new provider adapters over the company, without state, as in a new process."""
    transport = Transport(company)

    def gateway(provider: ProviderName) -> Gateway:
        base = BaseUrl.parse(f"https://{provider}.example.com", where="a benchmark")
        return Gateway(provider=provider, base=base, transport=transport, clock=clock, random=chance.random)

    return {GHL: Ghl(gateway(GHL)), ProviderName.CALENDLY: Calendly(gateway(ProviderName.CALENDLY))}


@asynccontextmanager
async def _opened(url: str, company: Company, clock: VirtualClock) -> AsyncIterator[Store]:
    """Enter the company into the database at *url* and open it; its calls take no simulated time."""
    leads = [each.lead for each in company.members]
    await in_real_time(bootstrap.seed_url(url, workspaces=company.workspaces, leads=leads))
    async with bootstrap.open_database_url(url) as store:
        yield on_simulated_clock(stop_time_for(store), clock, budgets=LocalBudgets(clock))
