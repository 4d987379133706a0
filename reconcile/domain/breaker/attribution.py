"""Attributes failures to the smallest party that explains them, with one vote for each workspace.

A rule returns a ``TripDecision``, which is a suspicion at first. Where other look-ups can be made, controls confirm or
refute it (``control.py``, decision 0031).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerKey, BreakerPolicy, BreakerReason
from reconcile.domain.breaker.keys import operation_key, provider_key, workspace_key, workspace_keys
from reconcile.domain.breaker.window import Fault, SlidingWindow, SuspectOutcome, Votes, WindowEntry, merge_windows
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.errors import ErrorClass

WORKSPACE_FAULTS = frozenset({ErrorClass.CREDENTIAL, ErrorClass.REJECTED, ErrorClass.MASS_ABSENCE})
"""Failures that count against the workspace, unless most workspaces have them at once."""
RECORD_FAULTS = frozenset({ErrorClass.CONTRACT, ErrorClass.REJECTED, ErrorClass.UNDECODABLE})
"""Failures that a single record can cause: before a workspace is parked for them, another record is looked up."""
UNANSWERED_CHECKS = 2
"""This many checks, all timed out, park a workspace while other workspaces get answers."""
LEAD_FAULTS = frozenset({ErrorClass.REFUSED_WRITE, ErrorClass.UNREADABLE_ROW})
"""Failures without a call to a provider, or after its answer."""
PROVIDER_FAULTS = frozenset(ErrorClass) - WORKSPACE_FAULTS - LEAD_FAULTS - {ErrorClass.INTERNAL}
_INTERNAL = (ErrorClass.INTERNAL,)
_Answered = Mapping[ProviderName, tuple[int, WorkspaceId]]
_Unanswered = frozenset[tuple[ProviderName, WorkspaceId]]
_ABSENT = (SuspectOutcome.ABSENT,)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripDecision:
    """A breaker to open, with the reason and the counts."""

    key: BreakerKey
    reason: BreakerReason
    fault: Fault
    checks: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSnapshot:
    """The breakers' states when a failure is attributed.

    *explaining* breakers account for failures without refusing calls: an operator holds them closed, or they would have
    opened but for shadow mode.
    """

    open: frozenset[BreakerKey] = frozenset()
    half_open: frozenset[BreakerKey] = frozenset()
    explaining: frozenset[BreakerKey] = frozenset()

    def explains(self, lookup: Lookup) -> bool:
        """Return whether the breaker of the provider or of the operation accounts for failures of this look-up."""
        wide = {provider_key(lookup.provider), operation_key(lookup)}
        return not wide.isdisjoint(self.open | self.explaining)

    def has_parked(self, workspace_id: WorkspaceId, lookup: Lookup) -> bool:
        """Return whether the workspace's own breaker is open for this look-up."""
        return not self.open.isdisjoint(workspace_keys(workspace_id, lookup))


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAttribution:
    """The checks of a run by provider, operation and workspace. A value: counting a check returns a new one.

    *is_partial*: other workspaces are due that this run does not visit, so a single workspace is not taken for all.
    *counted_from*: by party, the number of the last check that no longer counts against it.
    """

    policy: BreakerPolicy
    due: Mapping[WorkspaceId, frozenset[ProviderName]] = field(default_factory=dict)
    is_partial: bool = False
    by_workspace: Mapping[Lookup, Mapping[WorkspaceId, SlidingWindow]] = field(default_factory=dict)
    by_provider: Mapping[ProviderName, SlidingWindow] = field(default_factory=dict)
    by_operation: Mapping[Lookup, SlidingWindow] = field(default_factory=dict)
    counted_from: Mapping[BreakerKey, int] = field(default_factory=dict)
    answered: _Answered = field(default_factory=dict)
    """The newest answered call of each provider: its number and its workspace."""
    unanswered: _Unanswered = frozenset()
    """Workspaces whose calls time out while later calls of other workspaces are answered."""

    # --- counting --------------------------------------------------------------------------------------------

    def count(self, lookup: Lookup, entry: WindowEntry, *, times: int = 1) -> "FaultAttribution":
        """Count one check, or *times* equal ones. A bug of this program does not count for the provider."""
        known = self.by_workspace.get(lookup, {})
        window = known.get(entry.workspace_id, SlidingWindow()).add(entry, times=times)
        by_workspace = {**self.by_workspace, lookup: {**known, entry.workspace_id: window}}
        answered, unanswered = self._answers_with(lookup.provider, entry)
        wide = {} if entry.fault is ErrorClass.INTERNAL else self._wide_with(lookup, entry, times)
        return replace(self, by_workspace=by_workspace, answered=answered, unanswered=unanswered, **wide)

    def count_wide(self, lookup: Lookup, entry: WindowEntry) -> "FaultAttribution":
        """Count one check for its operation, and, unless it is a failed list, for its provider."""
        return replace(self, **self._wide_with(lookup, entry, 1))

    def _wide_with(self, lookup: Lookup, entry: WindowEntry, times: int) -> dict[str, Any]:
        operation = self.by_operation.get(lookup, SlidingWindow()).add(entry, times=times)
        by_operation = {**self.by_operation, lookup: operation}
        if lookup.operation is Operation.SWEEP and entry.fault is not None:
            return {"by_operation": by_operation}
        provider = self.by_provider.get(lookup.provider, SlidingWindow()).add(entry, times=times)
        return {"by_operation": by_operation, "by_provider": {**self.by_provider, lookup.provider: provider}}

    def _answers_with(self, provider: ProviderName, entry: WindowEntry) -> tuple[_Answered, _Unanswered]:
        """Return ``answered`` and ``unanswered`` with one more check."""
        this = provider, entry.workspace_id
        number, other = self.answered.get(provider, (0, entry.workspace_id))
        if not isinstance(entry.fault, ErrorClass):
            is_newer = entry.number >= number
            answered = {**self.answered, provider: (entry.number, entry.workspace_id)} if is_newer else self.answered
            return answered, self.unanswered - {this} if this in self.unanswered else self.unanswered
        if entry.fault is ErrorClass.TIMEOUT and number > entry.number and other != entry.workspace_id:
            return self.answered, self.unanswered | {this}
        return self.answered, self.unanswered

    def ignore_before(self, keys: tuple[BreakerKey, ...], *, number: int) -> "FaultAttribution":
        """Ignore the checks up to the *number*-th for the parties *keys*."""
        return replace(self, counted_from={**self.counted_from, **dict.fromkeys(keys, number)})

    def votes(self, lookup: Lookup) -> Votes:
        """Return the vote of each workspace, from its own look-ups of one operation."""
        failing: set[WorkspaceId] = set()
        healthy: set[WorkspaceId] = set()
        for workspace_id, window in self.by_workspace.get(lookup, {}).items():
            vote = window.votes(ErrorClass)
            failing |= vote.failing
            healthy |= {workspace_id} - vote.failing
        return Votes(failing=frozenset(failing), healthy=frozenset(healthy))

    def answers_later(self, workspace_id: WorkspaceId, lookup: Lookup, number: int) -> bool:
        """Return whether the operation answered the workspace in a call admitted after the *number*-th."""
        window = self.by_workspace.get(lookup, {}).get(workspace_id, SlidingWindow())
        return any(entry.number > number and entry.fault is None for entry in window.recent)

    # --- rules -----------------------------------------------------------------------------------------------

    def evaluate_provider(self, lookup: Lookup, fault: Fault, snapshot: BreakerSnapshot) -> TripDecision | None:
        """Return a suspicion against the provider or one of its operations if several workspaces fail alike."""
        window = self.by_provider.get(lookup.provider, SlidingWindow())
        return self._evaluate_wide(lookup, fault, snapshot, window=window, key=self._wide_key(lookup))

    def evaluate_sweep(self, lookup: Lookup, fault: Fault, snapshot: BreakerSnapshot) -> TripDecision | None:
        """Return the decision to open the breaker of a provider's lists, if lists of several workspaces fail alike."""
        window = self.by_operation.get(lookup, SlidingWindow())
        return self._evaluate_wide(lookup, fault, snapshot, window=window, key=operation_key(lookup))

    def _evaluate_wide(  # noqa: PLR0911 - one rule after another
        self, lookup: Lookup, fault: Fault, snapshot: BreakerSnapshot, *, window: SlidingWindow, key: BreakerKey
    ) -> TripDecision | None:
        policy = self.policy
        due_count = sum(lookup.provider in providers for providers in self.due.values())
        few = policy.min_workspaces if self.is_partial else min(policy.min_workspaces, max(1, due_count))
        after = max(self.counted_from.get(each, 0) for each in (key, provider_key(lookup.provider)))
        recent = window.last(window.size, after=after)
        if fault is SuspectOutcome.ABSENT:
            is_wide = len(recent.votes(_ABSENT).failing) >= policy.min_workspaces
            if is_wide and recent.exceeds(policy.error_rate, min_checks=policy.min_checks, of=_ABSENT):
                return _decision(key, BreakerReason.MASS_ABSENCE, ErrorClass.MASS_ABSENCE, recent)
            return None
        last = recent.last(2 * policy.contract_faults)
        is_contract = fault is ErrorClass.CONTRACT and last.count([fault]) >= policy.contract_faults
        if is_contract and len(last.votes([fault]).failing) >= few:
            return _decision(key, BreakerReason.CONTRACT_FAULT, fault, recent)
        votes = recent.votes(ErrorClass)
        many = policy.min_workspaces + 1
        many = many if self.is_partial else min(many, max(policy.min_workspaces, due_count))
        alike = fault in PROVIDER_FAULTS and len(recent.votes(PROVIDER_FAULTS).failing) >= few
        # Two of three tokens may expire in one day: a failure that is usually a workspace's own needs one more.
        least = policy.min_workspaces + (fault not in PROVIDER_FAULTS and due_count > policy.min_workspaces)
        if len(votes.failing) >= least and self._is_most(lookup, due_count):
            return _decision(key, BreakerReason.MANY_WORKSPACES, fault, window)
        if not (alike or len(votes.failing) >= many) or votes.failing_share < policy.error_rate:
            return None
        if not self._exceeds(recent, key, snapshot):
            return None
        return _decision(key, BreakerReason.MANY_WORKSPACES, fault, recent)

    def _is_most(self, lookup: Lookup, due_count: int) -> bool:
        """Return whether most of all workspaces fail by their own votes, with enough checks."""
        if self.is_partial or lookup.operation is Operation.SWEEP:
            return False
        failing = self.votes(lookup).failing
        windows = self.by_workspace.get(lookup, {})
        errors = sum(windows[workspace_id].errors for workspace_id in failing)
        return 2 * len(failing) > due_count and errors >= self.policy.min_checks

    def evaluate_workspace(
        self, workspace_id: WorkspaceId, lookup: Lookup, fault: Fault, snapshot: BreakerSnapshot
    ) -> TripDecision | None:
        """Return the decision to park the workspace at this provider, for failures that no wider breaker explains."""
        key, policy = workspace_key(workspace_id, lookup.provider), self.policy
        if snapshot.explains(lookup):
            return None
        window = merge_windows(
            windows[workspace_id]
            for each, windows in self.by_workspace.items()
            if each.provider is lookup.provider and workspace_id in windows
        )
        if after := self.counted_from.get(key, 0):
            window = window.last(window.size, after=after)
        if fault is SuspectOutcome.ABSENT:
            if window.exceeds(policy.error_rate, min_checks=policy.min_checks, of=_ABSENT):
                return _decision(key, BreakerReason.MASS_ABSENCE, ErrorClass.MASS_ABSENCE, window)
            return None
        # One fewer than for a provider, whose last failure must come from another workspace.
        limit = policy.contract_faults - (not self.is_only_workspace) if not after else policy.min_checks
        is_contract = fault is ErrorClass.CONTRACT and window.count([fault]) >= limit
        if is_contract and window.exceeds(policy.error_rate, min_checks=limit, of=[fault]):
            return _decision(key, BreakerReason.CONTRACT_FAULT, fault, window)
        is_unanswered = fault is ErrorClass.TIMEOUT and (lookup.provider, workspace_id) in self.unanswered
        is_timed_out = is_unanswered and window.errors == window.checks >= UNANSWERED_CHECKS
        if is_timed_out or self._exceeds(window, key, snapshot):
            return _decision(key, BreakerReason.ERROR_RATE, fault, window)
        return None

    def evaluate_run(self, fault: Fault, snapshot: BreakerSnapshot) -> TripDecision | None:
        """Return the decision to stop the run: bugs in most workspaces, or failures if only one workspace is due."""
        after = self.counted_from.get(RUN_KEY, 0)
        windows = [
            (workspace_id, window.last(window.size, after=after) if after else window)
            for lookup, by_workspace in self.by_workspace.items()
            if not snapshot.explains(lookup)
            for workspace_id, window in by_workspace.items()
            if self.is_only_workspace or not snapshot.has_parked(workspace_id, lookup)
        ]
        window = merge_windows(each for _, each in windows)
        if self.is_only_workspace:
            return (
                _decision(RUN_KEY, BreakerReason.ERROR_RATE, fault, window)
                if self._exceeds(window, RUN_KEY, snapshot)
                else None
            )
        failing = {w for w, each in windows if 0 < 2 * each.count(_INTERNAL) >= each.checks}
        healthy = {w for w, each in windows if 2 * each.count(_INTERNAL) < each.checks}
        is_spread = len(failing) > max(self.policy.min_workspaces, len(healthy))
        if is_spread and window.exceeds(self.policy.error_rate, min_checks=self.policy.min_checks, of=_INTERNAL):
            return _decision(RUN_KEY, BreakerReason.ERROR_RATE, fault, window)
        return None

    @property
    def is_only_workspace(self) -> bool:
        """Whether only one workspace is due."""
        return len(self.due) == 1 and not self.is_partial

    def _exceeds(self, window: SlidingWindow, key: BreakerKey, snapshot: BreakerSnapshot) -> bool:
        """Apply the rate rule; for a half-open breaker, as many checks suffice as it has probes."""
        policy = self.policy
        min_checks = min(policy.probes, policy.min_checks) if key in snapshot.half_open else policy.min_checks
        return window.exceeds(policy.error_rate, min_checks=min_checks)

    def _wide_key(self, lookup: Lookup) -> BreakerKey:
        """Return the key of the operation if the provider's other operations succeed, else of the provider."""
        others = [
            window
            for other, window in self.by_operation.items()
            if other.provider is lookup.provider and other.operation not in {lookup.operation, Operation.SWEEP}
        ]
        is_well = sum(w.checks for w in others) >= self.policy.min_checks and not sum(w.errors for w in others)
        return operation_key(lookup) if is_well else provider_key(lookup.provider)


def _decision(key: BreakerKey, reason: BreakerReason, fault: Fault, window: SlidingWindow) -> TripDecision:
    return TripDecision(key=key, reason=reason, fault=fault, checks=window.checks, errors=window.errors)
