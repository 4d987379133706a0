"""The page as it is served: to whom, under which name, how often it is made, and how it ends."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import orjson
import pytest

from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.page.auth import PageAuth
from tests import samples
from tests.cli.command import ARGUMENTS, BASE
from tests.page.conftest import Looker, Told
from tests.page.serving import TOKEN, basic, served


async def test_the_page_is_there_with_headers_that_keep_it_apart(story: Told, client: aiohttp.ClientSession) -> None:
    async with served(story("empty")) as url, client.get(url) as answer:
        text = await answer.text()

    assert answer.status == 200
    assert "No run yet." in text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "ython" not in answer.headers["Server"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("", "HEAD", 200),
        ("?span=7d", "GET", 200),
        ("?span=9d", "GET", 400),
        ("healthz", "GET", 200),
        ("status.json", "GET", 200),
        ("metrics", "HEAD", 200),
        ("metrics/", "GET", 404),
        ("status.json", "POST", 405),
        ("favicon.ico", "GET", 404),
        ("../etc/passwd", "GET", 404),
        ("", "POST", 405),
        ("", "OPTIONS", 405),
        ("healthz", "DELETE", 405),
    ],
)
async def test_it_can_be_read_and_nothing_else(
    path: str, method: str, status: int, story: Told, client: aiohttp.ClientSession
) -> None:
    async with served(story("empty")) as url, client.request(method, url + path) as answer:
        assert answer.status == status
        assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8710", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 421), ("evil.example:8710", 421)],
)
async def test_a_foreign_host_name_is_refused(
    host: str, status: int, story: Told, client: aiohttp.ClientSession
) -> None:
    """What a page elsewhere does by its own domain's address: DNS rebinding."""
    async with served(story("empty")) as url, client.get(url, headers={"Host": host}) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        (basic(TOKEN), 200),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        (basic(f"{TOKEN}x"), 401),
        ({"Authorization": "Basic %%%"}, 401),
        ({"Authorization": f"Digest {TOKEN}"}, 401),
        ({"Authorization": "Bearer"}, 401),
    ],
)
async def test_a_configured_token_is_required(
    headers: dict[str, str], status: int, story: Told, client: aiohttp.ClientSession
) -> None:
    async with served(story("empty"), token=TOKEN) as url, client.get(url, headers=headers) as answer:
        text = await answer.text()

    assert answer.status == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert TOKEN not in text + str(answer.headers)


async def test_probes_need_no_token(story: Told, client: aiohttp.ClientSession) -> None:
    async with served(story("empty"), token=TOKEN) as url, client.get(f"{url}healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "reports.internal"])  # noqa: S104 - refused
def test_other_addresses_are_refused_without_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match=r"needs a token.*RECONCILE_PAGE_TOKEN"):
        PageAuth.at(host, token=None)

    assert PageAuth.at(host, token=TOKEN).knows_host("any.name") is True


@pytest.mark.parametrize(
    "trouble", [StoreUnavailable("the database does not answer"), SettingsError(["there is no table reconcile_run"])]
)
async def test_an_unreachable_database_is_reported(
    trouble: Exception, client: aiohttp.ClientSession, looker: Looker
) -> None:
    async with served(trouble) as url:
        async with client.get(url) as answer:
            assert answer.status == 503
            assert str(trouble)[1:] in await answer.text()
        view = await looker.open(url)

        assert await view.page.locator("h1").inner_text() == "The state cannot be read now."
        assert await view.page.locator("#refresh").is_visible()


async def test_a_bug_is_logged_by_type_and_place_and_the_server_lives_on(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(KeyError("somebody@example.org")) as url:
        async with client.get(url) as answer:
            text = await answer.text()
        async with client.get(f"{url}healthz") as alive:
            assert alive.status == 200
    (record,) = [each for each in caplog.records if each.name == "reconcile.serve"]

    assert answer.status == 500
    assert record.facts["what"].startswith("KeyError in source at serving.py:")  # type: ignore[attr-defined]
    assert "somebody" not in text + caplog.text


async def test_it_refreshes_itself_unless_somebody_reads_a_table(story: Told, looker: Looker) -> None:
    async with served(story("parked-workspace")) as url:
        page = (await looker.open("about:blank")).page
        await page.add_init_script("window.setInterval = (act, pause) => { window.tick = act; window.pause = pause; }")
        loads: list[str] = []
        page.on("load", lambda each: loads.append(each.url))
        await page.goto(url)
        async with page.expect_navigation():
            await page.evaluate("void tick()")
        after_one = len(loads)
        await page.locator("summary").first.click()
        await page.evaluate("document.activeElement.blur()")
        await page.evaluate("tick()")
        await page.evaluate("document.querySelector('details').open = false")
        await page.locator("#refresh input").uncheck()
        await page.evaluate("document.activeElement.blur()")
        await page.evaluate("tick()")
        await page.reload()

        assert await page.evaluate("pause") == 30_000
        assert after_one == 2
        assert len(loads) == 3
        assert await page.locator("#refresh input").is_checked() is False


async def test_a_server_that_has_gone_is_said_and_the_page_stays(story: Told, looker: Looker) -> None:
    page = (await looker.open("about:blank")).page
    await page.add_init_script("window.setInterval = (act) => { window.tick = act; }")
    async with served(story("empty")) as url:
        await page.goto(url)
    await page.evaluate("tick()")

    assert await page.locator("[role=status]").inner_text() == (
        "The server does not answer: this is how things were before."
    )
    assert await page.locator("h1").inner_text() == "No run yet."


@samples.WHOLE
async def test_spans_are_chosen_by_links(story: Told, looker: Looker) -> None:
    async with served(story("healthy-week")) as url:
        view = await looker.open(url)
        first = await view.page.locator("[aria-current]").inner_text()
        await view.page.get_by_role("link", name="last 7d").click()
        await view.page.wait_for_url("**/?span=7d")

        assert (first, await view.page.locator("[aria-current]").inner_text()) == ("last 24h", "last 7d")
        assert view.complaints == []
        assert {request.partition("?")[0] for request in view.requests} == {url}


@samples.cells(1)
@pytest.mark.parametrize("before", [(), ("sh", "-c", 'trap "" INT; exec "$@"', "sh")], ids=["before", "behind"])
async def test_the_command_serves_until_it_is_told_to_end(
    before: Sequence[str], looker: Looker, tmp_path: Path
) -> None:
    """Also behind a script, which lets those that it puts there ignore SIGINT."""
    database = tmp_path / "company.db"
    (tmp_path / "token").write_text(TOKEN)
    env = {
        **BASE,
        "RECONCILE_DATABASE_URL": f"sqlite:///{database}",
        "RECONCILE_PAGE_TOKEN_FILE": str(tmp_path / "token"),
    }
    process = await asyncio.create_subprocess_exec(
        *(*before, *ARGUMENTS, "serve", "--host", "0.0.0.0", "--port", "0"),  # noqa: S104 - with a token
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = orjson.loads(await process.stdout.readline())["url"].replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    view = await looker.open(url, password=TOKEN)
    shown = await view.page.locator("h1").inner_text()
    process.send_signal(signal.SIGTERM)
    try:
        _, err = await asyncio.wait_for(process.communicate(), 300)
    finally:
        if process.returncode is None:
            process.kill()

    assert shown == "The state cannot be read now."
    assert process.returncode == 143
    assert err.decode() == "reconcile: ended by SIGTERM\n"
