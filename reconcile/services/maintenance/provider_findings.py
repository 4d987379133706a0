"""What the runs of the last day have met at the providers and a person can mend: doctor calls no provider itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconcile.domain.finding import Finding, FindingStatus
from reconcile.domain.run.report_document import read_report
from reconcile.errors import ErrorClass
from reconcile.ports import Store

_LOOKED_BACK = timedelta(days=1)
_MOST_RUNS = 20
_SHOWN = 5
_SCOPE = "lacks the scope"
_ZONE = "time zone"


async def provider_findings(store: Store, *, now: datetime) -> Sequence[Finding]:
    """Return the scopes that tokens lack, and the workspaces whose time zone is not their location's."""
    since = now - _LOOKED_BACK
    findings = [
        Finding(
            subject="scopes",
            verdict=FindingStatus.WARNING,
            text=f"{row.signature.message}; last in workspace {row.last_workspace_id}",
            remedy="give the token this scope; docs/adopt.md lists all that are needed",
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
            remedy="correct the workspace's time zone, or map none: the location's counts",
        )
        for reason in dict.fromkeys(reasons)
        if _ZONE in reason
    ][:_SHOWN]
    return findings
