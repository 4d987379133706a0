"""Spans of requests: copies of one of their kind, and the same as if each were encoded by itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Encoded
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, use_span

from reconcile.domain.ids import Operation, ProviderName
from reconcile.errors import ErrorClass
from reconcile.ports import HttpAttempt
from reconcile.telemetry.requests import Requests, encode_request_spans

RESOURCE = Resource({"service.name": "test"})
SCOPE = InstrumentationScope("reconcile", "1")
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
ATTEMPTS = st.builds(
    HttpAttempt,
    provider=st.sampled_from(ProviderName),
    operation=st.sampled_from([Operation.APPOINTMENT, Operation.CONTACT_SEARCH]),
    method=st.sampled_from(["GET", "POST"]),
    url_template=st.sampled_from(["/a/{id}", "/b"]),
    origin=st.just("https://services.example.com"),
    number=st.integers(1, 3),
    duration=st.timedeltas(min_value=timedelta(0), max_value=timedelta(minutes=1)),
    status=st.sampled_from([None, 200, 404, 503]),
    error_class=st.sampled_from([None, ErrorClass.TIMEOUT, ErrorClass.UNAVAILABLE]),
)


def told(*batches: list[HttpAttempt]) -> list[ReadableSpan]:
    """Return the spans of requests that were made in these batches, and each batch's own."""
    tracer = TracerProvider(resource=RESOURCE, shutdown_on_exit=False).get_tracer("reconcile", "1")
    requests, spans = Requests(resource=RESOURCE, scope=SCOPE), list[ReadableSpan]()
    for batch in batches:
        with tracer.start_as_current_span("batch") as around:
            for attempt in batch:
                requests.emit_span(attempt, requests.kind(attempt), spans.append)
        assert isinstance(around, ReadableSpan)
        spans.append(around)
    return spans


def all_in(message: object) -> Iterator[Encoded]:
    for of_resource in message.resource_spans:  # type: ignore[attr-defined]
        for of_scope in of_resource.scope_spans:
            yield from of_scope.spans


@given(st.lists(st.lists(ATTEMPTS, max_size=6), max_size=4))
def test_copies_are_what_the_sdk_would_have_made_of_each(batches: list[list[HttpAttempt]]) -> None:
    spans = told(*batches)

    ours, theirs = encode_request_spans(spans), encode_spans(spans)

    assert sorted(each.SerializeToString() for each in all_in(ours)) == sorted(
        each.SerializeToString() for each in all_in(theirs)
    )
    assert [each.resource for each in ours.resource_spans] == [each.resource for each in theirs.resource_spans]


def test_a_span_is_below_the_one_that_is_under_way_and_says_how_the_request_came_out() -> None:
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
def test_below_a_span_that_nobody_records_there_is_none(*, is_within_one: bool) -> None:
    tracer = TracerProvider(resource=RESOURCE, sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("reconcile")
    requests, spans = Requests(resource=RESOURCE, scope=SCOPE), list[ReadableSpan]()
    if is_within_one:
        with use_span(tracer.start_span("batch")):
            requests.emit_span(SOUND, requests.kind(SOUND), spans.append)
    else:
        requests.emit_span(SOUND, requests.kind(SOUND), spans.append)

    assert not spans


def test_what_the_environment_says_of_a_spans_length_holds_for_requests_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    request, _ = told([SOUND])

    assert {len(value) for value in (request.attributes or {}).values() if isinstance(value, str)} == {3}
    assert (len(request.attributes or {}), request.dropped_attributes) == (2, 5)
