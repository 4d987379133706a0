"""The signals of one run to a heartbeat monitor; they neither fail a run nor delay it noticeably."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.domain.ids import RunId
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.stop_reason import LEASE_HELD, StopReason
from reconcile.errors import AlertNotDelivered
from reconcile.ports import Clock, HeartbeatMonitor, HeartbeatSignal, Telemetry

SIGNAL_TIME = timedelta(seconds=2)
"""How long one signal may take. The start is sent while the run works, so a silent monitor costs its end this long."""


@dataclass(slots=True, kw_only=True)
class Heartbeat:
    """Sends the start and the end of a run, in this order, and warns of the first signal that fails."""

    monitor: HeartbeatMonitor
    run_id: RunId
    clock: Clock
    telemetry: Telemetry
    limit: timedelta = SIGNAL_TIME
    _start: asyncio.Task[None] | None = None
    _has_warned: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Send the start concurrently: this run is due and holds the lease."""
        self._start = asyncio.create_task(self._send(HeartbeatSignal.START))

    async def end(self, signal: HeartbeatSignal | None) -> None:
        """Send *signal* after the start; with None, send nothing more."""
        if self._start is not None:
            if signal is None:
                self._start.cancel()
            await asyncio.wait({self._start})
        if signal is not None:
            await self._send(signal)

    async def _send(self, signal: HeartbeatSignal) -> None:
        deadline = self.clock.monotonic() + self.limit.total_seconds()
        try:
            await self.monitor.send(signal, run_id=self.run_id, deadline=deadline)
        except AlertNotDelivered as error:
            if not self._has_warned:
                self.telemetry.warning("heartbeat.not_sent", signal=signal, fault=str(error))
            self._has_warned = True


def signal_of(report: RunReport, *, is_failed: bool) -> HeartbeatSignal | None:
    """Return how a run ended, or None if that says nothing of the schedule.

    A tick that found nothing due is a success. After SIGTERM the next run continues, and while another run holds the
    lease that run sends its own signals: a success here would hide that it never ends.
    """
    if report.stopped == StopReason.SIGTERM:
        return None
    if is_failed:
        return HeartbeatSignal.FAILURE
    return None if report.stopped == LEASE_HELD else HeartbeatSignal.SUCCESS
