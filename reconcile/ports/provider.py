"""The calendar providers, and where their tokens lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from reconcile.domain.bulk_listing import SweepCost, SweepPlan
from reconcile.domain.change import Answer
from reconcile.domain.credential import Token
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.lookup import Lookup
from reconcile.domain.outcome import SkipReason
from reconcile.domain.rate_limit import RateLimit
from reconcile.domain.workspace import Workspace


class Provider(Protocol):
    """One calendar system, for all workspaces."""

    name: ProviderName

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        """Return how *lead* would be looked up here, or why it cannot be. Makes no call."""
        ...

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look *lead* up as ``lookup`` has decided; *deadline* is an instant on the monotonic clock.

        Raises ProviderError. What the provider refuses, or answers in a form that cannot be read, is raised; what an
        answer proves is decided by ``domain/evidence.py``.
        """
        ...

    def sweep_cost(self, workspace: Workspace) -> SweepCost | None:
        """Return what a sweep of *workspace* costs, None where there can be none. Makes no call."""
        ...

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> "Sweep":
        """List bookings and return the answers that ``answer`` would give of those leads that they settle.

        Raises ProviderError where a list cannot be had or used.
        """
        ...

    def usage(self, workspace: Workspace) -> "Usage":
        """Return what was used of the workspace's account since the last question, and forget it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What lists have told, in so many calls. A lead without an answer is unknown, never absent.

    *mentioned* is how many of the bookings asked for are in the lists, None where these were not read to their end.
    """

    answers: Mapping[LeadId, Answer] = field(default_factory=dict)
    calls: int = 0
    mentioned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a workspace's account has used, and what the provider's last headers said is left.

    *limit* is set where the headers tell of a smaller limit than was assumed; *not_before* after a 429. *notes* are
    sentences for the run's report, without personal data.
    """

    calls: int = 0
    remaining: int | None = None
    limit: RateLimit | None = None
    not_before: timedelta | None = None
    notes: tuple[str, ...] = ()


class TokenSource(Protocol):
    """Where tokens lie outside the database, in a mounted directory of secrets; they win over the database's."""

    def of(self, workspace_id: WorkspaceId) -> tuple[Mapping[ProviderName, Token], tuple[str, ...]]:
        """Return the workspace's tokens, and sentences on those that are there and cannot be used."""
        ...
