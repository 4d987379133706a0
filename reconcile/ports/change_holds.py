"""Kinds of changes that wait for a person's approval, and what their caps are counted from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.change_hold import ChangeHold


class ChangeHolds(Protocol):
    """Stored holds, one for each kind and scope."""

    async def load(self) -> Sequence[ChangeHold]:
        """Return all holds, also those that are over."""
        ...

    async def save(self, hold: ChangeHold) -> None:
        """Store *hold* in place of the one of its kind and scope; an approval of the same hold stays."""
        ...

    async def approve(self, digest: str, *, until: datetime, actor: str, reason: str | None) -> None:
        """Let the kind of the hold with this hash pass until then."""
        ...

    async def changed_since(self, since: datetime) -> Mapping[Outcome, int]:
        """Return how many leads the schedule's runs have changed since then, by kind."""
        ...

    async def checked_since(self, since: datetime) -> Mapping[WorkspaceId, int]:
        """Return the most leads that one visit has checked since then, by workspace."""
        ...
