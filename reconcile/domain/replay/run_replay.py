"""Replays one recorded run with other thresholds: its calls, in order, through the breaker registry.

A call that was made and that the replay refuses is saved, with its result. A call that was refused and that the replay
admits has an unknown result. If the replay suspects a party that the run did not, later calls of the run are used as
controls: the same operation, of other workspaces or other leads, moments later.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from reconcile.domain.breaker import events
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.breaker.control import Control, ControlsLeft, Suspect
from reconcile.domain.breaker.events import Admission, Event, Refusal, Transitions
from reconcile.domain.breaker.keys import breaker_path
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.state import RegistryState
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.replay.figures import ReplayFigures
from reconcile.domain.replay.recorder import is_of_leads, is_trip
from reconcile.domain.replay.result import BreakerTrip
from reconcile.domain.replay.stored import ReplayedBreakers
from reconcile.domain.replay.tape import RecordedCall, RecordedEnd, RecordedMove, RecordedRefusal, RecordedRun
from reconcile.errors import ErrorClass


@dataclass(slots=True, kw_only=True)
class RunReplay:
    """The state of a run's replay; results are added to *figures*."""

    run: RecordedRun
    policy: BreakerPolicy
    breakers: ReplayedBreakers
    figures: ReplayFigures
    position: int = 0
    registry: BreakerRegistry = field(init=False)
    calls: dict[int, RecordedCall] = field(init=False)
    ends: dict[int, RecordedEnd] = field(init=False)
    admitted: dict[int, Admission] = field(default_factory=dict)
    refused: dict[int, BreakerKey] = field(default_factory=dict)
    last_admitted: dict[tuple[WorkspaceId, ProviderName], bool] = field(default_factory=dict)
    """Whether the last call of a workspace to a provider was let through."""
    upcoming: Counter[WorkspaceId] = field(init=False)
    """How many calls of each workspace are still to come."""
    requested_count: int = 0
    ended_count: int = 0
    controlled: set[tuple[BreakerKey, str]] = field(default_factory=set)
    suspected_in_fact: set[BreakerKey] = field(default_factory=set)
    """Parties that are suspected, and were in fact: their controls are on record."""
    uncertain: set[BreakerKey] = field(default_factory=set)
    limited_in_fact: set[BreakerKey] = field(default_factory=set)
    limited: set[BreakerKey] = field(default_factory=set)
    has_round: bool = field(init=False)
    has_moved: bool = False

    def __post_init__(self) -> None:
        entries = [entry for _, entry in self.run.entries]
        self.calls = {each.number: each for each in entries if isinstance(each, RecordedCall)}
        self.ends = {each.number: each for each in entries if isinstance(each, RecordedEnd)}
        self.upcoming = Counter(each.workspace_id for each in self.calls.values())
        self.has_round = any(isinstance(each, events.ProbeRoundEnded) for each in entries)

    @property
    def next_at(self) -> datetime | None:
        """When the next event of the run was, None at its end."""
        return self.run.entries[self.position][0] if self.position < len(self.run.entries) else None

    def step(self) -> None:
        """Replay the next event."""
        now, entry = self.run.entries[self.position]
        self.position += 1
        _STEPS[type(entry)](self, cast("Any", entry), now)
        for key in [each for each in self.registry.suspects if each not in self.suspected_in_fact]:
            if self._has_controls(key):
                self.suspected_in_fact.add(key)
            else:
                self._decide(key, now)
        if self.has_moved:
            self.has_moved = False
            self.breakers.save(self.registry, now)
        if self.position == len(self.run.entries):
            self._count_unknown_run()

    def note(
        self, event: Event, made: Transitions, *, before: RegistryState, after: RegistryState, now: datetime
    ) -> None:
        """Count the transitions that an event caused in the replay."""
        if made.moved and not isinstance(event, events.BreakerAdopted):
            self.has_moved = True
            for breaker in made.moved:
                if breaker.state is not BreakerState.CLOSED:
                    self.limited.add(breaker.key)
                if is_trip(before.breaker(breaker.key), breaker):
                    self.figures.add_replayed(self._trip(breaker, now))
        for key in after.would_open[len(before.would_open) :]:
            self.figures.add_replayed(self._trip(after.breaker(key), now, key=key, is_shadow=True))

    def _trip(
        self, breaker: Breaker, now: datetime, *, key: BreakerKey | None = None, is_shadow: bool = False
    ) -> BreakerTrip:
        return BreakerTrip(
            at=now,
            run_id=self.run.run_id,
            breaker=str(key or breaker.key),
            reason=None if is_shadow else breaker.reason,
            checks=0 if is_shadow else breaker.checks,
            errors=0 if is_shadow else breaker.errors,
            after_calls=self.ended_count,
            is_shadow=is_shadow,
            is_certain=breaker.key not in self.uncertain,
        )

    # --- one step for each kind of event ---------------------------------------------------------------------

    def start(self, event: events.RunStarted, now: datetime) -> None:
        run = self.run
        stored = self.breakers.load(run)
        if run.is_enforced:
            self.limited_in_fact.update(each.key for each in run.breakers if each.state is not BreakerState.CLOSED)
        self.limited.update(each.key for each in stored if each.state is not BreakerState.CLOSED)
        self.registry = BreakerRegistry(
            stored,
            policy=self.policy,
            run_id=run.run_id,
            batch_size=run.batch_size,
            is_restricted=run.is_restricted,
        )
        self.registry.subscribe(self.note)
        self.registry.begin(event.due, now, is_partial=event.is_partial)

    def request(self, call: RecordedCall, now: datetime) -> None:
        workspace_id, lookup = call.workspace_id, call.lookup
        self.requested_count = call.number
        self.upcoming[workspace_id] -= 1
        answer = self.registry.admit(workspace_id, lookup, now)
        while isinstance(answer, Refusal) and answer.is_pending:
            self._decide(answer.key, now)
            answer = self.registry.admit(workspace_id, lookup, now)
        if isinstance(answer, Refusal):
            self.refused[call.number] = answer.key
        else:
            self.admitted[call.number] = answer
        self.last_admitted[workspace_id, lookup.provider] = isinstance(answer, Admission)

    def end(self, end: RecordedEnd, now: datetime) -> None:
        is_check = end.is_check and is_of_leads(self.calls[end.number].lookup)
        is_error = is_check and isinstance(end.fault, ErrorClass)
        self.figures.count_call(is_check=is_check, is_error=is_error)
        if (refusing := self.refused.get(end.number)) is not None:
            self.figures.save_call(refusing, is_check=is_check, is_error=is_error)
            return
        self.ended_count += 1
        admission = self.admitted.pop(end.number)
        self.registry.record(admission, end.fault, now, is_check=end.is_check, is_known=end.is_known)
        if not self.has_round and self.registry.is_probing() and self._is_round_over():
            self.registry.conclude_probe_round(now)

    def refuse(self, refusal: RecordedRefusal, now: datetime) -> None:
        """Replay the admission of a call that was refused; it has no result, so no result is recorded."""
        if not self.registry.refuses(refusal.workspace_id, refusal.lookup, now):
            self.figures.unknown_call(refusal.key)

    def move(self, move: RecordedMove, now: datetime) -> None:
        if move.state is not BreakerState.CLOSED and self.run.is_enforced and not move.is_shadow:
            self.limited_in_fact.add(move.key)
        if not move.is_shadow and not (self.run.is_restricted and move.key.scope is not BreakerScope.WORKSPACE):
            self.breakers.note_in_fact(move)
        if move.is_trip:
            happened = BreakerTrip(
                at=now,
                run_id=self.run.run_id,
                breaker=str(move.key),
                reason=move.reason,
                checks=move.checks,
                errors=move.errors,
                after_calls=self.ended_count + len(self.refused),
                is_shadow=move.is_shadow,
            )
            self.figures.add_happened(happened)

    def imply(self, event: events.ImpliedSuccessesFound, now: datetime) -> None:
        if self.last_admitted.get((event.workspace_id, event.lookup.provider), True):
            self.registry.apply(event, now)

    def find_bug(self, event: events.BugFound, now: datetime) -> None:
        if self.last_admitted.get((event.workspace_id, event.lookup.provider), True):
            self.registry.apply(event, now)

    def answer_controls(self, event: events.ControlsAnswered, now: datetime) -> None:
        self.suspected_in_fact.discard(event.key)
        if event.key in self.registry.suspects:
            self.figures.controls += len(event.controls)
            self.registry.apply(event, now)

    def adopt(self, event: events.BreakerAdopted, now: datetime) -> None:
        """Adopt overrides that operators made in the meantime; decisions of other runs are replayed."""
        if (ordered := self.breakers.order(event.breaker)) is not None:
            self.registry.adopt(ordered, now)

    def apply(self, event: Event, now: datetime) -> None:
        self.registry.apply(event, now)

    def end_run(self, event: events.RunEnded, now: datetime) -> None:
        for key in list(self.registry.suspects):
            self._decide(key, now)
        if not self.has_round and self.registry.is_probing():
            self.registry.conclude_probe_round(now)
        self.registry.apply(event, now)

    def _has_controls(self, key: BreakerKey) -> bool:
        """Return whether controls are on record for a party that is suspected now: its next calls waited for them."""
        for _, entry in self.run.entries[self.position :]:
            if isinstance(entry, events.ControlsAnswered) and entry.key == key:
                return True
            if isinstance(entry, RecordedCall) and key in breaker_path(entry.workspace_id, entry.lookup):
                return False
        return False

    def _decide(self, key: BreakerKey, now: datetime) -> None:
        """Decide on a suspected party by the results of later calls of the run."""
        for control in self._controls(self.registry.suspects[key]):
            self.figures.controls += 1
            self.registry.answer_controls(key, [control], now, left=ControlsLeft.MORE)
            if key not in self.registry.suspects:
                return
        if not self.registry.suspects[key].controls:
            self.uncertain.add(key)
        self.registry.answer_controls(key, (), now, left=ControlsLeft.NONE)
        self.uncertain.discard(key)

    def _controls(self, suspect: Suspect) -> Iterator[Control]:
        """Yield the later calls used as controls: the first of each workspace, or of each lead of a suspected one.

        Leads with an earlier success are left out, so that none counts as a repeated success.
        """
        for number in range(self.requested_count + 1, len(self.calls) + 1):
            call, end = self.calls[number], self.ends.get(number)
            if call.lookup != suspect.lookup or end is None or not end.is_check or end.is_known:
                continue
            if suspect.is_workspace and call.workspace_id != suspect.workspace_id:
                continue
            party = str(number) if suspect.is_workspace else call.workspace_id
            if (suspect.decision.key, party) not in self.controlled:
                self.controlled.add((suspect.decision.key, party))
                yield Control(party=party, fault=end.fault, was_successful=False)

    def _is_round_over(self) -> bool:
        """Return whether the probes that can be made were made: no workspace is left that was not probed."""
        probes = self.registry.state.probes
        keys = [
            key
            for key, breaker in self.registry.state.breakers.items()
            if key.scope is not BreakerScope.WORKSPACE and breaker.state is BreakerState.HALF_OPEN and not breaker.stage
        ]
        made = [probes[key] for key in keys if key in probes]
        if len(made) < len(keys) or any(len(each.failed_by) < len(each.workspaces) for each in made):
            return False
        left = {workspace_id for workspace_id, count in self.upcoming.items() if count > 0}
        return all(left <= each.workspaces for each in made)

    def _count_unknown_run(self) -> None:
        unexplained = self.limited_in_fact - self.limited
        if unexplained or self.run.is_cut:
            self.figures.unknown_run(unexplained)


_Step = Callable[[RunReplay, Any, datetime], None]
_STEPS: dict[type, _Step] = {
    RecordedCall: RunReplay.request,
    RecordedEnd: RunReplay.end,
    RecordedRefusal: RunReplay.refuse,
    RecordedMove: RunReplay.move,
    events.RunStarted: RunReplay.start,
    events.ImpliedSuccessesFound: RunReplay.imply,
    events.ImpliedSuccessesSettled: RunReplay.apply,
    events.BugFound: RunReplay.find_bug,
    events.ControlsAnswered: RunReplay.answer_controls,
    events.BreakerAdopted: RunReplay.adopt,
    events.ProbeRoundEnded: RunReplay.apply,
    events.RunEnded: RunReplay.end_run,
}
