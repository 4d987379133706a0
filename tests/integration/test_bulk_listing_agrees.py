"""Lists and look-ups come to the same: for each lead that lists settle, and for whole runs in worlds that go on."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from reconcile import bootstrap
from reconcile.domain.evidence.bulk_listing import REACH, SweepPlan
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.plan import plan
from reconcile.domain.workspace import Workspace
from reconcile.drill.company import lead_of, workspace_of
from reconcile.ports import Provider
from reconcile.simulator import Fault, FaultKind, Scenario, WorldSize
from tests.integration.provider_events import ProviderEvents
from tests.integration.simulated_company import SimulatedCompany, start_company
from tests.provider_lookup import ask
from tests.samples import SAMPLED
from tests.timeouts import HUNG
from tests.use_cases import RunPolicy

pytestmark = pytest.mark.integration

TICKS = 4
SIZE = WorldSize(workspaces=2, leads_per_workspace=24)
FEW, ALL = 4, 12
"""Examples in `make test`, and in `make test-faults`."""
FAULTS: tuple[tuple[Fault, ...], ...] = (
    (),
    (Fault(kind=FaultKind.ENVELOPE, value="appointment"), Fault(kind=FaultKind.STATUS_SPELLING, value="typo")),
    (Fault(kind=FaultKind.TIME_FORMAT, value="naive"), Fault(kind=FaultKind.STATUS_STYLE, value="camel")),
    (Fault(kind=FaultKind.LIST_HIDES, value="cancelled"), Fault(kind=FaultKind.PAGE_KEYS, value="legacy")),
    (Fault(kind=FaultKind.LIST_HIDES, value="deleted"), Fault(kind=FaultKind.URI_ORIGIN)),
)
"""Ways in which the same facts are told."""
MIXES = st.fixed_dictionaries({each: st.integers(0, 4) for each in Scenario}).filter(lambda mix: any(mix.values()))


async def _compare(company: SimulatedCompany, provider: Provider, workspace: Workspace, leads: list[Lead]) -> int:
    """Compare what lists say of leads with what look-ups say; return how many they settle."""
    now, deadline = company.clock.now(), company.clock.monotonic() + HUNG
    asked = SweepPlan(since=now - REACH, until=now + REACH, expected_calls=1, most_calls=100, includes_past=True)
    swept = await provider.sweep(leads, workspace, plan=asked, deadline=deadline)
    by_id = {each.id: each for each in leads}
    for lead_id, listed in swept.answers.items():
        looked_up = await ask(provider, by_id[lead_id], workspace, deadline=deadline)
        assert isinstance(looked_up, Answer)
        assert plan(by_id[lead_id], listed, now=now) == plan(by_id[lead_id], looked_up, now=now)
    return len(swept.answers)


async def _compare_in_world(seed: int, mix: dict[Scenario, float], faults: tuple[Fault, ...]) -> None:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'agree.db'}"
        await bootstrap.migrate_url(url)
        async with start_company(url, seed=seed, size=SIZE, mix=mix) as company:
            company.simulator.faults.add(*faults)
            provider_events = ProviderEvents(world=company.world, chance=random.Random(seed))
            workspaces = [workspace_of(each) for each in company.world.workspaces.values()]
            for _ in range(2):
                provider_events.step(0.3)
                stored = await company.leads()
                for name in ProviderName:
                    async with company._providers(random.Random(seed)) as providers:
                        for workspace in workspaces:
                            leads = [each for each in stored.values() if each.workspace_id == workspace.id]
                            true = [
                                lead_of(replace(each, stored=provider_events.truths[each.id]))
                                for each in company.world.leads
                                if each.workspace_id == workspace.id
                            ]
                            await _compare(company, providers[name], workspace, leads)
                            await _compare(company, providers[name], workspace, true)
                await company.tick(then=timedelta(hours=1))


def _check_worlds(check: Callable[[int, Any, tuple[Fault, ...]], None], *, is_thorough: bool) -> None:
    """Run *check* in generated worlds."""
    sample = settings(
        max_examples=ALL if is_thorough else FEW,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    sample(given(seed=st.integers(0, 10_000), mix=MIXES, faults=st.sampled_from(FAULTS))(check))()


@SAMPLED
def test_lists_and_look_ups_settle_leads_alike(is_thorough: bool) -> None:
    def agree(seed: int, mix: Any, faults: tuple[Fault, ...]) -> None:
        asyncio.run(_compare_in_world(seed, mix, faults))

    _check_worlds(agree, is_thorough=is_thorough)


async def _simulate(seed: int, mix: Any, faults: tuple[Fault, ...], *, by_lists: bool) -> tuple[Any, int]:
    """Make runs while bookings change; return the results and the number of provider calls."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'runs.db'}"
        await bootstrap.migrate_url(url)
        async with start_company(url, seed=seed, size=SIZE, mix=mix) as company:
            company.sweeps, company.policy = by_lists, RunPolicy(workspace_concurrency=2)
            company.simulator.faults.add(*faults)
            provider_events = ProviderEvents(world=company.world, chance=random.Random(seed))
            results = []
            for _ in range(TICKS):
                report = await company.tick(then=timedelta(minutes=30))
                # A breaker that trips within a run defers the leads that had no turn yet, and lists change their order.
                if report.breakers:
                    reject()
                changes = await company.store.ledger.changes(run_id=report.run_id, limit=10_000)
                counts = report.leads_checked, report.booked_found, report.canceled_found, report.rescheduled
                more = report.updated, report.no_change, report.absent, report.skipped, report.deferred, report.errors
                results.append(
                    (counts, more, sorted((c.lead_id, c.outcome, str(c.before), str(c.after)) for c in changes))
                )
                provider_events.step(0.25)
            # How long a lead waits after a failure or a skip is drawn by chance.
            ends = [
                replace(each, state=replace(each.state, next_attempt_at=None))
                for each in (await company.leads()).values()
            ]
            return (results, ends), sum(each.provider_calls for each in company.reports)


@SAMPLED
def test_runs_by_lists_and_by_look_ups_alone_come_to_the_same(is_thorough: bool) -> None:
    """Outcomes, changes, and the state at the end."""

    def agree(seed: int, mix: Any, faults: tuple[Fault, ...]) -> None:
        listed, _ = asyncio.run(_simulate(seed, mix, faults, by_lists=True))
        looked_up, _ = asyncio.run(_simulate(seed, mix, faults, by_lists=False))

        assert listed == looked_up

    _check_worlds(agree, is_thorough=is_thorough)


OVER = (Scenario.SHOWED, Scenario.NO_SHOW)
CALLED_OFF = (Scenario.CANCELED, Scenario.RESCHEDULED)


@pytest.mark.parametrize(
    ("calendly_share", "states", "is_alone", "most"),
    [
        (0.0, (Scenario.CONFIRMED, *CALLED_OFF, *OVER), True, 0.1),
        (0.0, (Scenario.CONFIRMED, *CALLED_OFF, *OVER), False, 0.15),
        (1.0, (Scenario.CONFIRMED, *CALLED_OFF), True, 0.1),
        # Whether a meeting of Calendly's was missed is not in a list: a call each, and four for the sample.
        (1.0, OVER, True, 1.12),
    ],
)
async def test_lists_settle_verified_bookings_in_every_state(
    sqlite_url: str, calendly_share: float, states: tuple[Scenario, ...], is_alone: bool, most: float
) -> None:
    """A look-up of one that is over takes two calls at GHL, and four at Calendly."""
    size = WorldSize(workspaces=2, leads_per_workspace=50, calendly_share=calendly_share)
    await bootstrap.migrate_url(sqlite_url)
    async with start_company(sqlite_url, seed=1, size=size, mix=dict.fromkeys(states, 1)) as company:
        if is_alone:
            # With both providers, the other one is searched for a new booking.
            with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
                connection.execute(f"UPDATE workspace SET {'ghl' if calendly_share else 'calendly'}_token = NULL")  # noqa: S608
        await company.tick(then=timedelta(minutes=10))
        await company.tick(then=timedelta(minutes=10))
        report = await company.tick()

    assert (report.leads_checked, report.no_change, report.errors) == (100, 100, 0)
    assert report.provider_calls / report.leads_checked <= most


def test_lists_save_many_calls_with_mostly_active_bookings() -> None:
    """Otherwise the tests above would compare look-ups with look-ups."""
    mix = {Scenario.CONFIRMED: 9, Scenario.CANCELED: 1}

    listed, few = asyncio.run(_simulate(1, mix, (), by_lists=True))
    looked_up, many = asyncio.run(_simulate(1, mix, (), by_lists=False))

    assert listed == looked_up
    assert few < many * 2 / 3
