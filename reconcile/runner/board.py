"""All breakers of one run: who may call, and whom a failure is blamed on."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.domain.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
)
from reconcile.domain.ids import ProviderName, RunId, WorkspaceId
from reconcile.errors import ErrorClass
from reconcile.ports import Lookup
from reconcile.runner.tally import Fault, Suspicion, Tally, merged

WORKSPACE_FAULTS = frozenset({ErrorClass.CREDENTIAL, ErrorClass.REJECTED, ErrorClass.MASS_ABSENCE})
"""Failures that are a workspace's own until very many workspaces have them at once."""
PROVIDER_FAULTS = frozenset(ErrorClass) - WORKSPACE_FAULTS - {ErrorClass.INTERNAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A permission to ask about one lead; *probing* names the half-open breakers that it is a probe for."""

    workspace_id: WorkspaceId
    lookup: Lookup
    probing: frozenset[BreakerKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """No call: *key* is the breaker that refuses."""

    key: BreakerKey


@dataclass(slots=True)
class _Probes:
    workspaces: set[WorkspaceId] = field(default_factory=set)
    successes: int = 0
    failed: set[WorkspaceId] = field(default_factory=set)
    outstanding: int = 0


class Board:
    """The breakers of a run, evaluated after every check, so that overshoot is at most the calls in flight.

    Blame goes to the smallest party that explains the failures: a workspace for its own, a provider when several
    workspaces fail alike, the run for what is left, or where only one workspace is due.
    """

    def __init__(
        self,
        stored: Iterable[Breaker],
        *,
        policy: BreakerPolicy,
        run_id: RunId,
        batch_size: int,
        is_enforced: bool = True,
    ) -> None:
        self._breakers = {b.key: b for b in stored}
        self._stored_generations = {b.key: b.generation for b in self._breakers.values()}
        self._policy = policy
        self._run_id = run_id
        self._batch_size = batch_size
        self._is_enforced = is_enforced
        self._due: dict[WorkspaceId, frozenset[ProviderName]] = {}
        self._tallies: dict[tuple[ProviderName, WorkspaceId], Tally] = defaultdict(Tally)
        self._by_provider: dict[ProviderName, Tally] = defaultdict(Tally)
        self._operations: dict[tuple[ProviderName, str], Tally] = defaultdict(Tally)
        self._probes: dict[BreakerKey, _Probes] = defaultdict(_Probes)
        self._quotas: dict[tuple[BreakerKey, WorkspaceId], int] = {}
        self._successes_by: dict[BreakerKey, int] = defaultdict(int)
        self.opened_in_run: set[BreakerKey] = set()
        self.would_trip: list[str] = []

    # --- questions -------------------------------------------------------------------------------------------

    def breaker(self, key: BreakerKey) -> Breaker:
        """Return the breaker as it stands."""
        return self._breakers.get(key) or Breaker(key=key)

    def breakers(self) -> Sequence[Breaker]:
        """Return all breakers that have a story, in key order."""
        return [self._breakers[key] for key in sorted(self._breakers)]

    def unsaved(self) -> Sequence[tuple[Breaker, int]]:
        """Return the breakers that moved, each with the generation under which it is stored (0: not stored)."""
        return [
            (b, self._stored_generations.get(key, 0))
            for key, b in sorted(self._breakers.items())
            if b.generation != self._stored_generations.get(key, 0)
        ]

    def saved(self, breaker: Breaker) -> None:
        """Note that *breaker* is stored."""
        self._stored_generations[breaker.key] = breaker.generation

    def adopt(self, breaker: Breaker) -> None:
        """Take another process's (or an operator's) decision over ours."""
        self._breakers[breaker.key] = breaker
        self._stored_generations[breaker.key] = breaker.generation
        self._probes.pop(breaker.key, None)

    def parked(self, now: datetime) -> frozenset[WorkspaceId]:
        """Return the workspaces that get no call at this instant, not even a probe."""
        return frozenset(
            WorkspaceId(key.name)
            for key, breaker in self._breakers.items()
            if key.scope is BreakerScope.WORKSPACE
            and breaker.effective_state(now) is BreakerState.OPEN
            and not breaker.probe_is_due(now)
            and self._is_enforced
        )

    def troubled(self) -> frozenset[WorkspaceId]:
        """Return the workspaces whose own breaker is not closed."""
        return frozenset(
            WorkspaceId(key.name)
            for key, b in self._breakers.items()
            if key.scope is BreakerScope.WORKSPACE and b.state is not BreakerState.CLOSED
        )

    def is_broken(self, now: datetime) -> bool:
        """Tell whether the run's or a provider's breaker is open, or was opened in this run."""
        return any(
            key.scope is not BreakerScope.WORKSPACE
            and (key in self.opened_in_run or b.effective_state(now) is BreakerState.OPEN)
            for key, b in self._breakers.items()
        )

    def is_probing(self) -> bool:
        """Tell whether the run's or a provider's breaker wants probes before anything else may pass."""
        return any(
            b.state is BreakerState.HALF_OPEN and b.stage == 0 and key.scope is not BreakerScope.WORKSPACE
            for key, b in self._breakers.items()
        )

    def batch_limit(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> int:
        """Return how many leads of a workspace it is worth reading now; 0 where every one would be refused."""

        def room(key: BreakerKey) -> int:
            b = self.breaker(key)
            if b.effective_state(now) is BreakerState.HALF_OPEN and b.stage == 0:
                return 1 if self._has_probe_left(key, workspace_id) else 0
            return math.ceil(b.share(self._policy, now) * self._batch_size)

        if not self._is_enforced:
            return self._batch_size
        by_provider = max((room(_provider_key(p)) for p in providers), default=self._batch_size)
        return min(room(RUN_KEY), room(_workspace_key(workspace_id)), by_provider)

    def blames_others(self, workspace_id: WorkspaceId, lookup: Lookup, error_class: ErrorClass) -> bool:
        """Tell whether a lead's failure is somebody else's, so that it brings the lead no nearer to quarantine."""
        wide = (RUN_KEY, _provider_key(lookup.provider), _operation_key(lookup))
        if any(self.breaker(key).state is not BreakerState.CLOSED for key in wide):
            return True
        own = self.breaker(_workspace_key(workspace_id)).state is not BreakerState.CLOSED
        return own and error_class not in {ErrorClass.CONTRACT, ErrorClass.REJECTED, ErrorClass.UNDECODABLE}

    def distrusts(self, lookup: Lookup) -> bool:
        """Tell whether changes planned from this provider's answers in this run must not be written any more."""
        return self._is_enforced and any(
            key in self.opened_in_run
            and self.breaker(key).reason in {BreakerReason.CONTRACT_FAULT, BreakerReason.MASS_ABSENCE}
            for key in (_provider_key(lookup.provider), _operation_key(lookup))
        )

    def distrusts_absence(self, workspace_id: WorkspaceId, lookup: Lookup) -> bool:
        """Tell whether "no such appointment" is not believed of this workspace or provider."""
        keys = (_workspace_key(workspace_id), _provider_key(lookup.provider), _operation_key(lookup))
        return self._is_enforced and any(
            b.fault == ErrorClass.MASS_ABSENCE and b.state is not BreakerState.CLOSED for b in map(self.breaker, keys)
        )

    # --- events ----------------------------------------------------------------------------------------------

    def begin(self, due: Mapping[WorkspaceId, frozenset[ProviderName]], now: datetime) -> None:
        """Start a run over these workspaces: drop what has expired, and go half open where a probe is due."""
        self._due = dict(due)
        for key, breaker in list(self._breakers.items()):
            is_concerned = WorkspaceId(key.name) in due if key.scope is BreakerScope.WORKSPACE else bool(due)
            self._breakers[key] = breaker.released(now)
            if is_concerned:
                self._breakers[key] = self._breakers[key].begin_probe(now)
        self._hand_over(now)

    def admit(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> Admission | Refusal:
        """Let one call pass, or name the breaker that refuses it."""
        if not self._is_enforced:
            return Admission(workspace_id=workspace_id, lookup=lookup)
        path = _path(workspace_id, lookup)
        probing = set()
        for key in path:
            breaker = self.breaker(key)
            match breaker.effective_state(now):
                case BreakerState.OPEN:
                    return Refusal(key)
                case BreakerState.HALF_OPEN if breaker.stage == 0:
                    if not self._has_probe_left(key, workspace_id):
                        return Refusal(key)
                    probing.add(key)
                case BreakerState.HALF_OPEN:
                    quota = math.ceil(breaker.share(self._policy, now) * self._batch_size)
                    if self._quotas.setdefault((key, workspace_id), quota) < 1:
                        return Refusal(key)
        for key in path:
            if key in probing:
                self._probes[key].workspaces.add(workspace_id)
                self._probes[key].outstanding += 1
            elif (key, workspace_id) in self._quotas:
                self._quotas[key, workspace_id] -= 1
        return Admission(workspace_id=workspace_id, lookup=lookup, probing=frozenset(probing))

    def record(self, admission: Admission, fault: Fault, now: datetime, *, is_check: bool = True) -> None:
        """Count what an admitted lead came to and move the breakers that it concerns.

        Not *is_check*: nothing was learned (skipped, deferred). A probe's failure is news to the breakers it probes
        and to nobody else: what they know already is not counted twice.
        """
        failed = is_check and fault is not None and (isinstance(fault, ErrorClass) or self._was_mass_absence(admission))
        for key in admission.probing:
            self._settle_probe(key, admission.workspace_id, failed=failed if is_check else None, now=now)
        if not is_check:
            return
        if not failed:
            for key in _path(admission.workspace_id, admission.lookup):
                self._successes_by[key] += 1
        if failed and admission.probing:
            return
        provider, workspace_id = admission.lookup.provider, admission.workspace_id
        if self.breaker(_workspace_key(workspace_id)).state is BreakerState.OPEN and failed:
            return
        self._tallies[provider, workspace_id].add(workspace_id, fault)
        if fault is not ErrorClass.INTERNAL:
            self._by_provider[provider].add(workspace_id, fault)
            self._operations[provider, admission.lookup.operation].add(workspace_id, fault)
        if fault is not None:
            self._judge_provider(admission.lookup, fault, now)
            self._judge_workspace(admission, fault, now)
            self._judge_run(workspace_id, now)

    def finish(self, now: datetime) -> None:
        """End the run: widen what proved sound, and let unanswered probes be asked again next time."""
        for key, breaker in list(self._breakers.items()):
            if breaker.state is not BreakerState.HALF_OPEN:
                continue
            if breaker.stage > 0 and self._successes_by[key]:
                self._breakers[key] = breaker.advance(now, policy=self._policy)
            elif breaker.stage == 0:
                self._conclude_probes(key, now, is_last=True)

    # --- decisions -------------------------------------------------------------------------------------------

    def _judge_workspace(self, admission: Admission, fault: Fault, now: datetime) -> None:
        workspace_id, provider = admission.workspace_id, admission.lookup.provider
        wide = (_provider_key(provider), _operation_key(admission.lookup))
        if any(self.breaker(key).state is BreakerState.OPEN for key in wide):
            return
        tally = merged(t for (_, w), t in self._tallies.items() if w == workspace_id)
        rule = {"rate": self._policy.error_rate, "min_checks": self._policy.min_checks}
        if fault is Suspicion.ABSENT:
            if tally.exceeds(rule["rate"], min_checks=int(rule["min_checks"]), of=[Suspicion.ABSENT]):
                self._trip(
                    _workspace_key(workspace_id), BreakerReason.MASS_ABSENCE, tally, ErrorClass.MASS_ABSENCE, now
                )
        elif self._exceeds(tally, _workspace_key(workspace_id)):
            self._trip(_workspace_key(workspace_id), BreakerReason.ERROR_RATE, tally, fault, now)

    def _judge_provider(self, lookup: Lookup, fault: Fault, now: datetime) -> None:
        tally = self._by_provider[lookup.provider]
        due_count = sum(lookup.provider in providers for providers in self._due.values())
        few = min(self._policy.min_workspaces, max(1, due_count))
        key = self._to_blame(lookup)
        if fault is Suspicion.ABSENT:
            if self._policy.min_workspaces <= len(tally.failing_workspaces([Suspicion.ABSENT])) and tally.exceeds(
                self._policy.error_rate, min_checks=self._policy.min_checks, of=[Suspicion.ABSENT]
            ):
                self._trip(key, BreakerReason.MASS_ABSENCE, tally, ErrorClass.MASS_ABSENCE, now)
            return
        if fault is ErrorClass.CONTRACT:
            limit = 1 if self.breaker(key).state is BreakerState.HALF_OPEN else self._policy.contract_faults
            enough = tally.faults[ErrorClass.CONTRACT] >= limit and len(tally.failing_workspaces([fault])) >= few
            if enough and tally.exceeds(self._policy.error_rate, min_checks=limit, of=[ErrorClass.CONTRACT]):
                self._trip(key, BreakerReason.CONTRACT_FAULT, tally, fault, now)
                return
        if not self._exceeds(tally, key):
            return
        alike = len(tally.failing_workspaces(PROVIDER_FAULTS))
        many = max(self._policy.min_workspaces + 1, math.ceil(due_count * self._policy.error_rate))
        if (fault in PROVIDER_FAULTS and alike >= few) or len(tally.failing_workspaces(ErrorClass)) >= many:
            self._trip(key, BreakerReason.MANY_WORKSPACES, tally, fault, now)

    def _judge_run(self, workspace_id: WorkspaceId, now: datetime) -> None:
        """Open the run's breaker for failures that no other breaker explains, or where one workspace is all there is."""
        is_alone = len(self._due) == 1
        tally = merged(
            t
            for (p, w), t in self._tallies.items()
            if self.breaker(_provider_key(p)).state is not BreakerState.OPEN
            and (is_alone or self.breaker(_workspace_key(w)).state is not BreakerState.OPEN)
        )
        failing = tally.failing_workspaces(ErrorClass)
        healthy = {w for (_, w), t in self._tallies.items() if t.faults[None] > t.errors}
        is_spread = len(failing) > max(self._policy.min_workspaces, len(healthy))
        if (is_alone or is_spread) and self._exceeds(tally, RUN_KEY):
            own = merged(t for (_, w), t in self._tallies.items() if w == workspace_id)
            fault = next((f for f in own.faults if f is not None), None)
            self._trip(RUN_KEY, BreakerReason.ERROR_RATE, tally, fault, now)

    def _exceeds(self, tally: Tally, key: BreakerKey) -> bool:
        """Apply the rate rule; a breaker that is recovering is judged on as many checks as it has probes."""
        is_recovering = self.breaker(key).state is BreakerState.HALF_OPEN
        min_checks = min(self._policy.probes, self._policy.min_checks) if is_recovering else self._policy.min_checks
        return tally.exceeds(self._policy.error_rate, min_checks=min_checks)

    def _to_blame(self, lookup: Lookup) -> BreakerKey:
        """Blame one operation where the provider's other operations are seen to be well, else the provider."""
        others = [
            t for (p, o), t in self._operations.items() if p is lookup.provider and o != lookup.operation and t.checks
        ]
        is_well = sum(t.checks for t in others) >= self._policy.min_checks and not sum(t.errors for t in others)
        return _operation_key(lookup) if is_well else _provider_key(lookup.provider)

    def _trip(self, key: BreakerKey, reason: BreakerReason, tally: Tally, fault: Fault, now: datetime) -> None:
        breaker = self.breaker(key)
        if breaker.effective_state(now) is BreakerState.OPEN:
            return
        if breaker.held(now) is not None or not self._is_enforced:
            if not self.would_trip or str(key) not in self.would_trip:
                self.would_trip.append(str(key))
            return
        self._breakers[key] = breaker.trip(
            now,
            policy=self._policy,
            reason=reason,
            checks=tally.checks,
            errors=tally.errors,
            fault=str(fault) if fault else None,
            run_id=self._run_id,
        )
        self.opened_in_run.add(key)
        self._probes.pop(key, None)
        if key.scope is BreakerScope.PROVIDER:
            self._acquit(key, fault, now)

    def _acquit(self, key: BreakerKey, fault: Fault, now: datetime) -> None:
        """Close the breakers of workspaces that were blamed in this run for what proved to be the provider's fault."""
        for other, breaker in list(self._breakers.items()):
            is_of_this_run = other.scope is BreakerScope.WORKSPACE and other in self.opened_in_run
            if is_of_this_run and breaker.state is BreakerState.OPEN and breaker.fault == str(fault):
                self._breakers[other] = breaker.close(now, reason=BreakerReason.BLAMED_ELSEWHERE)
                self.opened_in_run.discard(other)

    def _hand_over(self, now: datetime) -> None:
        """Close the run's breaker where one parked workspace explains it and others are due: they must not wait."""
        run = self.breaker(RUN_KEY)
        if run.state is BreakerState.CLOSED or run.held(now) or run.reason is BreakerReason.MANUAL_TRIP:
            return
        culprits = {
            w for w in self.troubled() if self.breaker(_workspace_key(w)).tripped_by == run.tripped_by is not None
        }
        if culprits and set(self._due) - culprits:
            self._breakers[RUN_KEY] = run.close(now, reason=BreakerReason.BLAMED_ELSEWHERE)

    # --- probes ----------------------------------------------------------------------------------------------

    def _probe_limit(self, key: BreakerKey) -> int:
        return 1 if key.scope is BreakerScope.WORKSPACE else self._policy.probes

    def _has_probe_left(self, key: BreakerKey, workspace_id: WorkspaceId) -> bool:
        probes = self._probes[key]
        return len(probes.workspaces) < self._probe_limit(key) and workspace_id not in probes.workspaces

    def _settle_probe(self, key: BreakerKey, workspace_id: WorkspaceId, *, failed: bool | None, now: datetime) -> None:
        probes = self._probes[key]
        probes.outstanding -= 1
        if failed:
            probes.failed.add(workspace_id)
        elif failed is False:
            probes.successes += 1
        self._conclude_probes(key, now, is_last=False)

    def _conclude_probes(self, key: BreakerKey, now: datetime, *, is_last: bool) -> None:
        """Decide once the probes are in, by majority: one bad workspace among the probed does not speak for the others."""
        breaker, probes = self.breaker(key), self._probes[key]
        is_probing = breaker.state is BreakerState.HALF_OPEN and breaker.stage == 0
        is_complete = len(probes.workspaces) >= self._probe_limit(key) and not probes.outstanding
        if not is_probing or not (is_complete or is_last):
            return
        if probes.successes > len(probes.failed):
            self._breakers[key] = breaker.advance(now, policy=self._policy)
        elif probes.failed:
            self._breakers[key] = breaker.trip(
                now,
                policy=self._policy,
                reason=BreakerReason.PROBE_FAILED,
                checks=len(probes.failed) + probes.successes,
                errors=len(probes.failed),
            )
        elif is_last:
            self._breakers[key] = breaker.postponed(now)

    def conclude_probe_round(self, now: datetime) -> None:
        """Decide on the probes that could be made, where fewer workspaces were due than probes allowed."""
        for key, breaker in list(self._breakers.items()):
            if key.scope is not BreakerScope.WORKSPACE and breaker.state is BreakerState.HALF_OPEN:
                self._conclude_probes(key, now, is_last=True)

    def _was_mass_absence(self, admission: Admission) -> bool:
        """Tell whether an absence is the very thing a probed breaker was opened for."""
        return any(self.breaker(key).fault == ErrorClass.MASS_ABSENCE for key in admission.probing)


def _provider_key(provider: ProviderName) -> BreakerKey:
    return BreakerKey(BreakerScope.PROVIDER, provider)


def _operation_key(lookup: Lookup) -> BreakerKey:
    return BreakerKey(BreakerScope.PROVIDER, f"{lookup.provider}/{lookup.operation}")


def _workspace_key(workspace_id: WorkspaceId) -> BreakerKey:
    return BreakerKey(BreakerScope.WORKSPACE, workspace_id)


def _path(workspace_id: WorkspaceId, lookup: Lookup) -> tuple[BreakerKey, ...]:
    return RUN_KEY, _provider_key(lookup.provider), _operation_key(lookup), _workspace_key(workspace_id)
