"""A backfill: which leads, how far, and when its plan is held until a person has looked at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.outcome import Outcome

PlanId = NewType("PlanId", str)

CHANGING = (Outcome.BOOKED, Outcome.CANCELED, Outcome.RESCHEDULED, Outcome.UPDATED)
"""Outcomes that write to the customer's rows; an absence alone is only remembered."""


class ItemState(StrEnum):
    """How far one lead of a plan is."""

    SELECTED = "selected"
    """To be asked about."""
    PLANNED = "planned"
    """The provider has answered, and what follows is written down."""
    SKIPPED = "skipped"
    """It cannot be asked about, or is gone."""
    FAILED = "failed"
    """Asking failed, several times."""
    APPLIED = "applied"
    DRIFTED = "drifted"
    """Somebody else wrote or verified it after the plan was made, so it was left as it is."""
    REFUSED = "refused"
    """The database takes no such value."""


class PlanState(StrEnum):
    """How far a plan is."""

    PLANNING = "planning"
    HELD = "held"
    READY = "ready"
    APPLYING = "applying"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which leads; each criterion that is given narrows them.

    *since*: attempted since then. *stale_booked*: they hold a booking id and were not verified since then.
    *signature*: text in the failure that they were left with.
    """

    workspaces: tuple[WorkspaceId, ...] = ()
    since: datetime | None = None
    statuses: tuple[AppointmentStatus, ...] = ()
    provider: ProviderName | None = None
    signature: str | None = None
    stale_booked: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows it."""
        return self == Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """A plan as the database keeps it.

    *asked* are the words that it was asked for with, *summary* what it came to. *held* says why it waits for a person:
    one with a *hash* is complete and may be approved by it.
    """

    id: PlanId
    made_at: datetime
    asked: Mapping[str, Any]
    selected: int = 0
    planned_at: datetime | None = None
    hash: str | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    approved_hash: str | None = None
    applied_at: datetime | None = None

    def state(self, counts: Mapping[ItemState, int]) -> PlanState:
        """Return how far it is, by the *counts* of its leads."""
        if self.applied_at is not None:
            return PlanState.APPLIED
        if self.is_held:
            return PlanState.HELD
        if self.planned_at is None:
            return PlanState.PLANNING
        is_begun = any(counts.get(state) for state in (ItemState.APPLIED, ItemState.DRIFTED, ItemState.REFUSED))
        return PlanState.APPLYING if is_begun else PlanState.READY

    @property
    def is_held(self) -> bool:
        """Whether a person has to look first."""
        return bool(self.held) and (self.hash is None or self.approved_hash != self.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCaps:
    """How many changes of one kind a plan may hold before a person has to look: in number, and in percent of it."""

    changes: int = 10_000
    percent: float = 50
    canceled_percent: float = 10

    def exceeded(self, counts: Mapping[Outcome, int], *, planned: int) -> tuple[str, ...]:
        """Return a sentence for each kind of change of which there are too many."""
        found = []
        for outcome in CHANGING:
            count, most = counts.get(outcome, 0), self.percent
            if outcome is Outcome.CANCELED:
                most = self.canceled_percent
            if count > self.changes:
                found.append(f"{count} leads would become {outcome}, and {self.changes} may without approval")
            elif count * 100 > most * planned:
                share = f"{count} of {planned} leads ({100 * count / planned:.0f} %)"
                found.append(f"{share} would become {outcome}, and {most:g} % may without approval")
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The calls that a backfill wants of one account, and those that it may make there: *left* now, then by *every*."""

    workspace_id: WorkspaceId
    provider: ProviderName
    calls: int
    left: int
    every: timedelta

    @property
    def lasts(self) -> timedelta:
        """How long the account takes for them."""
        return max(0, self.calls - self.left) * self.every

    def missing(self, within: timedelta) -> int:
        """Return how many calls do not fit into *within*."""
        return max(0, self.calls - self.left - within // self.every)


def longest(needs: Sequence[Need]) -> Need | None:
    """Return the account that takes longest."""
    return max(needs, key=lambda need: need.lasts, default=None)
