"""What operators' tools are told: log lines always, OpenTelemetry where ``OTEL_*`` variables ask for it."""

from reconcile.telemetry.lines import JsonLines, LoggingTelemetry, TextLines, configure

__all__ = ["JsonLines", "LoggingTelemetry", "TextLines", "configure"]
