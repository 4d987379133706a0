"""How much a run does at the same time is what its policy says: leads in a workspace, and workspaces."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconcile.domain.coordination.lease import Lease
from tests.services.run_harness import RunHarness, Wrapped

_TURNS = 20
"""Of the event loop, after which every lead that may be asked about has been."""


class _UntilAllHaveCome:
    """In place of a provider's gate: answers come when nobody else can come any more."""

    async def wait(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)


class _CountedLeases:
    """Counts the workspaces that are at work, by the leases that a run holds on them; *reached* is set at *count*."""

    def __init__(self, port: Any, count: int) -> None:
        self._port = port
        self._count = count
        self.now = self.peak = 0
        self.reached = asyncio.Event()

    async def acquire(self, name: str, **facts: Any) -> Lease:
        lease: Lease = await self._port.acquire(name, **facts)
        if name.startswith("workspace:"):
            self.now += 1
            self.peak = max(self.peak, self.now)
            if self.peak >= self._count:
                self.reached.set()
        return lease

    def note_batch_end(self) -> None:
        """Note that a batch is written, which ends its workspace's lease."""
        self.now -= 1


@pytest.mark.parametrize("count", [1, 3])
async def test_the_lead_concurrency_limits_look_ups_of_a_workspace(harness: RunHarness, count: int) -> None:
    await harness.fill([40])
    harness.policy = replace(harness.policy, lead_concurrency=count, workspace_concurrency=2)
    harness.ghl.gate = _UntilAllHaveCome()  # type: ignore[assignment]
    report = await harness.run()

    assert report.leads_checked == 40
    assert harness.ghl.peak == count


@pytest.mark.parametrize("count", [1, 3])
async def test_the_workspace_concurrency_limits_visits(harness: RunHarness, count: int) -> None:
    await harness.fill(dict.fromkeys(("ws-0", "ws-1", "ws-2", "ws-3", "ws-4", "ws-5"), 1))
    harness.policy = replace(harness.policy, workspace_concurrency=count, lead_concurrency=4)
    leases = _CountedLeases(harness.store.leases, count)
    instead: Mapping[str, Any] = {"acquire": leases.acquire}
    write = harness.store.leads.write

    async def write_and_note(batch: Any) -> Any:
        receipt = await write(batch)
        leases.note_batch_end()
        return receipt

    harness.ghl.gate = leases.reached
    store = harness.with_(
        leases=Wrapped(harness.store.leases, **instead), leads=Wrapped(harness.store.leads, write=write_and_note)
    )
    async with asyncio.timeout(60):  # only where so many never come
        report = await harness.run(store=store)

    assert report.workspaces_processed == 6
    assert leases.peak == count
