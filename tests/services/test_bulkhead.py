"""Slots for visits: so many side by side, and one more for each that lends its own."""

import asyncio

from reconcile.domain.ids import WorkspaceId
from tests.use_cases import EARLY_RELEASES_PER_SLOT, Bulkhead


async def begun(bulkhead: Bulkhead, count: int) -> tuple[list[asyncio.Task[None]], list[WorkspaceId]]:
    """Begin *count* visits that never end, and return them with those that have a slot."""
    inside: list[WorkspaceId] = []

    async def visit(workspace_id: WorkspaceId) -> None:
        async with bulkhead.slot(workspace_id):
            inside.append(workspace_id)
            await asyncio.Event().wait()

    visits = [asyncio.ensure_future(visit(WorkspaceId(f"ws-{n}"))) for n in range(count)]
    await asyncio.sleep(0)
    return visits, inside


async def ended(visits: list[asyncio.Task[None]]) -> None:
    for each in visits:
        each.cancel()
    await asyncio.gather(*visits, return_exceptions=True)


async def test_a_visit_lends_its_slot_once_and_has_none_to_give_back() -> None:
    bulkhead = Bulkhead(2)
    visits, inside = await begun(bulkhead, 4)
    bulkhead.release_early(inside[0])
    bulkhead.release_early(inside[0])
    await asyncio.sleep(0)
    lent = len(inside)
    await ended(visits[:1])
    await asyncio.sleep(0)

    assert (lent, len(inside)) == (3, 3)
    await ended(visits[1:2])
    await asyncio.sleep(0)
    assert len(inside) == 4
    await ended(visits)


async def test_no_more_slots_are_lent_than_may_be() -> None:
    bulkhead = Bulkhead(1)
    visits, inside = await begun(bulkhead, EARLY_RELEASES_PER_SLOT + 3)
    for number in range(EARLY_RELEASES_PER_SLOT + 2):
        bulkhead.release_early(WorkspaceId(f"ws-{number}"))
        await asyncio.sleep(0)
    most = len(inside)
    await ended(visits[:1])
    bulkhead.release_early(WorkspaceId(f"ws-{EARLY_RELEASES_PER_SLOT}"))
    await asyncio.sleep(0)

    assert (most, len(inside)) == (EARLY_RELEASES_PER_SLOT + 1, EARLY_RELEASES_PER_SLOT + 2), (
        "a visit that has ended makes room for another"
    )
    await ended(visits)
