"""What operators were told, and the channels over which they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconcile.domain.alert import Alert, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """What is remembered of one channel; *fault* is why it takes nothing since *failing_since*, and until when not."""

    name: str
    known_since: datetime
    failures: int = 0
    failing_since: datetime | None = None
    fault: str | None = None
    not_before: datetime | None = None


class Alerts(Protocol):
    """The memory of what operators were told."""

    async def load(self, *, since: datetime, keys: Collection[str] = ()) -> Sequence[Alert]:
        """Return the alerts that stand, those that have ended *since*, and those with *keys* whenever they ended."""
        ...

    async def save(self, alerts: Sequence[Alert]) -> frozenset[str]:
        """Store each of *alerts* unless another generation than the one before its own is stored; return their keys."""
        ...

    async def channels(self) -> Mapping[str, ChannelState]:
        """Return what is remembered of each channel, by name."""
        ...

    async def save_channel(self, state: ChannelState) -> None:
        """Store *state* in place of the one before it."""
        ...


class AlertChannel(Protocol):
    """One way to reach operators."""

    @property
    def name(self) -> str:
        """What it is remembered by: a short fixed word."""
        ...

    @property
    def takes_many(self) -> bool:
        """Whether a message may hold more than one notice."""
        ...

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Hand *message* over by an instant on the monotonic clock; return only when it was confirmed.

        Raises AlertNotDelivered.
        """
        ...
