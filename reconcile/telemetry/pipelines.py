"""The SDK's three pipelines, each ending in a ``SignalPipeline``: the SDK batches and aggregates, our sender sends."""

import os
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricReader, MetricsData
from opentelemetry.sdk.metrics.view import Aggregation, ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from reconcile.domain.ids import RunId
from reconcile.telemetry.flusher import SignalPipeline
from reconcile.telemetry.ids import RunIds
from reconcile.telemetry.otel_settings import Signal, Target
from reconcile.telemetry.sender import NotDelivered, Sender

SERVICE = "appointment-reconciler"
_QUEUE = 8192
"""Maximum queue of spans: a run makes some hundreds a second, and a collector may take a second to answer."""


def resource(version: str) -> Resource:
    """Return the resource; attributes from the environment take precedence."""
    detected = OTELResourceDetector().detect().attributes
    ours = {"service.name": SERVICE, "service.version": version}
    return Resource.create({**ours, **{name: detected[name] for name in ours if name in detected}})


def traces(target: Target, *, resource: Resource, run_id: RunId, version: str) -> tuple[TracerProvider, SignalPipeline]:
    """Return the pipeline of spans; sampler, limits and batches come from the environment."""
    pipeline = SignalPipeline(signal=Signal.TRACES, sender=Sender(target, version=version), rejected=_rejected_spans)
    size = None if os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") else _QUEUE
    provider = TracerProvider(resource=resource, id_generator=RunIds(run_id), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_Spans(pipeline), max_queue_size=size))
    pipeline.flush, pipeline.close = provider.force_flush, provider.shutdown
    return provider, pipeline


def metrics(target: Target, *, resource: Resource, version: str) -> tuple[MeterProvider, SignalPipeline]:
    """Return the pipeline of metrics; temporality and histograms come from the environment."""
    pipeline = SignalPipeline(signal=Signal.METRICS, sender=Sender(target, version=version), rejected=_rejected_points)
    reader = _OnDemandReader(pipeline)
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    pipeline.flush = pipeline.close = reader.collect
    return provider, pipeline


class _Spans(SpanExporter):
    def __init__(self, pipeline: SignalPipeline) -> None:
        self._pipeline = pipeline

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        is_there = self._pipeline.deliver(encode_spans(spans).SerializeToString(), count=len(spans))
        return SpanExportResult.SUCCESS if is_there else SpanExportResult.FAILURE


class _OnDemandReader(MetricReader):
    """Exports on request instead of each minute, because most runs are shorter."""

    def __init__(self, pipeline: SignalPipeline) -> None:
        super().__init__(preferred_temporality=_temporality(), preferred_aggregation=_aggregation())
        self._pipeline = pipeline

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 0, **_: object) -> None:  # noqa: ARG002
        self._pipeline.deliver(encode_metrics(metrics_data).SerializeToString(), count=_points(metrics_data))

    def shutdown(self, timeout_millis: float = 0, **_: object) -> None:
        """Do nothing: the pipeline is finished by its flusher."""


def _points(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for of_resource in data.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    )


def _temporality() -> dict[type, AggregationTemporality]:
    """Return delta temporality if preferred; for our instruments ``lowmemory`` is the same."""
    preference = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower()
    if preference not in {"delta", "lowmemory"}:
        return {}
    return {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


def _aggregation() -> dict[type, Aggregation]:
    wish = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "").strip().lower()
    is_exponential = wish == "base2_exponential_bucket_histogram"
    return {Histogram: ExponentialBucketHistogramAggregation()} if is_exponential else {}


def _rejected_spans(answer: bytes) -> int:
    return int(decode_response(ExportTraceServiceResponse, answer).partial_success.rejected_spans)


def _rejected_points(answer: bytes) -> int:
    return int(decode_response(ExportMetricsServiceResponse, answer).partial_success.rejected_data_points)


def decode_response(response: Any, answer: bytes) -> Any:  # noqa: ANN401 - protobuf ships no types
    """Parse a collector's response; a proxy's page with status 200 is refused, as the data may be lost."""
    try:
        return response.FromString(answer)
    except DecodeError:
        raise NotDelivered("the response is not a collector's") from None
