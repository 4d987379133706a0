"""The report as a JSON document: the same names on stdout, in the ledger and elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from reconcile.domain.breaker.breaker import Breaker, BreakerScope
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import MismatchKind
from reconcile.domain.outcome import DeferReason, SkipReason
from reconcile.domain.run.receipt import receipt
from reconcile.domain.run.report import Freshness, ProviderCounts, RunReport

Member = TypeVar("Member", bound=StrEnum)


LISTED = 20
"""Maximum number of workspaces in each list of a report, which is printed and stored each minute."""
_OF_THIS_RUN = 5
"""Of these, breakers that this run opened; the others have been open longest."""


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
        "effectsPending": report.effects_pending,
        "receipt": receipt(report),
    }


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


def instant(at: datetime | None) -> str | None:
    """Return *at* in UTC to the second, with a Z, as Kubernetes writes it."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _provider(counts: ProviderCounts | None) -> dict[str, int]:
    counts = counts or ProviderCounts()
    return {
        "checked": counts.checked,
        "booked": counts.booked,
        "canceled": counts.canceled,
        "errors": counts.errors,
    }


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
