"""What every ``Ledger`` deletes, and what it keeps."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select, text, update

from reconcile.domain.alert import Alert, Condition, ConditionKind
from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.replay.recorder import CallRecord
from reconcile.ports import ItemMove, Store
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from reconcile.store.ledger.pruning import KEPT_RUNS
from reconcile.store.schema.tables import lead_state
from tests.contracts.test_ledger import REPORT
from tests.stores import DEFAULT, NOW, W1, appointment, batch, booking, lead, lead_write, signature, workspace
from tests.use_cases import PIECE, prune

DAY = timedelta(days=1)
A_CALL = CallRecord(calls=1, checks=1, errors=0, is_quiet=True, is_shadow=False, document={"v": 1})
BEFORE = NOW - 90 * DAY
OLD = NOW - 100 * DAY


async def a_run(store: Store, name: str, at: datetime, *, effect: bool = False) -> None:
    """Write a run that changed one lead, and in which another one failed."""
    await store.ledger.begin_run(RunId(name), started_at=at, trigger="schedule", version="1")
    one = lead(name)
    change = booking(one, appointment(f"A-{name}"))
    writes = [
        lead_write(one, change=change if effect else replace(change, effects=())),
        lead_write(lead(f"{name}-failed"), outcome=Outcome.FAILED, signature=signature(f"of {name}")),
    ]
    await store.leads.write(batch(writes, run_id=RunId(name), at=at))
    await store.ledger.finish_run(replace(REPORT, run_id=RunId(name), timestamp=at), {}, A_CALL)


async def entered(store: Store, url: str, names: Sequence[str]) -> None:
    leads = [lead(each) for name in names for each in (name, f"{name}-failed")]
    await seed(url, mapping=DEFAULT, workspaces=[workspace(W1)], leads=leads)


async def newest(store: Store) -> None:
    """Fill the place of the newest runs, which always stay."""
    for number in range(KEPT_RUNS):
        await store.ledger.begin_run(RunId(f"new-{number}"), started_at=NOW, trigger="schedule", version="1")


async def names(store: Store) -> set[str]:
    return {row.run_id for row in await store.ledger.runs(limit=10_000) if not row.run_id.startswith("new-")}


async def test_old_runs_are_deleted_with_their_rows(store: Store, migrated_url: str) -> None:
    await entered(store, migrated_url, ["old", "young"])
    await newest(store)
    await a_run(store, "old", OLD)
    await a_run(store, "young", NOW - DAY)
    dry = await prune(store.ledger, before=BEFORE, dry_run=True)
    assert await names(store) == {"old", "young"}

    done = await prune(store.ledger, before=BEFORE, dry_run=False)

    assert await names(store) == {"young"}
    assert dry.rows == done.rows
    assert {name: count for name, count in done.rows.items() if count} == {
        "reconcile_run": 1,
        "reconcile_run_calls": 1,
        "reconcile_batch": 1,
        "reconcile_change": 1,
        "reconcile_signature_run": 1,
        "reconcile_signature": 1,
    }
    assert await store.ledger.changes(run_id=RunId("old")) == []
    assert (await store.ledger.call_record(RunId("old")), await store.ledger.call_record(RunId("young"))) == (
        None,
        {"v": 1},
    )
    assert [row.signature.message for row in await store.ledger.signatures()] == ["of young"]
    assert len(await store.ledger.changes(run_id=RunId("young"))) == 1


async def test_rows_in_use_are_kept_until_they_are_unused(store: Store, migrated_url: str) -> None:
    await entered(store, migrated_url, ["tripped", "waits", "plain"])
    await newest(store)
    await a_run(store, "tripped", OLD)
    await a_run(store, "waits", OLD, effect=True)
    await a_run(store, "plain", OLD)
    key = BreakerKey(BreakerScope.PROVIDER, "ghl")
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT, checks=4, errors=3, run_id=RunId("tripped"))
    opened = Breaker(key=key).trip(OLD, trip, policy=BreakerPolicy())
    assert await store.breakers.save(opened, expected_generation=0)

    await prune(store.ledger, before=BEFORE, dry_run=False)
    assert await names(store) == {"tripped", "waits"}

    (row,) = await store.outbox.pending(now=NOW, limit=9)
    await store.outbox.mark_delivered([row.key], at=OLD)
    await prune(store.ledger, before=BEFORE, dry_run=False)
    assert await names(store) == {"tripped"}
    assert await store.outbox.pending_count() == 0


async def a_plan(store: Store, url: str, *, moved_at: datetime) -> PlanId:
    """Write a plan that is old, and of which a run that is as old looked at two leads, by another clock."""
    await entered(store, url, ["planned"])
    await newest(store)
    await a_run(store, "planned", OLD)
    plan = BackfillPlan(id=PlanId("p"), made_at=OLD, asked={})
    assert await store.backfills.begin(plan, Selection(workspaces=(W1,)))
    moves = [ItemMove(lead_id=LeadId(each), state=ItemState.SKIPPED) for each in ("planned", "planned-failed")]
    await store.backfills.record(plan.id, moves, run_id=RunId("planned"), leases=(), at=moved_at)
    return plan.id


async def test_an_abandoned_plan_is_deleted_with_its_leads_and_runs(store: Store, migrated_url: str) -> None:
    plan_id = await a_plan(store, migrated_url, moved_at=OLD)
    dry = await prune(store.ledger, before=BEFORE, dry_run=True)

    await store.ledger.prune(before=BEFORE, limit=1)
    assert await store.backfills.plan(plan_id) is None  # nobody carries out a plan that is half there
    assert len(await store.backfills.items(plan_id)) == 1
    done = await prune(store.ledger, before=BEFORE, dry_run=False)

    assert await names(store) == set()
    assert await store.backfills.items(plan_id) == []
    assert (dry.rows["reconcile_run"], dry.rows["reconcile_backfill_lead"], dry.rows["reconcile_backfill"]) == (1, 2, 1)
    assert done.rows["reconcile_backfill_lead"] == 1


async def test_the_id_of_a_plan_that_is_being_pruned_can_be_reused(store: Store, migrated_url: str) -> None:
    plan_id = await a_plan(store, migrated_url, moved_at=OLD)
    await store.ledger.prune(before=BEFORE, limit=1)

    again = BackfillPlan(id=plan_id, made_at=NOW, asked={})
    assert await store.backfills.begin(again, Selection(workspaces=(W1,)))
    await prune(store.ledger, before=BEFORE, dry_run=False)

    assert {each.state for each in await store.backfills.items(plan_id)} == {ItemState.SELECTED}
    assert len(await store.backfills.items(plan_id)) == 2


async def test_a_recently_completed_plan_is_kept(store: Store, migrated_url: str) -> None:
    plan_id = await a_plan(store, migrated_url, moved_at=OLD)
    stored = await store.backfills.plan(plan_id)
    assert stored is not None
    await store.backfills.save(replace(stored, planned_at=NOW - DAY), before=stored)

    await prune(store.ledger, before=BEFORE, dry_run=False)

    assert await store.backfills.plan(plan_id) is not None
    assert await names(store) == {"planned"}


async def test_a_plan_and_its_runs_are_kept_until_long_after_it_was_applied(store: Store, migrated_url: str) -> None:
    plan_id = await a_plan(store, migrated_url, moved_at=NOW - DAY)

    await prune(store.ledger, before=BEFORE, dry_run=False)
    assert await names(store) == {"planned"}
    assert len(await store.backfills.items(plan_id)) == 2

    stored = await store.backfills.plan(plan_id)
    assert stored is not None
    await store.backfills.save(replace(stored, applied_at=OLD), before=stored)
    dry = await prune(store.ledger, before=BEFORE, dry_run=True)
    done = await prune(store.ledger, before=BEFORE, dry_run=False)
    assert await names(store) == set()
    assert (done.rows["reconcile_backfill_lead"], done.rows["reconcile_backfill"]) == (2, 1)
    assert await store.backfills.plan(plan_id) is None
    assert dry.rows == done.rows


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def deleted(url: str, *names: str) -> None:
    """Delete leads, as the customer's program does."""
    async with opened(url) as database:
        for name in names:
            await database.change(text("DELETE FROM appointment WHERE lead_id = :id"), {"id": name})
            await database.change(text("DELETE FROM lead WHERE id = :id"), {"id": name})


async def last_attempted(url: str, at: datetime, *names: str) -> None:
    async with opened(url) as database:
        await database.change(update(lead_state).where(lead_state.c.lead_id.in_(names)).values(attempted_at=at))


async def remembered(url: str) -> set[str]:
    """Return the leads of which the side table holds a state."""
    async with opened(url) as database:
        return {row["lead_id"] for row in await database.rows(select(lead_state.c.lead_id))}


async def test_the_state_of_leads_that_were_deleted_is_deleted_once_it_is_old(store: Store, migrated_url: str) -> None:
    await entered(store, migrated_url, ["gone", "stays", "late"])
    for name in ("gone", "stays", "late"):
        await a_run(store, name, NOW)
    before = await remembered(migrated_url)
    await last_attempted(migrated_url, OLD, "gone", "gone-failed", "stays")
    await deleted(migrated_url, "gone", "gone-failed", "late")
    dry = await prune(store.ledger, before=BEFORE, dry_run=True)
    assert await remembered(migrated_url) == before

    done = await prune(store.ledger, before=BEFORE, dry_run=False)

    assert before - await remembered(migrated_url) == {"gone", "gone-failed"}
    assert dry.rows == done.rows
    assert done.rows["reconcile_lead_state"] == 2


async def test_nothing_is_forgotten_while_the_customers_table_is_empty(store: Store, migrated_url: str) -> None:
    """Between the two halves of a restore, for example."""
    await entered(store, migrated_url, ["one"])
    await a_run(store, "one", NOW)
    before = await remembered(migrated_url)
    await last_attempted(migrated_url, OLD, *before)
    await deleted(migrated_url, "one", "one-failed")

    await prune(store.ledger, before=BEFORE, dry_run=False)

    assert await remembered(migrated_url) == before != set()


async def test_old_ended_alerts_are_deleted_and_active_ones_kept(store: Store) -> None:
    over = {f"w{number}": at for number, at in enumerate((OLD, NOW, None))}
    alerts = [
        Alert(
            condition=Condition(
                kind=ConditionKind.PARKED_WORKSPACE, subject=name, since=OLD, text="parked", over_at=at
            ),
            since=OLD,
            seen_at=OLD,
            over_at=at,
        )
        for name, at in over.items()
    ]
    await store.alerts.save(alerts)
    done = await prune(store.ledger, before=BEFORE, dry_run=False)

    assert done.rows["reconcile_alert"] == 1
    assert [each.condition.subject for each in await store.alerts.load(since=OLD - DAY)] == ["w1", "w2"]


async def test_the_newest_runs_are_kept_at_any_age(store: Store) -> None:
    for number in range(KEPT_RUNS + 3):
        at = OLD + timedelta(minutes=number)
        await store.ledger.begin_run(RunId(f"run-{number:02}"), started_at=at, trigger="schedule", version="1")

    await prune(store.ledger, before=BEFORE, dry_run=False)

    assert await names(store) == {f"run-{number:02}" for number in range(3, KEPT_RUNS + 3)}


async def test_each_transaction_is_bounded(store: Store) -> None:
    await newest(store)
    for number in range(7):
        await store.ledger.begin_run(RunId(f"run-{number}"), started_at=OLD, trigger="schedule", version="1")

    removed = await store.ledger.prune(before=BEFORE, limit=3)

    assert removed["reconcile_run"] == 3
    assert len(await names(store)) == 4
    assert PIECE < 32_767  # parameters of one statement
