"""The charts as Vega-Lite specifications, each for wide pages and for phones."""

from collections.abc import Sequence

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.formatting import visible
from reconcile.domain.run.verification_ages import AGES
from reconcile.domain.views.page import PageFacts
from reconcile.page.axes import Format, Spec, bar, bars, counts, milliseconds, time, timed

AGE_LABELS = ("≤ 1 h", "≤ 1 day", "≤ 7 days", "older", "never")
_ROW = 24
_BAND_ROW = 38
_LETTER = 8


def top_rate(facts: PageFacts) -> float:
    """Return the end of the rate axis: a round number above the worst run."""
    highest = max((each.worst for each in facts.moments), default=0.0)
    return next((limit for limit in (0.05, 0.1, 0.25, 0.5) if highest <= limit), 1.0)


def rates(facts: PageFacts, form: Format) -> Spec:
    """Return the error rate over time: of all checks, and behind it of the worst run."""
    moments = [each for each in facts.moments if each.runs]
    top = top_rate(facts)
    worst = [bar(facts, each.start, each.end, 0, each.worst) for each in moments if each.worst > each.rate]
    plain = [bar(facts, each.start, each.end, 0, each.rate) for each in moments if each.errors]
    limit = [{"y": facts.trip_rate}] if facts.trip_rate <= top else []
    rule = {"type": "rule", "color": "var(--ink)", "strokeDash": [4, 3], "aria": False}
    return timed(
        facts,
        form,
        height=110,
        y={"scale": {"domain": [0, top]}, "axis": counts(form="%")},
        layers=[
            bars(worst, "var(--bad-soft)"),
            bars(plain, "var(--bad)"),
            {"data": {"values": limit}, "mark": rule, "encoding": {"y": {"field": "y", "type": "quantitative"}}},
        ],
    )


def checks(facts: PageFacts, form: Format) -> Spec:
    """Return the number of checks over time, the failed ones at the bottom."""
    failed = [bar(facts, each.start, each.end, 0, each.errors) for each in facts.moments if each.errors]
    successful = [bar(facts, m.start, m.end, m.errors, m.checks) for m in facts.moments if m.checks > m.errors]
    top = max((each.checks for each in facts.moments), default=0)
    return timed(
        facts,
        form,
        height=130,
        y={"scale": {"domain": [0, max(top, 1)], "nice": True}, "axis": counts(top)},
        layers=[bars(successful, "var(--good)"), bars(failed, "var(--bad)")],
    )


def at_risk(facts: PageFacts, form: Format) -> Spec:
    """Return the number of meetings of the next 24 hours that were not verified for an hour, by run."""
    seen = [bar(facts, each.start, each.end, 0, each.at_risk) for each in facts.moments if each.at_risk]
    top = max((each.at_risk or 0 for each in facts.moments), default=0)
    return timed(
        facts,
        form,
        height=100,
        y={"scale": {"domain": [0, max(top, 1)], "nice": True}, "axis": counts(top)},
        layers=[bars(seen, "var(--warn)")],
    )


def breakers(facts: PageFacts, form: Format) -> Spec:
    """Return the bands of each breaker below its name: open at full height, half open at half."""
    places = {name: number * _BAND_ROW for number, name in enumerate(facts.band_rows)}
    height = _BAND_ROW * len(places)
    names = [
        {"name": visible(name), "y": place + 14, "at": milliseconds(facts.since)} for name, place in places.items()
    ]
    lines = [{"y": place + _BAND_ROW - 5} for place in places.values()]
    bands = {
        state: [
            bar(facts, band.start, band.end, places[band.breaker] + top, places[band.breaker] + 33)
            for band in facts.bands
            if band.state == state
        ]
        for state, top in ((BreakerState.OPEN, 17), (BreakerState.HALF_OPEN, 25))
    }
    text = {
        "type": "text",
        "align": "left",
        "baseline": "bottom",
        "color": "var(--ink)",
        "limit": form.width - 60,
        "aria": False,
    }
    rule = {"type": "rule", "color": "var(--line)", "aria": False}
    at_y = {"field": "y", "type": "quantitative"}
    return timed(
        facts,
        form,
        height=height + 26,
        y={"scale": {"domain": [height, 0], "nice": False}, "axis": counts() | {"labels": False, "grid": False}},
        layers=[
            {"data": {"values": lines}, "mark": rule, "encoding": {"y": at_y}},
            bars(bands[BreakerState.OPEN], "var(--bad)", is_outlined=True),
            bars(bands[BreakerState.HALF_OPEN], "var(--warn)", is_outlined=True),
            {
                "data": {"values": names},
                "mark": text,
                "encoding": {"y": at_y, "x": time("at"), "text": {"field": "name"}},
            },
        ],
    )


def ages(facts: PageFacts, form: Format) -> Spec:
    """Return each workspace's bookings by age of verification, as a heat map with numbers."""
    rows: list[tuple[str, Sequence[int]]] = [(each.workspace_id, each.counts) for each in facts.ages.worst]
    if facts.ages.workspace_count > 1:
        rows.insert(0, (f"all {facts.ages.workspace_count:,}", facts.ages.counts))
    if others := facts.ages.workspace_count - len(facts.ages.worst):
        rows.append((f"{others:,} others", facts.ages.others))
    cells = [
        {"name": visible(name), "age": label, "count": count, "share": count / max(1, sum(numbers))}
        for name, numbers in rows
        for label, count in zip(AGE_LABELS, numbers, strict=True)
    ]
    names = [visible(name) for name, _ in rows]
    room = min(form.names, _LETTER * max(map(len, names)) + 8)
    y = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "axis": {
            "title": None,
            "domain": False,
            "ticks": False,
            "labelColor": "var(--ink)",
            # The reader's font may be wider than ours: a third of the space is left free.
            "labelLimit": 0.75 * room,
            "minExtent": room,
            "maxExtent": room,
        },
    }
    x = {
        "field": "age",
        "type": "ordinal",
        "sort": list(AGE_LABELS),
        "axis": {"title": None, "orient": "top", "labelAngle": 0, "domain": False, "ticks": False},
    }
    shade = {
        "field": "age",
        "type": "ordinal",
        "legend": None,
        "scale": {"domain": list(AGE_LABELS), "range": [f"var(--age-{n})" for n in range(len(AGES) + 2)]},
    }
    strength = {
        "field": "share",
        "type": "quantitative",
        "legend": None,
        "scale": {"domain": [0, 1], "range": [0.35, 1]},
    }
    cell = {"type": "rect", "stroke": "var(--card)", "strokeWidth": 2, "aria": False}
    return {
        "width": form.width,
        "height": _ROW * len(rows) + 24,
        "data": {"values": cells},
        "encoding": {"x": x, "y": y},
        "layer": [
            {"mark": {**cell, "color": "var(--empty)"}},
            {
                "transform": [{"filter": "datum.count > 0"}],
                "mark": cell,
                "encoding": {"color": shade, "fillOpacity": strength},
            },
            {
                "transform": [{"filter": "datum.count > 0"}],
                "mark": {"type": "text", "color": "var(--ink)", "aria": False},
                "encoding": {"text": {"field": "count", "type": "quantitative", "format": ",d"}},
            },
        ],
    }
