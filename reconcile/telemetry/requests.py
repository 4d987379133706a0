"""Requests to providers as spans of the SDK, each created when the request has ended."""

import time
from collections.abc import Mapping
from datetime import timedelta

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, get_current_span

from reconcile.ports import HttpAttempt
from reconcile.telemetry.names import Attribute, attribute_name

_MICROSECOND = timedelta(microseconds=1)


def emit_request_span(tracer: Tracer, attempt: HttpAttempt, measured: Mapping[str, Attribute]) -> None:
    """Create the span of a request that has just ended, as a child of the current span.

    Without a recorded current span none is created: the sampler excluded the run, or no run is active.
    """
    if not get_current_span().is_recording():
        return
    ended = time.time_ns()
    span = tracer.start_span(
        f"{attempt.method} {attempt.url_template}",
        kind=SpanKind.CLIENT,
        attributes={**measured, **_span_only_attributes(attempt)},
        start_time=ended - attempt.duration // _MICROSECOND * 1000,
        record_exception=False,
        set_status_on_exception=False,
    )
    if (error := measured.get("error.type")) is not None:
        span.set_status(Status(StatusCode.ERROR, str(error)))
    span.end(end_time=ended)


def _span_only_attributes(attempt: HttpAttempt) -> dict[str, Attribute]:
    """Return the attributes of a request that only its span has."""
    found: dict[str, Attribute] = {
        attribute_name("provider"): attempt.provider.value,
        attribute_name("operation"): attempt.operation.value,
    }
    if attempt.number > 1:
        found["http.request.resend_count"] = attempt.number - 1
    return found
