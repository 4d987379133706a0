"""The documents of ``reconcile serve``: the page of a period, the status as JSON, and metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import orjson

from reconcile.domain.views.gauge import Gauge
from reconcile.domain.views.page import PageFacts
from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.page.openmetrics import CONTENT_TYPE, openmetrics
from reconcile.page.render import Live, away, page
from reconcile.ports import Clock

SPANS: Mapping[str, timedelta] = {"3h": timedelta(hours=3), "24h": timedelta(days=1), "7d": timedelta(days=7)}
FIRST_SPAN = "24h"
STATUS, METRICS = "/status.json", "/metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A response's content; the text is sent as UTF-8."""

    status: int
    text: str
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of the documents; each raises StoreUnavailable or SettingsError if the database cannot be read."""

    page: Callable[[timedelta], Awaitable[PageFacts]]
    """The facts of the page over a period."""
    status: Callable[[], Awaitable[object]]
    """The status in plain JSON types, as ``reconcile status --output json`` prints it."""
    gauges: Callable[[], Awaitable[Sequence[Gauge]]]
    unreachable: Sequence[Gauge]
    """The content of ``/metrics`` while the database cannot be read."""


async def make_document(name: str, *, sources: Sources, clock: Clock) -> Document:
    """Return the status, the metrics, or the page of the span *name*."""
    if name == STATUS:
        return await _status(sources)
    if name == METRICS:
        return await _metrics(sources)
    return await _page(sources, name, clock=clock)


async def _page(sources: Sources, chosen: str, *, clock: Clock) -> Document:
    live = Live(spans=tuple(SPANS), chosen=chosen)
    try:
        facts = await sources.page(SPANS[chosen])
    except (StoreUnavailable, SettingsError) as error:
        text = away(_faults(error), now=clock.now(), live=live)
        return Document(status=HTTPStatus.SERVICE_UNAVAILABLE, text=text, content_type="text/html")
    return Document(
        status=HTTPStatus.OK, text=await asyncio.to_thread(page, facts, live=live), content_type="text/html"
    )


async def _status(sources: Sources) -> Document:
    try:
        status, found = HTTPStatus.OK, await sources.status()
    except (StoreUnavailable, SettingsError) as error:
        status, found = HTTPStatus.SERVICE_UNAVAILABLE, {"errors": _faults(error)}
    return Document(status=status, text=orjson.dumps(found).decode(), content_type="application/json")


async def _metrics(sources: Sources) -> Document:
    """Answer 200 also without a database, as exporters do, so that the gauge reports it."""
    try:
        gauges = await sources.gauges()
    except (StoreUnavailable, SettingsError):
        gauges = sources.unreachable
    return Document(status=HTTPStatus.OK, text=openmetrics(gauges), content_type=CONTENT_TYPE)


def _faults(error: StoreUnavailable | SettingsError) -> Sequence[str]:
    return error.faults if isinstance(error, SettingsError) else (str(error),)
