"""Whatever a dry run or a view asks of its ports is a read, on a company in which there is everything to write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.domain.verification.checklist import ChecklistStep, ClaimStep, RunStep, VerifiedStep
from reconcile.domain.verification.claim import Claim
from reconcile.errors import ErrorClass
from tests.services.backfilling import BOOKED, PLAN, Backfilling, cancel
from tests.services.fakes import START, failure
from tests.services.port_methods import Recorder
from tests.services.recorded_company import CALENDLY, Company, a_company
from tests.services.run_harness import RunHarness
from tests.use_cases import (
    Means,
    RunRequest,
    Undo,
    alerts_view,
    backfill_view,
    cadence_view,
    explain_lead,
    explain_run,
    explain_workspace,
    list_breakers,
    mismatched,
    overview,
    page_facts,
    prune,
    quarantined,
    readiness,
    rights,
    run,
    undo,
    work_through,
)

FAR = timedelta(days=365)
PLANNED = PlannedCadence(interval=timedelta(minutes=1))
BACKFILL_WRITES = {
    *("Backfills.begin", "Backfills.record", "Backfills.save", "Backfills.skip_gone"),
    *("Leases.acquire", "Leases.release", "Ledger.begin_run", "Ledger.finish_run", "Budgets.reserve", "Budgets.settle"),
}
"""What planning a backfill may write: its own plan, and the records of a run."""
BACKFILL_TABLES = {
    *("reconcile_backfill", "reconcile_backfill_lead", "reconcile_budget", "reconcile_lease", "reconcile_run"),
}


@pytest.fixture
async def company(harness: RunHarness) -> AsyncIterator[Company]:
    """Give the company; the test runs once on SQLite and once on PostgreSQL."""
    async with a_company(harness) as found:
        yield found


async def dry_runs(company: Company) -> None:
    report = await company.run()

    assert (report.canceled_found, report.errors) == (1, 1)
    assert len(company.harness.providers[CALENDLY].asked) > 12, "the open breaker is probed"


async def dry_run_of_one_workspace(company: Company) -> None:
    report = await company.run(workspace=WorkspaceId("ws-0"))

    assert (report.workspaces_processed, report.canceled_found) == (1, 1)


async def dry_run_of_the_whole_set(company: Company) -> None:
    report = await company.run(whole_set=True, workspace_limit=1, leads_per_workspace=2)

    assert report.workspaces_processed > 1


async def dry_run_of_the_schedule(company: Company) -> None:
    report = await company.run(trigger=Trigger.SCHEDULE)

    assert report.stopped is None


async def dry_run_while_a_provider_fails(company: Company) -> None:
    company.harness.ghl.verdicts.clear()  # every look-up fails, so that no control is sound
    company.harness.ghl.always = failure(ErrorClass.CONTRACT)
    company.harness.ghl.cost = None

    assert (await company.run(whole_set=True)).circuit_broken


async def dry_run_step_of_a_checklist(company: Company) -> None:
    harness = company.harness

    async def make(request: RunRequest) -> RunReport:
        return await run(request, run_id=RunId("step"), policy=harness.policy, deps=company.parts())

    steps: list[ClaimStep | RunStep | VerifiedStep] = [
        ClaimStep(claim=Claim(since=START, min_checks=1)),
        VerifiedStep(since=START),
        RunStep(workspaces=10, leads_per_workspace=50, dry_run=True),
    ]
    means = Means(
        clock=harness.clock,
        store=company.store,
        log_file=lambda _: pytest.fail("no log was asked for"),
        pods=lambda *_: pytest.fail("no pod was asked for"),
        run=make,
    )

    results = await work_through([ChecklistStep(title=str(n), what=each) for n, each in enumerate(steps)], means)

    assert "run step:" in results[2].ruling.text


async def undo_of_a_run(company: Company) -> None:
    asked = Undo(run_id=RunId("undo"), undone_run=company.run_id, dry_run=True)

    assert (await undo(asked, store=company.store, clock=company.harness.clock)).reverted == ("ws-0-lead-000",)


async def undo_of_a_plan(company: Company) -> None:
    asked = Undo(run_id=RunId("undo"), undone_plan=PLAN, dry_run=True)

    assert (await undo(asked, store=company.store, clock=company.harness.clock)).reverted == ("ws-1-lead-000",)


async def prune_all(company: Company) -> None:
    found = await prune(company.store.ledger, before=START + FAR, dry_run=True)

    assert sum(found.rows.values())


async def view_breakers(company: Company) -> None:
    assert (await list_breakers(company.store, now=company.harness.clock.now(), policy=BreakerPolicy())).shown


async def view_cadence(company: Company) -> None:
    assert (await cadence_view(company.store, now=company.harness.clock.now(), planned=PLANNED)).override


async def view_alerts(company: Company) -> None:
    notifier = company.parts().notifier

    assert (
        await alerts_view(company.store, notifier=notifier, conditions=(), now=company.harness.clock.now())
    ).channels


async def view_status(company: Company) -> None:
    await overview(company.store, due=DuePolicy(), planned=PLANNED, **company.facts)


async def view_page(company: Company) -> None:
    await page_facts(company.store, span=timedelta(days=1), due=DuePolicy(), planned=PLANNED, **company.facts)


async def view_lists(company: Company) -> None:
    await quarantined(company.store, workspace_id=None, limit=10)
    await mismatched(company.store, workspace_id=None, limit=10)


async def view_explanations(company: Company) -> None:
    store, facts = company.store, company.facts
    await explain_lead(LeadId("ws-0-lead-000"), store=store, policy=DuePolicy(), **facts)
    await explain_workspace(WorkspaceId("ws-0"), store=store, policy=DuePolicy(), **facts)
    await explain_run(company.run_id, store=store)


async def view_backfill(company: Company) -> None:
    backfills = company.store.backfills
    for plan in await backfills.plans():
        await backfill_view(plan, backfills=backfills, now=company.harness.clock.now())


async def doctor(company: Company) -> None:
    now = company.harness.clock.now()
    assert await readiness(company.store, now=now, policy=DuePolicy(), has_webhook=False)
    assert await rights(company.recorder.wrap("StateMirror", company.mirror))


COMMANDS: Mapping[str, Callable[[Company], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        *(dry_runs, dry_run_of_one_workspace, dry_run_of_the_whole_set, dry_run_of_the_schedule),
        *(dry_run_while_a_provider_fails, dry_run_step_of_a_checklist, undo_of_a_run, undo_of_a_plan, prune_all),
        *(view_breakers, view_cadence, view_alerts, view_status, view_page, view_lists, view_explanations),
        *(view_backfill, doctor),
    )
}


async def test_every_port_call_of_a_command_that_writes_nothing_is_a_read(company: Company) -> None:
    before = await company.harness.dump()
    for name, command in COMMANDS.items():
        company.recorder.calls.clear()
        at, verdicts = company.harness.clock.at, (company.harness.ghl.always, company.harness.ghl.cost)

        await command(company)

        company.harness.clock.at, (company.harness.ghl.always, company.harness.ghl.cost) = at, verdicts
        await asyncio.sleep(0)
        assert company.recorder.calls, f"{name} asks nothing: it cannot fail"
        assert company.recorder.writes == [], name
        assert await company.harness.dump() == before, name
        assert "alerts.not_told" not in company.ear.events, f"{name} tried to tell operators"
    assert (company.sink.delivered, company.channel.messages, company.mirror.announced) == ([], [], [])


async def test_the_same_real_run_writes_through_every_port(company: Company) -> None:
    """Else the company would leave a dry run nothing to write, and it would prove nothing."""
    company.mirror.annotations.clear()

    await company.run(dry_run=False)

    assert {call.partition(".")[0] for call in company.recorder.writes} == {
        *("Alerts", "AlertChannel", "Breakers", "Budgets", "EffectSink", "Leads", "Leases", "Ledger", "Outbox"),
        "StateMirror",
    }


async def test_planning_a_backfill_writes_the_plan_and_no_lead(harness: RunHarness) -> None:
    await harness.fill([4, 3])
    cancel(harness, ["ws-0-lead-001"])
    before, recorder = await harness.dump(), Recorder()

    await Backfilling(replace(harness, store=recorder.wrap_store(harness.store))).plan()

    after = await harness.dump()
    assert {name for name, rows in after.items() if rows != before[name]} <= BACKFILL_TABLES
    assert "Backfills.record" in recorder.writes
    assert set(recorder.writes) <= BACKFILL_WRITES


async def test_a_dry_reset_moves_no_watermark(company: Company) -> None:
    before = await company.harness.dump()

    selected, moved = await company.store.backfills.reset(BOOKED, verified_before=START - FAR, dry_run=True)

    assert selected >= moved > 0
    assert await company.harness.dump() == before
