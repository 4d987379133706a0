"""The stand-in for OpenTelemetry's collector, against OpenTelemetry's own exporters and against wrong requests."""

import gzip
import http.client
import zlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.telemetry import collector as collecting
from tests.telemetry.collector import Collector

PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture
def stand_in() -> Iterator[Collector]:
    with collecting.stand_in() as found:
        yield found


def post(url: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the status of the answer and the encodings that it accepts."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["accept-encoding"]
    finally:
        connection.close()


@pytest.mark.parametrize("compression", Compression)
def test_spans_arrive_in_each_compression_that_the_exporter_has(stand_in: Collector, compression: Compression) -> None:
    exporter = OTLPSpanExporter(f"{stand_in.url}/v1/traces", compression=compression)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("run") as span:
        span.set_attribute("leads", 3)
    provider.shutdown()
    (arrived,) = stand_in.spans("run")

    assert arrived.attributes == {"leads": 3}
    assert arrived.content["traceId"] == f"{span.get_span_context().trace_id:032x}"


@pytest.mark.parametrize("compression", Compression)
def test_metrics_arrive_in_each_compression_that_the_exporter_has(
    stand_in: Collector, compression: Compression
) -> None:
    exporter = OTLPMetricExporter(f"{stand_in.url}/v1/metrics", compression=compression)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    provider.get_meter("test").create_counter("runs").add(2)
    provider.shutdown()
    (point,) = stand_in.points("runs")

    assert point.content["asInt"] == "2"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        pytest.param("/v1/traces", b"", PROTOBUF, 200, id="an empty request is valid"),
        pytest.param("/v1/logs", gzip.compress(b""), PROTOBUF | {"content-encoding": "GZIP"}, 200, id="capitals"),
        pytest.param("/v1/logs", b"", PROTOBUF | {"content-encoding": "br"}, 415, id="unknown encoding"),
        pytest.param("/v1/logs", b"{}", {"content-type": "application/json"}, 415, id="JSON"),
        pytest.param("/v1/logs", b"\xff", PROTOBUF, 400, id="not protobuf"),
        pytest.param("/v1/logs", b"no", PROTOBUF | {"content-encoding": "gzip"}, 400, id="not gzip"),
        pytest.param("/v1/logs", gzip.compress(b"")[:-1], PROTOBUF | {"content-encoding": "gzip"}, 400, id="cut gzip"),
        pytest.param("/v1/logs", zlib.compress(b"")[:-1], PROTOBUF | {"content-encoding": "deflate"}, 400, id="cut"),
        pytest.param("/v1/profiles", b"", PROTOBUF, 404, id="unknown signal"),
    ],
)
def test_a_request_is_answered_as_the_specification_says(
    stand_in: Collector, path: str, body: bytes, headers: Mapping[str, str], status: int
) -> None:
    assert post(stand_in.url, path, body, headers) == (status, "identity, gzip, deflate")
    assert len(stand_in.received()) == (status == 200)
