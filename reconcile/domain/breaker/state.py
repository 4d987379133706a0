"""All that the breakers of one run know: a value, which only the reducer makes anew (``reducer.py``)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.domain.breaker.attribution import BreakerSnapshot, FaultAttribution
from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerScope,
    BreakerState,
    OverrideKind,
)
from reconcile.domain.breaker.control import Suspect
from reconcile.domain.breaker.keys import breaker_path, provider_key, workspace_key, workspace_keys
from reconcile.domain.breaker.probes import Probes
from reconcile.domain.breaker.window import ImpliedSuccesses
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId


@dataclass(slots=True, kw_only=True)
class RegistryState:
    """The breakers of a run and what they are decided on."""

    policy: BreakerPolicy
    run_id: RunId
    batch_size: int
    attribution: FaultAttribution
    is_restricted: bool = False
    """The run sees one workspace by choice: what it finds out about wider parties is reported and not stored."""
    breakers: dict[BreakerKey, Breaker] = field(default_factory=dict)
    stored_generations: dict[BreakerKey, int] = field(default_factory=dict)
    probed_by_others: frozenset[BreakerKey] = frozenset()
    probes: dict[BreakerKey, Probes] = field(default_factory=dict)
    quotas: dict[tuple[BreakerKey, WorkspaceId], int] = field(default_factory=dict)
    successful: frozenset[BreakerKey] = frozenset()
    """The breakers under which a call has succeeded in this run."""
    implied: dict[tuple[WorkspaceId, ProviderName], ImpliedSuccesses] = field(default_factory=dict)
    suspects: dict[BreakerKey, Suspect] = field(default_factory=dict)
    decided: dict[BreakerKey, Suspect] = field(default_factory=dict)
    """The newest suspicion of each party that controls have ended."""
    cleared: frozenset[BreakerKey] = frozenset()
    """The parties whose controls have said in this run that they are not to blame."""
    opened_in_run: frozenset[BreakerKey] = frozenset()
    would_open: tuple[BreakerKey, ...] = ()
    """Breakers that would have opened, but for shadow mode or an operator's hold."""
    admitted_count: int = 0
    in_flight_count: int = 0
    """Calls that were let through and have not come to anything yet."""
    in_flight_at_trip: int | None = None
    """How many there were besides the one that tripped a provider's or the run's breaker first."""

    def copy(self) -> "RegistryState":
        """Return a copy of which each part can be changed alone."""
        return RegistryState(
            policy=self.policy,
            run_id=self.run_id,
            batch_size=self.batch_size,
            attribution=self.attribution,
            is_restricted=self.is_restricted,
            breakers=self.breakers.copy(),
            stored_generations=self.stored_generations.copy(),
            probed_by_others=self.probed_by_others,
            probes=self.probes.copy(),
            quotas=self.quotas.copy(),
            successful=self.successful,
            implied=self.implied.copy(),
            suspects=self.suspects.copy(),
            decided=self.decided.copy(),
            cleared=self.cleared,
            opened_in_run=self.opened_in_run,
            would_open=self.would_open,
            admitted_count=self.admitted_count,
            in_flight_count=self.in_flight_count,
            in_flight_at_trip=self.in_flight_at_trip,
        )

    # --- questions -------------------------------------------------------------------------------------------

    @property
    def due(self) -> Mapping[WorkspaceId, frozenset[ProviderName]]:
        """The workspaces that the run visits, with the providers that each has a credential of."""
        return self.attribution.due

    def breaker(self, key: BreakerKey) -> Breaker:
        """Return the breaker as it stands."""
        return self.breakers.get(key) or Breaker(key=key)

    def unsaved(self) -> Sequence[tuple[Breaker, int]]:
        """Return the breakers that moved, each with the generation under which it is stored (0: not stored)."""
        return [
            (b, self.stored_generations.get(key, 0))
            for key, b in sorted(self.breakers.items())
            if b.generation != self.stored_generations.get(key, 0)
            and not (self.is_restricted and key.scope is not BreakerScope.WORKSPACE)
        ]

    def parked(self, now: datetime) -> frozenset[BreakerKey]:
        """Return the workspaces' breakers that let no call pass at this instant, not even a probe."""
        return frozenset(
            key
            for key, breaker in self.breakers.items()
            if key.scope is BreakerScope.WORKSPACE
            and breaker.effective_state(now) is BreakerState.OPEN
            and not breaker.probe_is_due(now)
            and self.policy.is_enforced
        )

    def parked_workspaces(self, now: datetime) -> frozenset[WorkspaceId]:
        """Return the workspaces that get no call at this instant, whichever providers they have."""
        parked = self.parked(now)
        own = {each for key in parked if (each := key.workspace_id) is not None}
        return frozenset(each for each in own if self.is_parked(each, ProviderName, now))

    def is_parked(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> bool:
        """Tell whether a workspace gets no call at this instant, at none of its *providers*."""
        parked = self.parked(now)
        own = [workspace_key(workspace_id, each) for each in providers]
        return workspace_key(workspace_id) in parked or (bool(own) and parked.issuperset(own))

    def probes_only(self, now: datetime) -> Mapping[ProviderName, int]:
        """Return the providers that are asked nothing but probes at this instant, with how many of them."""
        if not self.policy.is_enforced:
            return {}
        breakers = {provider: self.breaker(provider_key(provider)) for provider in ProviderName}
        return {
            provider: self.policy.probes if wants_probes(breaker, now) else 0
            for provider, breaker in breakers.items()
            if breaker.share(self.policy, now) == 0
        }

    def troubled(self) -> frozenset[WorkspaceId]:
        """Return the workspaces of which a breaker is not closed."""
        return frozenset(
            workspace_id
            for key, b in self.breakers.items()
            if (workspace_id := key.workspace_id) is not None and b.state is not BreakerState.CLOSED
        )

    def is_broken(self, now: datetime) -> bool:
        """Tell whether the run's or a provider's breaker is open, or was opened in this run."""
        return any(
            key.scope is not BreakerScope.WORKSPACE
            and not key.is_of_sweeps
            and (key in self.opened_in_run or b.effective_state(now) is BreakerState.OPEN)
            for key, b in self.breakers.items()
        )

    def is_probing(self) -> bool:
        """Tell whether the run's or a provider's breaker wants probes before anything else may pass."""
        return any(
            is_probing(b) and key.scope is not BreakerScope.WORKSPACE and not key.is_of_sweeps
            for key, b in self.breakers.items()
        )

    def batch_limit(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> int:
        """Return how many leads of a workspace it is worth reading now; 0 where every one would be refused."""

        def room(key: BreakerKey) -> int:
            if self.is_probed(key, now):
                return 1 if self.may_probe(key, workspace_id) else 0
            return math.ceil(self.breaker(key).share(self.policy, now) * self.batch_size)

        def room_at(provider: ProviderName) -> int:
            if self.is_reserved_for_others(provider_key(provider), workspace_id, provider, now):
                return 0
            return min(room(provider_key(provider)), room(workspace_key(workspace_id, provider)))

        if not self.policy.is_enforced:
            return self.batch_size
        by_provider = max((room_at(each) for each in providers), default=self.batch_size)
        return min(room(RUN_KEY), room(workspace_key(workspace_id)), by_provider)

    def refusing(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> BreakerKey | None:
        """Return the breaker that would refuse a call at this instant; takes nothing."""
        if not self.policy.is_enforced:
            return None
        path = breaker_path(workspace_id, lookup)
        known = (key for key in path if key in self.breakers)  # the others are closed
        return next((key for key in known if not self._lets_pass(key, workspace_id, lookup.provider, now)), None)

    def may_sweep(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        """Tell whether a sweep may be made: its own breaker lets it pass, and all others that concern it are closed.

        Whatever is being probed is probed by look-ups, which a sweep would take away.
        """
        if not self.policy.is_enforced:
            return True
        lookup = Lookup(provider=provider, operation=Operation.SWEEP)
        own = {RUN_KEY, *workspace_keys(workspace_id, lookup)}
        is_sure = all(
            breaker.effective_state(now) is BreakerState.CLOSED
            for key, breaker in self.breakers.items()
            if not key.is_of_sweeps
            and (key in own or (key.scope is BreakerScope.PROVIDER and key.provider is provider))
        )
        return is_sure and self.refusing(workspace_id, lookup, now) is None

    def pending(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> BreakerKey | None:
        """Return a suspected party that a call has to pass and that a control is about to decide on."""
        if not self.policy.is_enforced or not self.suspects:
            return None
        path = breaker_path(workspace_id, lookup)
        return next((k for k in path if k in self.suspects and self.breaker(k).override_kind(now) is None), None)

    def snapshot(self, now: datetime) -> BreakerSnapshot:
        """Return how the breakers stand, to attribute a failure."""
        states = {key: b.effective_state(now) for key, b in self.breakers.items()}
        held = {key for key, b in self.breakers.items() if b.override_kind(now) is OverrideKind.HOLD_CLOSED}
        return BreakerSnapshot(
            open=frozenset(key for key, state in states.items() if state is BreakerState.OPEN),
            half_open=frozenset(key for key, state in states.items() if state is BreakerState.HALF_OPEN),
            explaining=frozenset(held.union(self.would_open)),
        )

    # --- what the reducer asks -------------------------------------------------------------------------------

    def is_probed(self, key: BreakerKey, now: datetime) -> bool:
        """Tell whether a breaker lets nothing but probes pass."""
        breaker = self.breaker(key)
        return breaker.effective_state(now) is BreakerState.HALF_OPEN and breaker.stage == 0

    def may_probe(self, key: BreakerKey, workspace_id: WorkspaceId) -> bool:
        """Tell whether a probe may be made in this workspace."""
        return key not in self.probed_by_others and self.probes_of(key).has_room(workspace_id)

    def probes_of(self, key: BreakerKey) -> Probes:
        """Return the probes that were made in this run."""
        return self.probes.get(key) or Probes.of(key, limit=self.policy.probes)

    def is_reserved_for_others(
        self, key: BreakerKey, workspace_id: WorkspaceId, provider: ProviderName, now: datetime
    ) -> bool:
        """Tell whether a wide breaker wants probes of others: a workspace that is in trouble itself makes its own.

        Where all that are due are in trouble, there are no others.
        """
        if key.scope is BreakerScope.WORKSPACE or not self.is_probed(key, now):
            return False
        if not self._is_troubled(workspace_id, provider, now):
            return False
        return any(
            each in providers and not self._is_troubled(other, each, now)
            for other, providers in self.due.items()
            for each in ((provider,) if key.scope is BreakerScope.PROVIDER else providers)
        )

    def _is_troubled(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        own = self.breaker(workspace_key(workspace_id)), self.breaker(workspace_key(workspace_id, provider))
        return any(each.effective_state(now) is not BreakerState.CLOSED for each in own)

    def _lets_pass(self, key: BreakerKey, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        breaker = self.breaker(key)
        if breaker.effective_state(now) is not BreakerState.HALF_OPEN:
            return breaker.effective_state(now) is BreakerState.CLOSED
        if self.is_reserved_for_others(key, workspace_id, provider, now):
            return False
        return self.may_probe(key, workspace_id) if breaker.stage == 0 else self.quota(key, workspace_id, now) > 0

    def quota(self, key: BreakerKey, workspace_id: WorkspaceId, now: datetime) -> int:
        """Return how many calls of a workspace a recovering breaker still lets pass in this run."""
        whole = math.ceil(self.breaker(key).share(self.policy, now) * self.batch_size)
        return self.quotas.get((key, workspace_id), whole)


def is_probing(breaker: Breaker) -> bool:
    """Tell whether a breaker is half open and lets nothing but probes pass."""
    return breaker.state is BreakerState.HALF_OPEN and breaker.stage == 0


def wants_probes(breaker: Breaker, now: datetime) -> bool:
    """Tell whether probes are to be made at this instant."""
    return breaker.override_kind(now) is None and (is_probing(breaker) or breaker.probe_is_due(now))
