"""A run that is stopped after any item of any of its lists begins no other, and the next run does exactly the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reconcile.domain.coordination.rate_limit import Grant, RateLimit
from reconcile.domain.evidence.bulk_listing import SweepCost
from reconcile.domain.run.report import RunReport
from reconcile.errors import StoreUnavailable
from reconcile.store.db.database import Database
from reconcile.store.schema.tables import lead_state
from tests.samples import covering
from tests.services.run_harness import GHL, RunHarness, Wrapped
from tests.services.stop_points import Reason, Stopper, after_each, before_first
from tests.use_cases import DRY_RUN_TIME, RunPolicy

ONE_AT_A_TIME = RunPolicy(workspace_concurrency=1, lead_concurrency=1, list_sample_share=0)
SOON = timedelta(seconds=1)
"""Leads that were checked are not due again by then."""


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A list that a run works through: *leads* of each workspace; *is_item* names the port call that ends an item."""

    leads: Sequence[int]
    is_item: str
    is_listed: bool = False

    @property
    def items(self) -> int:
        """How many items the list has."""
        return sum(self.leads) if self.is_item == "answer" else len(self.leads)


LOOPS = {
    "visits": Loop(leads=(2, 2, 2, 2), is_item="write"),
    "look-ups of a batch": Loop(leads=(4,), is_item="answer"),
    "sweeps": Loop(leads=(10, 10, 10), is_item="write", is_listed=True),
}
CASES = [
    (database, name, reason, after)
    for name, loop in LOOPS.items()
    for reason in Reason
    for after in sorted({0, 1, loop.items // 2, loop.items})
    for database in (("sqlite", "postgres") if after == 1 else ("sqlite",))
]


def stopped_run(harness: RunHarness, loop: Loop, stopper: Stopper) -> Any:
    """Return a run that is stopped after an item."""
    store = stopper.store(
        harness.store,
        ledger=Wrapped(harness.store.ledger, begin_run=before_first(stopper, harness.store.ledger.begin_run)),
    )
    if loop.is_item == "write":
        store = replace(store, leads=Wrapped(store.leads, write=after_each(stopper, store.leads.write)))
    else:
        harness.providers[GHL] = Wrapped(harness.ghl, answer=after_each(stopper, harness.ghl.answer))  # type: ignore[assignment]
    return harness.run(store=store, then=timedelta(0))


async def verified(harness: RunHarness, *, since: datetime) -> set[str]:
    """Return the leads that were verified *since* then."""
    database = Database(harness.url)
    try:
        rows = await database.rows(select(lead_state.c.lead_id).where(lead_state.c.verified_at >= since))
    finally:
        await database.close()
    return {row["lead_id"] for row in rows}


@covering(2, "name", "reason")
@pytest.mark.parametrize(("migrated_url", "name", "reason", "after"), CASES, indirect=["migrated_url"])
async def test_no_work_starts_after_the_stop_and_the_next_run_does_the_rest(
    harness: RunHarness, name: str, reason: Reason, after: int
) -> None:
    loop = LOOPS[name]
    harness.policy = ONE_AT_A_TIME
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1) if loop.is_listed else None
    fake, leads = harness.ghl, await harness.fill(loop.leads)
    await harness.run()
    before = harness.clock.now()
    fake.asked.clear()
    fake.swept.clear()
    stopper = Stopper(harness, reason, after, stop=lambda: harness.stop)
    is_raised = reason is Reason.STORE_UNAVAILABLE
    report: RunReport | None = None

    try:
        report = await stopped_run(harness, loop, stopper)
    except StoreUnavailable:
        assert is_raised
    harness.providers[GHL] = fake
    begun, done = [*fake.asked, *fake.swept], await verified(harness, since=before)

    is_rolled_back = loop.is_item == "answer" and reason in {Reason.LEASE_LOST, Reason.STORE_UNAVAILABLE}
    is_noticed = after < loop.items or reason is Reason.SIGTERM or is_rolled_back
    assert stopper.has_stopped
    assert await harness.store.leases.held() == {}
    assert (report is None) == is_raised
    assert report is None or report.stopped == (reason if is_noticed else None)
    assert len(done) == (0 if is_rolled_back else done_leads(loop, after))
    assert len(begun) <= calls(loop, after, reason)
    assert sum(name.startswith("workspace:") for name in stopper.leases) <= visits(loop, after, reason)

    fake.asked.clear()
    fake.swept.clear()
    harness.clock.advance(SOON)
    rest = await harness.run()

    assert rest.stopped is None
    assert rest.leads_checked == len(leads) - len(done)
    assert set(fake.asked) & done == set()
    assert await verified(harness, since=before) == {each.id for each in leads}


def done_leads(loop: Loop, after: int) -> int:
    """Return how many leads belong to the first *after* items."""
    return after if loop.is_item == "answer" else sum(loop.leads[:after])


def calls(loop: Loop, after: int, reason: Reason) -> int:
    """Return how many calls a provider gets at most; a lost lease is noticed when the next batch is written."""
    if loop.is_item == "answer":
        return loop.items if reason in {Reason.LEASE_LOST, Reason.STORE_UNAVAILABLE} else after
    batches = after + (1 if reason is Reason.LEASE_LOST else 0)
    return batches if loop.is_listed else sum(loop.leads[:batches])


def visits(loop: Loop, after: int, reason: Reason) -> int:
    """Return how many workspaces are begun at most: a fault of the database is met by the next one."""
    if loop.is_item == "answer":
        return 1
    return after + (1 if reason in {Reason.LEASE_LOST, Reason.STORE_UNAVAILABLE} else 0)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reason", [Reason.SIGTERM, Reason.DEADLINE])
@pytest.mark.parametrize("after", [0, 1, 2, 4])
async def test_a_dry_run_of_all_leads_reads_no_page_after_the_stop(
    harness: RunHarness, reason: Reason, after: int
) -> None:
    harness.policy = ONE_AT_A_TIME
    fake, leads = harness.ghl, await harness.fill([4])
    stopper = Stopper(harness, reason, after, stop=lambda: harness.stop, late=DRY_RUN_TIME * 0.81)
    pages = 0

    async def due_leads(*arguments: Any, **facts: Any) -> Any:
        nonlocal pages
        pages += 1
        return await harness.store.leads.due_leads(*arguments, **facts)

    async def last_freshness(**facts: Any) -> Any:
        await stopper.begin()
        return await harness.store.ledger.runs(**facts)

    harness.providers[GHL] = Wrapped(fake, answer=after_each(stopper, fake.answer))  # type: ignore[assignment]
    store = harness.with_(
        leads=Wrapped(harness.store.leads, due_leads=due_leads),
        ledger=Wrapped(harness.store.ledger, runs=last_freshness),
    )

    report = await harness.run(store=store, dry_run=True, whole_set=True, leads_per_workspace=1)

    assert (pages, len(fake.asked), report.leads_checked) == (after, after, after)
    assert report.stopped == reason
    assert after <= len(leads)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reason", [Reason.SIGTERM, Reason.DEADLINE])
@pytest.mark.parametrize("instant", ["leads are read", "calls are reserved"])
@pytest.mark.parametrize("is_listed", [True, False])
async def test_a_batch_stopped_before_its_first_call_makes_none(
    harness: RunHarness, reason: Reason, instant: str, is_listed: bool
) -> None:
    harness.policy = ONE_AT_A_TIME
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1) if is_listed else None
    leads = await harness.fill([10])
    stopper = Stopper(harness, reason, 1, stop=lambda: harness.stop)
    budgets = harness.store.budgets
    reserved = 0

    async def reserve(key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        nonlocal reserved
        reserved += 1
        grant = await budgets.reserve(key, wanted=wanted, limit=limit, share=share)
        if instant == "calls are reserved":
            await stopper.finish_item()
        return grant

    store = harness.with_(budgets=Wrapped(budgets, reserve=reserve))
    if instant == "leads are read":
        read = after_each(stopper, harness.store.leads.due_leads)
        store = replace(store, leads=Wrapped(harness.store.leads, due_leads=read))

    report = await harness.run(store=store)

    # Where the lists' own calls were reserved, those of the look-ups in their place are too; all are given back.
    assert reserved == (2 if is_listed and instant == "calls are reserved" else 1)
    assert (harness.ghl.asked, harness.ghl.swept) == ([], [])
    assert (report.stopped, report.deferred) == (reason, len(leads))
    assert await harness.store.leases.held() == {}
