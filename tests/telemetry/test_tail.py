"""What telemetry costs a run's end: within a limit where a collector is dead, nothing at all where nobody listens."""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from reconcile import bootstrap
from reconcile.domain.ids import RunId
from reconcile.ports.instruments import RUNS
from reconcile.settings import Settings
from reconcile.telemetry import sender as sending
from reconcile.telemetry.otel import OtelTelemetry
from reconcile.telemetry.otel_settings import read_otel_settings
from tests import stores
from tests.cli.command import BASE
from tests.timeouts import HUNG
from tests.use_cases import RunRequest

Broken: TypeAlias = Callable[[], AbstractContextManager[str]]

LIMIT = timedelta(seconds=0.4)
SECRET = "kanarie"


@contextmanager
def dead() -> Iterator[str]:
    """Give an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def silent() -> Iterator[str]:
    """Give one that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def full() -> Iterator[str]:
    """Give one that does not even take connections any more: they hang, as behind a firewall that drops them."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = []
        for _ in range(3):
            client = socket.socket()
            client.settimeout(0)
            client.connect_ex(address)
            waiting.append(client)
        yield f"http://127.0.0.1:{address[1]}"
        for client in waiting:
            client.close()


@contextmanager
def dripping() -> Iterator[str]:
    """Give one that answers a byte at a time, so that no single wait is a long one."""
    is_over = threading.Event()

    def drip(server: socket.socket) -> None:
        peers = []
        while not is_over.is_set():
            try:
                peers.append(server.accept()[0])
                threading.Thread(target=answer, args=(peers[-1],), daemon=True).start()
            except OSError:
                return

    def answer(peer: socket.socket) -> None:
        with peer:
            try:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000:
                    peer.sendall(bytes([byte]))
                    if is_over.wait(0.05):
                        return
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        is_over.set()


BROKEN = pytest.mark.parametrize("broken", [dead, silent, full, dripping], ids=lambda each: each.__name__)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request take longer than any test: only the limit of the end can end it."""
    monkeypatch.setattr(sending, "LIMIT", 2 * HUNG)


@BROKEN
@pytest.mark.parametrize("is_sent_before", [True, False])
def test_no_collector_holds_up_the_end(broken: Broken, is_sent_before: bool, capfd: pytest.CaptureFixture[str]) -> None:
    with broken() as url:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{url}/{SECRET}", "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={SECRET}"}
        telemetry = OtelTelemetry(
            read_otel_settings({**env, "OTEL_LOGS_EXPORTER": "otlp"}), run_id=RunId("run-1"), version="1"
        )
        with telemetry.span("run"):
            telemetry.event("something.happened")
            telemetry.measure(RUNS, 1)
        begun_at = time.monotonic()
        if is_sent_before:
            telemetry.send()
        telemetry.close(LIMIT)
        took = time.monotonic() - begun_at
    printed = capfd.readouterr()

    assert took < HUNG
    assert SECRET not in printed.out + printed.err
    assert "Traceback" not in printed.err


@pytest.mark.integration
@pytest.mark.parametrize("broken", [dead, silent], ids=lambda each: each.__name__)
async def test_a_run_with_a_dead_collector_ends_and_logs_the_loss(
    broken: Broken,
    sqlite_template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings.from_env({"RECONCILE_DATABASE_URL": stores.sqlite_copy(sqlite_template, tmp_path)})
    caplog.set_level(logging.WARNING, logger="reconcile")
    monkeypatch.setattr(logging.getLogger("reconcile"), "propagate", True)
    with broken() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        begun_at = time.monotonic()
        report = await bootstrap.run(settings, RunRequest(workspace_limit=1, leads_per_workspace=1))
        tail = time.monotonic() - begun_at - report.duration.total_seconds()
    lost = [each for each in caplog.records if each.getMessage() == "telemetry.not_delivered"]

    assert report.success
    assert tail < HUNG
    assert {each.facts["signal"] for each in lost} == {"traces", "metrics"}  # type: ignore[attr-defined]


@pytest.mark.integration
def test_without_a_collector_nothing_is_imported(sqlite_template: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from reconcile_cli.main import cli; cli(['run'], standalone_mode=False); "
        "print(sorted(each for each in sys.modules if each.startswith(('opentelemetry', 'google', 'certifi'))))"
    )
    url = stores.sqlite_copy(sqlite_template, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**BASE, "RECONCILE_DATABASE_URL": url},
        capture_output=True,
        check=True,
        text=True,
        timeout=HUNG,
    )

    assert done.stdout.splitlines()[-1] == "[]"
