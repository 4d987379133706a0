"""Records the calls of one run as they are admitted and end, in few bytes each.

The record is a tape of tokens, one for each event of the breaker registry in its order (``tape.py`` reads it). A token
names a lane, which is one workspace's calls of one operation; equal tokens in a row are counted. Time is kept to the
second, and exactly where a breaker moved: no decision within a run depends on more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, cast

from reconcile.domain.breaker import events
from reconcile.domain.breaker.breaker import Breaker, BreakerReason, BreakerScope, BreakerState
from reconcile.domain.breaker.events import Admission, Event, Transitions
from reconcile.domain.breaker.keys import breaker_path
from reconcile.domain.breaker.state import RegistryState
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation, ProviderName, WorkspaceId
from reconcile.domain.replay.documents import breaker_to_document, policy_document
from reconcile.errors import ErrorClass

VERSION = 1
MOST_CALLS = 20_000
"""The number of calls of a run that are recorded. Later ones are left out, and a replay says so."""
_COARSE = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_MANUAL = frozenset({BreakerReason.MANUAL_TRIP, BreakerReason.MANUAL_HOLD, BreakerReason.MANUAL_RESET})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """The calls of one run, as the ledger keeps them.

    *is_quiet*: no call failed and all breakers stayed closed, so no threshold matters. *is_shadow*: breakers only
    reported trips.
    """

    calls: int
    checks: int
    errors: int
    is_quiet: bool
    is_shadow: bool
    document: Mapping[str, Any]


@dataclass(slots=True)
class CallRecorder:
    """Records the events of one run's registry; at most *most_calls* calls."""

    most_calls: int = MOST_CALLS
    _head: dict[str, Any] | None = None
    _started_at: datetime | None = None
    _timed_at: datetime | None = None
    _tokens: list[str] = field(default_factory=list)
    _lanes: dict[tuple[WorkspaceId, Lookup], int] = field(default_factory=dict)
    _admissions: list[str] = field(default_factory=list)
    """The token of an admission in each lane."""
    _implied: dict[tuple[WorkspaceId, ProviderName], int] = field(default_factory=dict)
    _in_flight: list[int] = field(default_factory=list)
    _ends: dict[tuple[int, Fault, bool, bool], str] = field(default_factory=dict)
    _faults: dict[str, int] = field(default_factory=dict)
    _parties: dict[str, str] = field(default_factory=dict)
    """Leads that were controls of their workspace, by number."""
    _details: list[object] = field(default_factory=list)
    _calls: int = 0
    _checks: int = 0
    _errors: int = 0
    _is_quiet: bool = True
    _is_cut: bool = False

    def note(
        self, event: Event, transitions: Transitions, *, before: RegistryState, after: RegistryState, now: datetime
    ) -> None:
        """Record one event and its transitions."""
        if self._is_cut:
            return
        if transitions.moved:
            self._set_time(now)
        write = _WRITERS.get(type(event))
        if write is not None:
            write(self, cast("Any", event), transitions, before, now)
        if transitions.moved and not isinstance(event, events.BreakerAdopted):
            for breaker in transitions.moved:
                facts = [breaker.generation, breaker.checks, breaker.errors]
                facts.append(is_trip(before.breaker(breaker.key), breaker))
                self._add_detail("m", [str(breaker.key), breaker.state.value, breaker.reason.value, *facts])
        if after.would_open is not before.would_open:
            for key in after.would_open[len(before.would_open) :]:
                self._add_detail("w", str(key))

    def record(self) -> CallRecord | None:
        """Return the record; None without any event."""
        if self._head is None:
            return None
        tape = " ".join(
            token if count == 1 else f"{token}*{count}"
            for token, count in ((token, sum(1 for _ in alike)) for token, alike in groupby(self._tokens))
        )
        lanes = [[workspace_id, lookup.provider.value, lookup.operation.value] for workspace_id, lookup in self._lanes]
        document = {
            **self._head,
            "lanes": lanes,
            "faults": list(self._faults),
            "details": self._details,
            "cut": self._is_cut,
            "tape": tape,
        }
        return CallRecord(
            calls=self._calls,
            checks=self._checks,
            errors=self._errors,
            is_quiet=self._is_quiet and not self._is_cut,
            is_shadow=not self._head["policy"]["enforced"],
            document=document,
        )

    def start(self, event: events.RunStarted, _: Transitions, before: RegistryState, now: datetime) -> None:
        due: dict[str, list[str]] = {}
        for workspace_id, providers in event.due.items():
            due.setdefault(",".join(sorted(providers)), []).append(workspace_id)
        breakers = [b for b in before.breakers.values() if _is_relevant(b, event)]
        self._is_quiet = not breakers
        self._started_at = self._timed_at = now
        self._head = {
            "v": VERSION,
            "startedAt": now.isoformat(),
            "policy": policy_document(before.policy),
            "batchSize": before.batch_size,
            "restricted": before.is_restricted,
            "partial": event.is_partial,
            "due": due,
            "breakers": [breaker_to_document(each) for each in breakers],
        }

    def request(self, event: events.CallRequested, made: Transitions, _: RegistryState, now: datetime) -> None:
        answer = made.answer
        if isinstance(answer, Admission):
            if self._calls >= self.most_calls:
                self._is_cut = True
                return
            self._calls += 1
            self._in_flight.append(answer.number)
            self._add(self._admissions[self._lane(event.workspace_id, event.lookup)], now)
        elif answer is not None and not answer.is_pending:
            self._is_quiet = False
            place = breaker_path(event.workspace_id, event.lookup).index(answer.key)
            self._add(f"r{self._lane(event.workspace_id, event.lookup)},{place}", now)

    def end(self, event: events.CallEnded, _made: Transitions, _: RegistryState, now: datetime) -> None:
        position = self._in_flight.index(event.admission.number)
        del self._in_flight[position]
        fault = event.fault
        if event.is_check and is_of_leads(event.admission.lookup):
            self._checks += 1
            self._errors += isinstance(fault, ErrorClass)
        if fault is not None:
            self._is_quiet = False
        outcome = position, fault, event.is_check, event.is_known
        token = self._ends.get(outcome)
        if token is None:
            code = "" if fault is None else f"f{self._faults.setdefault(str(fault), len(self._faults))}"
            flags = ("" if event.is_check else "-") + ("k" if event.is_known else "")
            token = self._ends[outcome] = f"e{position}{code}{flags}"
        self._add(token, now)

    def imply(self, event: events.ImpliedSuccessesFound, _made: Transitions, _: RegistryState, now: datetime) -> None:
        lane = self._lane(event.workspace_id, event.lookup)
        self._implied[event.workspace_id, event.lookup.provider] = lane
        self._add(f"i{lane},{event.count},{event.over}", now)

    def settle(
        self, event: events.ImpliedSuccessesSettled, _made: Transitions, _: RegistryState, now: datetime
    ) -> None:
        lane = self._implied.get((event.workspace_id, event.provider))
        if lane is not None:  # otherwise there is nothing to settle
            self._add(f"s{lane}", now)

    def find_bug(self, event: events.BugFound, _made: Transitions, _: RegistryState, now: datetime) -> None:
        self._is_quiet = False
        self._add(f"b{self._lane(event.workspace_id, event.lookup)}", now)

    def answer_controls(
        self, event: events.ControlsAnswered, _made: Transitions, _: RegistryState, now: datetime
    ) -> None:
        self._set_time(now)
        is_workspace = event.key.scope is BreakerScope.WORKSPACE
        controls = [
            [
                self._parties.setdefault(each.party, f"{len(self._parties)}") if is_workspace else each.party,
                None if each.fault is None else str(each.fault),
                each.was_successful,
                *([True] if each.is_only else []),
            ]
            for each in event.controls
        ]
        self._add_detail("c", [str(event.key), controls, event.left.value, event.pending])

    def adopt(self, event: events.BreakerAdopted, _made: Transitions, _: RegistryState, now: datetime) -> None:
        self._set_time(now)
        self._add_detail("o", breaker_to_document(event.breaker))

    def end_round(self, _event: events.ProbeRoundEnded, _made: Transitions, _: RegistryState, now: datetime) -> None:
        self._set_time(now)
        self._add("p", now)

    def end_run(self, _event: events.RunEnded, _made: Transitions, _: RegistryState, now: datetime) -> None:
        self._set_time(now)
        self._add("x", now)

    def _add(self, token: str, now: datetime) -> None:
        if self._timed_at is None or now - self._timed_at >= _COARSE:
            self._set_time(now)
        self._tokens.append(token)

    def _add_detail(self, letter: str, detail: object) -> None:
        self._is_quiet = False
        self._tokens.append(f"{letter}{len(self._details)}")
        self._details.append(detail)

    def _set_time(self, now: datetime) -> None:
        if self._started_at is not None and now != self._timed_at:
            self._timed_at = now
            self._tokens.append(f"t{(now - self._started_at) // _MILLISECOND}")

    def _lane(self, workspace_id: WorkspaceId, lookup: Lookup) -> int:
        lane = self._lanes.setdefault((workspace_id, lookup), len(self._lanes))
        if lane == len(self._admissions):
            self._admissions.append(f"a{lane}")
        return lane


def is_trip(before: Breaker, after: Breaker) -> bool:
    """Return whether a breaker has opened that was closed; one that a failed probe opens again has not."""
    return before.state is BreakerState.CLOSED and after.state is BreakerState.OPEN


def is_of_leads(lookup: Lookup) -> bool:
    """Return whether a call can be a check or an error: a list that fails is neither, as its leads are looked up."""
    return lookup.operation is not Operation.SWEEP


def _is_relevant(breaker: Breaker, event: events.RunStarted) -> bool:
    """Return whether a stored breaker matters to this run and cannot be derived from earlier records."""
    is_concerned = breaker.key.workspace_id is None or breaker.key.workspace_id in event.due
    return is_concerned and (
        breaker.state is not BreakerState.CLOSED or breaker.override is not None or breaker.reason in _MANUAL
    )


_WRITERS: dict[type, Callable[[CallRecorder, Any, Transitions, RegistryState, datetime], None]] = {
    events.RunStarted: CallRecorder.start,
    events.CallRequested: CallRecorder.request,
    events.CallEnded: CallRecorder.end,
    events.ImpliedSuccessesFound: CallRecorder.imply,
    events.ImpliedSuccessesSettled: CallRecorder.settle,
    events.BugFound: CallRecorder.find_bug,
    events.ControlsAnswered: CallRecorder.answer_controls,
    events.BreakerAdopted: CallRecorder.adopt,
    events.ProbeRoundEnded: CallRecorder.end_round,
    events.RunEnded: CallRecorder.end_run,
}
