"""Evaluates the alert conditions at one instant from breakers and the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.alert import AlertPolicy, Condition, ConditionKind, Spending
from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import RunId
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.run.punctuality import Punctuality
from reconcile.domain.run.report import Health
from reconcile.domain.run.report_document import read_report
from reconcile.domain.run.stored_report import StoredReport
from reconcile.errors import ErrorClass
from reconcile.ports import RunRow, Store
from reconcile.services.control.cadence import CadenceView, cadence_view
from reconcile.services.views.account_days import short_days
from reconcile.services.views.next_steps import advice
from reconcile.services.views.next_steps import party_name as party
from reconcile.services.views.status import RunLine, schedule_state

_LOOKED_AT = 60
_SEARCHED = 500
_AN_HOUR = timedelta(hours=1)
_KINDS: Mapping[BreakerScope, ConditionKind] = {
    BreakerScope.RUN: ConditionKind.RUN_BREAKER,
    BreakerScope.PROVIDER: ConditionKind.PROVIDER_BREAKER,
    BreakerScope.WORKSPACE: ConditionKind.PARKED_WORKSPACE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FinishedRun:
    """A finished run."""

    run_id: RunId
    started_at: datetime
    finished_at: datetime
    report: StoredReport


def _finished(rows: Sequence[RunRow]) -> Iterator[_FinishedRun]:
    for row in rows:
        if row.report is not None and row.finished_at is not None:
            report = read_report(row.report)
            yield _FinishedRun(run_id=row.run_id, started_at=row.started_at, finished_at=row.finished_at, report=report)


async def conditions(
    store: Store, *, now: datetime, policy: AlertPolicy, breaker: BreakerPolicy, planned: PlannedCadence
) -> tuple[Condition, ...]:
    """Return all conditions that hold at *now*."""
    rows = await store.ledger.runs(limit=_LOOKED_AT, of_all=True)
    reported = list(_finished(rows))
    # Without a provider's lists nothing is refused and all leads are still checked; `reconcile status` shows it.
    open_breakers = [
        each
        for each in await store.breakers.load()
        if each.effective_state(now) is not BreakerState.CLOSED and not each.key.is_of_sweeps
    ]
    found = [_of_breaker(each, reported, now=now, policy=breaker) for each in open_breakers]
    cadence = await cadence_view(store, now=now, planned=planned)
    silence = max(policy.silence, 2 * (cadence.every or timedelta(0)))
    # While all calls to a provider are refused, no run can succeed: one problem raises one alert.
    if all(each.key.scope is BreakerScope.WORKSPACE for each in open_breakers):
        found += await _silence(store, rows, reported, now=now, silence=silence)
        if not any(each.kind is ConditionKind.NO_SUCCESSFUL_RUN and each.over_at is None for each in found):
            found += await _down(store, rows, cadence, now=now)
    found += _unhealthy(reported)
    found += _at_risk(reported, least=policy.at_risk)
    found += _disappeared(reported)
    found += _quarantine(reported, now=now, least=policy.quarantined)
    found += await _held_backfill(store)
    found += await _held_changes(store, now=now)
    found += await _day_budgets(store, cadence, now=now)
    return tuple(found)


async def _held_backfill(store: Store) -> list[Condition]:
    """Return the condition that the newest plan is held; a newer plan ends it."""
    plans = await store.backfills.plans(limit=1)
    if not plans or not plans[0].is_held:
        return []
    plan = plans[0]
    commands = [f"reconcile backfill status {plan.id}"]
    commands.append(f"reconcile backfill {'apply ' if plan.hash else 'plan --name '}{plan.id}")
    return [
        Condition(
            kind=ConditionKind.HELD_BACKFILL,
            subject=plan.id,
            since=plan.planned_at or plan.made_at,
            text="; ".join(plan.held),
            coming="nothing is written until a person approves it",
            commands=tuple(commands),
        )
    ]


async def _held_changes(store: Store, *, now: datetime) -> list[Condition]:
    """Return the kinds of changes that runs hold back."""
    return [
        Condition(
            kind=ConditionKind.HELD_CHANGES,
            subject=f"{each.kind}:{each.scope}",
            since=each.since,
            text=each.sentence(),
            coming="no change of this kind is written until a person approves it",
            commands=(f"reconcile approve {each.hash}",),
            size=each.leads,
        )
        for each in await store.change_holds.load()
        if each.is_in_force(now)
    ]


async def _day_budgets(store: Store, cadence: CadenceView, *, now: datetime) -> list[Condition]:
    """Return the providers at which the day's calls of an account will not suffice; that they are used up is news."""
    return [
        Condition(
            kind=ConditionKind.DAY_BUDGET,
            subject=each.provider.value,
            since=each.accounts[0].read_at,
            text=each.text,
            coming=each.next,
            commands=each.commands,
            level="used up" if each.is_used_up else "",
            size=each.count,
        )
        for each in await short_days(store, now=now, cadence=cadence)
    ]


def _of_breaker(
    breaker: Breaker, reported: Sequence[_FinishedRun], *, now: datetime, policy: BreakerPolicy
) -> Condition:
    advised = advice(breaker, now=now, policy=policy)
    # An operator's reason stays in the database: it may name a person, and channels have many readers.
    is_by_hand = breaker.override_kind(now) is not None or (
        breaker.fault is not None and breaker.fault not in set(ErrorClass)
    )
    text = f"{party(breaker.key)}: opened by an operator" if is_by_hand else advised.blame
    is_wide = breaker.key.scope is not BreakerScope.WORKSPACE
    return Condition(
        kind=_KINDS[breaker.key.scope],
        subject="" if breaker.key.scope is BreakerScope.RUN else breaker.key.name,
        since=advised.since or now,
        text=text,
        coming=advised.next,
        commands=advised.commands,
        level=text,
        spending=_spending(reported) if is_wide else None,
    )


def _spending(reported: Sequence[_FinishedRun]) -> Spending | None:
    """Return the calls of the newest run, and the usual number of healthy runs of the same shard."""
    if not reported:
        return None
    newest, *before = reported
    like_it = [each for each in before if each.report.shard == newest.report.shard and each.report.is_successful]
    usual = sorted(each.report.provider_calls for each in like_it)
    median = usual[(len(usual) - 1) // 2] if usual else 0
    return Spending(run_id=newest.run_id, calls=newest.report.provider_calls, usual_calls=median)


async def _silence(
    store: Store, rows: Sequence[RunRow], reported: Sequence[_FinishedRun], *, now: datetime, silence: timedelta
) -> list[Condition]:
    """Return the condition that no run has succeeded for long, also if it ended with the newest run."""
    kind, commands = ConditionKind.NO_SUCCESSFUL_RUN, ("reconcile status", "reconcile doctor")
    last_success = next((each for each in reported if each.report.is_successful), None)
    if last_success is None and len(rows) == _LOOKED_AT:
        rows = await store.ledger.runs(limit=_SEARCHED, of_all=True)
        last_success = next((each for each in _finished(rows) if each.report.is_successful), None)
    since = last_success.finished_at if last_success else rows[-1].started_at if rows else None
    if since is not None and now - since > silence:
        text = "no run has succeeded since then: check that the schedule starts runs, and their exit codes"
        return [Condition(kind=kind, since=since, text=text, commands=commands)]
    if len(reported) > 1 and last_success is reported[0]:
        newest, before = reported[0], reported[1].finished_at
        if newest.started_at - before > max(silence, await _slowed_down(store, since=before)):
            text = "no run has ended in that time: nothing was checked or repaired"
            return [Condition(kind=kind, since=before, over_at=newest.finished_at, text=text, commands=commands)]
    return []


async def _down(store: Store, rows: Sequence[RunRow], cadence: CadenceView, *, now: datetime) -> list[Condition]:
    """Return the condition that the schedule is down, by the rule of `reconcile status` and the page."""
    newest = RunLine.of(rows[0], claims=await store.leases.held()) if rows else None
    state = schedule_state(newest, cadence, now=now)
    if state.punctuality is not Punctuality.DOWN:
        return []
    return [
        Condition(
            kind=ConditionKind.NO_SUCCESSFUL_RUN,
            since=state.missed_since or now,
            text="the schedule has missed two or more ticks: check whether it is suspended",
            commands=("reconcile status", "reconcile doctor"),
        )
    ]


async def _slowed_down(store: Store, *, since: datetime) -> timedelta:
    """Return the longest expected silence of a cadence that was lowered until some time after *since*."""
    override = await store.cadences.override()
    return 2 * override.every if override is not None and override.expires_at > since else timedelta(0)


def _newest_by_shard(reported: Sequence[_FinishedRun]) -> Sequence[tuple[str, _FinishedRun]]:
    """Return the newest run of each shard, with the shard; "" is all workspaces."""
    newest: dict[str, _FinishedRun] = {}
    for each in reported:
        newest.setdefault(each.report.shard or "", each)
    return sorted(newest.items())


def _unhealthy(reported: Sequence[_FinishedRun]) -> list[Condition]:
    """Return the shards whose newest run was unhealthy, unless it has opened a breaker, which raises its own alert."""
    return [
        Condition(
            kind=ConditionKind.UNHEALTHY_RUN,
            subject=shard,
            since=newest.finished_at,
            text=_first_reason(newest.report),
            commands=(f"reconcile explain run {newest.run_id}",),
            size=newest.report.errors,
        )
        for shard, newest in _newest_by_shard(reported)
        if newest.report.health == Health.UNHEALTHY and not _has_tripped(newest)
    ]


def _has_tripped(run: _FinishedRun) -> bool:
    return any(each.tripped_by == run.run_id for each in run.report.breakers)


def _first_reason(report: StoredReport) -> str:
    """Return the first of the run's own findings, and the most frequent failure; both are fixed texts."""
    reasons = report.health_reasons or ("unhealthy",)
    return "; ".join([reasons[0], *(f"most frequent: {each.key}" for each in report.top_signatures[:1])])


def _at_risk(reported: Sequence[_FinishedRun], *, least: int) -> list[Condition]:
    counted = ((each, each.report.appointments_at_risk_24h) for each in reported)
    run, count = next(((each, count) for each, count in counted if count is not None), (None, 0))
    if run is None or count < least:
        return []
    text = f"{count_of(count, 'meeting')} of the next 24 h not verified within the last hour"
    commands = ("reconcile status",)
    return [
        Condition(
            kind=ConditionKind.APPOINTMENTS_AT_RISK, since=run.finished_at, text=text, commands=commands, size=count
        )
    ]


def _disappeared(reported: Sequence[_FinishedRun]) -> list[Condition]:
    """Return the shards whose newest run found that bookings of the next 24 h have disappeared."""
    return [
        Condition(
            kind=ConditionKind.BOOKINGS_DISAPPEARED,
            subject=shard,
            since=newest.finished_at,
            text=f"{count_of(count, 'meeting')} of the next 24 h that no answer of the provider confirms",
            coming="they stay booked, and are looked up each minute",
            commands=("reconcile mismatches",),
            size=count,
        )
        for shard, newest in _newest_by_shard(reported)
        if (count := newest.report.disappeared_24h)
    ]


def _quarantine(reported: Sequence[_FinishedRun], *, now: datetime, least: int) -> list[Condition]:
    recent = [each for each in reported if now - each.finished_at < _AN_HOUR]
    count = sum(each.report.quarantined for each in recent)
    if count < least:
        return []
    first = next(each.finished_at for each in reversed(recent) if each.report.quarantined)
    return [
        Condition(
            kind=ConditionKind.QUARANTINE_GROWTH,
            since=first,
            text=f"{count_of(count, 'lead')} quarantined within an hour, each after repeated failures",
            coming="they are not checked until a person releases them",
            commands=("reconcile quarantine list",),
            size=count,
        )
    ]
