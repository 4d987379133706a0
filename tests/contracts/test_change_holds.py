"""Holds of kinds of changes, as every adapter stores them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.ids import RunId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.change_hold import ChangeHold
from reconcile.ports import ChangeHolds, Store
from tests.services.memory_ports import MemoryChangeHolds

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOLD = ChangeHold(
    kind=Outcome.CANCELED,
    scope="all",
    since=NOW,
    seen_at=NOW + timedelta(minutes=1),
    hash="0a1b2c",
    run_id=RunId("run-1"),
    leads=3,
    written=20,
    checked=60,
    shift="3 of 3 moved by exactly +2 h",
)


@pytest.fixture(params=["memory", "database"])
def holds(request: pytest.FixtureRequest, store: Store) -> ChangeHolds:
    return MemoryChangeHolds() if request.param == "memory" else store.change_holds


async def test_a_hold_is_read_back_whole_and_replaced_by_its_successor(holds: ChangeHolds) -> None:
    await holds.save(HOLD)
    other = replace(HOLD, kind=Outcome.BOOKED, scope="2/3", shift=None)
    await holds.save(other)
    later = replace(HOLD, leads=5, seen_at=NOW + timedelta(minutes=2))
    await holds.save(later)

    assert list(await holds.load()) == [other, later]


async def test_an_approval_stays_where_a_run_that_began_before_saves_the_same_hold(holds: ChangeHolds) -> None:
    await holds.save(HOLD)
    until = NOW + timedelta(hours=1)
    await holds.approve(HOLD.hash, until=until, actor="ada", reason="we moved")
    await holds.save(replace(HOLD, leads=4))
    (kept,) = await holds.load()
    await holds.save(replace(HOLD, hash="ffff"))
    (fresh,) = await holds.load()

    assert (kept.leads, kept.approved_until, kept.approved_by, kept.reason) == (4, until, "ada", "we moved")
    assert (fresh.hash, fresh.approved_until, fresh.approved_by) == ("ffff", None, None)


async def test_nothing_was_changed_or_checked_in_an_empty_ledger(holds: ChangeHolds) -> None:
    assert await holds.changed_since(NOW) == {}
    assert await holds.checked_since(NOW) == {}
