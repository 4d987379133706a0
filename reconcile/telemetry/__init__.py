"""Telemetry: log lines always, OpenTelemetry if ``OTEL_*`` variables enable it."""

from reconcile.telemetry.lines import JsonLines, LoggingTelemetry, TextLines, configure

__all__ = ["JsonLines", "LoggingTelemetry", "TextLines", "configure"]
