"""Builds the report of a run from its totals, breakers and a snapshot of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import Breaker, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import RunId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.change import EffectKind
from reconcile.domain.planning.outcome import CHANGING, DeferReason, Outcome, SkipReason
from reconcile.domain.run.cadence import NotYet
from reconcile.domain.run.change_hold import ChangeHold
from reconcile.domain.run.report import Freshness, Health, RunReport
from reconcile.domain.run.request import RunRequest
from reconcile.domain.run.stop_reason import LEASE_HELD, StopReason
from reconcile.domain.run.unconfigured import skip_sentences
from reconcile.ports import Clock
from reconcile.services.run.change_guard import held_sentences
from reconcile.services.run.context import RunContext
from reconcile.services.run.counts import Counts, RunTotals

CUT_OFF = "cut off while it waited: what was not written yet is left for the next run"
CLOCKS_AGREE = timedelta(minutes=5)
UNHEALTHY_ERRORS = 5
"""From this many failed leads on, a run is unhealthy (docs/report.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """What was due at the start of a run, and what the database holds at its end; None where it was not read."""

    due_count: int = 0
    waiting_count: int = 0
    eligible_count: int = 0
    freshness: Freshness | None = None
    at_risk_count: int | None = None
    pending_count: int | None = None
    holds: tuple[ChangeHold, ...] = ()
    damaged_rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of our own tables that could not be read, by table."""


def report_of(context: RunContext, totals: RunTotals, snapshot: RunSnapshot, *, registry: BreakerRegistry) -> RunReport:
    """Return the report of a run that has ended."""
    counts, stop, request, now = totals.leads, context.stop, context.request, context.clock.now()
    is_broken = registry.is_broken(now)
    breakers = tuple(b for b in registry.breakers() if _is_notable(b, context.started_at))
    parked = tuple(
        sorted(
            {
                workspace_id
                for b in breakers
                if (workspace_id := b.key.workspace_id) is not None and b.effective_state(now) is BreakerState.OPEN
            }
        )
    )
    health, reasons = _health(
        context, totals, _BreakerFindings.of(registry, now, is_broken=is_broken, parked_count=len(parked)), snapshot
    )
    unvisited_count = max(0, snapshot.eligible_count - len(totals.visited))
    if unvisited_count:
        reasons = (*reasons, f"coverage: workspaces with due leads that were not visited: {unvisited_count}")
    if snapshot.at_risk_count:
        reasons = (*reasons, f"freshness: {snapshot.at_risk_count} meetings of the next 24 h were not verified lately")
    reasons = (*reasons, *skip_sentences(counts.unconfigured, counts.unconfigured_in), *context.warnings.notes)
    outcomes = counts.outcomes
    return RunReport(
        run_id=context.id,
        trigger=request.trigger,
        dry_run=request.dry_run,
        success=stop.reason is not StopReason.LEASE_LOST and not totals.abandoned_batches and not stop.is_cut_off,
        timestamp=now,
        duration=timedelta(seconds=context.clock.monotonic() - context.time.started),
        health=health,
        health_reasons=reasons,
        circuit_broken=is_broken,
        stopped=stop.reason or (StopReason.BREAKER if is_broken else None),
        scheduled_at=request.scheduled_at,
        lateness=lateness(request, context.started_at),
        shard=request.shard,
        workspace=request.workspace,
        workspaces_processed=len(totals.visited),
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
        changes={kind: counts.changes[kind] for kind in CHANGING if counts.changes[kind]},
        effects_created={kind: counts.effects[kind] for kind in EffectKind if counts.effects[kind]},
        held_changes=snapshot.holds,
        quarantined=counts.quarantined,
        provider_calls=context.calls.total,
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
        effects_delivered=totals.delivered,
        effects_dropped=totals.dropped,
        effects_pending=snapshot.pending_count,
    )


def unstarted_report(request: RunRequest, *, run_id: RunId, clock: Clock, started: float) -> RunReport:
    """Return the report of a run that was cut off before it started."""
    held = lease_held_report(request, run_id=run_id, clock=clock, started=started)
    reasons = ("ended early: sigterm", CUT_OFF)
    return replace(held, success=False, health=Health.DEGRADED, health_reasons=reasons, stopped=StopReason.SIGTERM)


def lease_held_report(request: RunRequest, *, run_id: RunId, clock: Clock, started: float) -> RunReport:
    """Return the report of a run that did nothing because another run holds the lease."""
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
        stopped=LEASE_HELD,
        scheduled_at=request.scheduled_at,
        lateness=lateness(request, clock.now()),
        shard=request.shard,
        workspace=request.workspace,
    )


def not_due_report(  # noqa: PLR0913 - the inputs of a report
    request: RunRequest, waiting: NotYet, *, run_id: RunId, clock: Clock, started: float, notes: Sequence[str]
) -> RunReport:
    """Return the report of a tick that is skipped because of the cadence."""
    held = lease_held_report(request, run_id=run_id, clock=clock, started=started)
    reason = f"not due before {waiting.due_at:%Y-%m-%dT%H:%M:%SZ}: {waiting.reason}"
    return replace(held, health_reasons=(reason, *notes), stopped="not_due")


def lateness(request: RunRequest, started_at: datetime) -> timedelta | None:
    """Return how long after its scheduled time a run started; None for a manual run."""
    return None if request.scheduled_at is None else max(started_at - request.scheduled_at, timedelta(0))


def _is_notable(breaker: Breaker, started_at: datetime) -> bool:
    return (
        breaker.state is not BreakerState.CLOSED
        or breaker.override is not None
        or (breaker.since is not None and breaker.since >= started_at)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _BreakerFindings:
    """The state of the breakers, as far as it affects the health of a run."""

    is_broken: bool
    recovering: tuple[str, ...]
    open_list_breakers: tuple[str, ...]
    parked_count: int

    @classmethod
    def of(cls, registry: BreakerRegistry, now: datetime, *, is_broken: bool, parked_count: int) -> "_BreakerFindings":
        breakers = registry.breakers()
        return cls(
            is_broken=is_broken,
            recovering=tuple(str(b.key) for b in breakers if b.state is BreakerState.HALF_OPEN),
            open_list_breakers=tuple(
                str(b.key) for b in breakers if b.key.is_of_sweeps and b.effective_state(now) is BreakerState.OPEN
            ),
            parked_count=parked_count,
        )


def _health(
    context: RunContext, totals: RunTotals, breakers: _BreakerFindings, snapshot: RunSnapshot
) -> tuple[Health, tuple[str, ...]]:
    """Return the worst health of all findings, and the text of each finding."""
    counts, stop = totals.leads, context.stop
    errors = counts.outcomes[Outcome.FAILED]
    findings: list[tuple[Health, str]] = []
    if breakers.is_broken:
        findings.append((Health.CIRCUIT_BROKEN, "a breaker of the run or of a provider is or was open"))
    if errors:
        level = Health.UNHEALTHY if errors >= UNHEALTHY_ERRORS else Health.DEGRADED
        findings.append((level, f"{errors} of {counts.checks} checks failed"))
    findings += [(Health.UNHEALTHY, str(each)) for each in context.controls.failed()]
    held = held_sentences(snapshot.holds, dry_run=context.request.dry_run)
    findings += [(Health.DEGRADED, each) for each in held]
    if breakers.recovering:
        findings.append((Health.DEGRADED, f"recovering: {', '.join(breakers.recovering[:5])}"))
    if breakers.open_list_breakers:
        findings.append((Health.DEGRADED, f"looked up instead of listed: {', '.join(breakers.open_list_breakers)}"))
    if breakers.parked_count:
        findings.append((Health.DEGRADED, f"workspaces parked: {breakers.parked_count}"))
    idleness = None if breakers.is_broken else _idleness(counts, snapshot)
    findings += [(Health.DEGRADED, text) for text in (idleness, _clock_fault(snapshot)) if text]
    if totals.abandoned_batches:
        findings.append((Health.UNHEALTHY, "the lease was lost to another run"))
    if stop.reason in {StopReason.DEADLINE, StopReason.SIGTERM}:
        findings.append((Health.DEGRADED, f"ended early: {stop.reason}"))
    if stop.is_cut_off:
        findings.append((Health.DEGRADED, CUT_OFF))
    findings += [
        (Health.DEGRADED, f"{name} ({times} times)") for name, times in sorted(context.warnings.counts.items())
    ]
    findings += [
        (Health.DEGRADED, f"damaged rows of {table} were left out: {count}; `reconcile doctor` says what to do")
        for table, count in snapshot.damaged_rows.items()
    ]
    order = list(Health)
    return max((level for level, _ in findings), key=order.index, default=Health.HEALTHY), tuple(
        text for _, text in findings
    )


def _clock_fault(snapshot: RunSnapshot) -> str | None:
    """Return a sentence if leads were stamped by a clock that was ahead: they are not due until then."""
    median = snapshot.freshness.median if snapshot.freshness else None
    if median is None or median > -CLOCKS_AGREE:
        return None
    return f"leads were verified in the future, by a clock that is or was wrong: {-median // timedelta(minutes=1)} min"


def _idleness(counts: Counts, snapshot: RunSnapshot) -> str | None:
    """Return a sentence if the run did nothing although work was due, else None."""
    if snapshot.waiting_count:
        return f"no work was done: workspaces that wait for their providers' limits: {snapshot.waiting_count}"
    if snapshot.due_count and not counts.outcomes.total():
        return f"no work was done though workspaces were due: {snapshot.due_count}"
    return "no lead could be checked" if counts.outcomes.total() and not counts.checks else None
