"""What every store promises of its lists: walked with any size of page they give each entry once and in order."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.outcome import Outcome
from reconcile.ports import ItemMove, ScheduledRun, Store
from reconcile.store.leads.seed import seed
from tests.contracts.test_ledger import REPORT
from tests.stores import DEFAULT, NOW, POLICY, RUN, W1, W2, appointment, batch, booking, lead, lead_write, workspace

COUNT = 7
PLAN = BackfillPlan(id=PlanId("p1"), made_at=NOW, asked={})
IDS = [f"l{number}" for number in range(COUNT)]
MINUTE = timedelta(minutes=1)
Page = Callable[[Store, int, Any], Awaitable[Sequence[Any]]]


@pytest.fixture
async def filled(store: Store, migrated_url: str) -> Store:
    """Give leads of a plan, half of them planned; each set aside and with a difference, the last ones first."""
    leads = [lead(each) for each in IDS] + [lead("other", workspace_id=W2)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1), workspace(W2)], leads=leads)
    assert await store.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    for number, each in enumerate(leads):
        at = NOW - number * MINUTE
        name = RunId(f"run-{COUNT - number}")
        await store.ledger.begin_run(name, started_at=at, trigger="schedule", version="1")
        aside = replace(each.state, quarantined_at=at, mismatch=MismatchKind.DIFFERS, mismatch_at=at)
        await store.leads.write(batch([lead_write(each, state=aside)], run_id=name, workspace_id=each.workspace_id))
    return store


def after(last: Any) -> LeadId | None:
    return last.lead_id if last else None


async def items(store: Store, limit: int, last: Any) -> Sequence[Any]:
    return await store.backfills.items(PLAN.id, limit=limit, after=after(last))


async def items_in_a_state(store: Store, limit: int, last: Any) -> Sequence[Any]:
    return await store.backfills.items(PLAN.id, states=(ItemState.PLANNED,), limit=limit, after=after(last))


async def planned(store: Store, limit: int, last: Any) -> Sequence[Any]:
    return await store.backfills.planned(PLAN.id, W1, limit=limit, after=after(last))


async def selected(store: Store, limit: int, last: Any) -> Sequence[Any]:
    return await store.backfills.selected(PLAN.id, W1, limit=limit, after=last.id if last else None)


async def due(store: Store, limit: int, last: Any) -> Sequence[Any]:
    at = NOW + timedelta(days=30)
    cursor = last.id if last else LeadId("")
    return await store.leads.due_leads(W1, now=at, policy=POLICY, limit=limit, after=cursor)


async def walked(read: Page, store: Store, limit: int) -> list[str]:
    """Return the ids of all entries, page by page."""
    found: list[str] = []
    last: Any = None
    while page := await read(store, limit, last):
        assert len(page) <= limit
        found += [each.id if hasattr(each, "id") else each.lead_id for each in page]
        last = page[-1]
    return found


async def test_paged_lists_return_each_entry_once_in_order(filled: Store) -> None:
    part = IDS[::2]
    moves = [
        ItemMove(lead_id=LeadId(each), state=ItemState.PLANNED, planned=a_planned(each)) for each in reversed(part)
    ]
    await filled.backfills.record(PLAN.id, moves, run_id=RUN, leases=(), at=NOW)
    await filled.leads.release(None)
    expected: dict[Page, list[str]] = {
        items: IDS,
        items_in_a_state: part,
        planned: part,
        selected: [each for each in IDS if each not in part],
        due: IDS,
    }

    for read, ids in expected.items():
        for limit in (1, 2, 3, COUNT - 1, COUNT, COUNT + 1):
            assert await walked(read, filled, limit) == ids, f"{read.__name__}, {limit} at a time"


def a_planned(lead_id: str) -> PlannedLead:
    return PlannedLead(
        lead_id=LeadId(lead_id), workspace_id=W1, outcome=Outcome.UNCHANGED, verified_at=NOW, facts="facts"
    )


async def test_lists_of_waiting_leads_are_filtered_before_the_limit_longest_wait_first(filled: Store) -> None:
    longest_first = ["other", *reversed(IDS)]
    for read in (filled.leads.quarantined, filled.leads.mismatched):
        for limit in (1, COUNT, COUNT + 1, COUNT + 2):
            found = [each.id for each in await read(limit=limit)]
            own = [each.id for each in await read(workspace_id=W1, limit=limit)]
            assert (found, own) == (longest_first[:limit], longest_first[1:][:limit]), (read.__name__, limit)


@pytest.mark.parametrize("count", [0, 1, COUNT])
async def test_a_release_counts_only_quarantined_leads(filled: Store, count: int) -> None:
    named = [LeadId(each) for each in IDS[:count]]

    released = [await filled.leads.release([*named, LeadId("unknown")]) for _ in range(2)]
    left = {each.id for each in await filled.leads.quarantined()}
    of_w1 = await filled.leads.release(None, workspace_id=W1)

    assert released == [count, 0]
    assert left == {"other", *IDS[count:]}
    assert of_w1 == COUNT - count
    assert [each.id for each in await filled.leads.quarantined()] == ["other"]


async def test_ledger_lists_are_filtered_before_the_limit_newest_first(store: Store, migrated_url: str) -> None:
    runs = (RUN, RunId("other"))
    leads = {(name, number): lead(f"{name}-{number}") for number in range(COUNT) for name in runs}
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1)], leads=leads.values())
    for (name, number), one in leads.items():
        change = booking(one, appointment(f"A-{one.id}"))
        await store.leads.write(batch([lead_write(one, change=change)], run_id=name, at=NOW + number * MINUTE))
    newest_first = [f"{RUN}-{number}" for number in reversed(range(COUNT))]

    for limit in (1, COUNT - 1, COUNT, COUNT + 1):
        changes = await store.ledger.changes(run_id=RUN, limit=limit)
        batches = await store.ledger.batches(run_id=RUN, limit=limit)
        assert [row.lead_id for row in changes] == newest_first[:limit]
        assert [row.finished_at for row in batches] == [NOW + number * MINUTE for number in reversed(range(COUNT))][
            :limit
        ]
    pending = [row.lead_id for row in await store.outbox.pending(now=NOW + timedelta(days=1), limit=COUNT)]
    assert pending == sorted((one.id for one in leads.values()), key=lambda each: (each[-1], each))[:COUNT]


async def test_paging_over_runs_with_equal_start_times_omits_none(store: Store) -> None:
    for number in range(COUNT):
        name = RunId(f"run-{number}")
        await store.ledger.begin_run(name, started_at=NOW, trigger="schedule", version="1")
        await store.ledger.finish_run(replace(REPORT, run_id=name), {})

    for limit in (1, 2, COUNT - 1, COUNT, COUNT + 1):
        found: list[ScheduledRun] = []
        while page := await store.ledger.scheduled_runs(since=NOW, after=found[-1] if found else None, limit=limit):
            found += page
        assert [row.run_id for row in found] == [f"run-{number}" for number in range(COUNT)]
