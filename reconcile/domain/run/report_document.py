"""The report as a JSON document; its field names are defined here only.

The same document goes to stdout and to the ledger. The receipt is its small part for annotations, logs and the
termination message. A stored report is parsed leniently, because an older version may have written it, or it may be
damaged.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from reconcile.domain.breaker.breaker import Breaker, BreakerScope
from reconcile.domain.coordination.annotation import VERSION, instant
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.change import EffectKind
from reconcile.domain.planning.outcome import CHANGING, DeferReason, SkipReason
from reconcile.domain.run.json_fields import JsonFields, json_objects
from reconcile.domain.run.report import Freshness, ProviderCounts, RunReport, SignatureCount
from reconcile.domain.run.stored_report import ReportedBreaker, StoredReport

Member = TypeVar("Member", bound=StrEnum)

LEADS_CHECKED = "leadsChecked"
ERRORS = "errors"
WORKSPACE = "workspace"
BREAKERS = "breakers"
AT_RISK = "appointmentsAtRisk24h"
REPAIRED = ("bookedFound", "canceledFound", "rescheduled", "updated")
"""Fields that databases and log readers select individually."""

LISTED = 20
"""Maximum number of workspaces in each list of a report, which is printed and stored each minute."""
_OF_THIS_RUN = 5
"""Of these, breakers that this run opened; the others have been open longest, and stay listed until they close."""
_PROVIDER_COUNTS = ("checked", "booked", "canceled", "errors")


def document(report: RunReport) -> dict[str, Any]:
    """Return *report* in plain JSON types; every field is always present, see docs/report.md."""
    breakers = _listed(report)
    return {
        "success": report.success,
        "workspacesProcessed": report.workspaces_processed,
        "leadsChecked": report.leads_checked,
        "bookedFound": report.booked_found,
        "canceledFound": report.canceled_found,
        "noChange": report.no_change,
        "skipped": report.skipped,
        "errors": report.errors,
        "circuitBroken": report.circuit_broken,
        "byProvider": {name.value: _provider(report.by_provider.get(name)) for name in ProviderName},
        "health": report.health.value,
        "timestamp": instant(report.timestamp),
        "runId": report.run_id,
        "trigger": report.trigger.value,
        "dryRun": report.dry_run,
        "durationMs": report.duration // timedelta(milliseconds=1),
        "stopped": report.stopped,
        "scheduledAt": instant(report.scheduled_at),
        "latenessSeconds": _seconds(report.lateness),
        "shard": str(report.shard) if report.shard else None,
        "workspace": report.workspace,
        "healthReasons": list(report.health_reasons),
        "rescheduled": report.rescheduled,
        "updated": report.updated,
        "absent": report.absent,
        "disappeared": report.disappeared,
        "disappeared24h": report.disappeared_24h,
        "deferred": report.deferred,
        "skipReasons": _every(SkipReason, report.skip_reasons),
        "deferReasons": _every(DeferReason, report.defer_reasons),
        "changes": {kind.value: 0 for kind in CHANGING} | {kind.value: n for kind, n in report.changes.items()},
        "effectsCreated": _every(EffectKind, report.effects_created),
        "heldChanges": [each.document() for each in report.held_changes],
        "mismatches": _every(MismatchKind, report.mismatches),
        "quarantined": report.quarantined,
        "parkedWorkspaces": list(report.parked_workspaces[:LISTED]),
        "moreParkedWorkspaces": max(0, len(report.parked_workspaces) - LISTED),
        "eligibleButUnvisited": report.eligible_but_unvisited,
        "breakers": [breaker_document(breaker, now=report.timestamp) for breaker in breakers],
        "moreBreakers": len(report.breakers) - len(breakers),
        "wouldTrip": sorted(report.would_trip, key=_is_of_one_workspace)[:LISTED],
        "moreWouldTrip": max(0, len(report.would_trip) - LISTED),
        "callsUnderWayAtTrip": report.calls_under_way_at_trip,
        "topSignatures": [
            {
                "signature": signature.key,
                "count": signature.count,
                "workspaces": signature.workspaces,
                "shape": list(signature.shape),
            }
            for signature in report.top_signatures
        ],
        "freshness": _freshness(report.freshness),
        "appointmentsAtRisk24h": report.appointments_at_risk_24h,
        "providerCalls": report.provider_calls,
        "effectsDelivered": report.effects_delivered,
        "effectsDropped": report.effects_dropped,
        "effectsPending": report.effects_pending,
        "receipt": receipt(report),
    }


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


def _listed(report: RunReport) -> Sequence[Breaker]:
    """Return the breakers to list: all that affect more than one workspace, and some of the others."""
    narrow = [each for each in report.breakers if each.key.scope is BreakerScope.WORKSPACE]
    if len(narrow) <= LISTED:
        return report.breakers
    new = [each for each in narrow if each.tripped_by == report.run_id][:_OF_THIS_RUN]
    longest = sorted((each for each in narrow if each not in new), key=lambda each: each.opened_at or report.timestamp)
    left_out = {each.key for each in longest[LISTED - len(new) :]}
    return [each for each in report.breakers if each.key not in left_out]


def _is_of_one_workspace(breaker: str) -> bool:
    return breaker.startswith(f"{BreakerScope.WORKSPACE}:")


def breaker_document(breaker: Breaker, *, now: datetime) -> dict[str, Any]:
    """Return *breaker* in plain JSON types; ``state`` is the effective one at *now*, with manual overrides."""
    override = breaker.override if breaker.override_kind(now) else None
    return {
        "breaker": str(breaker.key),
        "state": breaker.effective_state(now).value,
        "reason": breaker.reason.value,
        "since": instant(breaker.since),
        "openedAt": instant(breaker.opened_at),
        "nextProbeAt": instant(breaker.next_probe_at),
        "stage": breaker.stage,
        "checks": breaker.checks,
        "errors": breaker.errors,
        "fault": breaker.fault,
        "trippedBy": breaker.tripped_by,
        "generation": breaker.generation,
        "override": override
        and {
            "kind": override.kind.value,
            "reason": override.reason,
            "actor": override.actor,
            "expiresAt": instant(override.expires_at),
        },
    }


def _provider(counts: ProviderCounts | None) -> dict[str, int]:
    return {name: getattr(counts or ProviderCounts(), name) for name in _PROVIDER_COUNTS}


def _freshness(freshness: Freshness | None) -> dict[str, int | str | None] | None:
    if freshness is None:
        return None
    return {
        "oldestSeconds": _seconds(freshness.oldest),
        "medianSeconds": _seconds(freshness.median),
        "neverVerified": freshness.never_verified,
        "due": freshness.due,
        "overdue": freshness.overdue,
        "unseen": freshness.unseen,
        "measuredAt": instant(freshness.measured_at),
        "tookMs": freshness.took // timedelta(milliseconds=1),
    }


def _seconds(age: timedelta | None) -> int | None:
    return None if age is None else age // timedelta(seconds=1)


def _every(members: type[Member], counts: Mapping[Member, int]) -> dict[str, int]:
    return {member.value: counts.get(member, 0) for member in members}


def read_report(stored: Mapping[str, Any]) -> StoredReport:
    """Return the values of a stored report."""
    fields = JsonFields(stored)
    return StoredReport(
        run_id=fields.text("runId") or "",
        health=fields.text("health") or "unknown",
        success=stored.get("success") is True,
        stopped=fields.text("stopped"),
        dry_run=stored.get("dryRun") is True,
        shard=fields.text("shard"),
        duration=fields.milliseconds("durationMs"),
        health_reasons=fields.texts("healthReasons"),
        workspaces_processed=fields.count("workspacesProcessed"),
        leads_checked=fields.count(LEADS_CHECKED),
        booked_found=fields.count("bookedFound"),
        canceled_found=fields.count("canceledFound"),
        rescheduled=fields.count("rescheduled"),
        updated=fields.count("updated"),
        no_change=fields.count("noChange"),
        absent=fields.count("absent"),
        disappeared=fields.count("disappeared"),
        disappeared_24h=fields.count("disappeared24h"),
        skipped=fields.count("skipped"),
        skip_reasons=_positive_counts(fields.mapping("skipReasons")),
        deferred=fields.count("deferred"),
        errors=fields.count(ERRORS),
        quarantined=fields.count("quarantined"),
        provider_calls=fields.count("providerCalls"),
        by_provider={
            name: ProviderCounts(**{each: JsonFields(counts).count(each) for each in _PROVIDER_COUNTS})
            for name, counts in fields.mapping("byProvider").items()
            if isinstance(counts, Mapping)
        },
        breakers=read_breakers(stored.get(BREAKERS)),
        more_breakers=fields.count("moreBreakers"),
        would_trip=fields.texts("wouldTrip"),
        more_would_trip=fields.count("moreWouldTrip"),
        top_signatures=tuple(
            SignatureCount(
                key=each.text("signature") or "",
                count=each.count("count"),
                workspaces=each.count("workspaces"),
                shape=each.texts("shape"),
            )
            for each in json_objects(stored.get("topSignatures"))
        ),
        freshness=read_freshness(fields.mapping("freshness")),
        appointments_at_risk_24h=None if stored.get(AT_RISK) is None else fields.count(AT_RISK),
    )


def _positive_counts(stored: Mapping[str, Any]) -> Mapping[str, int]:
    fields = JsonFields(stored)
    return {name: count for name in stored if (count := fields.count(name)) > 0}


def read_breakers(stored: object) -> tuple[ReportedBreaker, ...]:
    """Return the breakers that a stored report lists."""
    return tuple(
        ReportedBreaker(
            name=each.text("breaker") or "",
            state=each.text("state") or "",
            reason=each.text("reason") or "",
            since=each.instant("since"),
            next_probe_at=each.instant("nextProbeAt"),
            tripped_by=each.text("trippedBy"),
        )
        for each in json_objects(stored)
    )


def read_freshness(stored: Mapping[str, Any]) -> Freshness | None:
    """Return the number in a stored report, or None if there is none."""
    try:
        return Freshness(
            oldest=_age(stored["oldestSeconds"]),
            median=_age(stored["medianSeconds"]),
            never_verified=stored["neverVerified"],
            due=stored["due"],
            overdue=stored["overdue"],
            unseen=stored["unseen"],
            measured_at=datetime.fromisoformat(stored["measuredAt"]).astimezone(UTC),
            took=timedelta(milliseconds=stored["tookMs"]),
        )
    except (KeyError, OverflowError, TypeError, ValueError):
        return None


def _age(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
