"""The receipt of a run: identical in report, annotation, termination message, ledger and log."""

import json
from datetime import timedelta
from typing import Any

from reconcile.domain.annotation import VERSION, instant
from reconcile.domain.run.report import RunReport


def receipt(report: RunReport) -> dict[str, Any]:
    """Return the receipt: counts as integers, and no name but the run's id."""
    return {
        "version": VERSION,
        "runId": report.run_id,
        "health": report.health.value,
        "success": report.success,
        "circuitBroken": report.circuit_broken,
        "stopped": report.stopped,
        "timestamp": instant(report.timestamp),
        "durationMs": report.duration // timedelta(milliseconds=1),
        "trigger": report.trigger.value,
        "scheduledAt": instant(report.scheduled_at),
        "latenessSeconds": None if report.lateness is None else report.lateness // timedelta(seconds=1),
        "shard": str(report.shard) if report.shard else None,
        "workspacesProcessed": report.workspaces_processed,
        "leadsChecked": report.leads_checked,
        "bookedFound": report.booked_found,
        "canceledFound": report.canceled_found,
        "deferred": report.deferred,
        "errors": report.errors,
        "parkedWorkspaces": len(report.parked_workspaces),
    }


def receipt_text(report: RunReport) -> str:
    """Return the receipt as one line of JSON, far below the 4096 bytes of a termination message."""
    return json.dumps(receipt(report), separators=(",", ":"))
