"""Spans of requests: each is below the span that is under way, and says how the request came out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Encoded
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind, use_span

from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ErrorClass
from reconcile.ports import HttpAttempt
from reconcile.telemetry.names import attempt_attributes
from reconcile.telemetry.requests import emit_request_span

RESOURCE = Resource({"service.name": "test"})
SOUND = HttpAttempt(
    provider=ProviderName.HIGHLEVEL,
    operation=Operation.APPOINTMENT,
    method="GET",
    url_template="/calendars/events/appointments/{id}",
    origin="https://services.example.com",
    number=1,
    duration=timedelta(milliseconds=50),
    status=200,
)


def told(*batches: list[HttpAttempt]) -> list[ReadableSpan]:
    """Return the spans of requests that were made in these batches, and each batch's own."""
    tracers, spans = TracerProvider(resource=RESOURCE, shutdown_on_exit=False), InMemorySpanExporter()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    tracer = tracers.get_tracer("reconcile", "1")
    for batch in batches:
        with tracer.start_as_current_span("batch"):
            for attempt in batch:
                emit_request_span(tracer, attempt, attempt_attributes(attempt))
    return list(spans.get_finished_spans())


def all_in(message: object) -> Iterator[Encoded]:
    for of_resource in message.resource_spans:  # type: ignore[attr-defined]
        for of_scope in of_resource.scope_spans:
            yield from of_scope.spans


def test_a_request_span_is_a_child_of_the_current_span_and_has_the_result() -> None:
    failed = replace(SOUND, status=503, error_class=ErrorClass.UNAVAILABLE, number=2)
    first, second, around = (each for each in all_in(encode_spans(told([SOUND, failed]))))

    attributes = {each.key: each.value.string_value or each.value.int_value for each in second.attributes}

    assert (first.kind - 1, first.name) == (SpanKind.CLIENT.value, "GET /calendars/events/appointments/{id}")
    assert first.parent_span_id == second.parent_span_id == around.span_id
    assert first.trace_id == second.trace_id == around.trace_id
    assert len({first.span_id, second.span_id, around.span_id}) == 3
    assert first.end_time_unix_nano - first.start_time_unix_nano == 50_000_000
    assert (first.status.code, second.status.code) == (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR)
    assert attributes["error.type"] == second.status.message == "503"
    assert attributes["http.request.resend_count"] == 1


@pytest.mark.parametrize("is_within_one", [True, False])
def test_without_a_recorded_span_no_request_span_is_created(*, is_within_one: bool) -> None:
    sampler = ALWAYS_OFF if is_within_one else ALWAYS_ON
    tracers, spans = TracerProvider(resource=RESOURCE, sampler=sampler, shutdown_on_exit=False), InMemorySpanExporter()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    tracer = tracers.get_tracer("reconcile")
    if is_within_one:
        with use_span(tracer.start_span("batch")):
            emit_request_span(tracer, SOUND, attempt_attributes(SOUND))
    else:
        emit_request_span(tracer, SOUND, attempt_attributes(SOUND))

    assert not spans.get_finished_spans()


def test_span_limits_of_the_environment_apply_to_request_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    request, _ = told([SOUND])

    assert {len(value) for value in (request.attributes or {}).values() if isinstance(value, str)} == {3}
    assert (len(request.attributes or {}), request.dropped_attributes) == (2, 5)
