"""An endpoint that answers 200 with something that is not OTLP: the run goes on, with one warning a signal."""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.command import ARGUMENTS, BASE, here

PAGE = b"<html><body>It works</body></html>"


@pytest.fixture
def web_page() -> Iterator[str]:
    """Serve a web page for every request, as a proxy in front of no collector does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.integration
def test_an_answer_that_is_no_otlp_is_one_warning_a_signal_and_no_traceback(web_page: str, sqlite_url: str) -> None:
    here("migrate", database_url=sqlite_url)
    signals = {"OTEL_EXPORTER_OTLP_ENDPOINT": web_page, "OTEL_LOGS_EXPORTER": "otlp"}
    done = subprocess.run(
        [*ARGUMENTS, "run", "--output", "json", "--database-url", sqlite_url],
        env={**BASE, **signals},
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    warnings = [event for event in map(json.loads, done.stderr.splitlines()) if event["level"] == "warning"]

    assert json.loads(done.stdout)["success"]
    assert {event["event"] for event in warnings} == {"telemetry.not_delivered"}
    assert {event["reason"] for event in warnings} == {"the response is not a collector's"}
    assert sorted(event["signal"] for event in warnings) == ["logs", "metrics", "traces"]
