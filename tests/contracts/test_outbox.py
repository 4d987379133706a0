"""What every ``Outbox`` promises."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.ids import RunId
from reconcile.domain.planning.change import EffectKind
from reconcile.ports import OutboxRow, Store
from reconcile.store.leads.seed import seed
from tests.store.schemas import Customer
from tests.stores import DEFAULT, NOW, RUN, W1, appointment, batch, booking, lead, lead_write, workspace

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
async def filled(store: Store, migrated_url: str) -> Store:
    """Give a store with three follow-ups, of three batches a minute apart."""
    leads = [lead(f"l{n}") for n in range(3)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    for n, each in enumerate(leads):
        write = lead_write(each, change=booking(each, appointment(f"A{n}")))
        await store.leads.write(batch([write], at=NOW - timedelta(minutes=3 - n)))
    return store


async def test_pending_follow_ups_are_sorted_oldest_first(filled: Store) -> None:
    rows = await filled.outbox.pending(now=NOW, limit=2)

    assert [row.key for row in rows] == ["start:A0", "start:A1"]
    assert rows[0] == OutboxRow(
        key="start:A0",
        kind=EffectKind.START_POST_BOOKING_SEQUENCE,
        workspace_id=W1,
        lead_id=lead("l0").id,
        appointment_id=appointment("A0").id,
        run_id=RUN,
        created_at=NOW - timedelta(minutes=3),
    )
    assert await filled.outbox.pending_count() == 3


async def test_a_delivered_follow_up_is_not_pending(filled: Store) -> None:
    await filled.outbox.mark_delivered(["start:A0", "start:A2", "nobody"], at=NOW)

    assert [row.key for row in await filled.outbox.pending(now=NOW, limit=9)] == ["start:A1"]
    assert await filled.outbox.pending_count() == 1


async def test_a_postponed_follow_up_is_pending_at_its_time(filled: Store) -> None:
    await filled.outbox.postpone(["start:A0"], until=LATER)

    now, then = await filled.outbox.pending(now=NOW, limit=9), await filled.outbox.pending(now=LATER, limit=9)
    assert [row.key for row in now] == ["start:A1", "start:A2"]
    assert [(row.key, row.attempts) for row in then] == [("start:A0", 1), ("start:A1", 0), ("start:A2", 0)]


async def test_follow_ups_with_failed_attempts_are_counted_separately(filled: Store) -> None:
    await filled.outbox.postpone(["start:A0"], until=LATER)

    assert await filled.outbox.pending_count() == 3
    assert await filled.outbox.pending_count(only_tried=True) == 1


async def test_a_delivered_follow_up_is_not_postponed(filled: Store) -> None:
    await filled.outbox.mark_delivered(["start:A0"], at=NOW)
    await filled.outbox.postpone(["start:A0"], until=NOW)

    assert await filled.outbox.pending_count() == 2


async def test_marking_no_rows_changes_nothing(filled: Store) -> None:
    await filled.outbox.mark_delivered([], at=NOW)
    await filled.outbox.postpone([], until=LATER)

    assert await filled.outbox.pending_count() == 3


async def test_the_same_follow_up_is_stored_once(filled: Store) -> None:
    """Its key is what makes the receiver's work idempotent, so a second row would say the same."""
    one = await filled.leads.lead(lead("l0").id)
    assert one is not None
    moved = appointment("A0", starts_at=LATER)
    await filled.leads.write(batch([lead_write(one, change=booking(one, moved))]))

    assert await filled.outbox.pending_count() == 3


@pytest.fixture
async def shared(store: Store, migrated_url: str) -> Store:
    """Give a store with three follow-ups of a workspace, and two younger ones of another."""
    for workspace_id, count, minutes in (("w1", 3, 9), ("w2", 2, 5)):
        leads = [lead(f"{workspace_id}-{n}", workspace_id=workspace_id) for n in range(count)]
        await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(workspace_id)], leads=leads)
        for n, each in enumerate(leads):
            write = lead_write(each, change=booking(each, appointment(f"{each.id}")))
            await store.leads.write(batch([write], at=NOW - timedelta(minutes=minutes - n)))
    return store


async def keys(store: Store, *, limit: int = 9, now: datetime = NOW) -> list[str]:
    return [row.key.removeprefix("start:") for row in await store.outbox.pending(now=now, limit=limit)]


async def test_workspaces_alternate(shared: Store) -> None:
    assert await keys(shared) == ["w1-0", "w2-0", "w1-1", "w2-1", "w1-2"]
    assert await keys(shared, limit=2) == ["w1-0", "w2-0"]


async def test_a_workspace_with_failures_is_last_in_each_turn(shared: Store) -> None:
    await shared.outbox.postpone(["start:w1-0"], until=LATER, reason="rejected")

    assert await keys(shared) == ["w2-0", "w1-1", "w2-1", "w1-2"]
    assert await keys(shared, now=LATER) == ["w2-0", "w1-0", "w2-1", "w1-1", "w1-2"]


async def test_holding_a_workspace_back_makes_no_row_due_earlier(shared: Store) -> None:
    await shared.outbox.postpone(["start:w1-0"], until=LATER + timedelta(hours=1))
    await shared.outbox.hold_back(W1, until=LATER)

    assert await keys(shared) == ["w2-0", "w2-1"]
    assert await keys(shared, now=LATER) == ["w2-0", "w1-1", "w2-1", "w1-2"]


async def test_a_dead_letter_is_not_due_and_is_counted_separately(shared: Store) -> None:
    await shared.outbox.give_up("start:w1-0", at=NOW, reason="rejected: the webhook answered 422")

    assert await keys(shared, now=LATER) == ["w1-1", "w2-0", "w1-2", "w2-1"]
    assert (await shared.outbox.pending_count(), await shared.outbox.given_up_count()) == (4, 1)


async def test_follow_ups_of_an_unknown_kind_do_not_count_towards_the_page(shared: Store, migrated_url: str) -> None:
    """Another version has written them, and knows what to do with them."""
    later = Customer(migrated_url, DEFAULT)
    await later.execute("UPDATE reconcile_outbox SET kind = 'of a later version' WHERE workspace_id = 'w1'")

    assert await keys(shared, limit=2) == ["w2-0", "w2-1"]


async def test_what_is_older_than_the_expiry_is_given_up_and_may_be_retried_as_new(filled: Store) -> None:
    expired = await filled.outbox.expire(before=NOW - timedelta(minutes=1, seconds=30), at=NOW)
    rows = await filled.outbox.given_up()
    again = await filled.outbox.retry(["start:A0"], at=LATER)

    assert (expired, again) == (2, 1)
    assert {row.reason for row in rows} == {"expired: it was not delivered in time"}
    assert await filled.outbox.expire(before=NOW, at=LATER) == 1, "the one that is neither given up nor new"
    assert [row.created_at for row in await filled.outbox.pending(now=LATER, limit=9)] == [LATER]


async def test_what_a_run_without_a_webhook_has_created_is_set_aside_and_no_dead_letter(filled: Store) -> None:
    assert await filled.outbox.set_aside(RunId("another"), at=NOW) == 0
    assert await filled.outbox.set_aside(RUN, at=NOW) == 3
    assert (await filled.outbox.pending_count(), await filled.outbox.given_up_count()) == (0, 0)
    assert len(await filled.outbox.given_up()) == 3


@pytest.fixture
async def given_up(shared: Store) -> Store:
    """Give up three follow-ups, an hour after each other."""
    for hours, key in enumerate(("w1-0", "w1-1", "w2-0")):
        at = NOW + timedelta(hours=hours)
        await shared.outbox.give_up(f"start:{key}", at=at, reason="rejected: the webhook answered 422")
    return shared


AN_HOUR_LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({}, ["w2-0", "w1-1", "w1-0"]),
        ({"workspace_id": W1}, ["w1-1", "w1-0"]),
        ({"since": AN_HOUR_LATER}, ["w2-0", "w1-1"]),
        ({"workspace_id": W1, "since": AN_HOUR_LATER}, ["w1-1"]),
        ({"since": NOW + timedelta(hours=3)}, []),
    ],
)
async def test_dead_letters_are_listed_and_retried_by_workspace_and_age(
    given_up: Store, narrowed: dict[str, Any], found: list[str]
) -> None:
    rows = await given_up.outbox.given_up(**narrowed)
    waiting = set(await keys(given_up, now=LATER))
    retried = await given_up.outbox.retry(None, **narrowed)

    assert [row.key.removeprefix("start:") for row in rows] == found
    assert all((row.attempts, row.reason) == (1, "rejected: the webhook answered 422") for row in rows)
    assert retried == len(found)
    assert set(await keys(given_up, now=LATER)) == waiting | set(found)
    assert await given_up.outbox.given_up_count() == 3 - len(found)
    assert {row.attempts for row in await given_up.outbox.pending(now=LATER, limit=9)} == {0}


async def test_retrying_by_key_affects_only_dead_letters(given_up: Store) -> None:
    await given_up.outbox.mark_delivered(["start:w1-0"], at=LATER)

    assert await given_up.outbox.retry(["start:w1-0", "start:w1-1", "start:w1-2", "nobody"]) == 1
    assert [row.key for row in await given_up.outbox.given_up(limit=1)] == ["start:w2-0"]
    assert await given_up.outbox.retry([]) == 0
