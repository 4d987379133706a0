"""What a run is told to: log lines, and OpenTelemetry where ``OTEL_*`` variables ask for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import reconcile
from reconcile.domain.ids import RunId
from reconcile.loading import loading
from reconcile.ports import Telemetry
from reconcile.runner.context import Stop
from reconcile.telemetry import LoggingTelemetry
from reconcile.telemetry.wanted import wanted

_LIMIT = timedelta(seconds=2.5)
_LIMIT_ON_SIGTERM = timedelta(seconds=1)
"""Of the ten seconds until SIGKILL, the run may have used most."""


@contextmanager
def telemetry_of(run_id: RunId, *, stop: Stop) -> Iterator[Telemetry]:
    """Give what a run is told to; what it was told is sent when the block ends, within a limit.

    The variables are read from the process's environment, as the SDK itself reads the others. One that cannot be
    followed costs the signal that it is for, and a warning: a run does not depend on who listens.
    """
    asked = wanted(os.environ)
    for fault in asked.faults:
        LoggingTelemetry().warning("telemetry.not_understood", text=fault)
    if not asked.targets:
        yield LoggingTelemetry()
        return
    with loading():
        from reconcile.telemetry.otel import OtelTelemetry  # noqa: PLC0415 - 40 ms, for those who ask for it
    try:
        telemetry = OtelTelemetry(
            asked, run_id=run_id, version=reconcile.__version__, traceparent=os.environ.get("TRACEPARENT")
        )
    except ValueError:
        # The SDK's word for limits that contradict each other.
        LoggingTelemetry().warning("telemetry.not_understood", text="OTEL_* variables contradict each other")
        yield LoggingTelemetry()
        return
    try:
        yield telemetry
    finally:
        telemetry.close(_LIMIT_ON_SIGTERM if stop.is_terminated else _LIMIT)
