"""What a plan's caps and an applying backfill's rate of drift are counted from, lead by lead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from reconcile.domain.backfill.plan import ChangeCaps, ItemState
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import LeaseLost
from reconcile.ports import BatchReceipt, BatchWrite, ItemRow
from tests.services.backfilling import Backfilling, execute, move
from tests.services.fakes import START, FakeClock
from tests.services.list_ports import PLAN, MemoryPlan
from tests.services.run_harness import RunHarness, Wrapped
from tests.use_cases import backfill

JUDGED = 20
"""Leads from which on a rate of drift is judged."""
KINDS = (Outcome.BOOKED, Outcome.CANCELED, Outcome.RESCHEDULED, Outcome.UPDATED)
"""Outcomes that write to the customer's rows; each has caps of its own."""
DECISIVE = [*KINDS, Outcome.ABSENT, Outcome.UNCHANGED]


def rows(outcome: Outcome, count: int, *, changed: bool, first: int = 0) -> list[ItemRow]:
    """Return so many planned leads of one outcome, with a change or without one."""
    found = []
    for number in range(first, first + count):
        lead_id, workspace_id = LeadId(f"lead-{number:04}"), WorkspaceId("ws")
        change: dict[str, object] | None = {"effects": []} if changed else None
        planned = PlannedLead(
            lead_id=lead_id, workspace_id=workspace_id, outcome=outcome, verified_at=START, facts="", change=change
        )
        found.append(ItemRow(lead_id=lead_id, workspace_id=workspace_id, state=ItemState.PLANNED, planned=planned))
    return found


async def held(caps: ChangeCaps, found: Sequence[ItemRow]) -> Sequence[str]:
    """Return why a plan of these leads is held."""
    memory = MemoryPlan(found)
    memory.stored = replace(memory.stored, selected=len(found))
    plan = await backfill.complete(PLAN, store=memory.store(), caps=caps, clock=FakeClock())
    assert plan.hash is not None
    return plan.held


@pytest.mark.parametrize("outcome", DECISIVE)
async def test_a_change_of_every_outcome_counts_towards_the_cap_of_its_kind(outcome: Outcome) -> None:
    """A confirmed absence cancels the customer's row, so it counts as a cancellation."""
    kind = Outcome.CANCELED if outcome is Outcome.ABSENT else outcome
    rest = rows(Outcome.UNCHANGED, 8, changed=False, first=2)
    caps = ChangeCaps(changes=1, percent=100, canceled_percent=100)
    at_the_cap = await held(caps, [*rows(outcome, 1, changed=True), *rest])
    beyond = await held(caps, [*rows(outcome, 2, changed=True), *rest])

    assert at_the_cap == ()
    assert beyond == (() if kind not in KINDS else (f"2 leads would become {kind}, and 1 may without approval",))


async def test_absences_and_cancellations_are_one_kind() -> None:
    """Of 20 leads two may be canceled; one of each kind is two, and one more absence is too many."""
    canceled, rest = rows(Outcome.CANCELED, 1, changed=True), rows(Outcome.UNCHANGED, 18, changed=False, first=10)
    two = [*canceled, *rows(Outcome.ABSENT, 1, changed=True, first=1), *rest]
    three = [*canceled, *rows(Outcome.ABSENT, 2, changed=True, first=1), *rest[:-1]]

    assert len(two) == len(three) == 20
    assert await held(ChangeCaps(), two) == ()
    assert await held(ChangeCaps(), three) == (
        "3 of 20 leads (15 %) would become canceled, and 10 % may without approval",
    )


@pytest.mark.parametrize("outcome", DECISIVE)
async def test_an_outcome_without_a_change_counts_towards_no_cap(outcome: Outcome) -> None:
    assert await held(ChangeCaps(changes=0, percent=0, canceled_percent=0), rows(outcome, 5, changed=False)) == ()


async def test_the_percentage_refers_to_planned_and_not_selected_leads() -> None:
    """Leads that could not be asked about make no room for more cancellations."""
    planned = [*rows(Outcome.CANCELED, 1, changed=True), *rows(Outcome.UNCHANGED, 8, changed=False, first=1)]
    skipped = [
        ItemRow(lead_id=LeadId(f"skipped-{n}"), workspace_id=WorkspaceId("ws"), state=state, reason="x")
        for n, state in enumerate([ItemState.SKIPPED, ItemState.FAILED] * 10)
    ]

    assert await held(ChangeCaps(), [*planned, *skipped]) == (
        "1 of 9 leads (11 %) would become canceled, and 10 % may without approval",
    )
    assert await held(ChangeCaps(), [*planned, *rows(Outcome.UNCHANGED, 1, changed=False, first=9)]) == ()


@dataclass(frozen=True)
class Drift:
    """So many of so many leads that drifted, and whether that stops a backfill."""

    drifted: int
    total: int
    is_stopped: bool


@pytest.mark.parametrize(
    "case",
    [
        Drift(JUDGED - 1, JUDGED - 1, is_stopped=False),
        Drift(JUDGED, JUDGED, is_stopped=True),
        Drift(JUDGED // 2 - 1, JUDGED, is_stopped=False),
        Drift(JUDGED // 2, JUDGED, is_stopped=True),
    ],
    ids=str,
)
async def test_half_of_twenty_leads_that_drifted_stop_a_backfill_and_fewer_do_not(
    harness: RunHarness, case: Drift
) -> None:
    leads = await harness.fill([case.total])
    move(harness, [each.id for each in leads])
    work = Backfilling(harness, batch=7)
    await work.plan()
    last = leads[case.drifted - 1].id
    await execute(harness, "UPDATE lead SET status = 'customer' WHERE id <= :last", last=last)

    plan, trouble = await work.apply()

    assert (trouble is not None, bool(plan.held)) == (case.is_stopped, case.is_stopped)
    assert len(await work.listed(ItemState.DRIFTED)) == case.drifted
    assert len(await work.listed(ItemState.APPLIED)) == case.total - case.drifted


@pytest.mark.parametrize("losses", [0, 1])
async def test_leads_verified_since_planning_are_subtracted_once_from_the_drifted_ones(
    harness: RunHarness, losses: int
) -> None:
    """Ten of twenty have drifted and five more were verified since by a run: ten count, and stop the backfill.

    Also where the batch of those five is read twice, because another run had taken over when it was to be written.
    """
    leads = await harness.fill({"ws-0": 15, "ws-1": 5})
    move(harness, [each.id for each in leads])
    work = Backfilling(harness, batch=20)
    await work.plan()
    harness.clock.advance(timedelta(minutes=5))
    await harness.run(workspace=WorkspaceId("ws-1"))
    await execute(harness, "UPDATE lead SET status = 'customer' WHERE id < 'ws-0-lead-010'")
    lost = 0

    async def write(batch: BatchWrite) -> BatchReceipt:
        nonlocal lost
        if batch.workspace_id == "ws-1" and lost < losses:
            lost += 1
            raise LeaseLost("another run has taken over")
        return await harness.store.leads.write(batch)

    work.wrap = lambda store: replace(store, leads=Wrapped(store.leads, write=write))

    plan, trouble = await work.apply()

    assert lost == losses
    assert trouble is not None
    assert plan.held == ("10 of 20 leads have changed since the plan was made, or are refused",)
