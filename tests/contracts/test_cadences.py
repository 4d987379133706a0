"""What every ``Cadences`` and every ``AppliedAnnotations`` promises: those of both databases, and those in memory."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.run.cadence import CadenceOverride, CadenceSource
from reconcile.ports import AppliedAnnotation, AppliedAnnotations, Cadences, Store
from tests.services.memory_ports import MemoryCadences, MemoryOrders
from tests.stores import NOW

OVERRIDE = CadenceOverride(
    every=timedelta(minutes=10),
    reason="quota",
    actor="ada",
    set_at=NOW,
    expires_at=NOW + timedelta(hours=2),
    source=CadenceSource.ANNOTATION,
)
KEY = "appointment-reconciler.io/hold"
ROW = AppliedAnnotation(key=KEY, value="reason=x", seen_at=NOW, until=NOW + timedelta(hours=1))


@pytest.fixture(params=["memory", "database"])
def cadences(request: pytest.FixtureRequest, store: Store) -> Cadences:
    return MemoryCadences() if request.param == "memory" else store.cadences


@pytest.fixture(params=["memory", "database"])
def orders(request: pytest.FixtureRequest, store: Store) -> AppliedAnnotations:
    return MemoryOrders() if request.param == "memory" else store.applied_annotations


async def test_a_new_database_has_no_override(cadences: Cadences) -> None:
    assert await cadences.override() is None


async def test_an_expired_override_is_read_back_with_all_fields(cadences: Cadences) -> None:
    over = replace(OVERRIDE, expires_at=NOW - timedelta(days=100), set_at=NOW - timedelta(days=101))
    await cadences.set(OVERRIDE)
    first = await cadences.override()
    await cadences.set(over)

    assert (first, await cadences.override()) == (OVERRIDE, over)


async def test_a_cleared_override_can_be_replaced(cadences: Cadences) -> None:
    await cadences.clear()
    await cadences.set(OVERRIDE)
    await cadences.clear()
    cleared = await cadences.override()
    await cadences.set(OVERRIDE)

    assert (cleared, await cadences.override()) == (None, OVERRIDE)


async def test_an_applied_annotation_is_stored_by_its_key(orders: AppliedAnnotations) -> None:
    other = AppliedAnnotation(key="appointment-reconciler.io/hodl", value="", seen_at=NOW, fault="is not an annotation")
    await orders.remember(ROW)
    await orders.remember(other)

    assert list(await orders.list_all()) == [other, ROW]


async def test_the_latest_value_of_an_annotation_is_stored(orders: AppliedAnnotations) -> None:
    latest = replace(ROW, value="reason=y", seen_at=NOW + timedelta(minutes=1), until=None)
    await orders.remember(ROW)
    await orders.remember(latest)

    assert list(await orders.list_all()) == [latest]


async def test_a_deleted_annotation_is_new_again(orders: AppliedAnnotations) -> None:
    await orders.forget(KEY)
    await orders.remember(ROW)
    await orders.forget(KEY)
    forgotten = list(await orders.list_all())
    await orders.remember(ROW)

    assert (forgotten, list(await orders.list_all())) == ([], [ROW])
