"""The calendar providers, and the sources of their tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from reconcile.domain.coordination.day_quota import DayReading
from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.domain.credential import Token
from reconcile.domain.evidence.bulk_listing import SweepCost, SweepPlan
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace


class Provider(Protocol):
    """One calendar system, for all workspaces."""

    name: ProviderName

    def lookup(self, lead: Lead, workspace: Workspace) -> Lookup | SkipReason:
        """Return how *lead* would be looked up here, or why it cannot be. Makes no call."""
        ...

    async def answer(self, lead: Lead, lookup: Lookup, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look *lead* up as ``lookup`` has decided; *deadline* is a time on the monotonic clock.

        Raises ProviderError for a refusal or an unreadable response; ``domain/evidence/evidence.py`` decides what an
        answer proves.
        """
        ...

    async def check_lists(self, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
        """Look the booking of *lead* up by its id, and in the list of its person.

        The answer's *returned* has the operations that found it, *silent* the list that should contain it and does not.
        Raises ProviderError.
        """
        ...

    def sweep_cost(self, workspace: Workspace) -> SweepCost | None:
        """Return the number of calls of a bulk listing of *workspace*, None if it is not possible. Makes no call."""
        ...

    async def sweep(self, leads: Sequence[Lead], workspace: Workspace, *, plan: SweepPlan, deadline: float) -> "Sweep":
        """List bookings and return the answers that ``answer`` would give for the leads that they settle.

        Raises ProviderError if a list cannot be fetched or used.
        """
        ...

    def usage(self, workspace: Workspace) -> "Usage":
        """Return the usage of the workspace's account since the last call of this method, and reset it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The result of a bulk listing and its number of calls. A lead without an answer is unknown, never absent.

    *mentioned* is the number of requested bookings that the lists contain, None if they were not read completely.
    """

    answers: Mapping[LeadId, Answer] = field(default_factory=dict)
    calls: int = 0
    mentioned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of a workspace's account, and what the provider's last headers say is left.

    *limit* is set if the headers give a smaller limit than assumed; *not_before* after a 429. *day* is set if the
    headers say what is left of the day. *notes* are sentences for the run's report, without personal data.
    """

    calls: int = 0
    remaining: int | None = None
    limit: RateLimit | None = None
    not_before: timedelta | None = None
    day: DayReading | None = None
    notes: tuple[str, ...] = ()


class TokenSource(Protocol):
    """Tokens outside the database, in a mounted directory of secrets; they take precedence over the database's."""

    def of(self, workspace_id: WorkspaceId) -> tuple[Mapping[ProviderName, Token], tuple[str, ...]]:
        """Return the workspace's tokens, and sentences about unusable ones."""
        ...
