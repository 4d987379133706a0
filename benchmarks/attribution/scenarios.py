"""The scenarios: who fails, how, and who is to blame for it."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from reconcile.errors import ErrorClass

TICKS = 10
TICK = timedelta(minutes=1)
RUN_SECONDS = 40.0
"""No call is begun later in a run: four fifths of its 50 s."""
MIN_CHECKS = 5
"""Fewer failed calls in a tick than this open no wide breaker: the rate rule asks for as many checks."""


class Kind(StrEnum):
    """How a call fails."""

    TIMEOUT = "time-out"
    UNAVAILABLE = "5xx at once"
    UNAVAILABLE_SLOWLY = "5xx, slow"
    RESET = "reset"
    CUT = "cut"
    HTML = "HTML"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    CONTRACT_1 = "contract, 1 %"
    CONTRACT_10 = "contract, 10 %"
    CONTRACT_50 = "contract, 50 %"
    CONTRACT_100 = "contract, 100 %"
    RATE_LIMITED = "429"
    FLAPPING = "flapping"
    """5xx at once in every other tick, the first included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a kind of failure looks to a caller."""

    error_class: ErrorClass
    after: timedelta
    status: int | None = None


_FAST, _SLOW, _NEVER = timedelta(milliseconds=20), timedelta(seconds=2), timedelta(seconds=10)
SOUND_AFTER = timedelta(milliseconds=20)
"""How long a sound answer takes."""
FAILURES = {
    Kind.TIMEOUT: Failure(error_class=ErrorClass.TIMEOUT, after=_NEVER),
    Kind.UNAVAILABLE: Failure(error_class=ErrorClass.UNAVAILABLE, after=_FAST, status=502),
    Kind.UNAVAILABLE_SLOWLY: Failure(error_class=ErrorClass.UNAVAILABLE, after=_SLOW, status=504),
    Kind.RESET: Failure(error_class=ErrorClass.TRANSPORT, after=_FAST),
    Kind.CUT: Failure(error_class=ErrorClass.UNDECODABLE, after=_FAST * 3, status=200),
    Kind.HTML: Failure(error_class=ErrorClass.UNDECODABLE, after=_FAST, status=200),
    Kind.UNAUTHORIZED: Failure(error_class=ErrorClass.CREDENTIAL, after=_FAST, status=401),
    Kind.FORBIDDEN: Failure(error_class=ErrorClass.CREDENTIAL, after=_FAST, status=403),
    Kind.NOT_FOUND: Failure(error_class=ErrorClass.REJECTED, after=_FAST, status=404),
    Kind.CONTRACT_1: Failure(error_class=ErrorClass.CONTRACT, after=_FAST, status=200),
    Kind.CONTRACT_10: Failure(error_class=ErrorClass.CONTRACT, after=_FAST, status=200),
    Kind.CONTRACT_50: Failure(error_class=ErrorClass.CONTRACT, after=_FAST, status=200),
    Kind.CONTRACT_100: Failure(error_class=ErrorClass.CONTRACT, after=_FAST, status=200),
    Kind.RATE_LIMITED: Failure(error_class=ErrorClass.RATE_LIMITED, after=_FAST, status=429),
    Kind.FLAPPING: Failure(error_class=ErrorClass.UNAVAILABLE, after=_FAST, status=502),
}
_PERCENT = {Kind.CONTRACT_1: 1, Kind.CONTRACT_10: 10, Kind.CONTRACT_50: 50}


class Order(StrEnum):
    """Where the failing workspaces, and in them the failing records, stand in the order of visits."""

    FIRST = "first"
    LAST = "last"
    MIXED = "mixed"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """*failing* of so many *workspaces* fail in one way, with so many *leads* each."""

    kind: Kind
    failing: int
    workspaces: int
    leads: int
    order: Order

    @property
    def name(self) -> str:
        """Return what makes this scenario differ from all others."""
        who = f"{self.failing} of {self.workspaces}"
        return f"{who} | {self.kind} | {self.leads} leads | bad ones {self.order}"

    @cached_property
    def bad(self) -> frozenset[tuple[int, int]]:
        """The records that fail, as (workspace, lead)."""
        workspaces = _places(self.failing, self.workspaces, self.order)
        count = self.failing * self.leads
        odd = max(1, count * _PERCENT.get(self.kind, 100) // 100)
        by_workspace = [odd // self.failing + (number < odd % self.failing) for number in range(self.failing)]
        pairs = zip(workspaces, by_workspace, strict=True)
        return frozenset((w, i) for w, some in pairs for i in _places(some, self.leads, self.order))

    @cached_property
    def failing_workspaces(self) -> frozenset[int]:
        """The workspaces of which every record fails."""
        counts = [0] * self.workspaces
        for workspace, _ in self.bad:
            counts[workspace] += 1
        return frozenset(w for w, count in enumerate(counts) if count == self.leads)

    def fails(self, workspace: int, lead: int, tick: int) -> bool:
        """Tell whether a look-up of this record fails in the tick of this number, from 1."""
        is_bad_time = self.kind is not Kind.FLAPPING or tick % 2 == 1
        return is_bad_time and (workspace, lead) in self.bad

    def is_provider_to_blame(self, tick: int) -> bool:
        """Tell whether most of the workspaces fail alike; a provider that asks for a pause is well."""
        is_bad_time = self.kind is not Kind.FLAPPING or tick % 2 == 1
        is_most = 2 * len(self.failing_workspaces) > self.workspaces
        return is_bad_time and is_most and self.kind is not Kind.RATE_LIMITED

    @property
    def sound_count(self) -> int:
        """How many records never fail."""
        return self.workspaces * self.leads - len(self.bad)

    @property
    def must_trip(self) -> bool:
        """Whether a breaker of the provider has to open: it is to blame, and enough calls fail in a tick to tell.

        A workspace of which all calls fail makes them one after another.
        """
        most = int(RUN_SECONDS / FAILURES[self.kind].after.total_seconds())
        count = len(self.failing_workspaces) * min(self.leads, most)
        return self.is_provider_to_blame(1) and count >= MIN_CHECKS


@dataclass(slots=True, kw_only=True)
class Tick:
    """One tick as it was seen at the provider; *sound* are the leads that never fail, *served* those verified."""

    number: int
    sound: int
    served: int = 0
    calls: int = 0
    failed: int = 0
    wide_trips: int = 0
    """Breakers of the run, the provider or an operation that opened."""
    healthy_parked: int = 0
    """Breakers that opened of workspaces in which nothing fails."""
    calls_at_trip: int | None = None
    """Calls that had been made when the first wide breaker opened."""

    @property
    def share(self) -> float:
        """Return the part of the sound leads that were served."""
        return self.served / self.sound if self.sound else 1.0


def _places(count: int, total: int, order: Order) -> Sequence[int]:
    match order:
        case Order.FIRST:
            return range(count)
        case Order.LAST:
            return range(total - count, total)
        case Order.MIXED:
            return [(2 * number + 1) * total // (2 * count) for number in range(count)]


_SIZES = ((1, 1), (1, 2), (2, 2), (1, 20), (2, 20), (6, 20), (10, 20), (15, 20), (20, 20))
_WIDE = ((2, 60), (45, 60))
_WIDEST = ((250, 500), (400, 500))
_MANY = 50
_OF_MANY = (
    Kind.TIMEOUT,
    Kind.UNAVAILABLE_SLOWLY,
    Kind.CONTRACT_1,
    Kind.CONTRACT_10,
    Kind.CONTRACT_100,
    Kind.FLAPPING,
)


def scenarios() -> Sequence[Scenario]:
    """Return all scenarios, each once, always in the same order."""
    return list({each.name: each for each in itertools.chain(_small(), _many(), _wide())}.values())


def sample(found: Sequence[Scenario], count: int, *, seed: int) -> Sequence[Scenario]:
    """Return *count* of the scenarios with up to twenty workspaces and few leads."""
    small = [each for each in found if each.workspaces <= 20 and each.leads < _MANY]
    return random.Random(seed).sample(small, min(count, len(small)))


def _small() -> Iterator[Scenario]:
    """Give every kind in every company of up to twenty workspaces, with every order of five leads."""
    turn = itertools.cycle(Order)
    for (failing, workspaces), kind in itertools.product(_SIZES, Kind):
        yield Scenario(kind=kind, failing=failing, workspaces=workspaces, leads=1, order=next(turn))
        is_same = failing == workspaces and kind not in _PERCENT
        for order in (Order.FIRST,) if is_same else Order:
            yield Scenario(kind=kind, failing=failing, workspaces=workspaces, leads=5, order=order)


def _many() -> Iterator[Scenario]:
    """Give batches of fifty leads."""
    turn = itertools.cycle(Order)
    for (failing, workspaces), kind in itertools.product(_SIZES, _OF_MANY):
        yield Scenario(kind=kind, failing=failing, workspaces=workspaces, leads=_MANY, order=next(turn))


def _wide() -> Iterator[Scenario]:
    turn = itertools.cycle(Order)
    for (failing, workspaces), kind in itertools.product(_WIDE, Kind):
        yield Scenario(kind=kind, failing=failing, workspaces=workspaces, leads=5, order=next(turn))
    for (failing, workspaces), kind in itertools.product(_WIDEST, Kind):
        yield Scenario(kind=kind, failing=failing, workspaces=workspaces, leads=1, order=next(turn))
