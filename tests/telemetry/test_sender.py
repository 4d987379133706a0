"""One POST to a collector that is well, busy, gone, silent or somebody else."""

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reconcile.telemetry import sender as sending
from reconcile.telemetry.otel_settings import Target
from reconcile.telemetry.sender import NotDelivered, Sender

SECRET = "kanarie"


@dataclass
class Peer:
    """Answers with these statuses, one after another; the last one again and again."""

    statuses: list[int]
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def a_peer(*statuses: int) -> Iterator[Peer]:
    peer = Peer(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            peer.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            peer.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(peer.statuses.pop(0) if len(peer.statuses) > 1 else peer.statuses[0])
            self.send_header("location", f"{peer.url}/elsewhere")
            self.end_headers()
            self.wfile.write(b"an answer")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        peer.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield peer
        finally:
            server.shutdown()


def a_sender(url: str, *, is_gzip: bool = False) -> Sender:
    return Sender(Target(url=url, headers={"api-key": SECRET}, is_gzip=is_gzip), version="1.2.3")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LIMIT", 0.3)
    monkeypatch.setattr(sending, "_FIRST_PAUSE", 0.01)


def test_it_is_delivered_once_with_its_headers() -> None:
    with a_peer(200) as peer:
        answer = a_sender(peer.url).send(b"body")

    assert (answer, peer.bodies) == (b"an answer", [b"body"])
    assert peer.headers[0]["content-type"] == "application/x-protobuf"
    assert peer.headers[0]["api-key"] == SECRET
    assert peer.headers[0]["user-agent"] == "appointment-reconciler/1.2.3"


def test_data_is_compressed_if_configured() -> None:
    with a_peer(200) as peer:
        a_sender(peer.url, is_gzip=True).send(b"body" * 1000)

    assert gzip.decompress(peer.bodies[0]) == b"body" * 1000
    assert peer.headers[0]["content-encoding"] == "gzip"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_collector_gets_a_retry(status: int) -> None:
    with a_peer(status, status, 200) as peer:
        a_sender(peer.url).send(b"body")

    assert peer.bodies == [b"body"] * 3


@pytest.mark.parametrize("status", [301, 307, 308, 400, 401, 404, 413, 500])
def test_a_refusal_is_final_and_no_redirect_is_followed(status: int) -> None:
    with a_peer(status) as peer, pytest.raises(NotDelivered, match=rf"^the collector answered {status}$"):
        a_sender(peer.url).send(b"body")

    assert peer.bodies == [b"body"]


def test_a_collector_that_stays_busy_is_given_up_within_the_limit() -> None:
    with a_peer(503) as peer, pytest.raises(NotDelivered, match=r"^the collector answered 503$"):
        a_sender(peer.url).send(b"body")

    assert len(peer.bodies) > 1


def test_a_closed_sender_makes_no_further_attempt() -> None:
    with a_peer(503) as peer:
        sender = a_sender(peer.url)
        sender.close()
        with pytest.raises(NotDelivered):
            sender.send(b"body")

    assert len(peer.bodies) == 1


def test_a_refused_connection_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotDelivered, match=r"^the collector could not be reached$") as caught:
        a_sender(f"http://127.0.0.1:{port}/{SECRET}").send(b"body")

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None or caught.value.__suppress_context__


def test_silence_is_given_up_within_the_limit() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(NotDelivered, match=r"^the collector did not answer in time$"),
    ):
        a_sender(f"http://127.0.0.1:{silent.getsockname()[1]}").send(b"body")


def test_a_server_without_http_is_no_collector() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(b"220 mail.example ESMTP\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(NotDelivered, match=r"^the response is not a collector's$"):
            a_sender(f"http://127.0.0.1:{server.getsockname()[1]}").send(b"body")


def test_a_certificate_that_is_not_there_is_no_collectors_fault() -> None:
    target = Target(url="https://127.0.0.1:1/v1/traces", ca_file="/nowhere.pem")
    with pytest.raises(NotDelivered, match="certificate or key"):
        Sender(target, version="1").send(b"body")


def test_an_untrusted_certificate_is_reported() -> None:
    with a_peer(200) as peer, pytest.raises(NotDelivered, match="certificate is not trusted"):
        a_sender(peer.url.replace("http:", "https:")).send(b"body")
