"""Stored alerts, the channels that deliver them, and a monitor that raises an alarm when runs stop."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from reconcile.domain.alert import Alert, Message
from reconcile.domain.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """The state of one channel; *fault* is why it has failed since *failing_since*, *not_before* its next attempt."""

    name: str
    known_since: datetime
    failures: int = 0
    failing_since: datetime | None = None
    fault: str | None = None
    not_before: datetime | None = None


class Alerts(Protocol):
    """Stored alerts and channels."""

    async def load(self, *, since: datetime, keys: Collection[str] = ()) -> Sequence[Alert]:
        """Return active alerts, those that ended after *since*, and those with *keys* whenever they ended."""
        ...

    async def save(self, alerts: Sequence[Alert]) -> frozenset[str]:
        """Store each of *alerts* if the stored generation is the previous one; return the keys of those stored."""
        ...

    async def channels(self) -> Mapping[str, ChannelState]:
        """Return the state of each channel, by name."""
        ...

    async def save_channel(self, state: ChannelState) -> None:
        """Replace the state of a channel."""
        ...


class AlertChannel(Protocol):
    """A channel that delivers messages to operators."""

    @property
    def name(self) -> str:
        """The key under which it is stored: a short fixed word."""
        ...

    @property
    def takes_many(self) -> bool:
        """Whether a message may contain more than one notice."""
        ...

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Deliver *message* until a time on the monotonic clock; return only after its confirmation.

        Raises AlertNotDelivered.
        """
        ...


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
