"""Requests to providers as spans: there are as many as leads, and what like ones have in common is worked out once.

The SDK's own way from a request to bytes takes three times as long:
docs/decisions/0023-telemetry-keeps-its-own-limit.md.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, get_current_span

from reconcile.ports import HttpAttempt
from reconcile.telemetry.names import Attribute, attempt_attributes, attribute_name

_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True, kw_only=True)
class RequestKind:
    """What all requests have in common that were asked alike and came out alike."""

    name: str
    attributes: BoundedAttributes
    measured: Mapping[str, Attribute]
    """The attributes that stand beside its duration too."""
    status: Status


class RequestSpan(ReadableSpan):
    """A span that differs from the others of its kind in its ids and times alone."""

    kind_of_request: RequestKind
    around: SpanContext


class Requests:
    """Makes the spans of requests, each below the span that is under way, and ends them at once."""

    def __init__(self, *, resource: Resource, scope: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope
        self._limits = SpanLimits()
        self._kinds: dict[tuple[object, ...], RequestKind] = {}
        self._random = random.Random()

    def kind(self, attempt: HttpAttempt) -> RequestKind:
        """Return what *attempt* has in common with its like."""
        facts = (attempt.method, attempt.url_template, attempt.origin, attempt.status, attempt.error_class)
        key = (attempt.provider, attempt.operation, attempt.number, *facts)
        known = self._kinds.get(key)
        if known is None:
            known = self._kinds[key] = self._new_kind(attempt)
        return known

    def emit_span(self, attempt: HttpAttempt, kind: RequestKind, end: Callable[[ReadableSpan], None]) -> None:
        """Give the span of *attempt* to *end*, where the span that is under way is recorded."""
        parent = get_current_span()
        if not parent.is_recording():
            return
        around, ended = parent.get_span_context(), time.time_ns()
        span = RequestSpan(
            kind.name,
            SpanContext(
                around.trace_id, self._random.getrandbits(64) or 1, is_remote=False, trace_flags=around.trace_flags
            ),
            around,
            self._resource,
            kind.attributes,
            kind=SpanKind.CLIENT,
            status=kind.status,
            start_time=ended - attempt.duration // _MICROSECOND * 1000,
            end_time=ended,
            instrumentation_scope=self._scope,
        )
        span.kind_of_request, span.around = kind, around
        end(span)

    def _new_kind(self, attempt: HttpAttempt) -> RequestKind:
        measured = attempt_attributes(attempt)
        error = measured.get("error.type")
        limits = self._limits
        return RequestKind(
            name=f"{attempt.method} {attempt.url_template}",
            attributes=BoundedAttributes(
                limits.max_span_attributes,
                {**measured, **_span_only_attributes(attempt)},
                immutable=True,
                max_value_len=limits.max_span_attribute_length,
            ),
            measured=measured,
            status=Status(StatusCode.UNSET) if error is None else Status(StatusCode.ERROR, str(error)),
        )


def encode_request_spans(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """Return *spans* in the protocol's form: of each kind of request one is encoded, the others are copies of it."""
    requests: dict[int, list[RequestSpan]] = {}
    others: list[ReadableSpan] = []
    for span in spans:
        if isinstance(span, RequestSpan):
            requests.setdefault(id(span.kind_of_request), []).append(span)
        else:
            others.append(span)
    message = encode_spans([*(alike[0] for alike in requests.values()), *others])
    if not requests:
        return message
    # All of a run's spans are of one resource and one scope, so the first of each kind are the first in it.
    made = message.resource_spans[0].scope_spans[0].spans
    for first, alike in zip(list(made)[: len(requests)], requests.values(), strict=True):
        for span in alike[1:]:
            copy = made.add()
            copy.CopyFrom(first)
            copy.trace_id = span.context.trace_id.to_bytes(16)
            copy.span_id = span.context.span_id.to_bytes(8)
            copy.parent_span_id = span.around.span_id.to_bytes(8)
            copy.start_time_unix_nano, copy.end_time_unix_nano = span.start_time, span.end_time
    return message


def _span_only_attributes(attempt: HttpAttempt) -> dict[str, Attribute]:
    """Return what is said of a request in its span alone."""
    found: dict[str, Attribute] = {
        attribute_name("provider"): attempt.provider.value,
        attribute_name("operation"): attempt.operation.value,
    }
    if attempt.number > 1:
        found["http.request.resend_count"] = attempt.number - 1
    return found
