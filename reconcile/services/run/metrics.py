"""Metrics and span attributes of a run and of its batches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerKey, BreakerScope, BreakerState
from reconcile.domain.breaker.keys import provider_key, workspace_key
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import ProviderName
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.report import Health, RunReport
from reconcile.domain.workspace import Workspace
from reconcile.ports import Span, Telemetry, instruments
from reconcile.services.lookup.lead_check import LeadCheck
from reconcile.services.run.context import RunContext
from reconcile.services.run.counts import Counts

_WORST = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)
"""From best to worst; the index of a state is the value of the gauge."""


def annotate_batch_span(
    span: Span, workspace: Workspace, written: Sequence[LeadCheck], *, registry: BreakerRegistry, now: datetime
) -> None:
    """Set a batch's span attributes: counts by outcome and breaker state; its most frequent failure is the error."""
    outcomes = Counter(each.outcome for each in written)
    span.note(
        leads=len(written),
        **{"breaker.state": _state_for(workspace, registry, now)},
        **{f"outcome.{outcome}": outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
    )
    signatures = Counter(each.signature for each in written if each.signature is not None)
    for signature, _ in signatures.most_common(1):
        span.fail(signature.error_class, signature.key)


def _state_for(workspace: Workspace, registry: BreakerRegistry, now: datetime) -> BreakerState:
    """Return the worst state of the breakers that a call for this workspace has to pass."""
    own = (workspace_key(workspace.id, provider) for provider in workspace.credentials)
    wide = {RUN_KEY, workspace_key(workspace.id), *own, *map(provider_key, workspace.credentials)}
    operations = tuple(f"{provider}/" for provider in workspace.credentials)
    states = (
        breaker.effective_state(now)
        for breaker in registry.breakers()
        if breaker.key in wide
        or (breaker.key.scope is BreakerScope.PROVIDER and breaker.key.name.startswith(operations))
    )
    return max(states, key=_WORST.index, default=BreakerState.CLOSED)


def link_to_trips(span: Span, registry: BreakerRegistry) -> None:
    """Link the span of a run that probes to the run that tripped the breaker."""
    probed = (b for b in registry.breakers() if b.state is BreakerState.HALF_OPEN)
    for run_id in dict.fromkeys(b.tripped_by for b in probed if b.tripped_by is not None):
        span.link(run_id)


def annotate_run_span(report: RunReport, *, span: Span, telemetry: Telemetry) -> None:
    """Set the attributes of a run's span from its report, and count the run."""
    span.note(
        health=report.health,
        stopped=report.stopped,
        workspaces=report.workspaces_processed,
        checks=report.leads_checked,
        errors=report.errors,
        calls=report.provider_calls,
    )
    if report.health is Health.CIRCUIT_BROKEN or not report.success:
        span.fail(report.health if report.success else report.stopped or report.health)
    telemetry.measure(
        instruments.RUNS,
        1,
        health=report.health,
        stopped=report.stopped or "no",
        trigger=report.trigger,
        success=report.success,
        dry_run=report.dry_run,
    )


def measure(report: RunReport, counts: Counts, *, context: RunContext, registry: BreakerRegistry) -> None:
    """Emit the metrics of a run over all workspaces; a dry run or a run over one workspace emits none."""
    if context.request.dry_run or context.request.workspace is not None:
        return
    emit = context.telemetry.measure
    without_provider = counts.outcomes.copy()
    for provider, outcomes in counts.by_provider.items():
        without_provider.subtract(outcomes)
        for outcome, count in outcomes.items():
            emit(instruments.LEADS, count, outcome=outcome, provider=provider)
    for outcome, count in without_provider.items():
        if count:
            emit(instruments.LEADS, count, outcome=outcome)
    for signature, count in counts.signatures.items():
        origin = {"provider": signature.provider, "operation": signature.operation}
        emit(instruments.ERRORS, count, **origin, **{"error.type": signature.error_class})
    for provider, left in context.calls.budget_left.items():
        emit(instruments.BUDGET_LEFT, left, provider=provider)
    _measure_breakers(context.telemetry, registry, context.clock.now())
    emit(instruments.PARKED_WORKSPACES, len(report.parked_workspaces))
    if report.freshness is not None:
        emit(instruments.DUE_LEADS, report.freshness.due)
        emit(instruments.OVERDUE_LEADS, report.freshness.overdue)
    if report.appointments_at_risk_24h is not None:
        emit(instruments.AT_RISK, report.appointments_at_risk_24h)


def _measure_breakers(telemetry: Telemetry, registry: BreakerRegistry, now: datetime) -> None:
    """Emit the state of the run's and the providers' breakers, and of each operation's breaker that exists."""
    always: Iterable[BreakerKey] = (RUN_KEY, *map(provider_key, ProviderName))
    known = (b.key for b in registry.breakers() if b.key.scope is not BreakerScope.WORKSPACE)
    for key in dict.fromkeys((*always, *known)):
        state = registry.breaker(key).effective_state(now)
        telemetry.measure(instruments.BREAKER_STATE, _WORST.index(state), breaker=str(key))
