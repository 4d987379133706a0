"""Workspaces that wait because of their own breaker, by cause: thousands of them are a few lines."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.views.parked import ParkedCause
from reconcile.ports import Store
from reconcile.services.views.next_steps import Advice, advice, cause_of, needs_advice, width

SHOWN = 10
"""Workspaces of which each is shown; of more, the causes are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerList:
    """The breakers that are not simply closed.

    *shown* are those of the run and of providers, then those of workspaces; *hidden_count* are the workspaces' that are
    not shown. *parked_count* counts workspaces whose own breaker is not closed, *causes* groups all their breakers.
    """

    shown: tuple[Advice, ...] = ()
    hidden_count: int = 0
    parked_count: int = 0
    causes: tuple[ParkedCause, ...] = ()


async def list_breakers(
    store: Store, *, now: datetime, policy: BreakerPolicy, is_complete: bool = False
) -> BreakerList:
    """Return the breakers that are not simply closed, the widest first, or a summary of many parked workspaces."""
    stored = sorted((b for b in await store.breakers.load() if needs_advice(b, now=now)), key=width)
    narrow = [each for each in stored if each.key.scope is BreakerScope.WORKSPACE]
    is_short = is_complete or len(narrow) <= SHOWN
    shown = stored if is_short else stored[: len(stored) - len(narrow)]
    return BreakerList(
        shown=tuple(advice(each, now=now, policy=policy) for each in shown),
        hidden_count=0 if is_short else len(narrow),
        parked_count=len(
            {each.key.workspace_id for each in narrow if each.effective_state(now) is not BreakerState.CLOSED}
        ),
        causes=parked_causes(narrow, now=now),
    )


def parked_causes(breakers: Iterable[Breaker], *, now: datetime) -> tuple[ParkedCause, ...]:
    """Group the breakers of workspaces by cause, the most frequent first."""
    groups = defaultdict[str, list[Breaker]](list)
    for each in breakers:
        groups[cause_of(each, now=now)].append(each)
    return tuple(
        ParkedCause(
            cause=cause,
            count=len(group),
            since=_first(each.opened_at or each.since for each in group),
            next_probe_at=_first(each.next_probe_at for each in group),
            example=str(group[0].key),
        )
        for cause, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _first(times: Iterable[datetime | None]) -> datetime | None:
    known: Sequence[datetime] = [each for each in times if each is not None]
    return min(known, default=None)
