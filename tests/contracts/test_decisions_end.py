"""What the database remembers of a decision ends with its reason, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.domain.lead import LeadState
from reconcile.ports import Store, Usage
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from reconcile.store.schema import tables
from tests.stores import DEFAULT, NOW, POLICY, W1, batch, lead, lead_write, workspace

ASSUMED = RateLimit(interval=timedelta(hours=1), burst=10)
LEARNED = RateLimit(interval=timedelta(hours=2), burst=4)
OTHER = RateLimit(interval=timedelta(hours=3), burst=6)
KEY = "ghl/loc-w1"
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(milliseconds=1)


async def _end(url: str, at: datetime) -> None:
    """Let what was learned end at an instant."""
    database = Database(url)
    try:
        await database.change(update(tables.budget).values(limit_until=at))
    finally:
        await database.close()


async def _ends_at(url: str) -> datetime:
    database = Database(url)
    try:
        row = await database.row(select(tables.budget))
        assert row is not None
        ends_at: datetime = row["limit_until"]
        return ends_at
    finally:
        await database.close()


@pytest.mark.parametrize("left", [HOUR, -HOUR], ids=["still believed", "over"])
async def test_a_limit_that_is_learned_again_lasts_another_day(
    store: Store, migrated_url: str, left: timedelta
) -> None:
    await store.budgets.settle(KEY, unused=0, usage=Usage(limit=LEARNED), limit=ASSUMED)
    await _end(migrated_url, datetime.now(UTC) + left)

    await store.budgets.settle(KEY, unused=0, usage=Usage(limit=LEARNED), limit=ASSUMED)

    assert await _ends_at(migrated_url) > datetime.now(UTC) + DAY - HOUR
    assert (await store.budgets.reserve(KEY, wanted=10, limit=ASSUMED)).granted == LEARNED.burst


async def test_a_learned_limit_expires(store: Store, migrated_url: str) -> None:
    """What is used meanwhile renews nothing."""
    await store.budgets.settle(KEY, unused=0, usage=Usage(limit=LEARNED), limit=ASSUMED)
    await _end(migrated_url, datetime.now(UTC) + HOUR)
    await store.budgets.settle(KEY, unused=0, usage=Usage(calls=1, remaining=4), limit=ASSUMED)

    assert await _ends_at(migrated_url) < datetime.now(UTC) + HOUR
    await _end(migrated_url, datetime.now(UTC) - HOUR)
    assert (await store.budgets.reserve(KEY, wanted=10, limit=ASSUMED)).granted == ASSUMED.burst


async def test_the_last_learned_limit_counts(store: Store) -> None:
    for learned in (LEARNED, OTHER):
        await store.budgets.settle(KEY, unused=0, usage=Usage(limit=learned), limit=ASSUMED)

    assert (await store.budgets.reserve(KEY, wanted=10, limit=ASSUMED)).granted == OTHER.burst


async def _visible(store: Store, at: datetime) -> tuple[int, int]:
    """Return how many workspaces are to be visited, and how many wait."""
    found = await store.leads.due_workspaces(now=at, policy=POLICY, limit=10)
    return len(found.workspaces), found.waiting_count


async def test_a_workspace_waits_exactly_until_its_not_before(store: Store, migrated_url: str) -> None:
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[lead("l1")])
    await store.leads.write(batch([], workspace_id=W1, not_before=NOW + HOUR))

    found = [await _visible(store, NOW + HOUR + late) for late in (-TICK, timedelta(0), TICK)]

    assert found == [(0, 1), (1, 0), (1, 0)]


async def test_a_visit_without_a_pause_ends_the_previous_pause(store: Store, migrated_url: str) -> None:
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[lead("l1")])
    await store.leads.write(batch([], workspace_id=W1, not_before=NOW + HOUR))
    await store.leads.write(batch([], workspace_id=W1, at=NOW + TICK))

    assert await _visible(store, NOW + 2 * TICK) == (1, 0)
    known = await store.leads.workspace(W1)
    assert known is not None
    assert known.not_before is None


TROUBLED = LeadState(
    attempted_at=NOW,
    verified_at=NOW - DAY,
    next_attempt_at=NOW + HOUR,
    failure_count=10,
    quarantined_at=NOW,
    reason="ghl/appointment/contract",
)


@pytest.mark.parametrize("how", ["released", "answered"])
async def test_backoff_and_quarantine_end_with_a_release_or_an_answer(
    store: Store, migrated_url: str, how: str
) -> None:
    subject = lead("l1")
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[subject])
    await store.leads.write(batch([lead_write(subject, state=TROUBLED)]))
    known = await store.leads.lead(subject.id)
    assert known is not None
    assert known.state == TROUBLED

    if how == "released":
        assert await store.leads.release([subject.id]) == 1
    else:
        answered = LeadState(attempted_at=NOW, verified_at=NOW)
        await store.leads.write(batch([lead_write(replace(subject, state=TROUBLED), state=answered)]))
    free = await store.leads.lead(subject.id)

    assert free is not None
    assert (free.state.next_attempt_at, free.state.failure_count, free.state.quarantined_at) == (None, 0, None)
    assert not await store.leads.quarantined()
    assert await _visible(store, NOW + HOUR) == (1, 0)
