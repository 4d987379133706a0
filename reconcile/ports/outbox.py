"""Follow-ups, from the transaction that caused them to the customer's webhook."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.planning.change import EffectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A pending follow-up; *key* is its idempotency key."""

    key: str
    kind: EffectKind
    workspace_id: WorkspaceId
    lead_id: LeadId
    appointment_id: AppointmentId
    run_id: RunId
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUpFollowUp:
    """A follow-up that is delivered no more; *kind* may be another version's, *reason* is the last failure."""

    key: str
    kind: str
    workspace_id: WorkspaceId
    lead_id: LeadId
    attempts: int
    created_at: datetime
    given_up_at: datetime
    reason: str | None


class Outbox(Protocol):
    """Follow-ups written in the same transaction as the change that caused them (by ``Leads.write``)."""

    async def pending(self, *, now: datetime, limit: int) -> Sequence[OutboxRow]:
        """Return rows that are due for delivery: the oldest of each workspace, then the second of each, and so on.

        Among these, workspaces with fewer failed attempts come first, then older rows.
        """
        ...

    async def mark_delivered(self, keys: Sequence[str], *, at: datetime) -> None:
        """Record that the receiver has confirmed these."""
        ...

    async def postpone(self, keys: Sequence[str], *, until: datetime, reason: str | None = None) -> None:
        """Record a failed delivery: one more attempt, and none before *until*."""
        ...

    async def hold_back(self, workspace_id: WorkspaceId, *, until: datetime) -> None:
        """Delay all rows of a workspace until then, because the receiver fails for it."""
        ...

    async def give_up(self, key: str, *, at: datetime, reason: str) -> None:
        """Record the last failed delivery: the row stays as a dead letter and is not due again."""
        ...

    async def given_up(
        self, *, workspace_id: WorkspaceId | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[GivenUpFollowUp]:
        """Return dead letters, most recent first, of a workspace and since an instant if given."""
        ...

    async def retry(
        self,
        keys: Sequence[str] | None,
        *,
        workspace_id: WorkspaceId | None = None,
        since: datetime | None = None,
        at: datetime | None = None,
    ) -> int:
        """Make the given-up rows with these *keys* (None: all of ``given_up``) due as new ones; return how many.

        *at* is their new age: an expiry counts from it.
        """
        ...

    async def expire(self, *, before: datetime, at: datetime) -> int:
        """Give up the pending rows that are older than *before*, and return how many."""
        ...

    async def set_aside(self, run_id: RunId, *, at: datetime) -> int:
        """Give up the pending rows of a run that had no webhook, and return how many."""
        ...

    async def pending_count(self, *, only_tried: bool = False) -> int:
        """Return the number of rows that are neither delivered nor dead letters; *only_tried*: and were refused."""
        ...

    async def given_up_count(self) -> int:
        """Return the number of dead letters."""
        ...


class EffectSink(Protocol):
    """The customer's webhook, which receives follow-ups."""

    async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
        """Deliver one follow-up; return only after its confirmation, else raise ProviderError."""
        ...
