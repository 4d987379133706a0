"""A backfill plan: its selection, its state, and when it is held until a person approves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.planning.outcome import CHANGING, Outcome

PlanId = NewType("PlanId", str)


class ItemState(StrEnum):
    """The state of one lead of a plan."""

    SELECTED = "selected"
    """Not looked up yet."""
    PLANNED = "planned"
    """Looked up; its change is stored."""
    SKIPPED = "skipped"
    """It cannot be looked up, or does not exist any more."""
    FAILED = "failed"
    """Its look-up failed several times."""
    APPLIED = "applied"
    DRIFTED = "drifted"
    """Another writer changed or verified it after the plan was made, so it was not written."""
    REFUSED = "refused"
    """The database refuses the value."""


class PlanState(StrEnum):
    """The state of a plan."""

    PLANNING = "planning"
    HELD = "held"
    READY = "ready"
    APPLYING = "applying"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The selection of leads; all given criteria must match.

    *since*: attempted since then. *stale_booked*: with a booking id, and not verified since then. *signature*: text in
    the last failure.
    """

    workspaces: tuple[WorkspaceId, ...] = ()
    since: datetime | None = None
    statuses: tuple[AppointmentStatus, ...] = ()
    provider: ProviderName | None = None
    signature: str | None = None
    stale_booked: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no criterion is given."""
        return self == Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """A plan as stored.

    *asked* are the options of the command, *summary* the counts and samples. *held* are the reasons why it needs
    approval; a held plan with a *hash* is complete and is approved by this hash.
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
        """Return the plan's state from the *counts* of its leads."""
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
        """Whether it waits for approval."""
        return bool(self.held) and (self.hash is None or self.approved_hash != self.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCaps:
    """The number of changes of one kind, and their percentage of the plan, above which a plan needs approval."""

    changes: int = 10_000
    percent: float = 50
    canceled_percent: float = 10

    def exceeded(self, counts: Mapping[Outcome, int], *, planned: int) -> tuple[str, ...]:
        """Return a sentence for each kind with too many changes."""
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
    """The calls that a backfill needs of one account, and its allowance: *left* now, then one every *every*.

    *left_of_day* are the calls of the day that the present rate leaves until they are renewed, after *renewed_in*; None
    if the provider's headers did not say it.
    """

    workspace_id: WorkspaceId
    provider: ProviderName
    calls: int
    left: int
    every: timedelta
    left_of_day: int | None = None
    renewed_in: timedelta = timedelta(0)

    @property
    def lasts(self) -> timedelta:
        """The time that the account needs for them at least."""
        by_rate = max(0, self.calls - self.left) * self.every
        if self.left_of_day is None or self.calls <= self.left_of_day:
            return by_rate
        return max(by_rate, self.renewed_in + (self.calls - self.left_of_day) * self.every)

    def missing(self, within: timedelta) -> int:
        """Return the number of calls that do not fit into *within*."""
        possible = self.left + within // self.every
        if self.left_of_day is not None:
            after_renewal = max(timedelta(0), within - self.renewed_in) // self.every
            possible = min(possible, self.left_of_day + after_renewal)
        return max(0, self.calls - possible)

    def document(self) -> Mapping[str, Any]:
        """Return what is shown of it."""
        return {
            "workspaceId": self.workspace_id,
            "provider": self.provider.value,
            "calls": self.calls,
            "left": self.left,
            "leftOfDay": self.left_of_day,
            "lasts": self.lasts.total_seconds(),
        }


def longest(needs: Sequence[Need]) -> Need | None:
    """Return the account that needs the most time."""
    return max(needs, key=lambda need: need.lasts, default=None)
