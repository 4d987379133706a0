"""The worlds: each statement for each path, company size, number of looks and breaker mode."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.evidence.catalog import HIDDEN, TEXTS_404, paths_of, statements
from benchmarks.evidence.records import CALENDLY, GHL
from benchmarks.evidence.statements import Evidence, Path, Statement
from reconcile.domain.ids import ProviderName


class Mode(StrEnum):
    """What people have done to the breakers."""

    NORMAL = "normal"
    METRICS_ONLY = "metrics_only"
    HOLD_CLOSED = "hold closed"
    """All are held closed before the first look."""
    RESET = "reset"
    """Those that opened are closed after each look."""


class Share(StrEnum):
    """The leads that the statement is about; responses about all others are true."""

    ALL = "all"
    ACCOUNTS = "accounts"
    """All leads of a sixth of the accounts, of one at least."""
    ONE = "one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The numbers of workspaces and of leads in each."""

    workspaces: int
    leads: int

    def __str__(self) -> str:
        return f"{self.workspaces}×{self.leads}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One world."""

    provider: ProviderName
    path: Path
    statement: Statement
    size: Size
    share: Share
    looks: int
    mode: Mode

    @property
    def name(self) -> str:
        """Return what makes this world differ from all others."""
        words = (self.provider, self.path, self.statement.name, self.size, self.share, f"{self.looks} looks", self.mode)
        return " | ".join(map(str, words))

    @property
    def has_control(self) -> bool:
        """Whether each account with an affected lead has another lead with true responses."""
        return self.share is Share.ONE and self.size.leads > 1


_SMALL = tuple(
    Size(workspaces=workspaces, leads=leads) for workspaces, leads in ((1, 1), (1, 4), (2, 2), (3, 1), (4, 1))
)
_LISTED = (Size(workspaces=1, leads=6), Size(workspaces=3, leads=8), Size(workspaces=10, leads=6))
_MIDDLE = (Size(workspaces=10, leads=6), Size(workspaces=20, leads=3))
_BESIDE = tuple(Size(workspaces=workspaces, leads=leads) for workspaces, leads in ((1, 2), (1, 4), (3, 2), (10, 6)))
_LARGE = Size(workspaces=50, leads=50)


def worlds() -> Sequence[Case]:
    """Return all worlds, each once, always in the same order."""
    found: dict[str, Case] = {}
    for case in itertools.chain(_each_statement(), _each_text(), _middle(), _large(), _beside()):
        found.setdefault(case.name, case)
    return list(found.values())


def sample(cases: Sequence[Case], count: int, *, seed: int) -> Sequence[Case]:
    """Return *count* of the worlds that are not large."""
    small = [each for each in cases if each.size != _LARGE]
    return random.Random(seed).sample(small, min(count, len(small)))


def _each_statement() -> Iterator[Case]:
    """Give every statement by every path at every number of looks; sizes, shares and modes take turns."""
    turn = 0
    modes = itertools.cycle(Mode)
    for provider in (GHL, CALENDLY):
        for statement in statements(provider):
            for path in (each for each in paths_of(provider) if each in statement.paths):
                for looks in statement.looks:
                    sizes = _LISTED if path is Path.LIST else _SMALL
                    turn += 1
                    for share in _shares(statement, turn):
                        size = sizes[turn % len(sizes)]
                        if share is Share.ONE and size.leads == 1:
                            size = _LISTED[0] if path is Path.LIST else _SMALL[1]
                        yield Case(
                            provider=provider,
                            path=path,
                            statement=statement,
                            size=size,
                            share=share,
                            looks=looks,
                            mode=next(modes),
                        )


def _shares(statement: Statement, turn: int) -> Sequence[Share]:
    if statement.is_of_account:
        return (Share.ALL, Share.ACCOUNTS)
    match statement.evidence:
        case Evidence.NAMED_ABSENT:
            return (Share.ALL, Share.ONE)
        case Evidence.SEEN:
            return (Share.ALL,)
        case Evidence.NOT_MENTIONED:
            return ((Share.ALL, Share.ONE)[turn // 2 % 2],)


def _each_text() -> Iterator[Case]:
    """Give every text of a 404 to bookings with stored ids, in every small company and every mode."""
    for statement in statements(GHL):
        if statement.name in TEXTS_404:
            for size, mode in itertools.product(_SMALL, Mode):
                yield Case(
                    provider=GHL,
                    path=Path.STORED_ID,
                    statement=statement,
                    size=size,
                    share=Share.ALL,
                    looks=2,
                    mode=mode,
                )


def _middle() -> Iterator[Case]:
    """Give what was believed of sixty leads, or of those of three workspaces in twenty."""
    wanted = {
        "404 Location not found",
        "404 {}",
        "404 {}; lists empty",
        "all of an account named absent, though all are there",
        "lists empty",
        "canceled",
    }
    turns = itertools.cycle(((Mode.NORMAL, Mode.METRICS_ONLY), (Mode.HOLD_CLOSED, Mode.RESET)))
    for provider in (GHL, CALENDLY):
        for statement in statements(provider):
            modes = next(turns)
            if statement.name in wanted and Path.STORED_ID in statement.paths:
                for size, share, mode in itertools.product(_MIDDLE, (Share.ALL, Share.ACCOUNTS), modes):
                    yield Case(
                        provider=provider,
                        path=Path.STORED_ID,
                        statement=statement,
                        size=size,
                        share=share,
                        looks=2,
                        mode=mode,
                    )


def _beside() -> Iterator[Case]:
    """Give empty lists to companies in which one booking of each workspace is known, in every mode."""
    for provider, size, mode in itertools.product((GHL, CALENDLY), _BESIDE, Mode):
        yield Case(
            provider=provider, path=Path.BESIDE, statement=HIDDEN, size=size, share=Share.ALL, looks=2, mode=mode
        )


def _large() -> Iterator[Case]:
    wanted = (
        (GHL, "404 Location not found", Share.ALL, Mode.NORMAL),
        (GHL, "404 {}; lists empty", Share.ACCOUNTS, Mode.METRICS_ONLY),
        (GHL, "all of an account named absent, though all are there", Share.ALL, Mode.METRICS_ONLY),
        (GHL, "canceled", Share.ACCOUNTS, Mode.NORMAL),
        (CALENDLY, "404 {}; lists empty", Share.ALL, Mode.HOLD_CLOSED),
    )
    for provider, name, share, mode in wanted:
        statement = next(each for each in statements(provider) if each.name == name)
        yield Case(provider=provider, path=Path.LIST, statement=statement, size=_LARGE, share=share, looks=2, mode=mode)
