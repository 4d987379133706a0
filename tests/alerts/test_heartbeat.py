"""The heartbeat of whole runs: which signals a monitor gets, and that it neither fails nor delays a run."""

import json
import logging
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from reconcile import bootstrap
from reconcile.domain.ids import RunId
from reconcile.errors import RequestError, SettingsError
from reconcile.settings import Settings
from tests.integration.receiver import Receiver, a_receiver
from tests.substitution import substitute_in_test
from tests.timeouts import HUNG
from tests.use_cases import Heartbeat, RunRequest

REQUEST = RunRequest(workspace_limit=1, leads_per_workspace=1)
UNAVAILABLE = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"

pytestmark = pytest.mark.integration


def settings_of(url: str, receiver: Receiver, *, query: str = "") -> Settings:
    return Settings(database_url=url, heartbeat_url=f"{receiver.url}/c4n4ry{query}")


def signals(receiver: Receiver) -> list[str]:
    """Return what was appended to the ping URL, in order of arrival."""
    return [urlsplit(each.target).path.removeprefix("/hook/c4n4ry") for each in receiver.deliveries]


async def test_a_run_signals_start_and_success_with_one_id(migrated_url: str) -> None:
    async with a_receiver() as receiver:
        report = await bootstrap.run(settings_of(migrated_url, receiver, query="?create=1"), REQUEST)
        queries = [parse_qs(urlsplit(each.target).query) for each in receiver.deliveries]
        bodies = [json.loads(each.body) for each in receiver.deliveries]

    assert signals(receiver) == ["/start", ""]
    assert queries[0] == queries[1]
    assert queries[0]["create"] == ["1"]
    assert str(UUID(queries[0]["rid"][0])) == queries[0]["rid"][0]
    assert bodies == [{"runId": report.run_id, "signal": each} for each in ("start", "success")]


async def test_a_run_that_the_caller_calls_failed_signals_failure(migrated_url: str) -> None:
    async with a_receiver() as receiver:
        await bootstrap.run(settings_of(migrated_url, receiver), REQUEST, is_failed=lambda _: True)

    assert signals(receiver) == ["/start", "/fail"]


async def test_a_run_that_cannot_begin_signals_failure(tmp_path: Path) -> None:
    async with a_receiver() as receiver:
        settings = replace(settings_of(f"sqlite:///{tmp_path}/new.db", receiver), schema_mapping=f"{tmp_path}/no.toml")
        with pytest.raises(SettingsError):
            await bootstrap.run(settings, REQUEST)

    assert signals(receiver) == ["/fail"]


@pytest.mark.parametrize("asked", [{"dry_run": True}, {"workspace": "ws-1"}], ids=str)
async def test_a_run_that_says_nothing_of_the_schedule_signals_nothing(
    migrated_url: str, asked: dict[str, object]
) -> None:
    async with a_receiver() as receiver:
        with pytest.raises(RequestError) if "workspace" in asked else nullcontext():  # there is no such workspace
            await bootstrap.run(settings_of(migrated_url, receiver), replace(REQUEST, **asked))  # type: ignore[arg-type]

    assert receiver.deliveries == []


async def test_a_tick_beside_a_run_signals_nothing_unless_that_counts_as_failed(migrated_url: str) -> None:
    async with a_receiver() as receiver, bootstrap.open_database_url(migrated_url) as store:
        await store.leases.acquire("run", holder=RunId("other"), ttl=timedelta(minutes=5))
        settings = settings_of(migrated_url, receiver)
        first = await bootstrap.run(settings, REQUEST)
        before = signals(receiver)
        await bootstrap.run(settings, REQUEST, is_failed=lambda report: report.stopped == "lease_held")

    assert first.stopped == "lease_held"
    assert before == []
    assert signals(receiver) == ["/fail"]


@pytest.mark.parametrize("is_silent", [False, True], ids=["refuses", "is silent"])
async def test_a_broken_monitor_neither_fails_a_run_nor_shows_its_url(
    migrated_url: str, is_silent: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit = timedelta(seconds=0.05 if is_silent else HUNG)
    substitute_in_test(monkeypatch, Heartbeat, partial(Heartbeat, limit=limit))
    with caplog.at_level(logging.WARNING, logger="reconcile"):
        async with a_receiver() as receiver:
            receiver.is_shut, receiver.answer = is_silent, UNAVAILABLE
            report = await bootstrap.run(settings_of(migrated_url, receiver), REQUEST)

    warned = [each for each in caplog.records if "heartbeat" in each.getMessage()]
    assert report.success
    assert len(warned) == 1
    assert "c4n4ry" not in caplog.text
    assert "127.0.0.1" not in caplog.text
