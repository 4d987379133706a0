"""The ``Telemetry`` port on OpenTelemetry's SDK: imported only if ``OTEL_*`` variables enable it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from opentelemetry.metrics import Meter
from opentelemetry.trace import Link, Status, StatusCode, Tracer, get_current_span, use_span
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from reconcile.domain.ids import RunId
from reconcile.ports import HttpAttempt, Span
from reconcile.ports.instruments import INSTRUMENTS, PROVIDER_LATENCY, Instrument, InstrumentKind
from reconcile.ports.telemetry import NoopSpan
from reconcile.telemetry import pipelines
from reconcile.telemetry.flusher import Flusher
from reconcile.telemetry.ids import root_of
from reconcile.telemetry.lines import LoggingTelemetry, is_logged
from reconcile.telemetry.names import Attribute, attempt_attributes, attribute_name, attributes
from reconcile.telemetry.otel_settings import OtelSettings, Signal
from reconcile.telemetry.requests import emit_request_span

_SCOPE = "reconcile"


class OtelTelemetry(LoggingTelemetry):
    """Telemetry of one run by OTLP, and log lines with the trace's ids."""

    def __init__(self, settings: OtelSettings, *, run_id: RunId, version: str, traceparent: str | None = None) -> None:
        """Open the pipelines of *wanted*; the run's trace links to *traceparent*."""
        resource = pipelines.resource(version)
        found = []
        self._tracer: Tracer | None = None
        self._instruments: dict[str, object] = {}
        self._records = None
        if target := settings.targets.get(Signal.TRACES):
            tracers, pipeline = pipelines.traces(target, resource=resource, run_id=run_id, version=version)
            self._tracer = tracers.get_tracer(_SCOPE, version)
            found.append(pipeline)
        if target := settings.targets.get(Signal.METRICS):
            meters, pipeline = pipelines.metrics(target, resource=resource, version=version)
            self._instruments = _instruments(meters.get_meter(_SCOPE, version))
            found.append(pipeline)
        if target := settings.targets.get(Signal.LOGS):
            from reconcile.telemetry.records import Records  # noqa: PLC0415 - only if logs are enabled

            self._records = Records(target, resource=resource, version=version)
            found.append(self._records.pipeline)
        self._flusher = Flusher(found)
        self._links = _links(traceparent)
        _overhear(self)

    def event(self, name: str, **facts: object) -> None:
        """Record *name* as a log line and a record."""
        super().event(name, **facts, **_trace_ids())
        if self._records is not None and is_logged(logging.INFO):
            self._records.add(name, facts, is_warning=False)

    def warning(self, name: str, **facts: object) -> None:
        """Record a problem as a log line and a record."""
        super().warning(name, **facts, **_trace_ids())
        if self._records is not None and is_logged(logging.WARNING):
            self._records.add(name, facts, is_warning=True)

    @contextmanager
    def span(self, name: str, **facts: object) -> Iterator[Span]:
        """Start a span; texts of exceptions are not recorded, because they may hold personal data."""
        if self._tracer is None:
            yield NoopSpan()
            return
        links, self._links = self._links, ()  # they belong to the first span
        sdk_span = self._tracer.start_span(name, attributes=attributes(facts), links=links)
        span = _OtelSpan(sdk_span)
        with use_span(sdk_span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                span.fail(type(error).__name__)
                raise

    def measure(self, instrument: Instrument, value: float, **facts: object) -> None:
        """Add to a counter, set a gauge, or record in a histogram."""
        self._measure(instrument, value, attributes(facts))

    def _measure(self, instrument: Instrument, value: float, found: Mapping[str, Attribute]) -> None:
        kept = self._instruments.get(instrument.name)
        if kept is not None:
            _ACTS[instrument.kind](kept, value, found)

    def record_attempt(self, attempt: HttpAttempt) -> None:
        """Record one request: a span below the current one that ends now, and its duration."""
        measured = attempt_attributes(attempt)
        self._measure(PROVIDER_LATENCY, attempt.duration.total_seconds(), measured)
        if self._tracer is not None:
            emit_request_span(self._tracer, attempt, measured)

    def send(self) -> None:
        """Start to send what is pending."""
        self._flusher.begin()

    def close(self, limit: timedelta) -> None:
        """Send the rest within *limit*, and log what is lost."""
        for signal, losses in self._flusher.close(limit.total_seconds()).items():
            for reason, count in losses.items():
                super().warning("telemetry.not_delivered", signal=signal, reason=reason, count=count)


class _OtelSpan:
    """The port's span over the SDK's."""

    def __init__(self, span: SdkSpan) -> None:
        self._span = span

    def note(self, **facts: object) -> None:
        """Set attributes."""
        self._span.set_attributes(attributes(facts))

    def fail(self, error_class: str, text: str = "") -> None:
        """Mark it as failed."""
        self._span.set_attribute("error.type", str(error_class))
        self._span.set_status(Status(StatusCode.ERROR, text or None))

    def link(self, run_id: RunId) -> None:
        """Link to the root span of another run."""
        self._span.add_link(root_of(run_id), {attribute_name("run_id"): run_id})


_ACTS = {
    InstrumentKind.COUNTER: lambda kept, value, found: kept.add(value, found),
    InstrumentKind.GAUGE: lambda kept, value, found: kept.set(value, found),
    InstrumentKind.HISTOGRAM: lambda kept, value, found: kept.record(value, found),
}


def _instruments(meter: Meter) -> dict[str, object]:
    made: dict[str, object] = {}
    for each in INSTRUMENTS:
        facts = {"unit": each.unit, "description": each.help}
        match each.kind:
            case InstrumentKind.COUNTER:
                made[each.name] = meter.create_counter(each.name, **facts)
            case InstrumentKind.GAUGE:
                made[each.name] = meter.create_gauge(each.name, **facts)
            case InstrumentKind.HISTOGRAM:
                buckets = each.buckets
                made[each.name] = meter.create_histogram(
                    each.name, **facts, explicit_bucket_boundaries_advisory=buckets
                )
    return made


def _trace_ids() -> dict[str, str]:
    """Return the ids of the current span, for log lines."""
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _links(traceparent: str | None) -> tuple[Link, ...]:
    if not traceparent:
        return ()
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    starter = get_current_span(context).get_span_context()
    return (Link(starter),) if starter.is_valid else ()


def _overhear(telemetry: LoggingTelemetry) -> None:
    """Log the SDK's own errors as events, once each and by place only: their texts may hold personal data."""
    logger = logging.getLogger("opentelemetry")
    logger.handlers[:] = [_Complaints(telemetry)]
    logger.propagate = False
    logger.setLevel(logging.WARNING)


class _Complaints(logging.Handler):
    def __init__(self, telemetry: LoggingTelemetry) -> None:
        super().__init__(logging.WARNING)
        self._telemetry = telemetry
        self._heard: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        where = f"{record.name}:{record.lineno}"
        if where not in self._heard:
            self._heard.add(where)
            LoggingTelemetry.warning(self._telemetry, "telemetry.trouble", where=where)
