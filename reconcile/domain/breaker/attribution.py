"""Whom failures are blamed on: the smallest party that explains them."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope
from reconcile.domain.breaker.window import Fault, SlidingWindow, SuspectOutcome, merge_windows
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass

WORKSPACE_FAULTS = frozenset({ErrorClass.CREDENTIAL, ErrorClass.REJECTED, ErrorClass.MASS_ABSENCE})
"""Failures that are a workspace's own until very many workspaces have them at once."""
ISOLATED_TIMEOUTS = 2
"""So many checks, all in vain, park a workspace while others are answered."""
LEAD_FAULTS = frozenset({ErrorClass.REFUSED_WRITE, ErrorClass.UNREADABLE_ROW})
"""Failures that no provider was asked for, or that came after its answer."""
PROVIDER_FAULTS = frozenset(ErrorClass) - WORKSPACE_FAULTS - LEAD_FAULTS - {ErrorClass.INTERNAL}


def provider_key(provider: ProviderName) -> BreakerKey:
    """Return the key of a whole provider's breaker."""
    return BreakerKey(BreakerScope.PROVIDER, provider)


def operation_key(lookup: Lookup) -> BreakerKey:
    """Return the key of the breaker of one kind of call to a provider."""
    return BreakerKey(BreakerScope.PROVIDER, f"{lookup.provider}/{lookup.operation}")


def is_of_provider(key: BreakerKey, provider: ProviderName) -> bool:
    """Tell whether *key* is of *provider*, whole or one of its operations."""
    return key.scope is BreakerScope.PROVIDER and key.name.partition("/")[0] == provider


def workspace_key(workspace_id: WorkspaceId) -> BreakerKey:
    """Return the key of a workspace's breaker."""
    return BreakerKey(BreakerScope.WORKSPACE, workspace_id)


def path_of(workspace_id: WorkspaceId, lookup: Lookup) -> tuple[BreakerKey, ...]:
    """Return the breakers that a call has to pass."""
    return RUN_KEY, provider_key(lookup.provider), operation_key(lookup), workspace_key(workspace_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripDecision:
    """A breaker that is to be opened, why, and on which figures."""

    key: BreakerKey
    reason: BreakerReason
    fault: Fault
    checks: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStates:
    """How the breakers stand at the moment of judging."""

    open: frozenset[BreakerKey]
    half_open: frozenset[BreakerKey]
    held_closed: frozenset[BreakerKey]

    def explains(self, lookup: Lookup) -> bool:
        """Tell whether a breaker wider than a workspace answers for this kind of call.

        One that an operator holds closed does too: nobody else is to be stopped for what the operator lets happen.
        """
        wide = {provider_key(lookup.provider), operation_key(lookup)}
        return not wide.isdisjoint(self.open | self.held_closed)


class FaultAttribution:
    """Counts every check and says who is to blame: a workspace, a provider, one of its operations, or the run."""

    def __init__(
        self, policy: BreakerPolicy, due: Mapping[WorkspaceId, frozenset[ProviderName]], *, is_partial: bool = False
    ) -> None:
        """Judge the workspaces in *due*; *is_partial* tells that others are due which this run does not visit.

        Then one that is alone in this run does not speak for those that were not asked.
        """
        self._policy = policy
        self._due = due
        self._is_partial = is_partial
        self._windows: dict[tuple[Lookup, WorkspaceId], SlidingWindow] = defaultdict(SlidingWindow)
        self._by_provider: dict[ProviderName, SlidingWindow] = defaultdict(SlidingWindow)
        self._by_operation: dict[Lookup, SlidingWindow] = defaultdict(SlidingWindow)
        self._answered: dict[ProviderName, dict[WorkspaceId, int]] = defaultdict(dict)
        self._isolated: set[tuple[ProviderName, WorkspaceId]] = set()

    def count(self, workspace_id: WorkspaceId, lookup: Lookup, fault: Fault, *, number: int) -> None:
        """Count one check, which was let through as the *number*-th. A bug of ours says nothing about a provider."""
        self._windows[lookup, workspace_id].add(workspace_id, fault)
        is_isolated = self._is_isolated_timeout(workspace_id, lookup.provider, fault, number)
        if fault is not ErrorClass.INTERNAL and not is_isolated:
            self._by_provider[lookup.provider].add(workspace_id, fault)
            self._by_operation[lookup].add(workspace_id, fault)

    def count_implied(self, workspace_id: WorkspaceId, lookup: Lookup, times: int) -> None:
        """Count sound checks that were not made, because a sweep has told what they would have."""
        for window in (
            self._windows[lookup, workspace_id],
            self._by_provider[lookup.provider],
            self._by_operation[lookup],
        ):
            window.add(workspace_id, None, times=times)

    def count_sweep(self, workspace_id: WorkspaceId, lookup: Lookup, fault: Fault, *, number: int) -> None:
        """Count one sweep, which speaks of the lists alone: who cannot be listed can still be looked up."""
        if not self._is_isolated_timeout(workspace_id, lookup.provider, fault, number):
            self._by_operation[lookup].add(workspace_id, fault)

    def judge_sweep(self, lookup: Lookup, fault: Fault, states: BreakerStates) -> Iterator[TripDecision]:
        """Blame a provider's lists, and nothing else, where they fail alike in several workspaces."""
        yield from self._decisions(lookup, fault, states, window=self._by_operation[lookup], key=operation_key(lookup))

    def _is_isolated_timeout(
        self, workspace_id: WorkspaceId, provider: ProviderName, fault: Fault, number: int
    ) -> bool:
        """Tell whether a workspace waits in vain for a provider that has answered others who asked later.

        Such failures come late and close together, when whoever is well is done: counted by when they come, a few
        workspaces would look like all. Once it is so, it is so until the workspace is answered.
        """
        this, answered = (provider, workspace_id), self._answered[provider]
        if fault is None or isinstance(fault, SuspectOutcome):
            answered[workspace_id] = max(number, answered.get(workspace_id, 0))
            self._isolated.discard(this)
        elif fault is ErrorClass.TIMEOUT and any(w != workspace_id and n > number for w, n in answered.items()):
            self._isolated.add(this)
        return fault is ErrorClass.TIMEOUT and this in self._isolated

    def forget(self, key: BreakerKey) -> None:
        """Begin a provider's count anew: what a breaker explains must not count against its other operations."""
        self._by_provider.pop(ProviderName(key.name.partition("/")[0]), None)

    def judge_provider(self, lookup: Lookup, fault: Fault, states: BreakerStates) -> Iterator[TripDecision]:
        """Blame the provider where several workspaces fail alike."""
        window = self._by_provider[lookup.provider]
        yield from self._decisions(lookup, fault, states, window=window, key=self._to_blame(lookup))

    def _decisions(
        self, lookup: Lookup, fault: Fault, states: BreakerStates, *, window: SlidingWindow, key: BreakerKey
    ) -> Iterator[TripDecision]:
        policy = self._policy
        due_count = sum(lookup.provider in providers for providers in self._due.values())
        few = policy.min_workspaces if self._is_partial else min(policy.min_workspaces, max(1, due_count))
        if fault is SuspectOutcome.ABSENT:
            is_wide = len(window.failing_workspaces([fault])) >= policy.min_workspaces
            if is_wide and window.exceeds(policy.error_rate, min_checks=policy.min_checks, of=[fault]):
                yield _decision(key, BreakerReason.MASS_ABSENCE, ErrorClass.MASS_ABSENCE, window)
            return
        last = window.tail(2 * policy.contract_faults)
        is_contract = fault is ErrorClass.CONTRACT and last.faults[fault] >= policy.contract_faults
        if is_contract and len(last.failing_workspaces([fault])) >= few:
            yield _decision(key, BreakerReason.CONTRACT_FAULT, fault, window)
            return
        many = max(policy.min_workspaces + 1, math.ceil(due_count * policy.error_rate))
        alike = fault in PROVIDER_FAULTS and len(window.failing_workspaces(PROVIDER_FAULTS)) >= few
        if self._exceeds(window, key, states) and (alike or len(window.failing_workspaces(ErrorClass)) >= many):
            yield _decision(key, BreakerReason.MANY_WORKSPACES, fault, window)

    def judge_workspace(
        self, workspace_id: WorkspaceId, lookup: Lookup, fault: Fault, states: BreakerStates
    ) -> Iterator[TripDecision]:
        """Blame the workspace for what no wider breaker explains."""
        if states.explains(lookup):
            return
        key, policy = workspace_key(workspace_id), self._policy
        window = merge_windows(t for (_, w), t in self._windows.items() if w == workspace_id)
        if fault is SuspectOutcome.ABSENT:
            if window.exceeds(policy.error_rate, min_checks=policy.min_checks, of=[fault]):
                yield _decision(key, BreakerReason.MASS_ABSENCE, ErrorClass.MASS_ABSENCE, window)
            return
        # One short of what blames a provider: the last one must come from elsewhere, or it is this workspace's alone.
        limit = policy.contract_faults - (not self._is_alone)
        is_contract = fault is ErrorClass.CONTRACT and window.faults[fault] >= limit
        if is_contract and window.exceeds(policy.error_rate, min_checks=limit, of=[fault]):
            yield _decision(key, BreakerReason.CONTRACT_FAULT, fault, window)
        elif self._exceeds(window, key, states) or self._waits_alone(workspace_id, lookup, fault, window):
            yield _decision(key, BreakerReason.ERROR_RATE, fault, window)

    def _waits_alone(self, workspace_id: WorkspaceId, lookup: Lookup, fault: Fault, window: SlidingWindow) -> bool:
        """Tell whether a workspace that was never answered, as others are, has cost enough: a time limit a check."""
        is_isolated = fault is ErrorClass.TIMEOUT and (lookup.provider, workspace_id) in self._isolated
        return is_isolated and window.errors == window.checks >= ISOLATED_TIMEOUTS

    def judge_run(self, fault: Fault, states: BreakerStates) -> Iterator[TripDecision]:
        """Blame the run for failures that no other breaker explains, or where one workspace is all there is."""
        is_alone = self._is_alone
        window = merge_windows(
            t
            for (lookup, w), t in self._windows.items()
            if not states.explains(lookup) and (is_alone or workspace_key(w) not in states.open)
        )
        healthy = {w for (_, w), t in self._windows.items() if t.faults[None] > t.errors}
        is_spread = len(window.failing_workspaces(ErrorClass)) > max(self._policy.min_workspaces, len(healthy))
        if (is_alone or is_spread) and self._exceeds(window, RUN_KEY, states):
            yield _decision(RUN_KEY, BreakerReason.ERROR_RATE, fault, window)

    @property
    def _is_alone(self) -> bool:
        return len(self._due) == 1 and not self._is_partial

    def _exceeds(self, window: SlidingWindow, key: BreakerKey, states: BreakerStates) -> bool:
        """Apply the rate rule; a breaker that is recovering is judged on as many checks as it has probes."""
        policy = self._policy
        min_checks = min(policy.probes, policy.min_checks) if key in states.half_open else policy.min_checks
        return window.exceeds(policy.error_rate, min_checks=min_checks)

    def _to_blame(self, lookup: Lookup) -> BreakerKey:
        """Blame one operation where the provider's other operations are seen to be well, else the provider."""
        others = [
            window
            for other, window in self._by_operation.items()
            if other.provider is lookup.provider and other.operation not in {lookup.operation, Operation.SWEEP}
        ]
        is_well = sum(t.checks for t in others) >= self._policy.min_checks and not sum(t.errors for t in others)
        return operation_key(lookup) if is_well else provider_key(lookup.provider)


def _decision(key: BreakerKey, reason: BreakerReason, fault: Fault, window: SlidingWindow) -> TripDecision:
    return TripDecision(key=key, reason=reason, fault=fault, checks=window.checks, errors=window.errors)
