"""Slots for visits: a fixed number run concurrently, and one more for each that releases its slot early."""

import asyncio
import random

from reconcile.domain.ids import WorkspaceId
from tests.use_cases import EARLY_RELEASES_PER_SLOT, Bulkhead


async def start_visits(bulkhead: Bulkhead, count: int) -> tuple[list[asyncio.Task[None]], list[WorkspaceId]]:
    """Begin *count* visits that never end, and return them with those that have a slot."""
    inside: list[WorkspaceId] = []

    async def visit(workspace_id: WorkspaceId) -> None:
        async with bulkhead.slot(workspace_id):
            inside.append(workspace_id)
            await asyncio.Event().wait()

    visits = [asyncio.ensure_future(visit(WorkspaceId(f"ws-{n}"))) for n in range(count)]
    await asyncio.sleep(0)
    return visits, inside


async def cancel_visits(visits: list[asyncio.Task[None]]) -> None:
    for each in visits:
        each.cancel()
    await asyncio.gather(*visits, return_exceptions=True)


async def test_a_visit_releases_its_slot_early_at_most_once() -> None:
    bulkhead = Bulkhead(2)
    visits, inside = await start_visits(bulkhead, 4)
    bulkhead.release_early(inside[0])
    bulkhead.release_early(inside[0])
    await asyncio.sleep(0)
    lent = len(inside)
    await cancel_visits(visits[:1])
    await asyncio.sleep(0)

    assert (lent, len(inside)) == (3, 3)
    await cancel_visits(visits[1:2])
    await asyncio.sleep(0)
    assert len(inside) == 4
    await cancel_visits(visits)


async def test_no_more_slots_are_lent_than_may_be() -> None:
    bulkhead = Bulkhead(1)
    visits, inside = await start_visits(bulkhead, EARLY_RELEASES_PER_SLOT + 3)
    for number in range(EARLY_RELEASES_PER_SLOT + 2):
        bulkhead.release_early(WorkspaceId(f"ws-{number}"))
        await asyncio.sleep(0)
    most = len(inside)
    await cancel_visits(visits[:1])
    bulkhead.release_early(WorkspaceId(f"ws-{EARLY_RELEASES_PER_SLOT}"))
    await asyncio.sleep(0)

    assert (most, len(inside)) == (EARLY_RELEASES_PER_SLOT + 1, EARLY_RELEASES_PER_SLOT + 2), (
        "a visit that has ended makes room for another"
    )
    await cancel_visits(visits)


async def test_after_a_shuffle_waiting_visits_start_in_another_order() -> None:
    bulkhead = Bulkhead(1)
    visits, inside = await start_visits(bulkhead, 20)
    bulkhead.shuffle(random.Random(1))
    for number in range(20):
        bulkhead.release_early(inside[number])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if len(inside) == number + 1:
            break
    await cancel_visits(visits)

    assert inside[0] == "ws-0"
    assert len(set(inside)) == len(inside) > 10
    assert inside != sorted(inside, key=lambda each: int(each[3:]))


async def test_a_visit_that_is_canceled_while_it_waits_takes_no_slot() -> None:
    bulkhead = Bulkhead(1)
    visits, inside = await start_visits(bulkhead, 3)
    await cancel_visits(visits[1:2])
    await cancel_visits(visits[:1])
    await asyncio.sleep(0)

    assert inside == ["ws-0", "ws-2"]
    await cancel_visits(visits)


async def test_a_visit_that_may_not_give_its_slot_up_yet_does_so_when_another_has_ended() -> None:
    bulkhead = Bulkhead(1)
    visits, inside = await start_visits(bulkhead, EARLY_RELEASES_PER_SLOT + 3)
    for number in range(EARLY_RELEASES_PER_SLOT + 1):
        bulkhead.release_early(inside[number])
        await asyncio.sleep(0)
    full = len(inside)
    await cancel_visits(visits[:1])
    await asyncio.sleep(0)
    after = len(inside)
    await cancel_visits(visits)

    assert (full, after) == (EARLY_RELEASES_PER_SLOT + 1, EARLY_RELEASES_PER_SLOT + 2)
