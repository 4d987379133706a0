"""The look-ups that a run could make as controls (``control.py``); its batches keep the pool up to date."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from reconcile.domain.breaker.breaker import BreakerKey
from reconcile.domain.breaker.control import WEIGHT_OF_CHANGE, Suspect
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCandidate:
    """A look-up that could be made as a control; *was_successful*: it succeeded earlier in this run.

    *is_only*: no other due lead of its workspace has the same look-up.
    """

    lead: Lead
    workspace: Workspace
    was_successful: bool
    is_only: bool = False

    @property
    def weight(self) -> int:
        """Its weight if it fails."""
        return WEIGHT_OF_CHANGE if self.was_successful else 1


@dataclass(slots=True)
class ControlPool:
    """Candidates for controls, and the controls that are in progress."""

    workspaces: Sequence[Workspace] = ()
    successful: defaultdict[Lookup, dict[WorkspaceId, tuple[Lead, Workspace]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """The newest successful look-up of each workspace."""
    failing: set[tuple[ProviderName, WorkspaceId]] = field(default_factory=set)
    """Workspaces whose newest look-up failed."""
    waiting: defaultdict[WorkspaceId, dict[LeadId, tuple[Lead, Workspace, Lookup]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """Leads of the batches in progress that were not looked up yet."""
    visited: set[WorkspaceId] = field(default_factory=set)
    active: Counter[WorkspaceId] = field(default_factory=Counter)
    used: set[tuple[BreakerKey, str]] = field(default_factory=set)
    """The controls that were made for parties that are being decided on."""
    decisions: dict[BreakerKey, asyncio.Event] = field(default_factory=dict)
    on_answer: Callable[[ProviderName], None] = lambda _: None
    """Called when a control succeeded: it holds no slot of the provider's limiter."""
    on_cleared: Callable[[ProviderName], None] = lambda _: None
    """Called when controls have cleared a provider."""

    def begin(self, workspace: Workspace, leads: Sequence[tuple[Lead, Sequence[Lookup]]]) -> None:
        """Add the leads of a batch that starts."""
        self.visited.add(workspace.id)
        self.active[workspace.id] += 1
        for lead, lookups in leads:
            self.waiting[workspace.id][lead.id] = (lead, workspace, lookups[0])

    def end(self, workspace: Workspace) -> None:
        """Remove the leads of a batch that has ended."""
        self.active[workspace.id] -= 1
        self.waiting.pop(workspace.id, None)

    def end_decision(self, key: BreakerKey, decided: asyncio.Event) -> None:
        """Resume the calls that wait for a decision."""
        if decided.is_set():
            return
        self.used = {each for each in self.used if each[0] != key}
        del self.decisions[key]
        decided.set()

    def note(self, lead: Lead, workspace: Workspace, lookup: Lookup, *, fault: Fault) -> None:
        """Record the result of a look-up."""
        self.waiting[workspace.id].pop(lead.id, None)
        if fault is None:
            self.successful[lookup][workspace.id] = (lead, workspace)
            self.failing.discard((lookup.provider, workspace.id))
        else:
            self.failing.add((lookup.provider, workspace.id))

    def earlier_successes(self, suspect: Suspect) -> list[ControlCandidate]:
        """Return earlier successful look-ups of the same operation; workspaces that have failed since come last."""
        provider = suspect.lookup.provider
        found = [
            ((provider, workspace_id) in self.failing, ControlCandidate(lead=lead, workspace=w, was_successful=True))
            for workspace_id, (lead, w) in self.successful.get(suspect.lookup, {}).items()
            if suspect.workspace_id == workspace_id or not suspect.is_workspace
        ]
        return [candidate for _, candidate in sorted(found, key=lambda each: each[0])]

    def pending_leads(self, suspect: Suspect, random: Random) -> list[ControlCandidate]:
        """Return leads of batches in progress: all leads of a suspected workspace, else one lead of each workspace.

        Of a workspace that has failed it is the last lead, farthest from those that failed; else a random one.
        """
        found: list[ControlCandidate] = []
        for workspace_id, leads in self.waiting.items():
            alike = [
                ControlCandidate(lead=lead, workspace=workspace, was_successful=False)
                for lead, workspace, lookup in leads.values()
                if lookup == suspect.lookup and not lead.state.failure_count
            ]
            if suspect.is_workspace:
                found += alike if workspace_id == suspect.workspace_id else []
            elif alike:
                has_failed = workspace_id in suspect.votes.failing
                found.append(alike[-1] if has_failed else random.choice(alike))
        return found
