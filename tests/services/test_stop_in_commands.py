"""Backfills, undoing, pruning, checklists and annotations, stopped in the middle: the next call does the rest."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from reconcile.domain.backfill.plan import BackfillPlan, ItemState
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.annotation import PREFIX
from reconcile.domain.ids import RunId
from reconcile.domain.run.report import RunReport
from reconcile.domain.verification.checklist import ChecklistStep, RunStep
from reconcile.domain.verification.claim import RulingReason
from reconcile.errors import StoreUnavailable
from reconcile.ports import AppliedAnnotation, Ledger, Store
from tests.samples import covering
from tests.services.backfilling import PLAN, Backfilling, cancel
from tests.services.fakes import START
from tests.services.run_harness import RunHarness, Wrapped
from tests.services.stop_points import Reason, Stopper, after_each, before_first
from tests.use_cases import ROUND, Means, RunPolicy, RunRequest, Undo, apply_commands, prune, undo, work_through

WORKSPACES, LEADS = 4, 2
AFTER = (0, 1, 2, WORKSPACES)
ONE_AT_A_TIME = RunPolicy(workspace_concurrency=1, lead_concurrency=1)
CASES = [
    (database, step, reason, after)
    for step in ("plan", "apply")
    for reason in Reason
    for after in AFTER
    for database in (("sqlite", "postgres") if after == 1 else ("sqlite",))
]
INTERRUPTIONS: Mapping[str, Callable[[], BaseException]] = {
    "canceled": asyncio.CancelledError,
    "store unavailable": lambda: StoreUnavailable("the database does not answer"),
}


def stopping_store(stopper: Stopper, *, step: str) -> Callable[[Store], Store]:
    """Return what lets a backfill stop after so many of its batches."""

    def wrap(store: Store) -> Store:
        found = stopper.store(
            store, ledger=Wrapped(store.ledger, begin_run=before_first(stopper, store.ledger.begin_run))
        )
        if step == "plan":
            return replace(
                found, backfills=Wrapped(found.backfills, record=after_each(stopper, store.backfills.record))
            )
        return replace(found, leads=Wrapped(found.leads, write=after_each(stopper, store.leads.write)))

    return wrap


@covering(2, "step", "reason")
@pytest.mark.parametrize(("migrated_url", "step", "reason", "after"), CASES, indirect=["migrated_url"])
async def test_a_stopped_backfill_continues_with_the_remaining_leads(
    harness: RunHarness, step: str, reason: Reason, after: int
) -> None:
    harness.policy = ONE_AT_A_TIME
    leads = await harness.fill([LEADS] * WORKSPACES)
    cancel(harness, [each.id for each in leads])
    work = Backfilling(harness, batch=LEADS)
    if step == "apply":
        await work.plan()
    stopper = Stopper(
        harness, reason, after, stop=lambda: work.stop, late=ROUND * 0.81, lease_name=f"backfill:{PLAN}:run"
    )
    work.wrap = stopping_store(stopper, step=step)
    harness.ghl.asked.clear()

    async def go() -> tuple[BackfillPlan, RunReport | None]:
        return await (work.plan() if step == "plan" else work.apply())

    trouble: RunReport | None = None
    try:
        _, trouble = await go()
    except StoreUnavailable:
        assert reason is Reason.STORE_UNAVAILABLE
    done = await work.listed(ItemState.PLANNED if step == "plan" else ItemState.APPLIED)

    ends = reason in {Reason.SIGTERM, Reason.STORE_UNAVAILABLE}
    assert stopper.has_stopped
    assert len(done) == (after if ends else WORKSPACES) * LEADS
    assert (trouble.stopped if trouble else None) == ("sigterm" if reason is Reason.SIGTERM else None)
    assert await harness.store.leases.held() == {}

    if ends:
        await go()
    if step == "plan":
        await work.apply()

    asked_again = LEADS if step == "plan" and reason is Reason.LEASE_LOST and after < WORKSPACES else 0
    assert len(harness.ghl.asked) == (len(leads) + asked_again if step == "plan" else 0)
    changes = [each for lead in leads for each in await harness.store.ledger.changes(lead_id=lead.id)]
    assert Counter(each.lead_id for each in changes) == Counter(each.id for each in leads)
    plan = await harness.store.backfills.plan(PLAN)
    assert plan is not None
    assert plan.applied_at is not None


@covering(1, "migrated_url", "kind", "after")
@pytest.mark.parametrize("kind", INTERRUPTIONS)
@pytest.mark.parametrize("after", AFTER)
async def test_a_stopped_undo_continues_with_the_remaining_changes(harness: RunHarness, kind: str, after: int) -> None:
    leads = await harness.fill([LEADS] * WORKSPACES)
    cancel(harness, [each.id for each in leads])
    report = await harness.run()
    stopper = Stopper(harness, Reason.STORE_UNAVAILABLE, after, stop=lambda: harness.stop, error=INTERRUPTIONS[kind]())
    begin, write = harness.store.ledger.begin_run, harness.store.leads.write
    store = stopper.store(harness.store, ledger=Wrapped(harness.store.ledger, begin_run=before_first(stopper, begin)))
    store = replace(store, leads=Wrapped(store.leads, write=after_each(stopper, write)))

    async def go(over: Store, run_id: str) -> set[str]:
        asked = Undo(run_id=RunId(run_id), undone_run=report.run_id)
        return set((await undo(asked, store=over, clock=harness.clock)).reverted)

    try:
        first = await go(store, "undo-1")
    except (asyncio.CancelledError, StoreUnavailable):
        first = set()
        assert after < WORKSPACES
    held = await harness.store.leases.held()
    rest = await go(harness.store, "undo-2")

    ids = [each.id for each in leads]
    assert held == {}
    assert len(rest) == (WORKSPACES - after) * LEADS
    assert rest.isdisjoint(first)
    assert [(await harness.lead(each)).rollup.canceled_at for each in ids] == [None] * len(ids)


@pytest.mark.parametrize("kind", INTERRUPTIONS)
@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_a_stopped_prune_continues_with_the_remaining_batches(kind: str, after: int) -> None:
    pieces = [{"reconcile_run": 500}, {"reconcile_run": 500}, {"reconcile_run": 20}, {"reconcile_run": 0}]
    interruption, count = INTERRUPTIONS[kind](), 0

    class PieceLedger:
        async def prune(self, **_: object) -> Mapping[str, int]:
            nonlocal count
            count += 1
            if count == after + 1:
                raise interruption
            return pieces.pop(0)

    ledger = cast("Ledger", PieceLedger())

    with pytest.raises((asyncio.CancelledError, StoreUnavailable)):
        await prune(ledger, before=START, dry_run=False)
    left = sum(each["reconcile_run"] for each in pieces)
    done = await prune(ledger, before=START, dry_run=False)

    assert done.rows == {"reconcile_run": left}
    assert left == sum((500, 500, 20)[after:])


@pytest.mark.parametrize("after", [1, 2, 4])
async def test_a_checklist_starts_no_step_after_sigterm(harness: RunHarness, after: int) -> None:
    await harness.fill([1])
    report = await harness.run()
    made: list[RunRequest] = []

    async def run(request: RunRequest) -> RunReport:
        made.append(request)
        return replace(report, stopped="sigterm" if len(made) == after else None)

    means = Means(clock=harness.clock, store=None, log_file=_no_log, pods=_no_log, run=run)
    steps = [
        ChecklistStep(title=str(n), what=RunStep(workspaces=1, leads_per_workspace=n, dry_run=True)) for n in range(4)
    ]

    results = await work_through(steps, means)

    whys = [each.ruling.why for each in results]
    assert len(made) == after
    assert whys == [RulingReason.AS_CLAIMED] * (after - 1) + [RulingReason.ENDED] + [RulingReason.NOT_TRIED] * (
        4 - after
    )
    assert all("SIGTERM" in each.ruling.text for each in results[after:])


def _no_log(*_: object) -> Any:
    raise AssertionError("no log was asked for")


@pytest.mark.parametrize("kind", INTERRUPTIONS)
@pytest.mark.parametrize("after", [0, 1, 2])
async def test_applied_annotations_are_not_applied_again(harness: RunHarness, kind: str, after: int) -> None:
    texts = {
        "cadence-override": "every=10m reason=quota for=2h actor=ada",
        "hold": "reason=outage for=2h actor=ada breaker=provider:ghl",
        "trip": "reason=outage actor=ada breaker=provider:calendly",
    }
    annotations = {f"{PREFIX}{name}": text for name, text in texts.items()}
    interruption, remembered = INTERRUPTIONS[kind](), 0

    async def remember(row: AppliedAnnotation) -> None:
        nonlocal remembered
        remembered += 1
        if remembered > after:
            raise interruption
        await harness.store.applied_annotations.remember(row)

    store = harness.with_(applied_annotations=Wrapped(harness.store.applied_annotations, remember=remember))

    with pytest.raises((asyncio.CancelledError, StoreUnavailable)):
        await apply_commands(annotations, store=store, now=harness.clock.now(), policy=BreakerPolicy())
    seen = [row.key for row in await harness.store.applied_annotations.list_all()]
    rest = await apply_commands(annotations, store=harness.store, now=harness.clock.now(), policy=BreakerPolicy())

    assert (remembered, len(seen), len(rest.news)) == (after + 1, after, len(texts) - after)
    assert len(await harness.store.applied_annotations.list_all()) == len(texts)
