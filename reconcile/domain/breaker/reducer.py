"""The breaker registry as a pure reducer: a state and an event give the next state and the transitions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from reconcile.domain.breaker import events
from reconcile.domain.breaker.breaker import BreakerKey, BreakerState
from reconcile.domain.breaker.events import Admission, Event, Refusal, Transitions
from reconcile.domain.breaker.keys import breaker_path, operation_key, workspace_keys
from reconcile.domain.breaker.recovery import Recovery
from reconcile.domain.breaker.state import RegistryState
from reconcile.domain.breaker.window import ImpliedSuccesses, WindowEntry
from reconcile.domain.ids import Operation, WorkspaceId
from reconcile.errors import ErrorClass


def reduce(state: RegistryState, event: Event, now: datetime) -> tuple[RegistryState, Transitions]:
    """Return the state after *event*, and the transitions; *state* is not changed."""
    step = _Step(state.copy(), now)
    _STEPS[type(event)](step, cast("Any", event))
    after = step.state.breakers
    moved = tuple(after[key] for key in sorted(after) if state.breakers.get(key) is not after[key])
    return step.state, Transitions(answer=step.answer, moved=moved, suspects=tuple(step.suspects))


@dataclass(slots=True)
class _Step(Recovery):
    """Applies one event to a copy of the state."""

    answer: Admission | Refusal | None = None

    def admit(self, event: events.CallRequested) -> None:
        state, workspace_id, lookup = self.state, event.workspace_id, event.lookup
        if (pending := state.pending(workspace_id, lookup, self.now)) is not None:
            self.answer = Refusal(pending, is_pending=True)
            return
        if (refusing := state.refusing(workspace_id, lookup, self.now)) is not None:
            self.answer = Refusal(refusing)
            return
        probing: set[BreakerKey] = set()
        for key in breaker_path(workspace_id, lookup) if state.policy.is_enforced else ():
            if key not in state.breakers:
                continue
            if state.is_probed(key, self.now):
                probing.add(key)
                state.probes[key] = state.probes_of(key).begin(workspace_id)
            elif state.breaker(key).effective_state(self.now) is BreakerState.HALF_OPEN:
                state.quotas[key, workspace_id] = state.quota(key, workspace_id, self.now) - 1
        state.in_flight_count += 1
        state.admitted_count += 1
        self.answer = Admission(
            workspace_id=workspace_id, lookup=lookup, number=state.admitted_count, probing=frozenset(probing)
        )

    def record(self, event: events.CallEnded) -> None:
        """Count the result of a call. A failed probe counts only for the breakers that it probes."""
        state, admission, fault = self.state, event.admission, event.fault
        workspace_id, lookup = admission.workspace_id, admission.lookup
        is_sweep = lookup.operation is Operation.SWEEP
        is_error = isinstance(fault, ErrorClass) or self._was_mass_absence(admission)
        failed = event.is_check and fault is not None and is_error
        is_counted = event.is_check and not (failed and event.is_known)
        state.in_flight_count -= 1
        for key in sorted(admission.probing):
            if is_sweep and key != operation_key(lookup):
                continue
            state.probes[key] = state.probes_of(key).end(workspace_id, failed=failed if is_counted else None)
            self._conclude_probes(key, is_last=False)
        if not is_counted:
            return
        path = (operation_key(lookup),) if is_sweep else breaker_path(workspace_id, lookup)
        if not failed and not state.successful.issuperset(path):
            state.successful |= frozenset(path)
        is_parked = failed and any(
            state.breaker(key).state is BreakerState.OPEN for key in workspace_keys(workspace_id, lookup)
        )
        if failed and (admission.probing or (is_parked and not is_sweep)):
            return
        entry = WindowEntry(admission.number, workspace_id, fault)
        if is_sweep:
            self._evaluate_sweep(lookup, entry)
        else:
            self._evaluate(lookup, entry)

    def record_bug(self, event: events.BugFound) -> None:
        keys = workspace_keys(event.workspace_id, event.lookup)
        if all(self.state.breaker(key).state is not BreakerState.OPEN for key in keys):
            self._evaluate(
                event.lookup, WindowEntry(self.state.admitted_count, event.workspace_id, ErrorClass.INTERNAL)
            )

    def imply(self, event: events.ImpliedSuccessesFound) -> None:
        implied = ImpliedSuccesses(lookup=event.lookup, count=event.count, over=event.over)
        self.state.implied[event.workspace_id, event.lookup.provider] = implied
        if not event.over:
            self._settle(event.workspace_id, implied)

    def settle(self, event: events.ImpliedSuccessesSettled) -> None:
        if implied := self.state.implied.get((event.workspace_id, event.provider)):
            self._settle(event.workspace_id, implied)

    def _settle(self, workspace_id: WorkspaceId, implied: ImpliedSuccesses) -> None:
        del self.state.implied[workspace_id, implied.lookup.provider]
        self._count_implied(workspace_id, implied, implied.count)

    def _was_mass_absence(self, admission: Admission) -> bool:
        """Return whether a probed breaker was opened for absences, so that an absence counts as a failure."""
        return any(self.state.breaker(key).fault == ErrorClass.MASS_ABSENCE for key in admission.probing)


_STEPS: dict[type, Callable[[_Step, Any], None]] = {
    events.RunStarted: _Step.start,
    events.RunEnded: _Step.end,
    events.CallRequested: _Step.admit,
    events.CallEnded: _Step.record,
    events.ImpliedSuccessesFound: _Step.imply,
    events.ImpliedSuccessesSettled: _Step.settle,
    events.BugFound: _Step.record_bug,
    events.ControlsAnswered: _Step.decide,
    events.ProbeRoundEnded: _Step.conclude_round,
    events.BreakerStored: _Step.store,
    events.BreakerAdopted: _Step.adopt,
}
