"""Shared parts of the charts: two formats, one time axis, bars along it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.views.page import PageFacts

Spec = dict[str, Any]

_CLOCK_UP_TO = timedelta(hours=36)
"""From this length on, the axis is labelled by days."""
_LEFT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A chart width in CSS pixels, with the space for names at the left and the number of time labels."""

    name: str
    width: int
    names: int
    times: int


FORMATS = (
    Format(name="wide", width=760, names=190, times=8),
    Format(name="narrow", width=340, names=92, times=4),
)


def timed(facts: PageFacts, form: Format, *, height: int, y: Spec, layers: Sequence[Spec]) -> Spec:
    """Return layers over the page's period; all charts have the same time axis."""
    is_short = facts.now - facts.since <= _CLOCK_UP_TO
    x = time("x")
    x["scale"] = {"type": "utc", "domain": [milliseconds(facts.since), milliseconds(facts.now)], "nice": False}
    x["axis"] = {
        "title": None,
        "format": "%H:%M" if is_short else "%a %d",
        "tickCount": form.times if is_short else {"interval": "day", "step": 1},
        "grid": False,
        "labelFlush": True,
        "labelOverlap": True,
    }
    # The first layer has the axes: without a mark of its own it exists also without data.
    ground = {
        "data": {"values": [{"x": milliseconds(facts.since)}]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {"x": x, "y": {"datum": 0, "type": "quantitative", **y}},
    }
    return {"width": form.width, "height": height, "layer": [ground, *layers]}


def bars(values: Sequence[Mapping[str, float]], color: str, *, is_outlined: bool = False) -> Spec:
    """Return bars of one colour; outlined ones stay visible however short they are."""
    outline = {"stroke": color, "strokeWidth": 1.5} if is_outlined else {}
    return {
        "data": {"values": list(values)},
        "mark": {"type": "rect", "color": color, "clip": False, "aria": False, **outline},
        "encoding": {
            "x": time("x"),
            "x2": {"field": "x2"},
            "y": {"field": "y", "type": "quantitative"},
            "y2": {"field": "y2"},
        },
    }


def bar(facts: PageFacts, start: datetime, end: datetime, y: float, y2: float) -> Mapping[str, float]:
    """Return a bar from *start* to *end*, clipped to the page's period."""
    x, x2 = max(start, facts.since), min(end, facts.now)
    return {"x": milliseconds(x), "x2": milliseconds(x2), "y": y, "y2": y2}


def time(field: str) -> Spec:
    """Return the channel of an instant."""
    return {"field": field, "type": "temporal"}


def counts(top: int = 0, *, form: str = ",d") -> Spec:
    """Return the axis of a quantity up to *top*, with whole numbers for counts."""
    few = {"tickMinStep": 1} if form == ",d" else {}
    return {
        "title": None,
        "format": form,
        "tickCount": min(4, max(top, 2)) if form == ",d" else 4,
        "minExtent": _LEFT,
        "maxExtent": _LEFT,
        "domain": False,
        "ticks": False,
        **few,
    }


def milliseconds(at: datetime) -> float:
    """Return a time for Vega, independent of the machine's time zone."""
    return round(at.timestamp() * 1000)
