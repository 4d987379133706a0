"""From what happened in a run to what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import Breaker, BreakerState
from reconcile.domain.ids import RunId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.outcome import DeferReason, Outcome, SkipReason
from reconcile.domain.run.cadence import NotYet
from reconcile.domain.run.report import Freshness, Health, RunReport
from reconcile.domain.run.request import RunRequest
from reconcile.domain.run.stop_reason import StopReason
from reconcile.ports import Clock
from reconcile.services.run.context import Run

CUT_OFF = "cut off while it waited: what was not written yet is left for the next run"
CLOCKS_AGREE = timedelta(minutes=5)
UNHEALTHY_ERRORS = 5
"""From this many failed leads on, a run is unhealthy (docs/report.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """How much was due at a run's start, and what stands in the database at its end; None where it was not seen."""

    due_count: int = 0
    waiting_count: int = 0
    eligible_count: int = 0
    freshness: Freshness | None = None
    at_risk_count: int | None = None
    pending_count: int | None = None
    damaged_rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of our own tables that could not be read, by table."""


def report_of(run: Run, snapshot: RunSnapshot) -> RunReport:
    """Return the report of a run that has ended."""
    clock, counts, registry = run.deps.clock, run.counts, run.registry
    now = clock.now()
    is_broken = registry.is_broken(now)
    breakers = tuple(b for b in registry.breakers() if _has_story(b, run))
    parked = tuple(
        sorted(
            {
                workspace_id
                for b in breakers
                if (workspace_id := b.key.workspace_id) is not None and b.effective_state(now) is BreakerState.OPEN
            }
        )
    )
    health, reasons = _health(run, is_broken=is_broken, parked_count=len(parked), snapshot=snapshot)
    unvisited_count = max(0, snapshot.eligible_count - len(run.visited))
    if unvisited_count:
        reasons = (*reasons, f"coverage: workspaces with due leads that were not visited: {unvisited_count}")
    if snapshot.at_risk_count:
        reasons = (*reasons, f"freshness: {snapshot.at_risk_count} meetings of the next 24 h were not verified lately")
    reasons = (*reasons, *run.notes)
    outcomes = counts.outcomes
    return RunReport(
        run_id=run.id,
        trigger=run.request.trigger,
        dry_run=run.request.dry_run,
        success=run.stop.reason is not StopReason.LEASE_LOST
        and not counts.abandoned_batches
        and not run.stop.is_cut_off,
        timestamp=now,
        duration=timedelta(seconds=clock.monotonic() - run.started),
        health=health,
        health_reasons=reasons,
        circuit_broken=is_broken,
        stopped=run.stop.reason or (StopReason.BREAKER if is_broken else None),
        scheduled_at=run.request.scheduled_at,
        lateness=lateness(run.request, run.started_at),
        shard=run.request.shard,
        workspace=run.request.workspace,
        workspaces_processed=len(run.visited),
        leads_checked=counts.checks,
        booked_found=outcomes[Outcome.BOOKED],
        canceled_found=outcomes[Outcome.CANCELED],
        rescheduled=outcomes[Outcome.RESCHEDULED],
        updated=outcomes[Outcome.UPDATED],
        no_change=outcomes[Outcome.UNCHANGED],
        absent=outcomes[Outcome.ABSENT],
        disappeared=outcomes[Outcome.DISAPPEARED],
        disappeared_24h=counts.disappeared_soon,
        skipped=outcomes[Outcome.SKIPPED],
        deferred=outcomes[Outcome.DEFERRED],
        errors=outcomes[Outcome.FAILED],
        quarantined=counts.quarantined,
        provider_calls=counts.calls,
        by_provider=counts.provider_counts(),
        skip_reasons={reason: counts.skips[reason] for reason in SkipReason if counts.skips[reason]},
        defer_reasons={reason: counts.defers[reason] for reason in DeferReason if counts.defers[reason]},
        mismatches={kind: counts.mismatches[kind] for kind in MismatchKind},
        parked_workspaces=parked,
        eligible_but_unvisited=unvisited_count,
        breakers=breakers,
        would_trip=tuple(registry.would_trip),
        calls_under_way_at_trip=registry.in_flight_at_trip,
        top_signatures=tuple(counts.top_signatures()),
        freshness=snapshot.freshness,
        appointments_at_risk_24h=snapshot.at_risk_count,
        effects_delivered=counts.delivered,
        effects_pending=snapshot.pending_count,
    )


def unbegun_report(request: RunRequest, *, run_id: RunId, clock: Clock, started: float) -> RunReport:
    """Return the report of a run that was cut off before it had begun."""
    held = lease_held_report(request, run_id=run_id, clock=clock, started=started)
    reasons = ("ended early: sigterm", CUT_OFF)
    return replace(held, success=False, health=Health.DEGRADED, health_reasons=reasons, stopped=StopReason.SIGTERM)


def lease_held_report(request: RunRequest, *, run_id: RunId, clock: Clock, started: float) -> RunReport:
    """Return the report of a run that found another one at work: it has nothing to do and nothing to complain of."""
    return RunReport(
        run_id=run_id,
        trigger=request.trigger,
        dry_run=request.dry_run,
        success=True,
        timestamp=clock.now(),
        duration=timedelta(seconds=clock.monotonic() - started),
        health=Health.HEALTHY,
        health_reasons=("another run holds the lease",),
        circuit_broken=False,
        stopped="lease_held",
        scheduled_at=request.scheduled_at,
        lateness=lateness(request, clock.now()),
        shard=request.shard,
        workspace=request.workspace,
    )


def not_due_report(  # noqa: PLR0913 - what a report is made of
    request: RunRequest, waiting: NotYet, *, run_id: RunId, clock: Clock, started: float, notes: Sequence[str]
) -> RunReport:
    """Return the report of a tick that the cadence leaves out."""
    held = lease_held_report(request, run_id=run_id, clock=clock, started=started)
    reason = f"not due before {waiting.due_at:%Y-%m-%dT%H:%M:%SZ}: {waiting.reason}"
    return replace(held, health_reasons=(reason, *notes), stopped="not_due")


def lateness(request: RunRequest, began_at: datetime) -> timedelta | None:
    """Return how long after its tick a run began."""
    return None if request.scheduled_at is None else max(began_at - request.scheduled_at, timedelta(0))


def _has_story(breaker: Breaker, run: Run) -> bool:
    return (
        breaker.state is not BreakerState.CLOSED
        or breaker.override is not None
        or (breaker.since is not None and breaker.since >= run.started_at)
    )


def _health(run: Run, *, is_broken: bool, parked_count: int, snapshot: RunSnapshot) -> tuple[Health, tuple[str, ...]]:
    """Return the worst that is true, and every reason for not being healthy."""
    counts = run.counts
    errors = counts.outcomes[Outcome.FAILED]
    findings: list[tuple[Health, str]] = []
    if is_broken:
        findings.append((Health.CIRCUIT_BROKEN, "a breaker of the run or of a provider is or was open"))
    if errors:
        level = Health.UNHEALTHY if errors >= UNHEALTHY_ERRORS else Health.DEGRADED
        findings.append((level, f"{errors} of {counts.checks} checks failed"))
    findings += [(Health.UNHEALTHY, str(each)) for each in run.controls.failed()]
    recovering = [b for b in run.registry.breakers() if b.state is BreakerState.HALF_OPEN]
    if recovering:
        findings.append((Health.DEGRADED, f"recovering: {', '.join(str(b.key) for b in recovering[:5])}"))
    now = run.deps.clock.now()
    unlisted = [
        b for b in run.registry.breakers() if b.key.is_of_sweeps and b.effective_state(now) is BreakerState.OPEN
    ]
    if unlisted:
        findings.append((Health.DEGRADED, f"looked up instead of listed: {', '.join(str(b.key) for b in unlisted)}"))
    if parked_count:
        findings.append((Health.DEGRADED, f"workspaces parked: {parked_count}"))
    idleness = None if is_broken else _idleness(run, snapshot)
    findings += [(Health.DEGRADED, text) for text in (idleness, _clock_fault(snapshot)) if text]
    if counts.abandoned_batches:
        findings.append((Health.UNHEALTHY, "the lease was lost to another run"))
    if run.stop.reason in {StopReason.DEADLINE, StopReason.SIGTERM}:
        findings.append((Health.DEGRADED, f"ended early: {run.stop.reason}"))
    if run.stop.is_cut_off:
        findings.append((Health.DEGRADED, CUT_OFF))
    findings += [(Health.DEGRADED, f"{name} ({times} times)") for name, times in sorted(run.warnings.items())]
    findings += [
        (Health.DEGRADED, f"damaged rows of {table} were left out: {count}; `reconcile doctor` says what to do")
        for table, count in snapshot.damaged_rows.items()
    ]
    order = list(Health)
    return max((level for level, _ in findings), key=order.index, default=Health.HEALTHY), tuple(
        text for _, text in findings
    )


def _clock_fault(snapshot: RunSnapshot) -> str | None:
    """Say that leads bear the stamps of a clock that went ahead: they are not due before its time has come."""
    median = snapshot.freshness.median if snapshot.freshness else None
    if median is None or median > -CLOCKS_AGREE:
        return None
    return f"leads were verified in the future, by a clock that is or was wrong: {-median // timedelta(minutes=1)} min"


def _idleness(run: Run, snapshot: RunSnapshot) -> str | None:
    """Say that nothing was done though something was to be done, or return None."""
    counts = run.counts
    if snapshot.waiting_count:
        return f"no work was done: workspaces that wait for their providers' limits: {snapshot.waiting_count}"
    if snapshot.due_count and not counts.outcomes.total():
        return f"no work was done though workspaces were due: {snapshot.due_count}"
    return "no lead could be checked" if counts.outcomes.total() and not counts.checks else None
