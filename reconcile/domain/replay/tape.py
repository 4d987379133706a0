"""Parses a call record: the events of one run with their instants, and the breakers' transitions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.breaker import events
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerReason, BreakerState
from reconcile.domain.breaker.control import Control, ControlsLeft
from reconcile.domain.breaker.keys import breaker_path
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import ProviderName, RunId, WorkspaceId
from reconcile.domain.replay.documents import breaker_from_document, fault_of, key_of, lookup_of
from reconcile.domain.replay.recorder import VERSION

MOST_ALIKE = 1_000_000
"""More equal tokens in a row are none that were recorded."""
Lane = tuple[WorkspaceId, Lookup]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """The *number*-th call of the run was let through."""

    number: int
    workspace_id: WorkspaceId
    lookup: Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEnd:
    """The result of a call."""

    number: int
    fault: Fault
    is_check: bool
    is_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRefusal:
    """A call that the breaker *key* refused, so its result is unknown."""

    workspace_id: WorkspaceId
    lookup: Lookup
    key: BreakerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMove:
    """A breaker moved; *is_trip*: it opened, having been closed. In shadow mode it would have opened."""

    key: BreakerKey
    state: BreakerState
    reason: BreakerReason | None = None
    generation: int = 0
    checks: int = 0
    errors: int = 0
    is_trip: bool = False
    is_shadow: bool = False


TapeEntry = RecordedCall | RecordedEnd | RecordedRefusal | RecordedMove | events.Event
"""An event of the registry, or its representation in a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """One run as it was recorded.

    *breakers* are those that were not closed when it began, or that an operator had set. *is_cut*: more calls were made
    than are on record.
    """

    run_id: RunId
    started_at: datetime
    batch_size: int
    is_enforced: bool
    is_restricted: bool
    is_cut: bool
    breakers: tuple[Breaker, ...]
    entries: tuple[tuple[datetime, TapeEntry], ...]


def read_run(run_id: RunId, document: Mapping[str, Any]) -> RecordedRun:
    """Return the run in *document*; raises ValueError if it cannot be read."""
    try:
        if document["v"] != VERSION:
            raise ValueError("the record is of another version")
        reader = _Reader(
            started_at=datetime.fromisoformat(document["startedAt"]),
            lanes=[(WorkspaceId(w), lookup_of(provider, operation)) for w, provider, operation in document["lanes"]],
            faults=[fault_of(each) for each in document["faults"]],
            details=document["details"],
        )
        due = {
            WorkspaceId(w): frozenset(ProviderName(each) for each in providers.split(",") if each)
            for providers, workspaces in document["due"].items()
            for w in workspaces
        }
        began = events.RunStarted(due=due, is_partial=bool(document["partial"]))
        return RecordedRun(
            run_id=run_id,
            started_at=reader.started_at,
            batch_size=int(document["batchSize"]),
            is_enforced=bool(document["policy"]["enforced"]),
            is_restricted=bool(document["restricted"]),
            is_cut=bool(document["cut"]),
            breakers=tuple(breaker_from_document(each) for each in document["breakers"]),
            entries=((reader.started_at, began), *reader.read(document["tape"])),
        )
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("the record is damaged") from error


@dataclass(slots=True, kw_only=True)
class _Reader:
    started_at: datetime
    lanes: list[Lane]
    faults: list[Fault]
    details: list[Any]
    in_flight: list[int] = field(default_factory=list)
    admitted_count: int = 0

    def read(self, tape: str) -> Iterator[tuple[datetime, TapeEntry]]:
        now = self.started_at
        for word in tape.split():
            token, _, number = word.partition("*")
            count = int(number or 1)
            if count > MOST_ALIKE:
                raise ValueError("the record repeats a token too often")
            for _ in range(count):
                if token[0] == "t":
                    now = self.started_at + timedelta(milliseconds=int(token[1:]))
                else:
                    yield now, self._entry(token[0], token[1:])

    def _entry(self, letter: str, rest: str) -> TapeEntry:  # noqa: PLR0911 - one line for each letter
        match letter:
            case "a":
                return self._admitted(*self.lanes[int(rest)])
            case "e":
                return self._ended(rest)
            case "r":
                lane, place = map(int, rest.split(","))
                workspace_id, lookup = self.lanes[lane]
                key = breaker_path(workspace_id, lookup)[place]
                return RecordedRefusal(workspace_id=workspace_id, lookup=lookup, key=key)
            case "i":
                lane, count, over = map(int, rest.split(","))
                workspace_id, lookup = self.lanes[lane]
                return events.ImpliedSuccessesFound(workspace_id=workspace_id, lookup=lookup, count=count, over=over)
            case "s":
                workspace_id, lookup = self.lanes[int(rest)]
                return events.ImpliedSuccessesSettled(workspace_id=workspace_id, provider=lookup.provider)
            case "b":
                workspace_id, lookup = self.lanes[int(rest)]
                return events.BugFound(workspace_id=workspace_id, lookup=lookup)
            case "p":
                return events.ProbeRoundEnded()
            case "x":
                return events.RunEnded()
            case _:
                return self._detailed(letter, self.details[int(rest)])

    def _admitted(self, workspace_id: WorkspaceId, lookup: Lookup) -> RecordedCall:
        self.admitted_count += 1
        self.in_flight.append(self.admitted_count)
        return RecordedCall(number=self.admitted_count, workspace_id=workspace_id, lookup=lookup)

    def _ended(self, text: str) -> RecordedEnd:
        is_known, is_check = text.endswith("k"), "-" not in text
        position, _, fault = text.rstrip("k-").partition("f")
        return RecordedEnd(
            number=self.in_flight.pop(int(position)),
            fault=self.faults[int(fault)] if fault else None,
            is_check=is_check,
            is_known=is_known,
        )

    def _detailed(self, letter: str, detail: Any) -> TapeEntry:  # noqa: ANN401 - JSON
        match letter:
            case "c":
                key, found, left, pending = detail
                controls = tuple(
                    Control(party=party, fault=fault_of(fault), was_successful=was_successful, is_only=any(only))
                    for party, fault, was_successful, *only in found
                )
                return events.ControlsAnswered(
                    key=key_of(key), controls=controls, left=ControlsLeft(left), pending=int(pending)
                )
            case "o":
                return events.BreakerAdopted(breaker=breaker_from_document(detail))
            case "m":
                key, state, reason, generation, checks, errors, is_trip = detail
                return RecordedMove(
                    key=key_of(key),
                    state=BreakerState(state),
                    reason=BreakerReason(reason),
                    generation=generation,
                    checks=checks,
                    errors=errors,
                    is_trip=is_trip,
                )
            case "w":
                return RecordedMove(key=key_of(detail), state=BreakerState.OPEN, is_trip=True, is_shadow=True)
            case _:
                raise ValueError(f"the record has the unknown token {letter!a}")
