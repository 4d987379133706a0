"""What an undo could not take back is not reported as reverted, and is taken back once later."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from reconcile.domain.backfill.undo import Left
from reconcile.domain.ids import LeadId, RunId
from reconcile.errors import StoreUnavailable
from tests.services.backfilling import execute, of_customer
from tests.services.moved_leads import EDIT, LEADS, changes, has_moved, moved, take_back
from tests.services.run_harness import RunHarness, Wrapped
from tests.services.write_refusals import OBSTACLES, Obstacles, locked, refuse_updates
from tests.use_cases import Undo, undo


@pytest.mark.parametrize("obstacle", ["the workspace is busy", "the lease is lost", "another run has taken over"])
async def test_an_undo_without_writes_lists_each_lead_as_left_and_a_repeat_reverts_it(
    harness: RunHarness, obstacle: str
) -> None:
    leads = await moved(harness)
    report = await harness.run()
    before = await of_customer(harness)
    over = Obstacles(harness=harness).over(harness.store, OBSTACLES[obstacle])

    hindered = await take_back(harness, 1, store=over, undone_run=report.run_id)

    assert hindered.reverted == ()
    assert [(each.lead_id, each.reason) for each in hindered.left] == [(each.id, Left.WORKSPACE_BUSY) for each in leads]
    assert await of_customer(harness) == before
    assert await harness.store.ledger.changes(run_id=RunId("undo-1")) == []
    row = await harness.store.ledger.run(RunId("undo-1"))
    assert row is not None
    assert row.report is not None
    assert row.report["updated"] == 0

    done = await take_back(harness, 2, undone_run=report.run_id)

    assert list(done.reverted) == [each.id for each in leads]
    assert not any(await has_moved(harness, leads))


@pytest.mark.parametrize("failing", range(1, LEADS + 1))
async def test_an_undo_that_loses_the_database_is_not_reported_and_a_repeat_reverts_the_rest(
    harness: RunHarness, failing: int
) -> None:
    """One lead is written in one transaction here; the database goes away at each of them in turn."""
    leads = await moved(harness)
    report = await harness.run()
    writes = 0

    async def write(*given: Any, **named: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == failing:
            raise StoreUnavailable("the database does not answer")
        return await harness.store.leads.write(*given, **named)

    over = replace(harness.store, leads=Wrapped(harness.store.leads, write=write))
    with pytest.raises(StoreUnavailable):
        await take_back(harness, 1, store=over, undone_run=report.run_id)
    row = await harness.store.ledger.run(RunId("undo-1"))
    held = await harness.store.leases.held()
    done = await take_back(harness, 2, undone_run=report.run_id)

    assert row is not None
    assert (row.report, held) == (None, {})
    assert list(done.reverted) == [each.id for each in leads[failing - 1 :]]
    assert [each.reason for each in done.left] == [Left.CHANGED_SINCE] * (failing - 1)
    assert not any(await has_moved(harness, leads))
    assert await changes(harness) == Counter({each.id: 2 for each in leads})


async def test_a_partial_undo_reports_only_the_written_lead_as_reverted(harness: RunHarness) -> None:
    leads = await moved(harness)
    report = await harness.run()
    drifted, refused, written = (each.id for each in leads)
    await refuse_updates(harness, refused)
    read = harness.store.leads.lead

    async def edited(lead_id: LeadId) -> Any:
        found = await read(lead_id)
        if lead_id == drifted:
            await execute(harness, EDIT, id=drifted)
        return found

    over = replace(harness.store, leads=Wrapped(harness.store.leads, lead=edited))
    asked = Undo(run_id=RunId("undo-1"), undone_run=report.run_id)

    done = await undo(asked, store=over, clock=harness.clock)

    assert done.reverted == (written,)
    assert {each.lead_id: each.reason for each in done.left} == {
        drifted: Left.CHANGED_SINCE,
        refused: Left.REFUSED,
    }
    assert [row.lead_id for row in await harness.store.ledger.changes(run_id=RunId("undo-1"))] == [written]
    row = await harness.store.ledger.run(RunId("undo-1"))
    assert row is not None
    assert row.report is not None
    assert row.report["healthReasons"] == [f"undo of run {report.run_id}: 1 lead reverted, 2 left as they are"]


async def test_an_undo_with_a_locked_row_asks_for_a_repeat(harness: RunHarness) -> None:
    leads = await moved(harness)
    report = await harness.run()
    async with locked(harness, leads[0].id):
        hindered = await take_back(harness, 1, undone_run=report.run_id)
    done = await take_back(harness, 2, undone_run=report.run_id)

    assert list(hindered.reverted) == [each.id for each in leads[1:]]
    assert [(each.lead_id, each.reason) for each in hindered.left] == [(leads[0].id, Left.WORKSPACE_BUSY)]
    assert done.reverted == (leads[0].id,)
    assert not any(await has_moved(harness, leads))
