"""Loops over a port's pages: whatever the length of the list, each entry is read once and in order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from reconcile.domain.backfill.plan import ChangeCaps, ItemState
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.verification.claim import Claim
from reconcile.errors import RequestError
from reconcile.ports import ItemRow, Ledger, ScheduledRun
from tests.services.fakes import START, FakeClock, FakeSink
from tests.services.list_ports import PLAN, MemoryOutbox, MemoryPlan, MemoryPrunable, follow_up
from tests.services.page_sizes import PAGE, SIZES, sizes_around
from tests.services.run_harness import RunHarness
from tests.services.stub_store import Stub
from tests.use_cases import PIECE, backfill, ledger_figures, prune, scheduled_runs

DELIVERIES = 100
"""Follow-ups that one run hands over at most."""
TICKS = 100


def planned(number: int) -> ItemRow:
    """Return a lead that is planned to be rescheduled, to be left as it is, was skipped or has failed, in turn."""
    lead_id, workspace_id = LeadId(f"lead-{number:05}"), WorkspaceId("ws")
    if number % 4 == 2:
        return ItemRow(lead_id=lead_id, workspace_id=workspace_id, state=ItemState.SKIPPED, reason="gone")
    if number % 4 == 3:
        return ItemRow(lead_id=lead_id, workspace_id=workspace_id, state=ItemState.FAILED, reason="ghl/x")
    is_moved = number % 4 == 0
    found = PlannedLead(
        lead_id=lead_id,
        workspace_id=workspace_id,
        outcome=Outcome.RESCHEDULED if is_moved else Outcome.UNCHANGED,
        verified_at=START,
        facts="",
        change={"effects": [{"kind": "open_cancellation_task"}]} if is_moved else None,
    )
    return ItemRow(lead_id=lead_id, workspace_id=workspace_id, state=ItemState.PLANNED, planned=found)


@pytest.mark.parametrize("size", SIZES)
async def test_a_plan_is_summed_over_all_its_pages(size: int) -> None:
    """Its hash and its summary do not depend on how many leads are read at a time."""
    memory, whole = (MemoryPlan([planned(number) for number in range(size)]) for _ in range(2))
    for each in (memory, whole):
        each.stored = replace(each.stored, selected=size)
    clock = FakeClock()

    paged = await backfill.complete(PLAN, store=memory.store(), caps=ChangeCaps(), clock=clock, page=PAGE)
    at_once = await backfill.complete(PLAN, store=whole.store(), caps=ChangeCaps(), clock=clock)

    kinds = Counter(("rescheduled", "unchanged", "skipped", "failed")[number % 4] for number in range(size))
    moved = kinds["rescheduled"]
    assert paged == at_once
    assert paged.summary["outcomes"] == +Counter(rescheduled=moved, unchanged=kinds["unchanged"])
    assert paged.summary["effects"] == +Counter(open_cancellation_task=moved)
    assert paged.summary["skipped"] == +Counter(gone=kinds["skipped"])
    assert paged.summary["failed"] == +Counter({"ghl/x": kinds["failed"]})
    assert len(paged.summary["samples"]) == min(moved, 3)


@pytest.mark.parametrize("changed", range(2 * PAGE + 1))
async def test_a_plan_that_was_edited_on_any_of_its_pages_is_refused(changed: int) -> None:
    rows = [planned(4 * number) for number in range(2 * PAGE + 1)]
    memory = MemoryPlan(rows)
    memory.stored = replace(memory.stored, selected=len(rows))
    await backfill.complete(PLAN, store=memory.store(), caps=ChangeCaps(percent=100), clock=FakeClock(), page=PAGE)
    await backfill.admitted(PLAN, approve=None, backfills=memory.store().backfills, page=PAGE)
    found = rows[changed].planned
    assert found is not None
    rows[changed] = replace(rows[changed], planned=replace(found, facts="edited"))

    with pytest.raises(RequestError, match="were edited"):
        await backfill.admitted(PLAN, approve=None, backfills=memory.store().backfills, page=PAGE)


@dataclass
class MemoryTicks:
    """The port ``Ledger``, as far as a timeline reads it."""

    rows: Sequence[ScheduledRun]

    async def scheduled_runs(
        self, *, since: datetime, after: ScheduledRun | None = None, limit: int = TICKS
    ) -> Sequence[ScheduledRun]:
        behind = [row for row in self.rows if row.started_at >= since and (after is None or key(row) > key(after))]
        return sorted(behind, key=key)[:limit]


def key(row: ScheduledRun) -> tuple[datetime, str]:
    return row.started_at, row.run_id


def tick(number: int) -> ScheduledRun:
    """Return one run of which two at a time begin at the same instant."""
    at = START + timedelta(minutes=number // 2)
    return ScheduledRun(run_id=RunId(f"run-{number:04}"), started_at=at, ended_at=at, checks=1, errors=1, repaired=0)


@pytest.mark.parametrize("size", SIZES)
async def test_every_run_of_a_time_range_is_read_once_in_order(size: int) -> None:
    rows = [tick(number) for number in range(size)]

    found = [row async for row in scheduled_runs(cast("Ledger", MemoryTicks(rows)), since=START, page=PAGE)]

    assert found == rows


@pytest.mark.parametrize("size", sizes_around(TICKS))
async def test_verify_counts_the_checks_of_every_run(size: int) -> None:
    """Of a long span, with as many runs before the claim's instant as after it."""
    since = START + timedelta(minutes=(size + 1) // 2)
    ledger = cast("Ledger", MemoryTicks([tick(number) for number in range(2 * ((size + 1) // 2) + size)]))
    store = replace(Stub().store(), ledger=ledger)

    found = await ledger_figures(Claim(since=since), store=store, now=since + timedelta(minutes=max(60, size)))

    assert (found.checks, found.errors) == (size, size)
    assert found.checks_before == found.errors_before == min(2 * ((size + 1) // 2), 2 * max(60, size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("other", [0, PAGE, 5 * PAGE + 2])
async def test_all_old_rows_are_deleted_in_batches(size: int, other: int) -> None:
    rows = {"run": size, "outbox": other}
    ledger = MemoryPrunable(rows)
    counted = await prune(cast("Ledger", ledger), before=START, dry_run=True, piece=PAGE)

    done = await prune(cast("Ledger", ledger), before=START, dry_run=False, piece=PAGE)

    assert counted.rows == rows
    assert +Counter(done.rows) == +Counter(rows)
    assert ledger.left == {"run": 0, "outbox": 0}
    assert set(ledger.limits) == {PAGE}


async def test_the_default_batch_of_a_prune_is_small() -> None:
    ledger = MemoryPrunable({"run": PIECE + 1})

    await prune(cast("Ledger", ledger), before=START, dry_run=False)

    assert ledger.limits == [PIECE] * 3


async def test_follow_ups_beyond_one_run_are_delivered_by_the_next_ones(harness: RunHarness) -> None:
    for size in sizes_around(DELIVERIES):
        rows = {row.key: row for row in map(follow_up, range(size))}
        outbox: Any = MemoryOutbox(rows)
        harness.sink = FakeSink()
        reports = [await harness.run(store=harness.with_(outbox=outbox)) for _ in range(size // DELIVERIES + 1)]

        assert harness.sink.delivered == outbox.done == list(rows)
        assert reports[0].effects_delivered == min(size, DELIVERIES)
        assert [each.effects_pending for each in reports] == [
            max(0, size - DELIVERIES * (number + 1)) for number in range(len(reports))
        ]
