"""How long a run may work: its wall-time budget, and the request to end it earlier."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from reconcile.domain.run.stop_reason import StopReason
from reconcile.ports import Clock

SOFT_SHARE = 0.8
"""No new work after this share of the run's budget: what was begun gets the rest."""
LEASE_MARGIN = timedelta(seconds=10)


class Stop:
    """Whether a run is to end early, and why: the first reason is the one that is reported."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.is_cut_off = False
        self._terminated = asyncio.Event()

    def request(self, reason: StopReason) -> None:
        """Ask that no new work be begun; what was begun may end."""
        self.reason = self.reason or reason

    def terminate(self) -> None:
        """Ask for the end within seconds: SIGTERM, and Kubernetes does not ask twice."""
        self.reason = StopReason.SIGTERM
        self._terminated.set()

    @property
    def is_terminated(self) -> bool:
        """Whether SIGTERM has come: then it is what ended the run, whatever failed on the way out."""
        return self._terminated.is_set()

    def note_lease_lost(self) -> None:
        """Note that another run has taken over: that outranks a deadline, which would have let what was begun end."""
        if not self.is_terminated:
            self.reason = StopReason.LEASE_LOST

    async def wait_for_termination(self) -> None:
        """Wait until the end is asked for."""
        await self._terminated.wait()

    def cut_off(self, task: asyncio.Task[object]) -> None:
        """End *task*, the run, now: what it waits for does not come, and what it has begun is rolled back."""
        self.is_cut_off = True
        task.cancel()

    def takes_back_cancellation(self) -> bool:
        """Tell whether a cancellation that was caught is ours; if so it is over, and how the run ended can be told."""
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
        """How long a lease lasts from now: all that a killed run held is free again at once, soon after its budget."""
        spent = timedelta(seconds=self.clock.monotonic() - self.started)
        return max(self.length - spent, timedelta(0)) + LEASE_MARGIN

    def refusal(self) -> StopReason | None:
        """Return why no new work may be begun, None where it may. A question: nothing is stopped by it."""
        if self.stop.reason is not None:
            return self.stop.reason
        is_late = self.clock.monotonic() >= self.started + self.length.total_seconds() * SOFT_SHARE
        return StopReason.DEADLINE if is_late else None

    def takes_work(self) -> bool:
        """Tell whether new work may be begun."""
        return self.refusal() is None

    def may_deliver(self) -> bool:
        """Tell whether a follow-up may be handed over: also in the last share of the budget, which no look-up gets."""
        return self.stop.reason in {None, StopReason.DEADLINE} and self.clock.monotonic() < self.deadline
