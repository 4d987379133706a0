"""A monitor of scheduled processes, which raises an alarm when their signals stop."""

from enum import StrEnum
from typing import Protocol

from reconcile.domain.ids import RunId


class HeartbeatSignal(StrEnum):
    """What a run tells its monitor."""

    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"


class HeartbeatMonitor(Protocol):
    """A service that waits for the signals of runs."""

    async def send(self, signal: HeartbeatSignal, *, run_id: RunId, deadline: float) -> None:
        """Send *signal* until a time on the monotonic clock; return only after its confirmation.

        All signals of one run have the same *run_id*. Raises AlertNotDelivered, which contains no address.
        """
        ...
