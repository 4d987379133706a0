"""The part of the reducer for recovery: start and end of a run, probes, ramps, adopted breakers."""

from dataclasses import dataclass, replace

from reconcile.domain.breaker import events
from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Trip,
)
from reconcile.domain.breaker.control import ControlsLeft
from reconcile.domain.breaker.decisions import Decisions
from reconcile.domain.breaker.keys import workspace_key
from reconcile.domain.breaker.probes import ProbeResult
from reconcile.domain.breaker.state import is_probing
from reconcile.domain.ids import WorkspaceId


@dataclass(slots=True)
class Recovery(Decisions):
    """Applies one event to a copy of the state: recovery of open breakers."""

    def start(self, event: events.RunStarted) -> None:
        state, now = self.state, self.now
        state.attribution = replace(state.attribution, due=dict(event.due), is_partial=event.is_partial)
        for key, stored in list(state.breakers.items()):
            breaker = stored
            is_concerned = key.workspace_id in event.due if key.scope is BreakerScope.WORKSPACE else bool(event.due)
            if not breaker.is_plausible(now):
                breaker = replace(stored, override=None).close(now, reason=BreakerReason.UNREADABLE)
            state.breakers[key] = breaker.drop_expired_override(now)
            if is_concerned and is_probing(breaker):
                self._take_over_probes(breaker)
            elif is_concerned:
                state.breakers[key] = state.breakers[key].begin_probe(now)
        self._release_run()

    def end(self, _: events.RunEnded) -> None:
        state = self.state
        for key in list(state.suspects):
            self.decide(events.ControlsAnswered(key=key, left=ControlsLeft.NO_TIME))
        for key, breaker in list(state.breakers.items()):
            if breaker.state is not BreakerState.HALF_OPEN:
                continue
            if breaker.stage > 0 and key in state.successful:
                self._advance(breaker)
            elif breaker.stage == 0:
                self._conclude_probes(key, is_last=True)

    def store(self, event: events.BreakerStored) -> None:
        self.state.stored_generations[event.breaker.key] = event.breaker.generation

    def adopt(self, event: events.BreakerAdopted) -> None:
        state, breaker = self.state, event.breaker
        state.breakers[breaker.key] = breaker
        state.stored_generations[breaker.key] = breaker.generation
        state.probes.pop(breaker.key, None)
        if is_probing(breaker):
            state.probed_by_others |= {breaker.key}

    def _release_run(self) -> None:
        """Close the run's breaker if a parked workspace explains it and others are due, which must not wait."""
        state = self.state
        run = state.breaker(RUN_KEY)
        if run.state is BreakerState.CLOSED or run.override_kind(self.now) or run.reason is BreakerReason.MANUAL_TRIP:
            return
        culprits = {
            key.workspace_id
            for key, breaker in state.breakers.items()
            if key.scope is BreakerScope.WORKSPACE
            and breaker.state is not BreakerState.CLOSED
            and breaker.tripped_by == run.tripped_by is not None
        }
        if culprits and set(state.due) - culprits:
            state.breakers[RUN_KEY] = run.close(self.now, reason=BreakerReason.BLAMED_ELSEWHERE)

    def _take_over_probes(self, breaker: Breaker) -> None:
        """Probe in place of a run that was probing, if it is old enough to have died; else leave the probes to it."""
        is_fresh = breaker.since is not None and self.now - breaker.since < self.state.policy.cooldown
        if is_fresh:
            self.state.probed_by_others |= {breaker.key}
        else:
            self.state.breakers[breaker.key] = breaker.postpone_probe(self.now).begin_probe(self.now)

    def conclude_round(self, _: events.ProbeRoundEnded) -> None:
        for key, breaker in list(self.state.breakers.items()):
            if key.scope is not BreakerScope.WORKSPACE and breaker.state is BreakerState.HALF_OPEN:
                self._conclude_probes(key, is_last=True)

    def _conclude_probes(self, key: BreakerKey, *, is_last: bool) -> None:
        state = self.state
        breaker, probes = state.breaker(key), state.probes_of(key)
        if not is_probing(breaker) or key in state.probed_by_others:
            return
        match probes.result(is_last=is_last):
            case ProbeResult.SUCCEEDED:
                self._advance(breaker)
            case ProbeResult.SPLIT | ProbeResult.BROKEN as result:
                errors = len(probes.failing)
                trip = Trip(reason=BreakerReason.PROBE_FAILED, checks=errors + probes.success_count, errors=errors)
                reopened = state.breakers[key] = breaker.trip(self.now, trip, policy=state.policy)
                if result is ProbeResult.SPLIT:
                    self._park_failing(breaker, probes.failing)
                    state.breakers[key] = replace(reopened, next_probe_at=self.now)
            case ProbeResult.NOTHING:
                state.breakers[key] = breaker.postpone_probe(self.now)

    def _park_failing(self, breaker: Breaker, workspaces: frozenset[WorkspaceId]) -> None:
        """Park the workspaces whose probes failed while another's succeeded; the next round probes others."""
        state = self.state
        for workspace_id in sorted(workspaces):
            for provider in (
                state.due.get(workspace_id, ()) if breaker.key.provider is None else (breaker.key.provider,)
            ):
                own = state.breaker(workspace_key(workspace_id, provider))
                if own.effective_state(self.now) is BreakerState.CLOSED and own.override_kind(self.now) is None:
                    trip = Trip(
                        reason=BreakerReason.PROBE_FAILED, checks=1, errors=1, fault=breaker.fault, run_id=state.run_id
                    )
                    state.breakers[own.key] = own.trip(self.now, trip, policy=state.policy)
                    state.opened_in_run |= {own.key}

    def _advance(self, breaker: Breaker) -> None:
        """Advance a half-open breaker; once a provider's breaker closes, probe the workspaces parked meanwhile."""
        state = self.state
        after = state.breakers[breaker.key] = breaker.advance(self.now, policy=state.policy)
        if after.state is not BreakerState.CLOSED or breaker.key.scope is not BreakerScope.PROVIDER:
            return
        for key, other in list(state.breakers.items()):
            is_own = key.scope is BreakerScope.WORKSPACE and key.provider is breaker.key.provider
            if not is_own or other.state is not BreakerState.OPEN or None in {breaker.opened_at, other.opened_at}:
                continue
            if (other.opened_at or self.now) >= (breaker.opened_at or self.now):
                state.breakers[key] = other.postpone_probe(self.now)
