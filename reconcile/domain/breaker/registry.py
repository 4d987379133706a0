"""All breakers of one run: who may call, and whom a failure is blamed on."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconcile.domain.breaker.attribution import (
    BreakerStates,
    FaultAttribution,
    TripDecision,
    is_of_provider,
    operation_key,
    path_of,
    provider_key,
    workspace_key,
)
from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    OverrideKind,
    Trip,
)
from reconcile.domain.breaker.probes import ProbeResult, Probes
from reconcile.domain.breaker.window import Fault, ImpliedSuccesses
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A permission to ask about one lead: the *number*-th; *probing* names the half-open breakers it is a probe for."""

    workspace_id: WorkspaceId
    lookup: Lookup
    number: int
    probing: frozenset[BreakerKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """No call: *key* is the breaker that refuses."""

    key: BreakerKey


class BreakerRegistry:
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
        is_restricted: bool = False,
    ) -> None:
        """Take the *stored* breakers over.

        *is_restricted*: the run sees one workspace by choice, so what it finds out about a provider or the run is told
        in its report and kept from everybody else.
        """
        self._breakers = {b.key: b for b in stored}
        self._stored_generations = {b.key: b.generation for b in self._breakers.values()}
        self._policy = policy
        self._run_id = run_id
        self._batch_size = batch_size
        self.is_enforced = policy.is_enforced
        self._is_restricted = is_restricted
        self._probed_by_others: set[BreakerKey] = set()
        self._due: dict[WorkspaceId, frozenset[ProviderName]] = {}
        self._attribution = FaultAttribution(policy, self._due)
        self._probes: dict[BreakerKey, Probes] = {}
        self._quotas: dict[tuple[BreakerKey, WorkspaceId], int] = {}
        self._successes_by: dict[BreakerKey, int] = defaultdict(int)
        self._implied: dict[tuple[WorkspaceId, ProviderName], ImpliedSuccesses] = {}
        self.opened_in_run: set[BreakerKey] = set()
        self.would_trip: list[str] = []
        self._admitted_count = 0
        self.under_way_count = 0
        """Calls that were let through and have not come to anything yet."""
        self.under_way_at_trip: int | None = None
        """How many there were besides the one that tripped a provider's or the run's breaker first."""

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
            and not (self._is_restricted and key.scope is not BreakerScope.WORKSPACE)
        ]

    def mark_saved(self, breaker: Breaker) -> None:
        """Note that *breaker* is stored."""
        self._stored_generations[breaker.key] = breaker.generation

    def adopt(self, breaker: Breaker) -> None:
        """Take another process's (or an operator's) decision over ours."""
        self._breakers[breaker.key] = breaker
        self._stored_generations[breaker.key] = breaker.generation
        self._probes.pop(breaker.key, None)
        if _is_probing(breaker):
            self._probed_by_others.add(breaker.key)

    def parked_workspaces(self, now: datetime) -> frozenset[WorkspaceId]:
        """Return the workspaces that get no call at this instant, not even a probe."""
        return frozenset(
            WorkspaceId(key.name)
            for key, breaker in self._breakers.items()
            if key.scope is BreakerScope.WORKSPACE
            and breaker.effective_state(now) is BreakerState.OPEN
            and not breaker.probe_is_due(now)
            and self._policy.is_enforced
        )

    def probes_only(self, now: datetime) -> Mapping[ProviderName, int]:
        """Return the providers that are asked nothing but probes at this instant, with how many of them."""
        if not self._policy.is_enforced:
            return {}
        breakers = {provider: self.breaker(provider_key(provider)) for provider in ProviderName}
        return {
            provider: self._policy.probes if _wants_probes(breaker, now) else 0
            for provider, breaker in breakers.items()
            if breaker.share(self._policy, now) == 0
        }

    def troubled_workspaces(self) -> frozenset[WorkspaceId]:
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
            and not key.is_of_sweeps
            and (key in self.opened_in_run or b.effective_state(now) is BreakerState.OPEN)
            for key, b in self._breakers.items()
        )

    def is_probing(self) -> bool:
        """Tell whether the run's or a provider's breaker wants probes before anything else may pass."""
        return any(
            _is_probing(b) and key.scope is not BreakerScope.WORKSPACE and not key.is_of_sweeps
            for key, b in self._breakers.items()
        )

    def batch_limit(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> int:
        """Return how many leads of a workspace it is worth reading now; 0 where every one would be refused."""

        def room(key: BreakerKey) -> int:
            if self._is_probed(key, now):
                return 1 if self._may_probe(key, workspace_id) else 0
            return math.ceil(self.breaker(key).share(self._policy, now) * self._batch_size)

        if not self._policy.is_enforced:
            return self._batch_size
        by_provider = max((room(provider_key(p)) for p in providers), default=self._batch_size)
        return min(room(RUN_KEY), room(workspace_key(workspace_id)), by_provider)

    def refuses(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> bool:
        """Tell whether ``admit`` would refuse at this instant; takes nothing."""
        path = path_of(workspace_id, lookup)
        return self._policy.is_enforced and not all(self._lets_pass(key, workspace_id, now) for key in path)

    def may_sweep(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        """Tell whether a sweep may be made: its own breaker lets it pass, and all others that concern it are closed.

        Whatever is being probed is probed by look-ups, which a sweep would take away.
        """
        lookup = Lookup(provider=provider, operation=Operation.SWEEP)
        is_sure = all(
            breaker.effective_state(now) is BreakerState.CLOSED
            for key, breaker in self._breakers.items()
            if not key.is_of_sweeps and (key in {RUN_KEY, workspace_key(workspace_id)} or is_of_provider(key, provider))
        )
        return not self._policy.is_enforced or (is_sure and not self.refuses(workspace_id, lookup, now))

    # --- events ----------------------------------------------------------------------------------------------

    def begin(
        self, due: Mapping[WorkspaceId, frozenset[ProviderName]], now: datetime, *, is_partial: bool = False
    ) -> None:
        """Start a run over these workspaces: drop what has expired, and go half open where a probe is due.

        *is_partial*: others are due that this run does not visit.
        """
        self._due = dict(due)
        self._attribution = FaultAttribution(self._policy, self._due, is_partial=is_partial)
        for key, breaker in list(self._breakers.items()):
            is_concerned = WorkspaceId(key.name) in due if key.scope is BreakerScope.WORKSPACE else bool(due)
            self._breakers[key] = breaker.drop_expired_override(now)
            if is_concerned and _is_probing(breaker):
                self._take_over_probes(breaker, now)
            elif is_concerned:
                self._breakers[key] = self._breakers[key].begin_probe(now)
        self._release_run_breaker(now)

    def admit(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> Admission | Refusal:
        """Let one call pass, or name the breaker that refuses it."""
        number = self._admitted_count + 1
        if not self._policy.is_enforced:
            self.under_way_count += 1
            self._admitted_count = number
            return Admission(workspace_id=workspace_id, lookup=lookup, number=number)
        path = path_of(workspace_id, lookup)
        refusing = next((key for key in path if not self._lets_pass(key, workspace_id, now)), None)
        if refusing is not None:
            return Refusal(refusing)
        probing = frozenset(key for key in path if self._is_probed(key, now))
        for key in path:
            if key in probing:
                self._probes_of(key).begin(workspace_id)
            elif (key, workspace_id) in self._quotas:
                self._quotas[key, workspace_id] -= 1
        self.under_way_count += 1
        self._admitted_count = number
        return Admission(workspace_id=workspace_id, lookup=lookup, number=number, probing=probing)

    def _is_probed(self, key: BreakerKey, now: datetime) -> bool:
        breaker = self.breaker(key)
        return breaker.effective_state(now) is BreakerState.HALF_OPEN and breaker.stage == 0

    def _lets_pass(self, key: BreakerKey, workspace_id: WorkspaceId, now: datetime) -> bool:
        breaker = self.breaker(key)
        if breaker.effective_state(now) is not BreakerState.HALF_OPEN:
            return breaker.effective_state(now) is BreakerState.CLOSED
        if breaker.stage == 0:
            return self._may_probe(key, workspace_id)
        quota = math.ceil(breaker.share(self._policy, now) * self._batch_size)
        return self._quotas.setdefault((key, workspace_id), quota) > 0

    def record(self, admission: Admission, fault: Fault, now: datetime, *, is_check: bool = True) -> None:
        """Count what an admitted lead came to and move the breakers that it concerns.

        Not *is_check*: nothing was learned (skipped, deferred). A probe's failure is news to the breakers it probes
        and to nobody else: what they know already is not counted twice.
        """
        failed = is_check and fault is not None and (isinstance(fault, ErrorClass) or self._was_mass_absence(admission))
        self.under_way_count -= 1
        for key in admission.probing:
            self._probes_of(key).end(failed=failed if is_check else None)
            self._conclude_probes(key, now, is_last=False)
        if not is_check:
            return
        if not failed:
            for key in path_of(admission.workspace_id, admission.lookup):
                self._successes_by[key] += 1
        if failed and admission.probing:
            return
        lookup, workspace_id = admission.lookup, admission.workspace_id
        if self.breaker(workspace_key(workspace_id)).state is BreakerState.OPEN and failed:
            return
        self._judge(workspace_id, lookup, fault, now, number=admission.number)

    def admit_sweep(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> Admission | None:
        """Let one sweep pass, or return None."""
        if not self.may_sweep(workspace_id, provider, now):
            return None
        admission = self.admit(workspace_id, Lookup(provider=provider, operation=Operation.SWEEP), now)
        return admission if isinstance(admission, Admission) else None

    def record_sweep(self, admission: Admission, fault: Fault, now: datetime, *, is_check: bool = True) -> None:
        """Count what an admitted sweep came to; it moves no breaker but its own."""
        key = operation_key(admission.lookup)
        self.under_way_count -= 1
        if key in admission.probing:
            self._probes_of(key).end(failed=fault is not None if is_check else None)
            self._conclude_probes(key, now, is_last=False)
        if not is_check or (fault and admission.probing):
            return
        if fault is None:
            self._successes_by[key] += 1
        self._attribution.count_sweep(admission.workspace_id, admission.lookup, fault, number=admission.number)
        if fault is not None and self.breaker(provider_key(admission.lookup.provider)).state is BreakerState.CLOSED:
            self._open(self._attribution.judge_sweep(admission.lookup, fault, self._states(now)), now)

    def imply_successes(self, workspace_id: WorkspaceId, lookup: Lookup, count: int, *, over: int = 0) -> None:
        """Let *count* leads that a sweep has settled count as sound look-ups, spread over the next *over* checks.

        Without them the few leads that have to be looked up would speak for all, and those are often the odd ones.
        """
        self._implied[workspace_id, lookup.provider] = ImpliedSuccesses(lookup=lookup, count=count, over=over)
        if not over:
            self.settle_implied(workspace_id, lookup.provider)

    def settle_implied(self, workspace_id: WorkspaceId, provider: ProviderName) -> None:
        """Count what is left to be spread."""
        implied = self._implied.pop((workspace_id, provider), None)
        if implied is not None:
            self._attribution.count_implied(workspace_id, implied.lookup, implied.count)

    def record_bug(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> None:
        """Count a bug of ours that came to light after a provider had answered: nothing is to be said against it."""
        if self.breaker(workspace_key(workspace_id)).state is not BreakerState.OPEN:
            self._judge(workspace_id, lookup, ErrorClass.INTERNAL, now, number=self._admitted_count)

    def _judge(self, workspace_id: WorkspaceId, lookup: Lookup, fault: Fault, now: datetime, *, number: int) -> None:
        if implied := self._implied.get((workspace_id, lookup.provider)):
            self._attribution.count_implied(workspace_id, implied.lookup, implied.take())
        self._attribution.count(workspace_id, lookup, fault, number=number)
        if fault is not None:
            # In this order, each seeing what the one before has opened: a wide breaker spares the narrower ones.
            self._open(self._attribution.judge_provider(lookup, fault, self._states(now)), now)
            self._open(self._attribution.judge_workspace(workspace_id, lookup, fault, self._states(now)), now)
            self._open(self._attribution.judge_run(fault, self._states(now)), now)

    def end(self, now: datetime) -> None:
        """End the run: widen what proved sound, and let unanswered probes be asked again next time."""
        for key, breaker in list(self._breakers.items()):
            if breaker.state is not BreakerState.HALF_OPEN:
                continue
            if breaker.stage > 0 and self._successes_by[key]:
                self._breakers[key] = breaker.advance(now, policy=self._policy)
            elif breaker.stage == 0:
                self._conclude_probes(key, now, is_last=True)

    # --- decisions -------------------------------------------------------------------------------------------

    def _states(self, now: datetime) -> BreakerStates:
        states = {key: b.effective_state(now) for key, b in self._breakers.items()}
        return BreakerStates(
            held_closed=frozenset(
                key for key, b in self._breakers.items() if b.override_kind(now) is OverrideKind.HOLD_CLOSED
            ),
            open=frozenset(key for key, state in states.items() if state is BreakerState.OPEN),
            half_open=frozenset(key for key, state in states.items() if state is BreakerState.HALF_OPEN),
        )

    def _open(self, decisions: Iterable[TripDecision], now: datetime) -> None:
        for decision in decisions:
            key, breaker = decision.key, self.breaker(decision.key)
            if breaker.effective_state(now) is BreakerState.OPEN:
                continue
            if breaker.override_kind(now) is not None or not self._policy.is_enforced:
                if str(key) not in self.would_trip:
                    self.would_trip.append(str(key))
                continue
            trip = Trip(
                reason=decision.reason,
                checks=decision.checks,
                errors=decision.errors,
                fault=str(decision.fault) if decision.fault else None,
                run_id=self._run_id,
            )
            self._breakers[key] = breaker.trip(now, trip, policy=self._policy)
            self.opened_in_run.add(key)
            self._probes.pop(key, None)
            if key.is_of_sweeps:
                continue
            if key.scope is not BreakerScope.WORKSPACE and self.under_way_at_trip is None:
                self.under_way_at_trip = self.under_way_count
            if key.scope is BreakerScope.PROVIDER:
                self._attribution.forget(key)
                self._close_misattributed(key, decision.fault, now)

    def _close_misattributed(self, provider: BreakerKey, fault: Fault, now: datetime) -> None:
        """Close the breakers of those that were blamed in this run for what proved to be the provider's fault."""
        for other, breaker in list(self._breakers.items()):
            is_narrower = other.scope is BreakerScope.WORKSPACE or other.is_of_sweeps_of(provider)
            if (
                other in self.opened_in_run
                and is_narrower
                and breaker.state is BreakerState.OPEN
                and breaker.fault == str(fault)
            ):
                self._breakers[other] = breaker.close(now, reason=BreakerReason.BLAMED_ELSEWHERE)
                self.opened_in_run.discard(other)

    def _release_run_breaker(self, now: datetime) -> None:
        """Close the run's breaker where one parked workspace explains it and others are due: they must not wait."""
        run = self.breaker(RUN_KEY)
        if run.state is BreakerState.CLOSED or run.override_kind(now) or run.reason is BreakerReason.MANUAL_TRIP:
            return
        culprits = {
            w
            for w in self.troubled_workspaces()
            if self.breaker(workspace_key(w)).tripped_by == run.tripped_by is not None
        }
        if culprits and set(self._due) - culprits:
            self._breakers[RUN_KEY] = run.close(now, reason=BreakerReason.BLAMED_ELSEWHERE)

    def _take_over_probes(self, breaker: Breaker, now: datetime) -> None:
        """Probe in place of a run that began to and may be dead; while it may be alive, the probes are its own."""
        if breaker.since is not None and now - breaker.since < self._policy.cooldown:
            self._probed_by_others.add(breaker.key)
        else:
            self._breakers[breaker.key] = breaker.postpone_probe(now).begin_probe(now)

    # --- probes ----------------------------------------------------------------------------------------------

    def _may_probe(self, key: BreakerKey, workspace_id: WorkspaceId) -> bool:
        return key not in self._probed_by_others and self._probes_of(key).has_room(workspace_id)

    def _probes_of(self, key: BreakerKey) -> Probes:
        return self._probes.setdefault(key, Probes.of(key, limit=self._policy.probes))

    def _conclude_probes(self, key: BreakerKey, now: datetime, *, is_last: bool) -> None:
        breaker, probes = self.breaker(key), self._probes_of(key)
        if not _is_probing(breaker) or key in self._probed_by_others:
            return
        match probes.result(is_last=is_last):
            case ProbeResult.SOUND:
                self._breakers[key] = breaker.advance(now, policy=self._policy)
            case ProbeResult.BROKEN:
                trip = Trip(
                    reason=BreakerReason.PROBE_FAILED,
                    checks=probes.failure_count + probes.success_count,
                    errors=probes.failure_count,
                )
                self._breakers[key] = breaker.trip(now, trip, policy=self._policy)
            case ProbeResult.NOTHING:
                self._breakers[key] = breaker.postpone_probe(now)

    def conclude_probe_round(self, now: datetime) -> None:
        """Decide on the probes that could be made, where fewer workspaces were due than probes allowed."""
        for key, breaker in list(self._breakers.items()):
            if key.scope is not BreakerScope.WORKSPACE and breaker.state is BreakerState.HALF_OPEN:
                self._conclude_probes(key, now, is_last=True)

    def _was_mass_absence(self, admission: Admission) -> bool:
        """Tell whether an absence is the very thing a probed breaker was opened for."""
        return any(self.breaker(key).fault == ErrorClass.MASS_ABSENCE for key in admission.probing)


def _is_probing(breaker: Breaker) -> bool:
    return breaker.state is BreakerState.HALF_OPEN and breaker.stage == 0


def _wants_probes(breaker: Breaker, now: datetime) -> bool:
    return breaker.override_kind(now) is None and (_is_probing(breaker) or breaker.probe_is_due(now))
