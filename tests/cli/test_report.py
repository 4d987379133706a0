"""``reconcile report``: the last report, and the page as a file."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.command import BASE, ROOT, here, reconcile
from tests.cli.conftest import Shop


def left_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if "-" not in each.name)  # but what SQLite keeps beside


async def test_the_last_report_is_printed(shop: Shop) -> None:
    ran = await shop.json("run")

    assert await shop.json("report") == ran
    assert "leads checked" in (await shop.reconcile("report", output="text")).out


async def test_the_page_is_written_completely_and_its_headline_printed(shop: Shop, tmp_path: Path) -> None:
    await shop.json("run")
    file = tmp_path / "page.html"
    file.write_text("the one before")
    done = await shop.reconcile("report", "--html", str(file), "--since", "7d")

    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"{file}: ")
    assert file.read_text().startswith("<!doctype html>")
    assert file.read_text().rstrip().endswith("</html>")
    assert stat.S_IMODE(file.stat().st_mode) & 0o111 == 0
    assert left_in(tmp_path) == ["page.html", "shop.db"]


async def test_the_page_names_no_person(shop: Shop) -> None:
    await shop.json("run")
    page = (await shop.reconcile("report", "--html", "-")).out
    emails = [lead.email for lead in shop.world.leads]

    assert page.startswith("<!doctype html>")
    assert emails
    assert not any(email in page for email in emails)
    assert "@" not in page.replace("@media", "")


async def test_an_empty_ledger_has_a_page_but_no_report(shop: Shop) -> None:
    page, report = await shop.reconcile("report", "--html", "-"), await shop.reconcile("report")

    assert (page.code, "No run yet." in page.out) == (0, True)
    assert (report.code, report.err) == (2, "reconcile: there is no report yet: start a run with reconcile run\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--since", "1h"), "--since needs --html FILE"),
        (("--html", "-", "--since", "10s"), "--since must be from 1m to 90d"),
        (("--html", "-", "--since", "91d"), "--since must be from 1m to 90d"),
        (("--html", "-", "--since", "a while"), "must be a duration like 90s, 10m, 2h or 1h30m"),
    ],
)
def test_contradictory_options_are_refused(arguments: tuple[str, ...], sentence: str) -> None:
    done = here("report", *arguments)

    assert done.code == 2
    assert sentence in done.err


async def test_an_unwritable_path_is_reported_and_left_unchanged(shop: Shop, tmp_path: Path) -> None:
    nowhere = await shop.reconcile("report", "--html", str(tmp_path / "none" / "page.html"))
    folder = await shop.reconcile("report", "--html", str(tmp_path))

    assert (nowhere.code, folder.code) == (2, 2)
    assert "none/page.html cannot be written: No such file or directory" in nowhere.err
    assert "cannot be written: Is a directory" in folder.err


async def test_a_device_stays_a_device(shop: Shop, tmp_path: Path) -> None:
    """A page for a pipe goes through it; it is not replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = await shop.reconcile("report", "--html", str(pipe))
    text = os.read(reader, 15)
    os.close(reader)

    assert (done.code, text) == (0, b"<!doctype html>")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_an_unreachable_database_is_reported(tmp_path: Path) -> None:
    done = reconcile("report", "--html", str(tmp_path / "page.html"), database_url="postgresql://u:p@127.0.0.1:1/x")

    assert done.code == 75
    assert not (tmp_path / "page.html").exists()


async def test_without_the_extra_it_is_said_how_to_install_it(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "vl_convert.py").write_text("raise ImportError")
    shop.env["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT / 'cmd'}{os.pathsep}{ROOT}"
    for arguments in (("report", "--html", "-"), ("serve", "--port", "0")):
        done = await shop.reconcile_anew(*arguments)

        assert (done.code, done.out) == (2, "")
        assert "pip install 'appointment-reconciler[page]'" in done.err


async def test_the_chart_library_is_imported_for_a_page_only(shop: Shop) -> None:
    await shop.json("run")
    code = (
        "import sys\nfrom reconcile_cli.main import cli\n"
        "try: cli(['report'])\n"
        "finally: print(sorted({'jinja2', 'vl_convert', 'aiohttp'} & set(sys.modules)), file=sys.stderr)"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env={**BASE, **shop.env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert out.startswith(b'{"success":true')
    assert err == b"[]\n"


def test_other_addresses_need_a_token() -> None:
    done = here("serve", "--host", "0.0.0.0")  # noqa: S104 - refused

    assert done.code == 78
    assert "serving on 0.0.0.0 needs a token" in done.err


@pytest.mark.parametrize("name", ["templates/page.html", "templates/page.css", "templates/live.js", "svg.py"])
def test_the_wheel_carries_the_page(name: str, wheel: ZipFile) -> None:
    assert f"reconcile/page/{name}" in wheel.namelist()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Give the package as it is built."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return ZipFile(next(folder.glob("*.whl")))
