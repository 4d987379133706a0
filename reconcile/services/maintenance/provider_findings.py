"""Findings at the providers in the runs of the last day that a person can fix: doctor calls no provider itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconcile.domain.run.report_document import read_report
from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.errors import ErrorClass
from reconcile.ports import Store

_LOOKED_BACK = timedelta(days=1)
_MOST_RUNS = 20
_SHOWN = 5
_SCOPE = "lacks the scope"
_ZONE = "time zone"


async def provider_findings(store: Store, *, now: datetime) -> Sequence[Finding]:
    """Return missing scopes of tokens, and workspaces whose time zone differs from their location's."""
    since = now - _LOOKED_BACK
    findings = [
        Finding(
            subject="scopes",
            verdict=FindingStatus.WARNING,
            text=f"{row.signature.message}; last in workspace {row.last_workspace_id}",
            remedy="add this scope to the token; docs/adopt.md lists all required scopes",
        )
        for row in await store.ledger.signatures(since=since)
        if row.signature.error_class is ErrorClass.CREDENTIAL and _SCOPE in row.signature.message
    ]
    runs = [each for each in await store.ledger.runs(limit=_MOST_RUNS) if each.started_at >= since]
    reasons = [reason for each in runs if each.report for reason in read_report(each.report).health_reasons]
    findings += [
        Finding(
            subject="time zones",
            verdict=FindingStatus.WARNING,
            text=reason,
            remedy="correct the workspace's time zone or remove it from the mapping: the location's is used",
        )
        for reason in dict.fromkeys(reasons)
        if _ZONE in reason
    ][:_SHOWN]
    return findings
