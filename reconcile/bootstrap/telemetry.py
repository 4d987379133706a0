"""Creates a run's logs, and OpenTelemetry if ``OTEL_*`` variables enable it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import reconcile
from reconcile.domain.ids import RunId
from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.ports import Telemetry
from reconcile.services.lookup.limits.time_budget import Stop
from reconcile.telemetry import LoggingTelemetry
from reconcile.telemetry.otel_settings import OtelSettings, read_otel_settings

if TYPE_CHECKING:
    from reconcile.telemetry.otel import OtelTelemetry

_LIMIT = timedelta(seconds=2.5)
_LIMIT_ON_SIGTERM = timedelta(seconds=1)
"""Seconds for telemetry at exit; the run may have used most of the ten seconds until SIGKILL."""
_CONTRADICTION = "OTEL_* variables contradict each other"


@contextmanager
def telemetry_of(run_id: RunId, *, stop: Stop) -> Iterator[Telemetry]:
    """Yield the run's telemetry; it is flushed when the block ends, within a limit.

    The variables are read from the process's environment, as the SDK reads its own. An invalid one disables its signal
    and logs a warning; the run is not affected.
    """
    settings = read_otel_settings(os.environ)
    for fault in settings.faults:
        LoggingTelemetry().warning("telemetry.not_understood", text=fault)
    if not settings.targets:
        yield LoggingTelemetry()
        return
    try:
        telemetry = _otel(settings, run_id)
    except ValueError:
        LoggingTelemetry().warning("telemetry.not_understood", text=_CONTRADICTION)
        yield LoggingTelemetry()
        return
    try:
        yield telemetry
    finally:
        telemetry.close(_LIMIT_ON_SIGTERM if stop.is_terminated else _LIMIT)


def telemetry_findings() -> Sequence[Finding]:
    """Return which signals a run would send and which variables are invalid; nothing is sent."""
    settings = read_otel_settings(os.environ)
    signals, faults = " and ".join(settings.targets), list(settings.faults)
    if settings.targets:
        try:
            _otel(settings, RunId("doctor")).close(timedelta(0))
        except ValueError:
            signals, faults = "", [*faults, _CONTRADICTION]
    fine = [Finding(subject="telemetry", verdict=FindingStatus.FINE, text=f"{signals} are sent to a collector")]
    remedy = "correct the variables: until then some signals are not sent; runs are not affected"
    return [
        *(fine if signals else ()),
        *(Finding(subject="telemetry", verdict=FindingStatus.WARNING, text=each, remedy=remedy) for each in faults),
    ]


def _otel(settings: OtelSettings, run_id: RunId) -> "OtelTelemetry":
    """Return the OTLP telemetry of a run; raise ValueError, as the SDK does, for contradicting limits."""
    from reconcile.telemetry.otel import OtelTelemetry  # noqa: PLC0415 - 40 ms, only if enabled

    traceparent = os.environ.get("TRACEPARENT")
    return OtelTelemetry(settings, run_id=run_id, version=reconcile.__version__, traceparent=traceparent)
