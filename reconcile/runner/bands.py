"""The story of the breakers as bands of time, read out of the reports of many runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker import Breaker, BreakerScope, BreakerState
from reconcile.domain.page import Band
from reconcile.ports import TickRow

_FINEST = 120
"""Of the whole span, a band or a gap shorter than one part in this many is taken together with its neighbour."""
_WORST_FIRST = (BreakerState.OPEN, BreakerState.HALF_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Bands of the breakers in *rows*: those that stop most first, then the workspaces that waited longest."""

    bands: tuple[Band, ...] = ()
    rows: tuple[str, ...] = ()
    more_count: int = 0


@dataclass(slots=True)
class _Story:
    """One breaker's bands as they come."""

    breaker: str
    bands: list[Band] = field(default_factory=list)

    def see(self, state: str, *, since: datetime, at: datetime, finest: timedelta) -> None:
        """Note that the breaker is in *state* at *at*, and has been since then, as far as it was not seen otherwise."""
        last = self.bands[-1] if self.bands else None
        if last is not None and last.is_current and last.state == state:
            self.bands[-1] = replace(last, end=max(last.end, at))
            return
        start = max(min(since, at), last.end) if last else min(since, at)
        self.rest(start)
        self._begin(Band(breaker=self.breaker, state=state, start=start, end=max(start, at), is_current=True), finest)

    def rest(self, at: datetime | None = None) -> None:
        """Note that the breaker has been closed since *at*, or since it was last seen."""
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


def timeline(
    ticks: Iterable[TickRow], breakers: Sequence[Breaker], *, since: datetime, now: datetime, most: int
) -> Timeline:
    """Return what the reports tell of the time since *since*, up to what the breakers are *now*, in *most* rows."""
    finest = (now - since) / _FINEST
    stories: dict[str, _Story] = {}
    troubled: set[str] = set()
    for tick in ticks:
        told = {str(each.get("breaker")): each for each in tick.breakers if each.get("state") in _WORST_FIRST}
        for name, each in told.items():
            began_at = max(_instant(each.get("since")) or tick.ended_at, since)
            story = stories.setdefault(name, _Story(name))
            story.see(each["state"], since=began_at, at=tick.ended_at, finest=finest)
        closed = {str(each.get("breaker")): _instant(each.get("since")) for each in tick.breakers}
        for name in troubled - told.keys():
            stories[name].rest(min(closed.get(name) or tick.ended_at, tick.ended_at))
        troubled = set(told)
    stored = {str(each.key): each for each in breakers}
    for name in stories.keys() | stored.keys():
        breaker = stored.get(name)
        state = breaker.effective_state(now) if breaker else BreakerState.CLOSED
        began_at = (breaker.since if breaker else None) or now
        if state in _WORST_FIRST:
            story = stories.setdefault(name, _Story(name))
            story.see(state, since=max(began_at, since), at=now, finest=finest)
        elif name in stories:
            stories[name].rest(min(began_at, now) if breaker else None)
    return _cut([story for story in stories.values() if story.bands], most=most)


def _cut(stories: Sequence[_Story], *, most: int) -> Timeline:
    def order(story: _Story) -> tuple[bool, timedelta, str]:
        return story.breaker.startswith(BreakerScope.WORKSPACE), -story.lasted, story.breaker

    shown = sorted(stories, key=order)[:most]
    return Timeline(
        bands=tuple(band for story in shown for band in story.bands),
        rows=tuple(story.breaker for story in shown),
        more_count=len(stories) - len(shown),
    )


def _badness(state: str) -> int:
    return _WORST_FIRST.index(BreakerState(state))


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
