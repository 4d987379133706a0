"""An API server of one object, on a port of its own: enough of it for the adapter, and every way to misbehave."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "canary-token-of-the-account"
PATH = "/api/v1/namespaces/shop/configmaps/rec-state"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events"

Misbehaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class ApiServer:
    """What the server holds and has seen; *misbehave* answers in its place, once for each entry."""

    port: int = 0
    annotations: dict[str, str] = field(default_factory=dict)
    version: int = 1
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    patches: list[dict[str, Any]] = field(default_factory=list)
    misbehave: list[Misbehaviour] = field(default_factory=list)
    always: Misbehaviour | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    """Verbs that a question about rights is answered with no to."""

    def document(self) -> dict[str, Any]:
        return {
            "kind": "PartialObjectMetadata",
            "metadata": {
                "name": "rec-state",
                "uid": "u-1",
                "resourceVersion": str(self.version),
                "annotations": dict(self.annotations),
            },
        }

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Behave."""
        if (method, path) == ("GET", PATH):
            return 200, self.document()
        if (method, path) == ("POST", REVIEWS):
            self.asked.append(body["spec"]["resourceAttributes"])
            return 201, {**body, "status": {"allowed": self.asked[-1]["verb"] not in self.forbidden}}
        if (method, path) == ("POST", EVENTS):
            self.events.append(body)
            return 201, body
        if (method, path) != ("PATCH", PATH):
            return 404, {"kind": "Status", "code": 404}
        self.patches.append(body)
        if body["metadata"]["resourceVersion"] != str(self.version):
            return 409, {"kind": "Status", "code": 409}
        merged = {**self.annotations, **body["metadata"]["annotations"]}
        self.annotations = {key: text for key, text in merged.items() if text is not None}
        self.version += 1
        return 200, self.document()


def status(code: int, body: bytes = b'{"kind":"Status"}') -> Misbehaviour:
    """Answer with this status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, code, body)

    return answer


def slow(seconds: float) -> Misbehaviour:
    """Answer late."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        reply(handler, 200, b"{}")

    return answer


def dripping(seconds: float) -> Misbehaviour:
    """Answer byte by byte, so that no single read is slow."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True
    handler.connection.close()


def reply(handler: BaseHTTPRequestHandler, code: int, body: bytes) -> None:
    handler.send_response(code)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    if 300 <= code < 400:
        handler.send_header("Location", "http://127.0.0.1:1/stolen")
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Serve until the block ends."""
    state, lock = ApiServer(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                state.requests.append((self.command, self.path, dict(self.headers)))
                odd = state.misbehave.pop(0) if state.misbehave else state.always
            try:
                if odd is not None:
                    odd(self)
                    return
                with lock:
                    code, document = state.answer(
                        self.command, self.path.partition("?")[0], json.loads(body or b"null")
                    )
                reply(self, code, json.dumps(document).encode())
            except OSError:
                self.close_connection = True

        do_GET = do_PATCH = do_POST = _serve  # noqa: N815 - the standard library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def kubeconfig(folder: Path, port: int) -> Path:
    """Write what leads to the server."""
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
                "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "me", "user": {"token": TOKEN}}],
            }
        )
    )
    return path
