"""The part of the reducer that attributes failures: suspicions, controls, trips."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from reconcile.domain.breaker import events
from reconcile.domain.breaker.attribution import RECORD_FAULTS, TripDecision
from reconcile.domain.breaker.breaker import RUN_KEY, BreakerKey, BreakerReason, BreakerScope, BreakerState, Trip
from reconcile.domain.breaker.control import ControlVerdict, Suspect
from reconcile.domain.breaker.keys import breaker_path, provider_key, workspace_key
from reconcile.domain.breaker.state import RegistryState
from reconcile.domain.breaker.window import Fault, ImpliedSuccesses, Votes, WindowEntry
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass


@dataclass(slots=True)
class Decisions:
    """Applies one event to a copy of the state: attribution of failures."""

    state: RegistryState
    now: datetime
    suspects: list[Suspect] = field(default_factory=list)

    def _evaluate_sweep(self, lookup: Lookup, entry: WindowEntry) -> None:
        state = self.state
        state.attribution = state.attribution.count_wide(lookup, entry)
        if entry.fault is not None and state.breaker(provider_key(lookup.provider)).state is BreakerState.CLOSED:
            decision = state.attribution.evaluate_sweep(lookup, entry.fault, state.snapshot(self.now))
            if decision is not None:
                self._open(decision)

    def _evaluate(self, lookup: Lookup, entry: WindowEntry) -> None:
        state, workspace_id, fault = self.state, entry.workspace_id, entry.fault
        if implied := state.implied.get((workspace_id, lookup.provider)):
            state.implied[workspace_id, lookup.provider] = implied.rest()
            self._count_implied(workspace_id, implied, implied.part())
        state.attribution = state.attribution.count(lookup, entry)
        if fault is None or not state.suspects.keys().isdisjoint(breaker_path(workspace_id, lookup)):
            return
        # The wider party first: failures for which it is suspected or open do not count against a narrower one.
        wide = state.attribution.evaluate_provider(lookup, fault, state.snapshot(self.now))
        if wide is not None and self._suspect(wide, lookup, workspace_id):
            return
        self._evaluate_narrow(lookup, workspace_id, fault)

    def _evaluate_narrow(self, lookup: Lookup, workspace_id: WorkspaceId, fault: Fault) -> None:
        state = self.state
        own = state.attribution.evaluate_workspace(workspace_id, lookup, fault, state.snapshot(self.now))
        if own is not None:
            if own.fault in RECORD_FAULTS:
                if self._suspect(own, lookup, workspace_id):
                    return
            else:
                self._open(own)
        whole = state.attribution.evaluate_run(fault, state.snapshot(self.now))
        if whole is not None:
            self._open(whole)

    def _suspect(self, decision: TripDecision, lookup: Lookup, workspace_id: WorkspaceId) -> bool:
        """Record a suspicion, for controls to decide, unless the breaker is open or would be."""
        state, key = self.state, decision.key
        if state.breaker(key).effective_state(self.now) is BreakerState.OPEN or key in state.would_open:
            return False
        suspect = Suspect(
            decision=decision,
            lookup=lookup,
            workspace_id=workspace_id,
            in_flight=state.in_flight_count,
            votes=self._votes_on(decision, lookup),
            earlier=state.decided[key].outcomes if key in state.decided else {},
            due_count=sum(lookup.provider in providers for providers in state.due.values()),
        )
        state.suspects[key] = suspect
        self.suspects.append(suspect)
        return True

    def _votes_on(self, decision: TripDecision, lookup: Lookup) -> Votes:
        """Return the votes that matter to a suspicion: failures say nothing about absences."""
        is_of_absences = decision.reason is BreakerReason.MASS_ABSENCE
        return Votes() if is_of_absences else self.state.attribution.votes(lookup)

    def decide(self, event: events.ControlsAnswered) -> None:
        """Count controls of a suspected party, and decide on it once they suffice."""
        state, key = self.state, event.key
        suspect = state.suspects.get(key)
        if suspect is None:
            for control in event.controls if key in state.decided else ():  # controls that ended after the decision
                state.decided[key] = state.decided[key].add(control)
            return
        for control in event.controls:
            suspect = suspect.add(control)
        votes = self._votes_on(suspect.decision, suspect.lookup)
        suspect = state.suspects[key] = replace(suspect, votes=votes, left=event.left, pending=event.pending)
        result = suspect.control_result
        if result is ControlVerdict.UNDECIDED:
            return
        del state.suspects[key]
        state.decided[key] = suspect
        if result is ControlVerdict.UNKNOWN:
            return
        if result is ControlVerdict.CONFIRMED:
            self._open(suspect.decision, in_flight=suspect.in_flight)
            if suspect.is_workspace:
                self._evaluate_wider_than(suspect)
            return
        state.cleared |= {key}
        keys = (key, RUN_KEY) if suspect.is_workspace else (key, provider_key(suspect.lookup.provider), RUN_KEY)
        state.attribution = state.attribution.ignore_before(keys, number=state.admitted_count)
        if not suspect.is_workspace:
            self._park_unanswered(suspect)

    def _evaluate_wider_than(self, suspect: Suspect) -> None:
        """Evaluate the provider and the run after a workspace was parked: until then, ended calls were only counted."""
        state, lookup, fault = self.state, suspect.lookup, suspect.decision.fault
        wide = state.attribution.evaluate_provider(lookup, fault, state.snapshot(self.now))
        if wide is not None and wide.key not in state.suspects and self._suspect(wide, lookup, suspect.workspace_id):
            return
        whole = state.attribution.evaluate_run(fault, state.snapshot(self.now))
        if whole is not None:
            self._open(whole)

    def _park_unanswered(self, suspect: Suspect) -> None:
        """Park the workspaces whose calls all timed out while controls succeeded: each further call is slow."""
        state, provider = self.state, suspect.lookup.provider
        for workspace_id in sorted(suspect.votes.failing):
            window = state.attribution.by_workspace[suspect.lookup][workspace_id]
            if window.count([ErrorClass.TIMEOUT]) == window.checks:
                self._open(
                    TripDecision(
                        key=workspace_key(workspace_id, provider),
                        reason=BreakerReason.ERROR_RATE,
                        fault=ErrorClass.TIMEOUT,
                        checks=window.checks,
                        errors=window.checks,
                    )
                )

    def _open(self, decision: TripDecision, *, in_flight: int | None = None) -> None:
        state, key, now = self.state, decision.key, self.now
        breaker = state.breaker(key)
        if breaker.effective_state(now) is BreakerState.OPEN:
            return
        if breaker.override_kind(now) is not None or not state.policy.is_enforced:
            if key not in state.would_open:
                state.would_open = (*state.would_open, key)
            return
        trip = Trip(
            reason=decision.reason,
            checks=decision.checks,
            errors=decision.errors,
            fault=str(decision.fault) if decision.fault else None,
            run_id=state.run_id,
        )
        state.breakers[key] = breaker.trip(now, trip, policy=state.policy)
        state.opened_in_run |= {key}
        state.probes.pop(key, None)
        if key.is_of_sweeps:
            return
        if key.scope is not BreakerScope.WORKSPACE and state.in_flight_at_trip is None:
            state.in_flight_at_trip = state.in_flight_count if in_flight is None else in_flight
        if key.scope is BreakerScope.PROVIDER:
            if (
                key.provider is not None
            ):  # failures that this breaker explains do not count against the other operations
                forgiven = (provider_key(key.provider),)
                state.attribution = state.attribution.ignore_before(forgiven, number=state.admitted_count)
            self._close_misattributed(key, decision.fault)

    def _close_misattributed(self, provider: BreakerKey, fault: Fault) -> None:
        """Close breakers that this run opened for what proved to be the provider's fault."""
        state = self.state
        for other, breaker in list(state.breakers.items()):
            is_narrower = (
                other.scope is BreakerScope.WORKSPACE and other.provider is provider.provider
            ) or other.is_of_sweeps_at(provider)
            is_alike = breaker.state is BreakerState.OPEN and breaker.fault == str(fault)
            if other in state.opened_in_run and is_narrower and is_alike:
                state.breakers[other] = breaker.close(self.now, reason=BreakerReason.BLAMED_ELSEWHERE)
                state.opened_in_run -= {other}

    def _count_implied(self, workspace_id: WorkspaceId, implied: ImpliedSuccesses, times: int) -> None:
        if times > 0:
            entry = WindowEntry(self.state.admitted_count, workspace_id, None)
            self.state.attribution = self.state.attribution.count(implied.lookup, entry, times=times)
