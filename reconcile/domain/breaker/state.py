"""The state of the breaker registry; only the reducer (``reducer.py``) makes a new one."""

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
    """The breakers of a run, and the counts and suspicions by which they change."""

    policy: BreakerPolicy
    run_id: RunId
    batch_size: int
    attribution: FaultAttribution
    is_restricted: bool = False
    """The run is over one chosen workspace: changes of wider breakers are reported and not stored."""
    breakers: dict[BreakerKey, Breaker] = field(default_factory=dict)
    stored_generations: dict[BreakerKey, int] = field(default_factory=dict)
    probed_by_others: frozenset[BreakerKey] = frozenset()
    probes: dict[BreakerKey, Probes] = field(default_factory=dict)
    quotas: dict[tuple[BreakerKey, WorkspaceId], int] = field(default_factory=dict)
    successful: frozenset[BreakerKey] = frozenset()
    """The breakers whose calls have succeeded in this run."""
    implied: dict[tuple[WorkspaceId, ProviderName], ImpliedSuccesses] = field(default_factory=dict)
    suspects: dict[BreakerKey, Suspect] = field(default_factory=dict)
    decided: dict[BreakerKey, Suspect] = field(default_factory=dict)
    """The newest suspicion of each party that controls have decided on."""
    cleared: frozenset[BreakerKey] = frozenset()
    """The parties that controls have cleared in this run."""
    opened_in_run: frozenset[BreakerKey] = frozenset()
    would_open: tuple[BreakerKey, ...] = ()
    """Breakers that would have opened, but for shadow mode or an operator's hold."""
    admitted_count: int = 0
    in_flight_count: int = 0
    """Admitted calls that have not ended."""
    in_flight_at_trip: int | None = None
    """How many other calls were in flight when a provider's or the run's breaker first tripped."""

    def copy(self) -> "RegistryState":
        """Return a copy whose parts can be changed independently."""
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
        """The workspaces that the run visits, with the providers for which each has a credential."""
        return self.attribution.due

    def breaker(self, key: BreakerKey) -> Breaker:
        """Return the current breaker."""
        return self.breakers.get(key) or Breaker(key=key)

    def unsaved(self) -> Sequence[tuple[Breaker, int]]:
        """Return the changed breakers, each with its stored generation (0: not stored)."""
        return [
            (b, self.stored_generations.get(key, 0))
            for key, b in sorted(self.breakers.items())
            if b.generation != self.stored_generations.get(key, 0)
            and not (self.is_restricted and key.scope is not BreakerScope.WORKSPACE)
        ]

    def parked(self, now: datetime) -> frozenset[BreakerKey]:
        """Return the workspaces' breakers that admit no call at *now*, not even a probe."""
        return frozenset(
            key
            for key, breaker in self.breakers.items()
            if key.scope is BreakerScope.WORKSPACE
            and breaker.effective_state(now) is BreakerState.OPEN
            and not breaker.probe_is_due(now)
            and self.policy.is_enforced
        )

    def parked_workspaces(self, now: datetime) -> frozenset[WorkspaceId]:
        """Return the workspaces that get no call at *now*, at any provider."""
        parked = self.parked(now)
        own = {each for key in parked if (each := key.workspace_id) is not None}
        return frozenset(each for each in own if self.is_parked(each, ProviderName, now))

    def is_parked(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> bool:
        """Return whether a workspace gets no call at *now*, at any of its *providers*."""
        parked = self.parked(now)
        own = [workspace_key(workspace_id, each) for each in providers]
        return workspace_key(workspace_id) in parked or (bool(own) and parked.issuperset(own))

    def probes_only(self, now: datetime) -> Mapping[ProviderName, int]:
        """Return the providers that get only probes at *now*, each with the number of probes."""
        if not self.policy.is_enforced:
            return {}
        breakers = {provider: self.breaker(provider_key(provider)) for provider in ProviderName}
        return {
            provider: self.policy.probes if wants_probes(breaker, now) else 0
            for provider, breaker in breakers.items()
            if breaker.share(self.policy, now) == 0
        }

    def troubled(self) -> frozenset[WorkspaceId]:
        """Return the workspaces with a breaker that is not closed."""
        return frozenset(
            workspace_id
            for key, b in self.breakers.items()
            if (workspace_id := key.workspace_id) is not None and b.state is not BreakerState.CLOSED
        )

    def is_broken(self, now: datetime) -> bool:
        """Return whether the run's or a provider's breaker is open, or was opened in this run."""
        return any(
            key.scope is not BreakerScope.WORKSPACE
            and not key.is_of_sweeps
            and (key in self.opened_in_run or b.effective_state(now) is BreakerState.OPEN)
            for key, b in self.breakers.items()
        )

    def is_probing(self) -> bool:
        """Return whether the run's or a provider's breaker admits only probes."""
        return any(
            is_probing(b) and key.scope is not BreakerScope.WORKSPACE and not key.is_of_sweeps
            for key, b in self.breakers.items()
        )

    def batch_limit(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> int:
        """Return how many leads of a workspace can be admitted now; 0 if all would be refused."""

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
        """Return the breaker that would refuse a call at *now*, or None; changes nothing."""
        if not self.policy.is_enforced:
            return None
        path = breaker_path(workspace_id, lookup)
        known = (key for key in path if key in self.breakers)  # the others are closed
        return next((key for key in known if not self._admits(key, workspace_id, lookup.provider, now)), None)

    def may_sweep(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        """Return whether a sweep may be made: its own breaker admits it, and all others that concern it are closed.

        Probes are look-ups, which a sweep would replace.
        """
        if not self.policy.is_enforced:
            return True
        lookup = Lookup(provider=provider, operation=Operation.SWEEP)
        own = {RUN_KEY, *workspace_keys(workspace_id, lookup)}
        is_closed = all(
            breaker.effective_state(now) is BreakerState.CLOSED
            for key, breaker in self.breakers.items()
            if not key.is_of_sweeps
            and (key in own or (key.scope is BreakerScope.PROVIDER and key.provider is provider))
        )
        return is_closed and self.refusing(workspace_id, lookup, now) is None

    def pending(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> BreakerKey | None:
        """Return the breaker of a call's path that controls are about to decide on, or None."""
        if not self.policy.is_enforced or not self.suspects:
            return None
        path = breaker_path(workspace_id, lookup)
        return next((k for k in path if k in self.suspects and self.breaker(k).override_kind(now) is None), None)

    def snapshot(self, now: datetime) -> BreakerSnapshot:
        """Return the breakers' states, for the attribution of a failure."""
        states = {key: b.effective_state(now) for key, b in self.breakers.items()}
        held = {key for key, b in self.breakers.items() if b.override_kind(now) is OverrideKind.HOLD_CLOSED}
        return BreakerSnapshot(
            open=frozenset(key for key, state in states.items() if state is BreakerState.OPEN),
            half_open=frozenset(key for key, state in states.items() if state is BreakerState.HALF_OPEN),
            explaining=frozenset(held.union(self.would_open)),
        )

    # --- for the reducer --------------------------------------------------------------------------------------

    def is_probed(self, key: BreakerKey, now: datetime) -> bool:
        """Return whether a breaker admits only probes."""
        breaker = self.breaker(key)
        return breaker.effective_state(now) is BreakerState.HALF_OPEN and breaker.stage == 0

    def may_probe(self, key: BreakerKey, workspace_id: WorkspaceId) -> bool:
        """Return whether a probe may be made in this workspace."""
        return key not in self.probed_by_others and self.probes_of(key).has_room(workspace_id)

    def probes_of(self, key: BreakerKey) -> Probes:
        """Return the probes that were made in this run."""
        return self.probes.get(key) or Probes.of(key, limit=self.policy.probes)

    def is_reserved_for_others(
        self, key: BreakerKey, workspace_id: WorkspaceId, provider: ProviderName, now: datetime
    ) -> bool:
        """Return whether the probes of a wide breaker go to other workspaces, as this one's own breaker is not closed.

        They do not if no due workspace has all its breakers closed.
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

    def _admits(self, key: BreakerKey, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        breaker = self.breaker(key)
        if breaker.effective_state(now) is not BreakerState.HALF_OPEN:
            return breaker.effective_state(now) is BreakerState.CLOSED
        if self.is_reserved_for_others(key, workspace_id, provider, now):
            return False
        return self.may_probe(key, workspace_id) if breaker.stage == 0 else self.quota(key, workspace_id, now) > 0

    def quota(self, key: BreakerKey, workspace_id: WorkspaceId, now: datetime) -> int:
        """Return how many more calls of a workspace a half-open breaker admits in this run."""
        whole = math.ceil(self.breaker(key).share(self.policy, now) * self.batch_size)
        return self.quotas.get((key, workspace_id), whole)


def is_probing(breaker: Breaker) -> bool:
    """Return whether a breaker is half open and admits only probes."""
    return breaker.state is BreakerState.HALF_OPEN and breaker.stage == 0


def wants_probes(breaker: Breaker, now: datetime) -> bool:
    """Return whether probes are to be made at *now*."""
    return breaker.override_kind(now) is None and (is_probing(breaker) or breaker.probe_is_due(now))
