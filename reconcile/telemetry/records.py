"""Events as OTLP log records; imported only if logs are enabled."""

import time
from collections.abc import Mapping, Sequence

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

from reconcile.telemetry.flusher import SignalPipeline
from reconcile.telemetry.names import attributes
from reconcile.telemetry.otel_settings import Signal, Target
from reconcile.telemetry.pipelines import decode_response
from reconcile.telemetry.sender import Sender


class Records:
    """Sends each event as a record with its trace and span."""

    def __init__(self, target: Target, *, resource: Resource, version: str) -> None:
        self.pipeline = SignalPipeline(signal=Signal.LOGS, sender=Sender(target, version=version), rejected=_rejected)
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(_Exporter(self.pipeline)))
        self.pipeline.flush, self.pipeline.close = provider.force_flush, provider.shutdown
        self._logger: Logger = provider.get_logger("reconcile", version)

    def add(self, name: str, facts: Mapping[str, object], *, is_warning: bool) -> None:
        """Record one event."""
        self._logger.emit(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.WARN if is_warning else SeverityNumber.INFO,
            severity_text="WARN" if is_warning else "INFO",
            body=name,
            event_name=name,
            attributes=attributes(facts),
        )


class _Exporter(LogRecordExporter):
    def __init__(self, pipeline: SignalPipeline) -> None:
        self._pipeline = pipeline

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        is_there = self._pipeline.deliver(encode_logs(batch).SerializeToString(), count=len(batch))
        return LogRecordExportResult.SUCCESS if is_there else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002 - the SDK's signature
        """Do nothing: nothing is buffered."""
        return True

    def shutdown(self) -> None:
        """Do nothing: the pipeline is finished by its flusher."""


def _rejected(answer: bytes) -> int:
    return int(decode_response(ExportLogsServiceResponse, answer).partial_success.rejected_log_records)
