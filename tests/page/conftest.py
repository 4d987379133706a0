"""Pages to look at, made once from databases with a story, and a browser to look with."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, Request, async_playwright

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.due import DuePolicy
from reconcile.domain.views.page import PageFacts
from reconcile.page.render import page as rendered
from tests import stores
from tests.page.worlds import STORIES
from tests.timeouts import HUNG
from tests.use_cases import page_facts

PHONE, DESK = 360, 1280
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)

Told = Callable[[str], PageFacts]


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Told:
    """Give the facts of a story by its name; its database is made when it is first asked for."""
    found: dict[str, PageFacts] = {}

    async def tell(name: str) -> PageFacts:
        url = stores.sqlite_copy(sqlite_template, tmp_path_factory.mktemp(name))
        told = await STORIES[name](url)
        async with bootstrap.open_database_url(url) as store:
            return await page_facts(store, now=told.now, span=told.span, due=DuePolicy(), breaker=BreakerPolicy())

    def facts(name: str) -> PageFacts:
        if name not in found:
            with ThreadPoolExecutor(1) as thread:  # also where the test's own loop is running
                found[name] = thread.submit(lambda: asyncio.run(tell(name))).result()
        return found[name]

    return facts


@pytest.fixture(scope="session")
def file_of(story: Told, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the file of a story's page."""
    folder = tmp_path_factory.mktemp("pages")

    def path(name: str) -> Path:
        file = folder / f"{name}.html"
        if not file.exists():
            file.write_text(rendered(story(name)))
        return file

    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page in a browser, with all that it asked for and complained of."""

    page: Page
    requests: list[str]
    complaints: list[str]


@dataclass(frozen=True, slots=True)
class Looker:
    """Opens pages, each in a context of its own."""

    browser: Browser

    async def open(self, url: str, *, width: int = DESK, scheme: str = "light", password: str | None = None) -> View:
        """Open *url* and wait until it is there; asked for it, give the *password*."""
        given: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
        if password is not None:
            given["http_credentials"] = {"username": "owner", "password": password}
        page = await (await self.browser.new_context(**given)).new_page()
        page.set_default_timeout(HUNG * 1000)
        view = View(page=page, requests=[], complaints=[])

        def asked(request: Request) -> None:
            view.requests.append(request.url)

        def complained(message: ConsoleMessage) -> None:
            view.complaints.append(message.text)

        async def popped_up(dialog: Dialog) -> None:
            view.complaints.append(f"dialog: {dialog.message}")
            await dialog.dismiss()

        page.on("request", asked)
        page.on("console", complained)
        page.on("pageerror", lambda error: view.complaints.append(str(error)))
        page.on("dialog", popped_up)
        await page.goto(url)
        return view


def program(name: str, package: str) -> str:
    """Return where *name* is; without it a test is skipped, and fails where everything must be tried."""
    found = shutil.which(name)
    if found is None:
        reason = f"there is no {name} on this machine: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
async def looker() -> AsyncIterator[Looker]:
    """Give a real Chromium."""
    chromium = program("chromium", "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS), timeout=HUNG * 1000)
        yield Looker(browser)
        await browser.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
