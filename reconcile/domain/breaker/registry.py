"""The breakers of one run: they admit calls and count their results.

Holds the current state of the reducer (``reducer.py``). It is evaluated after every check, so at most the calls in
flight still fail when a breaker opens.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconcile.domain.breaker import events
from reconcile.domain.breaker.attribution import FaultAttribution
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerState
from reconcile.domain.breaker.control import Control, ControlsLeft, Suspect
from reconcile.domain.breaker.events import Admission, Event, Refusal, Transitions
from reconcile.domain.breaker.keys import operation_key, provider_key
from reconcile.domain.breaker.reducer import reduce
from reconcile.domain.breaker.state import RegistryState
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, RunId, WorkspaceId


class EventObserver(Protocol):
    """Receives each event of the registry and its transitions."""

    def __call__(
        self, event: Event, transitions: Transitions, /, *, before: RegistryState, after: RegistryState, now: datetime
    ) -> None: ...


class BreakerRegistry:
    """The breakers of a run; each event replaces ``state``."""

    def __init__(
        self,
        stored: Iterable[Breaker],
        *,
        policy: BreakerPolicy,
        run_id: RunId,
        batch_size: int,
        is_restricted: bool = False,
    ) -> None:
        """Start from the *stored* breakers.

        *is_restricted*: the run is over one chosen workspace, so changes of a provider's or the run's breaker are
        reported but not stored.
        """
        self._observer: EventObserver | None = None
        breakers = {b.key: b for b in stored}
        self.state = RegistryState(
            policy=policy,
            run_id=run_id,
            batch_size=batch_size,
            attribution=FaultAttribution(policy=policy),
            is_restricted=is_restricted,
            breakers=breakers,
            stored_generations={key: b.generation for key, b in breakers.items()},
        )

    def subscribe(self, observer: EventObserver) -> None:
        """Call *observer* with each event from now on, and its transitions."""
        self._observer = observer

    def apply(self, event: Event, now: datetime) -> Transitions:
        """Apply one event and return its transitions."""
        before = self.state
        self.state, transitions = reduce(before, event, now)
        if self._observer is not None:
            self._observer(event, transitions, before=before, after=self.state, now=now)
        return transitions

    # --- questions -------------------------------------------------------------------------------------------

    @property
    def is_enforced(self) -> bool:
        """Whether breakers refuse calls; else they only report (shadow mode)."""
        return self.state.policy.is_enforced

    @property
    def opened_in_run(self) -> frozenset[BreakerKey]:
        """The breakers that this run has opened."""
        return self.state.opened_in_run

    @property
    def would_trip(self) -> Sequence[str]:
        """The breakers that would have opened, but for shadow mode or an operator's hold."""
        return [str(key) for key in self.state.would_open]

    @property
    def in_flight_at_trip(self) -> int | None:
        """How many other calls were in flight when a provider's or the run's breaker first tripped."""
        return self.state.in_flight_at_trip

    @property
    def suspects(self) -> Mapping[BreakerKey, Suspect]:
        """The parties that controls are about to decide on."""
        return self.state.suspects

    def breaker(self, key: BreakerKey) -> Breaker:
        """Return the current breaker."""
        return self.state.breaker(key)

    def breakers(self) -> Sequence[Breaker]:
        """Return all breakers that were ever stored or changed, in key order."""
        return [self.state.breakers[key] for key in sorted(self.state.breakers)]

    def explains(self, key: BreakerKey) -> bool:
        """Return whether a breaker is not closed, or would not be but for shadow mode or a hold."""
        return key in self.state.would_open or self.breaker(key).state is not BreakerState.CLOSED

    def unsaved(self) -> Sequence[tuple[Breaker, int]]:
        """Return the changed breakers, each with its stored generation (0: not stored)."""
        return self.state.unsaved()

    def parked_workspaces(self, now: datetime) -> frozenset[WorkspaceId]:
        """Return the workspaces that get no call at *now*, not even a probe, at any provider."""
        return self.state.parked_workspaces(now)

    def is_parked(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> bool:
        """Return whether a workspace gets no call at *now*, not even a probe, at any of *providers*."""
        return self.state.is_parked(workspace_id, providers, now)

    def probes_only(self, now: datetime) -> Mapping[ProviderName, int]:
        """Return the providers that get only probes at *now*, each with the number of probes."""
        return self.state.probes_only(now)

    def troubled_workspaces(self) -> frozenset[WorkspaceId]:
        """Return the workspaces with a breaker that is not closed."""
        return self.state.troubled()

    def is_broken(self, now: datetime) -> bool:
        """Return whether the run's or a provider's breaker is open, or was opened in this run."""
        return self.state.is_broken(now)

    def is_probing(self) -> bool:
        """Return whether the run's or a provider's breaker admits only probes."""
        return self.state.is_probing()

    def batch_limit(self, workspace_id: WorkspaceId, providers: Iterable[ProviderName], now: datetime) -> int:
        """Return how many leads of a workspace can be admitted now; 0 if all would be refused."""
        return self.state.batch_limit(workspace_id, providers, now)

    def refuses(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> bool:
        """Return whether ``admit`` would refuse at *now*; changes nothing."""
        return self.state.refusing(workspace_id, lookup, now) is not None

    def may_sweep(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> bool:
        """Return whether a sweep may be made: all its breakers admit it and none is probed."""
        return self.state.may_sweep(workspace_id, provider, now)

    def is_cleared(self, lookup: Lookup) -> bool:
        """Return whether controls have cleared the provider in this run."""
        return not self.state.cleared.isdisjoint({provider_key(lookup.provider), operation_key(lookup)})

    def is_unanswered(self, workspace_id: WorkspaceId, lookup: Lookup) -> bool:
        """Return whether a workspace's calls time out while later calls of others are answered."""
        return (lookup.provider, workspace_id) in self.state.attribution.unanswered

    def answers_later(self, workspace_id: WorkspaceId, lookup: Lookup, number: int) -> bool:
        """Return whether the operation answered the workspace in a call admitted after the *number*-th."""
        return self.state.attribution.answers_later(workspace_id, lookup, number)

    # --- events ----------------------------------------------------------------------------------------------

    def begin(
        self, due: Mapping[WorkspaceId, frozenset[ProviderName]], now: datetime, *, is_partial: bool = False
    ) -> None:
        """Start a run over these workspaces: drop expired overrides, and make breakers half open if a probe is due."""
        self.apply(events.RunStarted(due=due, is_partial=is_partial), now)

    def admit(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> Admission | Refusal:
        """Admit one call, or return the breaker that refuses it; a sweep is admitted only if nothing is probed."""
        if lookup.operation is Operation.SWEEP and not self.may_sweep(workspace_id, lookup.provider, now):
            refusing = self.state.refusing(workspace_id, lookup, now)
            return Refusal(refusing or operation_key(lookup))
        answer = self.apply(events.CallRequested(workspace_id=workspace_id, lookup=lookup), now).answer
        if answer is None:
            raise RuntimeError("a requested call got no answer")
        return answer

    def record(
        self, admission: Admission, fault: Fault, now: datetime, *, is_check: bool = True, is_known: bool = False
    ) -> None:
        """Count the result of an admitted call, and change the breakers that it concerns."""
        self.apply(events.CallEnded(admission=admission, fault=fault, is_check=is_check, is_known=is_known), now)

    def imply_successes(
        self, workspace_id: WorkspaceId, lookup: Lookup, count: int, now: datetime, *, over: int = 0
    ) -> None:
        """Count *count* leads that a list has settled as successful look-ups, spread over the next *over* checks."""
        event = events.ImpliedSuccessesFound(workspace_id=workspace_id, lookup=lookup, count=count, over=over)
        self.apply(event, now)

    def settle_implied(self, workspace_id: WorkspaceId, provider: ProviderName, now: datetime) -> None:
        """Count the remaining implied successes."""
        self.apply(events.ImpliedSuccessesSettled(workspace_id=workspace_id, provider=provider), now)

    def record_bug(self, workspace_id: WorkspaceId, lookup: Lookup, now: datetime) -> None:
        """Count a bug of this program that occurred after a provider had answered."""
        self.apply(events.BugFound(workspace_id=workspace_id, lookup=lookup), now)

    def answer_controls(
        self, key: BreakerKey, controls: Iterable[Control], now: datetime, *, left: ControlsLeft, pending: int = 0
    ) -> None:
        """Count controls of a suspected party, and decide on it once they suffice."""
        event = events.ControlsAnswered(key=key, controls=tuple(controls), left=left, pending=pending)
        self.apply(event, now)

    def conclude_probe_round(self, now: datetime) -> None:
        """Decide by the probes that were made, if fewer workspaces were due than probes are allowed."""
        self.apply(events.ProbeRoundEnded(), now)

    def end(self, now: datetime) -> None:
        """End the run: advance breakers with successes; the next run repeats probes without a result."""
        self.apply(events.RunEnded(), now)

    def mark_saved(self, breaker: Breaker, now: datetime) -> None:
        """Record that *breaker* is stored."""
        self.apply(events.BreakerStored(breaker=breaker), now)

    def adopt(self, breaker: Breaker, now: datetime) -> None:
        """Replace a breaker by the one that another process or an operator has stored."""
        self.apply(events.BreakerAdopted(breaker=breaker), now)
