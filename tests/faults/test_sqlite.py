"""SQLite's file: locked, unwritable at each write, full at each write, killed at each write, damaged."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.errors import SettingsError
from reconcile.store.db import engines
from tests import samples
from tests.faults.company import TRY_LATER, run_here
from tests.faults.file_company import FileScene, a_file_scene
from tests.integration.processes import Company, Ended
from tests.programs import skip_unless_it_runs

pytestmark = pytest.mark.integration

SETTINGS = 78
FAILURES = {
    "I/O error": "pwrite64:error=EIO:when={at}",
    "no room left": "pwrite64:error=ENOSPC:when={at}",
    "no room left from then on": "pwrite64:error=ENOSPC:when={at}+",
    "not on the disk": "fdatasync:error=EIO:when={at}",
    "killed": "pwrite64:signal=KILL:when={at}",
}


@pytest.fixture
async def files(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[FileScene]:
    async with a_file_scene(sqlite_template, tmp_path) as scene:
        yield scene


def tracer(company: Company, *arguments: str) -> tuple[str, ...]:
    """Return what stands before a command whose calls on the database's files are to be traced."""
    path = company.url.removeprefix("sqlite:///")
    places = [part for suffix in ("", "-wal", "-journal") for part in ("-P", f"{path}{suffix}")]
    return ("strace", "-f", "--seccomp-bpf", "-o", f"{path}.trace", *places, *arguments)


async def traced(company: Company, *arguments: str) -> Ended:
    return await (await company.start(prefix=tracer(company, *arguments))).ended()


async def writes_of_a_run(files: FileScene) -> dict[str, int]:
    """Return how often an undisturbed run makes each call."""
    calls = ("pwrite64", "fdatasync")
    async with files.company() as company:
        assert (await traced(company, "-e", f"trace={','.join(calls)}")).code == 0
        trace = await asyncio.to_thread(Path(f"{company.url.removeprefix('sqlite:///')}.trace").read_text)
    return {call: len(re.findall(rf"\b{call}\(", trace)) for call in calls}


@samples.cells(1)
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_fault_at_any_write_costs_no_more_than_a_run(files: FileScene, failure: str, is_thorough: bool) -> None:
    skip_unless_it_runs("strace", "-qq", "true", package="strace")
    injection = FAILURES[failure]
    call = injection.partition(":")[0]
    count = (await writes_of_a_run(files))[call]
    assert count >= 2
    for at in range(1, count + 1, max(1, count // 16)) if is_thorough else [count // 2]:
        async with files.company() as company:
            ended = await traced(company, "-e", f"trace={call}", "-e", f"inject={injection.format(at=at)}")
            await files.ends_well(company)

            assert ended.code in ({-9, 128 + 9, 0} if failure == "killed" else {0, TRY_LATER}), (ended, at)
            assert "Traceback" not in ended.err, (ended, at)


async def test_a_locked_file_is_tried_later(files: FileScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with files.company() as company:
        with closing(sqlite3.connect(company.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with monkeypatch.context() as patch:
                patch.setattr(engines, "BUSY_TIMEOUT", 0.1)
                told = await run_here(company)
            other.execute("ROLLBACK")
        await files.ends_well(company)

        assert told.code == TRY_LATER


async def test_a_file_with_a_damaged_header_is_refused(files: FileScene) -> None:
    """A person is needed: no later run finds it whole."""
    async with files.company() as company:
        path = company.url.removeprefix("sqlite:///")
        with open(path, "r+b") as file:  # noqa: ASYNC230, PTH123
            file.write(b"\xff" * 100)
        with pytest.raises(SettingsError, match="cannot be used"):
            await run_here(company)
        ended = await company.run()

        assert ended.code == SETTINGS
        assert "Traceback" not in ended.err


async def test_a_file_with_damaged_pages_is_reported_for_repair(files: FileScene) -> None:
    async with files.company() as company:
        path = company.url.removeprefix("sqlite:///")
        with open(path, "r+b") as file:  # noqa: ASYNC230, PTH123
            file.seek(4096)
            file.write(b"\xff" * 4096 * 40)
        ended = await company.run()

        assert ended.code == SETTINGS
        assert "Traceback" not in ended.err
