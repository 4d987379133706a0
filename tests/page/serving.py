"""A server in the test's own process, over facts that the test gives."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from reconcile.bootstrap.page_server import bug_logger
from reconcile.domain.views.gauge import Gauge
from reconcile.domain.views.page import PageFacts
from reconcile.page.auth import PageAuth
from reconcile.page.documents import Sources
from reconcile.page.server import serve
from tests.services.fakes import FakeClock
from tests.use_cases import unreachable_gauges

TOKEN = "a-token-of-the-page"
GAUGES = (
    Gauge(name="reconcile_breaker_state", help='Said "so".', values={(("reconcile_breaker", 'a"b\n'),): 2}),
    Gauge.single("reconcile_leads_due", "Due.", 7),
)


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"}


def read_openmetrics(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return labels and value of each sample by the name of its metric, as Prometheus' parser reads them."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in families}


@asynccontextmanager
async def served(facts: PageFacts | Exception, *, token: str | None = None) -> AsyncIterator[str]:
    """Serve *facts*, or fail with them, in this process; yield the address."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def source(_: object = None) -> Any:
        if isinstance(facts, Exception):
            raise facts
        return facts

    async def status() -> object:
        await source()
        return {"standing": "well"}

    async def gauges() -> Sequence[Gauge]:
        await source()
        return GAUGES

    sources = Sources(page=source, status=status, gauges=gauges, unreachable=unreachable_gauges())
    auth = PageAuth.at("127.0.0.1", token=token)
    clock, logger = FakeClock(), bug_logger()
    task = asyncio.create_task(
        serve(auth, port=0, sources=sources, clock=clock, logger=logger, on_ready=ready.set_result)
    )
    try:
        yield await ready
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
