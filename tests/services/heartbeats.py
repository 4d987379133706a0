"""A heartbeat monitor that remembers."""

import asyncio
from dataclasses import dataclass, field

from reconcile.domain.ids import RunId
from reconcile.errors import AlertNotDelivered
from reconcile.ports import Clock, HeartbeatSignal


@dataclass
class FakeMonitor:
    """Takes signals; refuses all while it *is_down*, and answers nothing while it *hangs*."""

    clock: Clock
    signals: list[tuple[HeartbeatSignal, RunId]] = field(default_factory=list)
    is_down: bool = False
    hangs: bool = False

    async def send(self, signal: HeartbeatSignal, *, run_id: RunId, deadline: float) -> None:
        await asyncio.sleep(0)
        if self.hangs:
            limit = max(deadline - self.clock.monotonic(), 0)
            with_limit = asyncio.timeout(limit)
            try:
                async with with_limit:
                    await asyncio.Event().wait()
            except TimeoutError:
                raise AlertNotDelivered("the monitor did not answer in time") from None
        if self.is_down:
            raise AlertNotDelivered("the monitor answered 503")
        self.signals.append((signal, run_id))
