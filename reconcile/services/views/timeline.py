"""The states of breakers as bands of time, from the reports of many runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import Breaker, BreakerScope, BreakerState
from reconcile.domain.views.page import Band
from reconcile.ports import ScheduledRun

_FINEST = 120
"""A band or gap shorter than this part of the period is merged with its neighbour."""
_WORST_FIRST = (BreakerState.OPEN, BreakerState.HALF_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Bands of the breakers in *rows*: those that refuse most first, then the workspaces that waited longest."""

    bands: tuple[Band, ...] = ()
    rows: tuple[str, ...] = ()
    more_count: int = 0


@dataclass(slots=True)
class _BreakerBands:
    """One breaker's bands while they are collected."""

    breaker: str
    bands: list[Band] = field(default_factory=list)

    def see(self, state: str, *, since: datetime, at: datetime, finest: timedelta) -> None:
        """Record that the breaker is in *state* at *at*, and since then unless a report says otherwise."""
        last = self.bands[-1] if self.bands else None
        if last is not None and last.is_current and last.state == state:
            self.bands[-1] = replace(last, end=max(last.end, at))
            return
        start = max(min(since, at), last.end) if last else min(since, at)
        self.rest(start)
        self._begin(Band(breaker=self.breaker, state=state, start=start, end=max(start, at), is_current=True), finest)

    def rest(self, at: datetime | None = None) -> None:
        """Record that the breaker has been closed since *at*, or since it was last seen."""
        if self.bands and self.bands[-1].is_current:
            last = self.bands[-1]
            self.bands[-1] = replace(last, end=max(last.end, at or last.end), is_current=False)

    def _begin(self, band: Band, finest: timedelta) -> None:
        last = self.bands[-1] if self.bands else None
        if last and band.start - last.end < finest and last.end - last.start < finest:
            worse = min(last.state, band.state, key=_badness)
            band = replace(band, start=last.start, state=worse)
            self.bands.pop()
        self.bands.append(band)

    @property
    def lasted(self) -> timedelta:
        return sum((band.end - band.start for band in self.bands), timedelta())


class TimelineBuilder:
    """Reads reports in the order of their runs, for the period from *since* to *now*."""

    def __init__(self, *, since: datetime, now: datetime) -> None:
        self._since, self._now = since, now
        self._finest = (now - since) / _FINEST
        self._bands: dict[str, _BreakerBands] = {}
        self._open_names: set[str] = set()

    def add(self, scheduled_run: ScheduledRun) -> None:
        """Record a run's report of breakers, and that breakers it does not mention are closed."""
        not_closed = {each.name: each for each in scheduled_run.breakers if each.state in _WORST_FIRST}
        for name, each in not_closed.items():
            since = each.since or scheduled_run.ended_at
            self._see(name, each.state, since=since, at=scheduled_run.ended_at)
        closed = {each.name: each.since for each in scheduled_run.breakers}
        for name in self._open_names - not_closed.keys():
            self._bands[name].rest(min(closed.get(name) or scheduled_run.ended_at, scheduled_run.ended_at))
        self._open_names = set(not_closed)

    def timeline(self, breakers: Sequence[Breaker], *, most: int) -> Timeline:
        """Return the bands up to the breakers' current states, in at most *most* rows."""
        stored = {str(each.key): each for each in breakers}
        for name in self._bands.keys() | stored.keys():
            breaker = stored.get(name)
            state = breaker.effective_state(self._now) if breaker else BreakerState.CLOSED
            began_at = (breaker.since if breaker else None) or self._now
            if state in _WORST_FIRST:
                self._see(name, state, since=began_at, at=self._now)
            elif name in self._bands:
                self._bands[name].rest(min(began_at, self._now) if breaker else None)
        shown = _cut([bands for bands in self._bands.values() if bands.bands], most=most)
        # a report lists few of many breakers; the stored row has at least its last transition
        moved = {name for name, each in stored.items() if each.since is not None and each.since >= self._since}
        known = moved.union(name for name, bands in self._bands.items() if bands.bands)
        return replace(shown, more_count=len(known) - len(shown.rows))

    def _see(self, name: str, state: str, *, since: datetime, at: datetime) -> None:
        bands = self._bands.setdefault(name, _BreakerBands(name))
        bands.see(state, since=max(since, self._since), at=at, finest=self._finest)


def _cut(stories: Sequence[_BreakerBands], *, most: int) -> Timeline:
    def order(bands: _BreakerBands) -> tuple[bool, timedelta, str]:
        return bands.breaker.startswith(BreakerScope.WORKSPACE), -bands.lasted, bands.breaker

    shown = sorted(stories, key=order)[:most]
    return Timeline(
        bands=tuple(band for bands in shown for band in bands.bands),
        rows=tuple(bands.breaker for bands in shown),
    )


def _badness(state: str) -> int:
    return _WORST_FIRST.index(BreakerState(state))
