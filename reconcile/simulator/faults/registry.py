"""The active faults, and which of them apply to a request."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import TypeAlias

from reconcile.simulator.faults.fault import Fault, ShareUnit
from reconcile.simulator.faults.kinds import FaultKind, Value
from reconcile.simulator.wire import Api, ApiOperation

Effects: TypeAlias = Mapping[FaultKind, Value]
NO_EFFECTS: Effects = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """The facts about a request before it is answered."""

    api: Api
    operation: ApiOperation
    workspace: str
    subjects: tuple[str, ...]


class FaultRegistry:
    """The active faults by number; of several of the same kind the newest applies."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._last = 0
        self._met: Counter[int] = Counter()
        self._asked: Counter[RequestFacts] = Counter()

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, *faults: Fault) -> tuple[int, ...]:
        """Activate faults and return their numbers."""
        numbers = tuple(range(self._last + 1, self._last + 1 + len(faults)))
        self._faults.update(zip(numbers, faults, strict=True))
        self._last += len(faults)
        return numbers

    def remove(self, *numbers: int) -> None:
        """Deactivate faults; an unknown number raises KeyError."""
        for number in numbers:
            del self._faults[number]

    def clear(self) -> None:
        """Deactivate all faults."""
        self._faults.clear()

    def items(self) -> Collection[tuple[int, Fault]]:
        """Return the active faults, oldest first."""
        return tuple(self._faults.items())

    def met(self, number: int) -> int:
        """Return the number of requests that a fault was applied to."""
        return self._met[number]

    def effects(self, call: RequestFacts, now: datetime) -> Effects:
        """Return the faults that apply to one request; each call counts as a request."""
        if not self._faults:
            return NO_EFFECTS
        effects: dict[FaultKind, Value] = {}
        occurrence: int | None = None
        for number, fault in self._faults.items():
            if not _matches(fault, call, now):
                continue
            if fault.share < 1.0:
                if occurrence is None:
                    self._asked[call] += 1
                    occurrence = self._asked[call]
                if _draw(fault, number, call, occurrence) >= fault.share:
                    continue
            if fault.times is not None and self._met[number] >= fault.times:
                continue
            self._met[number] += 1
            effects[fault.kind] = fault.value
        return effects


def _matches(fault: Fault, call: RequestFacts, now: datetime) -> bool:
    return (
        (fault.workspace is None or fault.workspace == call.workspace)
        and (fault.operation is None or fault.operation is call.operation)
        and (fault.api is None or fault.api is call.api)
        and (fault.subject is None or fault.subject in call.subjects)
        and (fault.start is None or fault.start <= now)
        and (fault.end is None or now < fault.end)
    )


def _draw(fault: Fault, number: int, call: RequestFacts, occurrence: int) -> float:
    """Return a number in [0, 1) that depends on the request and its repetition, not on the order of other requests."""
    parts = [str(number), call.workspace, *call.subjects]
    if fault.draw is ShareUnit.REQUEST:
        parts += [call.operation, str(occurrence)]
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
