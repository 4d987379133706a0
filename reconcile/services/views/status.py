"""The overview: what fails, since when, the party at fault, what happens next, commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.coordination.delivery import MOST_ATTEMPTS
from reconcile.domain.due import DuePolicy
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import Operation, RunId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.run.cadence import PlannedCadence, spelled
from reconcile.domain.run.punctuality import Punctuality, ScheduleState
from reconcile.domain.run.report import Freshness, Health
from reconcile.domain.run.report_document import read_report
from reconcile.domain.views.page import OverallStatus
from reconcile.domain.views.parked import ParkedCause
from reconcile.ports import AppliedAnnotation, LeaseHolder, RunRow, SignatureRow, Store
from reconcile.services.control.annotation_effects import sentence
from reconcile.services.control.annotation_memory import split_key
from reconcile.services.control.cadence import CadenceView, cadence_view
from reconcile.services.views.account_days import ShortDay, short_days
from reconcile.services.views.next_steps import Advice
from reconcile.services.views.parked import BreakerList, list_breakers

RUN_LEASE = "run"
RUNS_SHOWN = 10
COUNTED_UP_TO = 1000
SILENCE = timedelta(hours=1)
_RECENT = timedelta(hours=24)
_RUNS_SEARCHED = 500
_Finding = tuple[OverallStatus, str]
_GRAVITY = {OverallStatus.WELL: 0, OverallStatus.ATTENTION: 1, OverallStatus.TROUBLE: 2}
RUNNING = "running"
_BY_HEALTH = {Health.HEALTHY.value: OverallStatus.WELL, Health.DEGRADED.value: OverallStatus.ATTENTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run in a list. *health* is its report's word, or ``running`` or ``killed`` without a report."""

    run_id: RunId
    started_at: datetime
    finished_at: datetime | None
    health: str
    stopped: str | None = None
    leads_checked: int = 0
    errors: int = 0
    provider_calls: int = 0
    health_reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: RunRow, *, claims: Mapping[str, LeaseHolder]) -> "RunLine":
        """Return the view of a row; a run without a report is running as long as it holds any of *claims*."""
        if row.report is None:
            health = RUNNING if row.run_id in {claim.holder for claim in claims.values()} else "killed"
            return cls(run_id=row.run_id, started_at=row.started_at, finished_at=row.finished_at, health=health)
        report = read_report(row.report)
        return cls(
            run_id=row.run_id,
            started_at=row.started_at,
            finished_at=row.finished_at,
            health=report.health,
            stopped=report.stopped,
            leads_checked=report.leads_checked,
            errors=report.errors,
            provider_calls=report.provider_calls,
            health_reasons=report.health_reasons,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something that needs a person, with the command that shows it."""

    text: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The overview at one instant. *verdict* is the first line.

    *breakers* are those that are not closed; many parked workspaces are in *parked_causes* instead, and *hidden_count*
    counts their breakers. *parked_count* counts workspaces with a breaker of their own that is not closed.
    """

    now: datetime
    standing: OverallStatus
    verdict: str
    breakers: tuple[Advice, ...]
    hidden_count: int
    parked_count: int
    parked_causes: tuple[ParkedCause, ...]
    chores: tuple[Chore, ...]
    runs: tuple[RunLine, ...]
    last_success_at: datetime | None
    at_work: tuple[LeaseHolder, ...]
    freshness: Freshness
    at_risk_count: int
    quarantined_count: int
    mismatches: Mapping[MismatchKind, int]
    pending_effects: int
    given_up_effects: int
    signatures: tuple[SignatureRow, ...]
    cadence: CadenceView
    schedule: ScheduleState
    short_days: tuple[ShortDay, ...] = ()


async def overview(
    store: Store, *, now: datetime, due: DuePolicy, breaker: BreakerPolicy, planned: PlannedCadence | None = None
) -> Overview:
    """Return the overview; counts of pending items stop at COUNTED_UP_TO."""
    claims = await store.leases.held()
    rows = await store.ledger.runs(limit=RUNS_SHOWN)
    rows_of_all = await store.ledger.runs(limit=RUNS_SHOWN, of_all=True)
    runs, of_all = (tuple(RunLine.of(row, claims=claims) for row in each) for each in (rows, rows_of_all))
    breakers = await list_breakers(store, now=now, policy=breaker)
    quarantined_count = len(await store.leads.quarantined(limit=COUNTED_UP_TO))
    mismatches = await store.leads.mismatch_counts()
    pending_effects = await store.outbox.pending_count()
    given_up_effects = await store.outbox.given_up_count()
    cadence = await cadence_view(store, now=now, planned=planned or PlannedCadence())
    orders = await store.applied_annotations.list_all()
    last_success_at = await _last_success_at(store, rows_of_all)
    state = schedule_state(next(iter(of_all), None), cadence, now=now)
    short = tuple(await short_days(store, now=now, cadence=cadence))
    standing, verdict = _overall_status(
        breakers,
        of_all,
        (*_findings(state, of_all, now=now), *((OverallStatus.ATTENTION, each.text) for each in short)),
        total=await store.leads.workspace_count(),
    )
    return Overview(
        now=now,
        standing=standing,
        verdict=verdict,
        breakers=breakers.shown,
        hidden_count=breakers.hidden_count,
        parked_count=breakers.parked_count,
        parked_causes=breakers.causes,
        chores=(
            *_misread(orders),
            *await _unheard(store, now=now),
            *(Chore(text=each.summary, command=each.commands[0]) for each in short),
            *_chores(quarantined_count, mismatches, await store.outbox.pending_count(only_tried=True)),
            *_given_up(given_up_effects),
        ),
        runs=runs,
        last_success_at=last_success_at,
        at_work=tuple(claim for name, claim in claims.items() if name.partition(":")[0] == RUN_LEASE),
        freshness=await store.leads.freshness(now=now, policy=due),
        at_risk_count=await store.leads.at_risk_count(now=now, policy=due),
        quarantined_count=quarantined_count,
        mismatches=mismatches,
        pending_effects=pending_effects,
        given_up_effects=given_up_effects,
        signatures=tuple(await store.ledger.signatures(since=now - _RECENT, limit=5)),
        cadence=cadence,
        schedule=state,
        short_days=short,
    )


def _overall_status(
    breakers: BreakerList, runs: Sequence[RunLine], of_schedule: Sequence[_Finding], *, total: int
) -> _Finding:
    """Return one sentence about the worst condition; *runs* are those that cover all due leads.

    *of_schedule* are findings about schedule and daily limits. *total* counts all workspaces.
    """
    wide = [each for each in breakers.shown if each.scope is not BreakerScope.WORKSPACE]
    parked = breakers.parked_count
    newest = runs[0] if runs else None
    stopped = [each for each in wide if each.state is BreakerState.OPEN]
    findings = [
        (OverallStatus.ATTENTION, f"not used: {each.blame}")
        if each.breaker.endswith(f"/{Operation.SWEEP}")
        else (OverallStatus.TROUBLE, f"stopped: {each.blame}")
        for each in stopped
    ]
    if newest is None:
        findings.append((OverallStatus.ATTENTION, "no run yet: start one with `reconcile run`"))
    elif newest.health == "killed":
        killed = f"the last run was killed before it could report: {newest.run_id}"
        findings.append((OverallStatus.TROUBLE, killed))
    recovering = [each for each in wide if each.state is BreakerState.HALF_OPEN]
    findings += [(OverallStatus.ATTENTION, f"recovering: {each.blame}") for each in recovering]
    findings += of_schedule
    if parked:
        is_most = 2 * parked >= total
        text = f"parked: {parked:,} of {max(total, parked):,} workspaces"
        findings.append(
            (OverallStatus.TROUBLE, text) if is_most else (OverallStatus.ATTENTION, f"{text}; others are served")
        )
    finished = [run.health for run in runs if run.finished_at]
    findings += [
        (_BY_HEALTH.get(word, OverallStatus.TROUBLE), f"the last finished run was {word}") for word in finished[:1]
    ]
    under_way = (OverallStatus.ATTENTION, "the first run is in progress")
    return max(findings, key=lambda each: _GRAVITY[each[0]], default=under_way)


def schedule_state(newest: RunLine | None, cadence: CadenceView, *, now: datetime) -> ScheduleState:
    """Return whether the schedule starts its runs; *newest* is the last run that covers all due leads.

    While it runs, the schedule counts as on time.
    """
    if newest is None:
        return ScheduleState(punctuality=Punctuality.UNKNOWN)
    if newest.health == RUNNING:
        return ScheduleState(punctuality=Punctuality.ON_TIME)
    return cadence.schedule_state(newest.started_at, now=now)


def _findings(state: ScheduleState, runs: Sequence[RunLine], *, now: datetime) -> Sequence[_Finding]:
    """Return a sentence about the schedule."""
    silence = now - runs[0].started_at if runs else timedelta(0)
    match state.punctuality:
        case Punctuality.DOWN:
            minutes = spelled(timedelta(minutes=silence // timedelta(minutes=1)))
            text = f"down: no run for {minutes}, two or more ticks missed: check whether the schedule is suspended"
            return ((OverallStatus.TROUBLE, text),)
        case Punctuality.LATE:
            return ((OverallStatus.ATTENTION, f"late: the run due at {state.missed_since:%H:%M} UTC has not started"),)
        case Punctuality.UNKNOWN if silence > SILENCE:
            return ((OverallStatus.TROUBLE, "no run for more than an hour: check whether the schedule is suspended"),)
    return ()


def _misread(orders: Sequence[AppliedAnnotation]) -> tuple[Chore, ...]:
    """Return the annotations that were not applied."""
    return tuple(Chore(text=sentence(row), command=_removal(row.key)) for row in orders if row.fault)


def _removal(stored_key: str) -> str:
    source, key = split_key(stored_key)
    return f"kubectl annotate {source[:200] or 'OBJECT'} {key[:100]}-"


async def _unheard(store: Store, *, now: datetime) -> list[Chore]:
    """Return the failing alert channels; one without an attempt within a day is no longer configured."""
    return [
        Chore(text=f"alerts are not delivered: {state.fault}", command="reconcile alerts list")
        for state in (await store.alerts.channels()).values()
        if state.fault and state.not_before and now - state.not_before < _RECENT
    ]


def _chores(quarantined_count: int, mismatches: Mapping[MismatchKind, int], refused_effects: int) -> tuple[Chore, ...]:
    chores = []
    if quarantined_count:
        more = " or more" if quarantined_count >= COUNTED_UP_TO else ""
        text = f"quarantined after repeated failures: {count_of(quarantined_count, 'lead')}{more}"
        chores.append(Chore(text=text, command="reconcile quarantine list"))
    if unrepaired := sum(mismatches.values()):
        chores.append(
            Chore(text=f"found and not repaired: {count_of(unrepaired, 'difference')}", command="reconcile mismatches")
        )
    if refused_effects:
        text = f"refused by the webhook so far: {count_of(refused_effects, 'follow-up')}"
        chores.append(Chore(text=text, command="reconcile doctor"))
    return tuple(chores)


def _given_up(count: int) -> tuple[Chore, ...]:
    if not count:
        return ()
    text = f"dead letters after {MOST_ATTEMPTS} failed deliveries: {count_of(count, 'follow-up')}"
    return (Chore(text=text, command="reconcile follow-ups list"),)


async def _last_success_at(store: Store, newest: Sequence[RunRow]) -> datetime | None:
    """Return when the last healthy run that covers all due leads ended; usually that is *newest*."""

    def among(rows: Sequence[RunRow]) -> datetime | None:
        successful = (row.finished_at for row in rows if row.report and read_report(row.report).is_successful)
        return next(successful, None)

    at = among(newest)
    if at is None and len(newest) >= RUNS_SHOWN:
        at = among(await store.ledger.runs(limit=_RUNS_SEARCHED, of_all=True))
    return at
