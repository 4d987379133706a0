"""The time budget of a run, and the request to end it early."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from reconcile.domain.run.stop_reason import StopReason
from reconcile.ports import Clock

SOFT_SHARE = 0.8
"""No new work starts after this share of the run's budget; started work may use the rest."""
LEASE_MARGIN = timedelta(seconds=10)


class Stop:
    """The request to end a run early; the first reason is reported."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.is_cut_off = False
        self._terminated = asyncio.Event()

    def request(self, reason: StopReason) -> None:
        """Start no new work; started work may finish."""
        self.reason = self.reason or reason

    def terminate(self) -> None:
        """End the run within seconds, after SIGTERM: Kubernetes sends SIGKILL next."""
        self.reason = StopReason.SIGTERM
        self._terminated.set()

    @property
    def is_terminated(self) -> bool:
        """Whether SIGTERM was received: then it is the reported reason, whatever fails afterwards."""
        return self._terminated.is_set()

    def note_lease_lost(self) -> None:
        """Record that another run has taken the lease; this reason replaces a deadline."""
        if not self.is_terminated:
            self.reason = StopReason.LEASE_LOST

    async def wait_for_termination(self) -> None:
        """Wait until SIGTERM is received."""
        await self._terminated.wait()

    def cut_off(self, task: asyncio.Task[object]) -> None:
        """Cancel *task*, the run, at once; its open transaction is rolled back."""
        self.is_cut_off = True
        task.cancel()

    def takes_back_cancellation(self) -> bool:
        """Return whether a caught cancellation came from ``cut_off``; if so, undo it, so that a report can follow."""
        task = asyncio.current_task()
        return self.is_cut_off and task is not None and task.uncancel() == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBudget:
    """The wall time of one run, on the monotonic clock; *started* is in its seconds."""

    clock: Clock
    started: float
    length: timedelta
    stop: Stop

    @property
    def deadline(self) -> float:
        """The monotonic instant by which calls must have ended."""
        return self.started + self.length.total_seconds()

    @property
    def lease_ttl(self) -> timedelta:
        """The lifetime of a lease taken now: the leases of a killed run expire together, soon after its budget."""
        spent = timedelta(seconds=self.clock.monotonic() - self.started)
        return max(self.length - spent, timedelta(0)) + LEASE_MARGIN

    def refusal(self) -> StopReason | None:
        """Return why no new work may start, or None. It does not stop anything."""
        if self.stop.reason is not None:
            return self.stop.reason
        is_late = self.clock.monotonic() >= self.started + self.length.total_seconds() * SOFT_SHARE
        return StopReason.DEADLINE if is_late else None

    def takes_work(self) -> bool:
        """Return whether new work may start."""
        return self.refusal() is None

    def takes_work_after(self, wait: timedelta) -> bool:
        """Return whether new work may start after *wait*, if nothing stops the run before."""
        soft = self.started + self.length.total_seconds() * SOFT_SHARE
        return self.stop.reason is None and self.clock.monotonic() + wait.total_seconds() < soft

    def may_deliver(self) -> bool:
        """Return whether a follow-up may be delivered: also in the last part of the budget, unlike look-ups."""
        return self.stop.reason in {None, StopReason.DEADLINE} and self.clock.monotonic() < self.deadline
