"""Checks whether due work can be done: credentials of due workspaces, and pending follow-ups."""

from collections.abc import Sequence
from datetime import datetime

from reconcile.domain.due import DuePolicy
from reconcile.domain.run.unconfigured import lacks_location
from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.ports import Store
from reconcile.services.maintenance.provider_findings import provider_findings

_LOOKED_AT = 1000
_SHOWN = 5


async def readiness(store: Store, *, now: datetime, policy: DuePolicy, has_webhook: bool) -> Sequence[Finding]:
    """Return findings about due workspaces and pending follow-ups."""
    due = await store.leads.due_workspaces(now=now, policy=policy, limit=_LOOKED_AT)
    without = [w for w in due.workspaces if not w.credentials]
    findings = [
        Finding(
            subject="credentials",
            verdict=FindingStatus.WARNING if without else FindingStatus.FINE,
            text=f"{due.eligible_count} workspaces are due, {len(without)} of them without a usable credential"
            + (f": {', '.join(w.id for w in without[:_SHOWN])}" if without else ""),
            remedy="give each a token, in its columns or in the credentials directory" if without else None,
        )
    ]
    unlocated = [w.id for w in due.workspaces if lacks_location(w)]
    if unlocated:
        more = len(unlocated) - _SHOWN
        findings.append(
            Finding(
                subject="credentials",
                verdict=FindingStatus.WARNING,
                text="workspaces with a GoHighLevel token and no location id, in which no lead is looked up by e-mail: "
                + ", ".join(unlocated[:_SHOWN])
                + (f" and {more} more" if more > 0 else ""),
                remedy="map ghl_location_id, and enter the id of each location",
            )
        )
    faults = [fault for w in due.workspaces for fault in w.faults]
    findings += [Finding(subject="credentials", verdict=FindingStatus.WARNING, text=fault) for fault in faults[:_SHOWN]]
    pending = await store.outbox.pending_count()
    if pending and not has_webhook:
        findings.append(
            Finding(
                subject="webhook",
                verdict=FindingStatus.WARNING,
                text=f"{pending} follow-ups are pending and no webhook is configured",
                remedy="set RECONCILE_WEBHOOK_URL and RECONCILE_WEBHOOK_SECRET",
            )
        )
    findings += await provider_findings(store, now=now)
    return findings
