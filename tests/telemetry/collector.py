"""OpenTelemetry's own collector, built from Go modules once for each version, and a stand-in where it cannot be built.

``python -m tests.telemetry.collector`` builds it; the tests take what there is, and their last lines say which.
"""

import base64
import gzip
import json
import os
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection, create_server
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.cluster.kubernetes import binaries
from tests.timeouts import HUNG

SOURCE = Path(__file__).parent / "collector_source"
_REQUESTS: Mapping[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}
"""By ``Content-Encoding`` (RFC 9110, section 8.4.1); the OTLP specification requires the first two of a receiver."""
_IDS = {"traceId", "spanId", "parentSpanId"}
_CONFIGURATION = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "{address}"}}}}}}}}
exporters: {{file: {{path: "{path}"}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
    metrics: {{receivers: [otlp], exporters: [file]}}
    logs: {{receivers: [otlp], exporters: [file]}}
"""


def _name() -> str:
    return f"collector-{binaries.digest(SOURCE)}"


def is_built() -> bool:
    """Tell whether the collector is at hand without building."""
    return (binaries.cache() / _name()).exists()


def built() -> Path:
    """Return the collector's path, built now if it was not before."""
    return binaries.once(_name(), lambda folder: binaries.go_build(SOURCE, folder / "collector")) / "collector"


def kind() -> str:
    """Say what the tests send to: the collector where it is built, or where nothing may be left out."""
    if is_built() or (os.environ.get("CI") and binaries.can_build()):
        return "OpenTelemetry's own"
    return "a stand-in on opentelemetry-proto; make tools TOOLS=collector builds OpenTelemetry's own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that arrived: a span, a point of a metric or a log record, with its attributes as a mapping."""

    content: Mapping[str, Any]
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


@dataclass(kw_only=True)
class Collector:
    """Whatever is listening at *url*; what has arrived can be read once it was stopped."""

    url: str
    stop: Callable[[], list[Mapping[str, Any]]]
    requests: list[Mapping[str, Any]] | None = field(default=None)

    def received(self) -> list[Mapping[str, Any]]:
        """Stop it and return each request in the protocol's JSON."""
        if self.requests is None:
            self.requests = self.stop()
        return self.requests

    def spans(self, name: str | None = None) -> list[Told]:
        """Return the spans, those of one *name*, or all."""
        return [each for each in self._told("Span", "spans") if name in {None, each.content["name"]}]

    def records(self) -> list[Told]:
        """Return the log records."""
        return list(self._told("Log", "logRecords"))

    def points(self, metric: str) -> list[Told]:
        """Return the points of one metric, each with the ``temporality`` of its metric."""
        found: list[Told] = []
        for each in self._told("Metric", "metrics"):
            if each.content["name"] == metric:
                (data,) = (each.content[kind] for kind in ("sum", "gauge", "histogram") if kind in each.content)
                temporality = data.get("aggregationTemporality")
                found += (
                    Told(
                        content={**point, "temporality": temporality, "unit": each.content.get("unit")},
                        attributes=_plain(point),
                        resource=each.resource,
                    )
                    for point in data["dataPoints"]
                )
        return found

    def _told(self, signal: str, name: str) -> Iterator[Told]:
        for request in self.received():
            for of_resource in request.get(f"resource{signal}s", ()):
                resource = _plain(of_resource["resource"])
                for of_scope in of_resource[f"scope{signal}s"]:
                    for content in of_scope[name]:
                        yield Told(content=content, attributes=_plain(content), resource=resource)


def _plain(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    return {each["key"]: _value(each["value"]) for each in holder.get("attributes", ())}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "intValue":
            return int(content)
        case "arrayValue":
            return [_value(each) for each in content.get("values", ())]
        case _:
            return content


@contextmanager
def listening(folder: Path) -> Iterator[Collector]:
    """Start what ``kind`` names; nothing of it is left when the block ends."""
    real = is_built() or (os.environ.get("CI") and binaries.can_build())
    with _real(folder) if real else stand_in() as collector:
        yield collector
        collector.received()


@contextmanager
def _real(folder: Path) -> Iterator[Collector]:
    with closing(create_server(("127.0.0.1", 0))) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    path = folder / "collected.json"
    configuration = _CONFIGURATION.format(address=address, path=path)
    process = subprocess.Popen((built(), "--config", f"yaml:{configuration}"), stderr=subprocess.PIPE, text=True)

    def stop() -> list[Mapping[str, Any]]:
        process.terminate()
        _, complaints = process.communicate(timeout=HUNG)
        assert process.returncode == 0, complaints
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    try:
        _await(address, process)
        yield Collector(url=f"http://{address}", stop=stop)
    finally:
        process.kill()
        process.wait()


def _await(address: str, process: "subprocess.Popen[str]") -> None:
    host, _, port = address.partition(":")
    while True:
        assert process.poll() is None, f"the collector has ended: {process.stderr and process.stderr.read()}"
        try:
            create_connection((host, int(port)), timeout=1).close()
        except OSError:
            threading.Event().wait(0.02)  # it tells nobody that it listens
        else:
            return


@contextmanager
def stand_in() -> Iterator[Collector]:
    """Receive OTLP over HTTP in this process, compressed or not, and refuse what a receiver has to refuse."""
    requests: list[Mapping[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(self._take(body))
            # RFC 9110, section 15.5.16: a client that gets 415 learns which encodings it may use.
            self.send_header("accept-encoding", ", ".join(_DECODERS))
            self.send_header("content-length", "0")
            self.end_headers()

        def _take(self, body: bytes) -> HTTPStatus:
            encoding = self.headers.get("content-encoding", "identity").lower()
            if self.path not in _REQUESTS:
                return HTTPStatus.NOT_FOUND
            if encoding not in _DECODERS or self.headers.get_content_type() != "application/x-protobuf":
                return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            message = _REQUESTS[self.path]()
            try:
                message.ParseFromString(_DECODERS[encoding](body))
            except (EOFError, OSError, zlib.error, DecodeError):
                return HTTPStatus.BAD_REQUEST
            requests.append(_with_hex_ids(MessageToDict(message)))
            return HTTPStatus.OK

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield Collector(url=f"http://127.0.0.1:{server.server_port}", stop=lambda: requests)
        finally:
            server.shutdown()


def _with_hex_ids(value: Any) -> Any:
    """Spell ids as the protocol's JSON does, which differs from protobuf's own."""
    if isinstance(value, dict):
        return {
            name: base64.b64decode(inner).hex() if name in _IDS else _with_hex_ids(inner)
            for name, inner in value.items()
        }
    return [_with_hex_ids(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    built()
