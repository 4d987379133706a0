"""What is served beside the page, and how often each document is made."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import pytest

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.page.cache import DocumentCache
from reconcile.page.documents import Document
from tests.page.conftest import Told
from tests.page.serving import TOKEN, read_openmetrics, served
from tests.services.fakes import FakeClock


@pytest.mark.parametrize("path", ["", "status.json", "metrics"])
async def test_every_document_needs_the_token(path: str, story: Told, client: aiohttp.ClientSession) -> None:
    async with served(story("empty"), token=TOKEN) as url, client.get(url + path) as answer:
        assert answer.status == 401


async def test_metrics_are_openmetrics_as_prometheus_reads_them(story: Told, client: aiohttp.ClientSession) -> None:
    async with served(story("empty")) as url, client.get(f"{url}metrics") as answer:
        families = read_openmetrics(await answer.text())

    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert families == {
        "reconcile_breaker_state": [({"reconcile_breaker": 'a"b\n'}, 2)],
        "reconcile_leads_due": [({}, 7)],
    }


async def test_the_status_is_served_as_json(story: Told, client: aiohttp.ClientSession) -> None:
    async with served(story("empty")) as url, client.get(f"{url}status.json") as answer:
        assert (answer.status, await answer.json()) == (200, {"standing": "well"})


@pytest.mark.parametrize(
    ("trouble", "errors"),
    [
        (StoreUnavailable("the database does not answer"), ["the database does not answer"]),
        (SettingsError(["there is no table reconcile_run"]), ["there is no table reconcile_run"]),
    ],
)
async def test_status_and_metrics_report_an_unreachable_database(
    trouble: Exception, errors: list[str], client: aiohttp.ClientSession
) -> None:
    async with served(trouble) as url:
        async with client.get(f"{url}status.json") as status:
            found = await status.json()
        async with client.get(f"{url}metrics") as metrics:
            families = read_openmetrics(await metrics.text())

    assert (status.status, found) == (503, {"errors": errors})
    assert (metrics.status, families) == (200, {"reconcile_database_up": [({}, 0)]})


@dataclass
class Kitchen:
    """Counts how often a page is made; each takes as long as the clock is moved on."""

    clock: FakeClock
    takes: float = 0.1
    made: list[str] = field(default_factory=list)
    at_once: int = 0

    async def make(self, name: str) -> Document:
        self.at_once += 1
        assert self.at_once == 1
        await asyncio.sleep(0)
        self.clock.advance(timedelta(seconds=self.takes))
        self.made.append(name)
        self.at_once -= 1
        return Document(status=200, text=name, content_type="text/plain")


async def test_a_page_is_made_once_however_many_look() -> None:
    kitchen = Kitchen(FakeClock())
    cache = DocumentCache(make=kitchen.make, clock=kitchen.clock)
    found = await asyncio.gather(*(cache.document("ab"[n % 2]) for n in range(20)))

    assert [cached.text for cached in found] == ["a", "b"] * 10
    assert kitchen.made == ["a", "b"]


@pytest.mark.parametrize(("takes", "kept"), [(0.1, 5), (2.0, 40), (90.0, 600)])
async def test_a_page_that_is_dear_is_kept_for_longer(takes: float, kept: float) -> None:
    kitchen = Kitchen(FakeClock(), takes=takes)
    cache = DocumentCache(make=kitchen.make, clock=kitchen.clock)
    await cache.document("a")
    kitchen.clock.advance(timedelta(seconds=kept - 0.01))
    await cache.document("a")
    before = len(kitchen.made)
    kitchen.clock.advance(timedelta(seconds=0.02))
    await cache.document("a")

    assert (before, len(kitchen.made)) == (1, 2)
