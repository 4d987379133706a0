"""Use cases that take the leads of a workspace page by page leave none out and take none twice."""

from collections import Counter
from typing import Any

import pytest

from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.ids import LeadId, RunId
from reconcile.errors import ErrorClass
from tests.services.backfilling import PLAN, Backfilling, move
from tests.services.fakes import failure
from tests.services.page_sizes import PAGE, SIZES
from tests.services.run_harness import RunHarness
from tests.use_cases import Undo, Undoing, undo

BY_SIZE = {f"ws-{size}": size for size in SIZES}
"""One workspace for each length of its list of leads."""
COUNT = sum(SIZES)


async def take_back(harness: RunHarness, number: int, *, dry_run: bool, **what: Any) -> Undoing:
    asked = Undo(run_id=RunId(f"undo-{number}"), dry_run=dry_run, batch=PAGE, **what)
    return await undo(asked, store=harness.store, clock=harness.clock)


async def changes_by_lead(harness: RunHarness) -> Counter[LeadId]:
    return Counter(row.lead_id for row in await harness.store.ledger.changes(limit=10_000))


async def test_a_backfill_plans_applies_and_undoes_each_lead_once(harness: RunHarness) -> None:
    leads = await harness.fill(BY_SIZE)
    ids = [each.id for each in leads]
    before = {each.id: (each.status, each.rollup, each.appointments) for each in leads}
    move(harness, ids)
    work = Backfilling(harness, batch=PAGE)

    planned, _ = await work.plan()
    rounds_of_plan = work.rounds
    applied, _ = await work.apply()
    changed = await changes_by_lead(harness)
    dry = await take_back(harness, 1, dry_run=True, undone_plan=PLAN)
    done = await take_back(harness, 2, dry_run=False, undone_plan=PLAN)

    assert Counter(harness.ghl.asked) == Counter(ids)
    assert (planned.selected, planned.summary["outcomes"]) == (COUNT, {"rescheduled": COUNT})
    assert (rounds_of_plan, work.rounds) == (1, 2)
    assert applied.applied_at is not None
    assert await work.listed(ItemState.APPLIED) == set(ids)
    assert changed == Counter(ids)
    assert list(dry.reverted) == list(done.reverted) == sorted(ids)
    assert (dry.left, done.left) == ((), ())
    for lead_id, facts in before.items():
        found = await harness.lead(lead_id)
        assert (found.status, found.rollup, found.appointments) == facts


async def test_a_lead_that_planning_defers_is_looked_up_in_another_round(harness: RunHarness) -> None:
    leads = await harness.fill([3 * PAGE])
    failing = leads[PAGE - 1].id
    harness.ghl.verdicts = {failing: failure(ErrorClass.REJECTED)}
    work = Backfilling(harness, batch=PAGE)

    await work.plan()

    assert work.rounds == Counter(harness.ghl.asked)[failing] == 3
    assert Counter(harness.ghl.asked) == Counter([each.id for each in leads] + [failing] * 2)


async def test_an_undo_of_a_run_reports_each_lead_of_a_long_workspace_as_reverted_or_left(harness: RunHarness) -> None:
    """One lead in each page was written by somebody else: the others of its page are still taken back."""
    leads = await harness.fill({"ws": 3 * PAGE})
    ids = sorted(each.id for each in leads)
    move(harness, ids)
    report = await harness.run()
    touched = ids[1::PAGE]
    move(harness, touched)
    await harness.run(then=harness.policy.budget)

    done = await take_back(harness, 1, dry_run=False, undone_run=report.run_id)

    assert list(done.reverted) == [each for each in ids if each not in touched]
    assert [each.lead_id for each in done.left] == touched
    assert (await changes_by_lead(harness)).total() == len(ids) + len(touched) + len(done.reverted)


async def test_a_dry_run_over_all_leads_checks_each_lead_once(harness: RunHarness) -> None:
    """Also where the leads' turns are in another order than their ids."""
    leads = await harness.fill(BY_SIZE)
    await harness.run(leads_per_workspace=PAGE)
    harness.ghl.asked.clear()

    report = await harness.run(dry_run=True, whole_set=True, leads_per_workspace=PAGE, workspace_limit=1)

    assert Counter(harness.ghl.asked) == Counter(each.id for each in leads)
    assert (report.leads_checked, report.workspaces_processed) == (COUNT, len(SIZES) - 1)


async def test_runs_with_few_leads_check_all_leads_before_any_second_time(harness: RunHarness) -> None:
    leads = await harness.fill(BY_SIZE)
    longest = max(SIZES)
    turns: list[set[LeadId]] = []
    for _ in range(-(-longest // PAGE)):
        asked = len(harness.ghl.asked)
        report = await harness.run(leads_per_workspace=PAGE)
        turns.append(set(harness.ghl.asked[asked:]))

        assert report.leads_checked == len(harness.ghl.asked) - asked == sum(min(size, PAGE) for size in SIZES)

    counts = Counter(harness.ghl.asked)
    assert counts.keys() == {each.id for each in leads}
    of_longest = [lead_id for lead_id in counts if lead_id.startswith(f"ws-{longest}-")]
    assert len({lead_id for turn in turns[:2] for lead_id in turn if lead_id in of_longest}) == 2 * PAGE
    assert {counts[lead_id] for lead_id in of_longest} == {1, 2}


@pytest.mark.parametrize("count", SIZES[-3:])
async def test_runs_with_few_workspaces_visit_all_in_turn(harness: RunHarness, count: int) -> None:
    leads = await harness.fill([1] * count)
    left = []
    for _ in range(-(-count // PAGE)):
        report = await harness.run(workspace_limit=PAGE)
        left.append(report.eligible_but_unvisited)
        assert report.workspaces_processed == min(PAGE, count)

    assert set(harness.ghl.asked) == {each.id for each in leads}
    assert left[0] == max(0, count - PAGE)
    assert max(Counter(harness.ghl.asked).values()) <= 2
