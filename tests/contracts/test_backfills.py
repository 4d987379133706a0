"""What every ``Backfills`` promises: who is selected, what is noted down, and what watermarks move back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead, facts_of, read_back, written_down
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lead import Rollup
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import LeaseLost
from reconcile.ports import ItemMove, PlanMarks, Store
from reconcile.store.leads.seed import seed
from tests.stores import (
    DEFAULT,
    NOW,
    RUN,
    W1,
    W2,
    appointment,
    batch,
    booking,
    lead,
    lead_write,
    state,
    workspace,
)

PLAN = BackfillPlan(id=PlanId("p1"), made_at=NOW, asked={"staleBooked": "36h"})
DAY = timedelta(days=1)
URI = "https://api.calendly.com/scheduled_events/{}/invitees/i"


def booked(lead_id: str, *, at: str = "w1", **facts: Any) -> Any:
    """Return a lead that holds a booking by that id."""
    rollup = {"booking_id": f"B{lead_id}", "provider": ProviderName.HIGHLEVEL, "status": AppointmentStatus.CONFIRMED}
    return lead(lead_id, workspace_id=at, rollup=Rollup(**(rollup | facts)))


@pytest.fixture
async def seeded(store: Store, migrated_url: str) -> Store:
    """Give leads of which each differs from the others in one thing."""
    leads = [
        booked("a"),
        booked("b", status=AppointmentStatus.NO_SHOW),
        booked("c", provider=None, booking_id=URI.format("e")),
        booked("d", provider=ProviderName.CALENDLY),
        booked("e", at=W2),
        lead("f"),
    ]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1), workspace(W2)], leads=leads)
    fresh = state(attempted_at=NOW, verified_at=NOW)
    failed = state(
        attempted_at=NOW - DAY, failure_count=1, reason="ghl/appointment/contract: missing required ID field"
    )
    writes = {"a": fresh, "b": replace(fresh, verified_at=NOW - DAY), "d": failed}
    await store.leads.write(batch([lead_write(each, state=writes[each.id]) for each in leads if each.id in writes]))
    return store


CRITERIA = [
    (Selection(workspaces=(W2,)), "e"),
    (Selection(since=NOW - DAY / 2), "ab"),
    (Selection(statuses=(AppointmentStatus.NO_SHOW,)), "b"),
    (Selection(statuses=(AppointmentStatus.NO_SHOW, AppointmentStatus.CONFIRMED)), "abcde"),
    (Selection(provider=ProviderName.CALENDLY), "cd"),
    (Selection(provider=ProviderName.HIGHLEVEL), "abe"),
    (Selection(signature="MISSING required"), "d"),
    (Selection(signature="100%"), ""),
    (Selection(stale_booked=NOW - DAY / 2), "bcde"),
    (Selection(stale_booked=NOW - DAY / 2, provider=ProviderName.HIGHLEVEL, workspaces=(W1,)), "b"),
]


async def test_each_criterion_narrows_the_selection(seeded: Store) -> None:
    for number, (selection, found) in enumerate(CRITERIA):
        plan = replace(PLAN, id=PlanId(f"p{number}"))
        shares = await seeded.backfills.shares(selection)
        await seeded.backfills.begin(plan, selection)
        rows = await seeded.backfills.items(plan.id)

        assert "".join(row.lead_id for row in rows) == found, selection
        assert sum(share.leads for share in shares) == len(found), selection
        assert (await seeded.backfills.plan(plan.id)) == replace(plan, selected=len(found))


async def test_a_plan_with_an_existing_id_is_not_stored(seeded: Store) -> None:
    both = [await seeded.backfills.begin(PLAN, Selection(workspaces=(each,))) for each in (W1, W2)]

    assert both == [True, False]
    assert await seeded.backfills.counts(PLAN.id) == {ItemState.SELECTED: 5}
    assert await seeded.backfills.left(PLAN.id, ItemState.SELECTED) == {W1: 5}


async def test_leads_are_paged_in_one_order(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    first = await seeded.backfills.selected(PLAN.id, W1, limit=2, after=LeadId(""))
    second = await seeded.backfills.selected(PLAN.id, W1, limit=9, after=first[-1].id)

    assert [each.id for each in (*first, *second)] == ["a", "b", "c", "d", "f"]


def planned(of: Any, *, change: Any = None, **facts: Any) -> PlannedLead:
    given = {"outcome": Outcome.UNCHANGED, "verified_at": NOW, "facts": facts_of(of, salt=PLAN.id), **facts}
    written = written_down(change) if change else None
    return PlannedLead(lead_id=of.id, workspace_id=of.workspace_id, change=written, **given)


async def noted(store: Store, *moves: ItemMove) -> None:
    await store.backfills.record(PLAN.id, moves, run_id=RUN, leases=(), at=NOW)


async def test_stored_moves_are_read_back(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    (of,) = await seeded.backfills.selected(PLAN.id, W1, limit=1)
    change = booking(of, appointment("Ba"))
    wanted = planned(of, change=change, outcome=Outcome.BOOKED)
    await noted(seeded, ItemMove(lead_id=of.id, state=ItemState.PLANNED, planned=wanted, change=change))
    (found,) = await seeded.backfills.planned(PLAN.id, W1, limit=9)
    (row,) = await seeded.backfills.items(PLAN.id, states=[ItemState.PLANNED])

    assert found == wanted
    assert found.line() == wanted.line()
    assert found.change is not None
    assert read_back(found.change, of, outcome=found.outcome) == change
    assert row.after is not None
    assert row.after["appointments"][0]["id"] == "Ba"
    assert await seeded.backfills.moved(PLAN.id, since=NOW) == 1


async def test_a_planned_lead_is_not_planned_again(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    (of,) = await seeded.backfills.selected(PLAN.id, W1, limit=1)
    for outcome in (Outcome.UNCHANGED, Outcome.ABSENT):
        move = ItemMove(lead_id=of.id, state=ItemState.PLANNED, planned=planned(of, outcome=outcome))
        await noted(seeded, move)
    (found,) = await seeded.backfills.planned(PLAN.id, W1, limit=9)

    assert found.outcome is Outcome.UNCHANGED


async def test_the_third_failure_is_final(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W2,)))
    failure = ItemMove(lead_id=LeadId("e"), state=ItemState.FAILED, reason="ghl answered 400")
    seen = []
    for _ in range(3):
        await noted(seeded, failure)
        seen.append(await seeded.backfills.counts(PLAN.id))

    assert [*seen[0], *seen[1], *seen[2]] == [ItemState.SELECTED, ItemState.SELECTED, ItemState.FAILED]


async def test_moves_under_a_lost_lease_are_not_stored(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W2,)))
    lease = await seeded.leases.acquire("backfill:p1:run", holder="r", ttl=timedelta(minutes=1))
    await seeded.leases.release(lease)
    move = ItemMove(lead_id=LeadId("e"), state=ItemState.SKIPPED, reason="no_identity")

    with pytest.raises(LeaseLost):
        await seeded.backfills.record(PLAN.id, [move], run_id=RUN, leases=[lease], at=NOW)
    assert await seeded.backfills.counts(PLAN.id) == {ItemState.SELECTED: 1}


async def test_marks_are_written_in_the_transaction_of_their_rows(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    of = {each.id: each for each in await seeded.backfills.selected(PLAN.id, W1, limit=9)}
    await noted(
        seeded,
        *(ItemMove(lead_id=each.id, state=ItemState.PLANNED, planned=planned(each)) for each in of.values()),
    )
    stale = replace(of[LeadId("b")], contact_id="read before somebody wrote it")
    writes = [
        lead_write(of[LeadId("a")]),
        lead_write(stale, change=booking(stale, appointment("Bb"))),
    ]
    states = dict.fromkeys((LeadId("a"), LeadId("b")), ItemState.APPLIED) | {LeadId("c"): ItemState.DRIFTED}
    receipt = await seeded.leads.write(batch(writes, marks=PlanMarks(plan_id=PLAN.id, states=states)))
    rows = {row.lead_id: row.state for row in await seeded.backfills.items(PLAN.id)}

    assert receipt.drifted == {"b"}
    assert [rows[LeadId(each)].value for each in "abcd"] == ["applied", "drifted", "drifted", "planned"]


async def test_each_run_that_applied_a_plan_is_listed_once(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W1,)))
    ones = [found for each in "abd" if (found := await seeded.leads.lead(LeadId(each)))]
    await noted(seeded, *(ItemMove(lead_id=each.id, state=ItemState.PLANNED, planned=planned(each)) for each in ones))
    assert await seeded.backfills.runs(PLAN.id) == []
    states = {"a": ItemState.APPLIED, "b": ItemState.APPLIED, "d": ItemState.DRIFTED}
    for run, some in (("r2", "a"), ("r1", "b"), ("r3", "d")):
        marks = PlanMarks(plan_id=PLAN.id, states={LeadId(each): states[each] for each in some})
        writes = [lead_write(each) for each in ones if each.id in some]
        await seeded.leads.write(batch(writes, run_id=RunId(run), marks=marks))

    assert await seeded.backfills.runs(PLAN.id) == ["r1", "r2"]


async def test_the_second_save_of_two_concurrent_ones_changes_nothing(seeded: Store) -> None:
    await seeded.backfills.begin(PLAN, Selection(workspaces=(W2,)))
    (stored,) = await seeded.backfills.plans()
    done = [await seeded.backfills.save(replace(stored, planned_at=NOW, hash=digest), before=stored) for digest in "xy"]
    found = await seeded.backfills.plan(PLAN.id)

    assert done == [True, False]
    assert found is not None
    assert found.hash == "x"


async def test_watermarks_move_back_for_the_selected_leads_only(seeded: Store) -> None:
    before = NOW - 8 * DAY
    selection = Selection(stale_booked=NOW - DAY / 2, provider=ProviderName.HIGHLEVEL)
    looked = await seeded.backfills.reset(selection, verified_before=before, dry_run=True)
    untouched = await seeded.leads.lead(LeadId("b"))
    moved = await seeded.backfills.reset(selection, verified_before=before)
    again = await seeded.backfills.reset(selection, verified_before=before)
    found = {key: await seeded.leads.lead(LeadId(key)) for key in "abe"}

    assert (looked, moved, again) == ((2, 2), (2, 2), (2, 0))
    assert untouched is not None
    assert untouched.state.verified_at == NOW - DAY
    assert [(each.state.verified_at, each.state.attempted_at) for each in found.values() if each] == [
        (NOW, NOW),
        (before, None),
        (before, None),
    ]
