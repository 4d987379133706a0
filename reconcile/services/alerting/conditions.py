"""Evaluates the alert conditions at one instant from breakers and the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.alert import AlertPolicy, Condition, ConditionKind, Spending
from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.formatting import count_of
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.run.punctuality import Punctuality
from reconcile.domain.run.report import Health
from reconcile.errors import ErrorClass
from reconcile.ports import RunRow, Store
from reconcile.services.control.cadence import CadenceView, cadence_view
from reconcile.services.views.next_steps import advice
from reconcile.services.views.next_steps import party_name as party
from reconcile.services.views.status import RunLine, schedule_state, was_sound

_LOOKED_AT = 60
_SEARCHED = 500
_AN_HOUR = timedelta(hours=1)
_KINDS: Mapping[BreakerScope, ConditionKind] = {
    BreakerScope.RUN: ConditionKind.RUN_BREAKER,
    BreakerScope.PROVIDER: ConditionKind.PROVIDER_BREAKER,
    BreakerScope.WORKSPACE: ConditionKind.PARKED_WORKSPACE,
}


async def conditions(
    store: Store, *, now: datetime, policy: AlertPolicy, breaker: BreakerPolicy, planned: PlannedCadence
) -> tuple[Condition, ...]:
    """Return all conditions that hold at *now*."""
    rows = await store.ledger.runs(limit=_LOOKED_AT, of_all=True)
    reported = [row for row in rows if row.report is not None and row.finished_at is not None]
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


def _of_breaker(breaker: Breaker, reported: Sequence[RunRow], *, now: datetime, policy: BreakerPolicy) -> Condition:
    told = advice(breaker, now=now, policy=policy)
    # An operator's reason stays in the database: it may name a person, and channels have many readers.
    is_by_hand = breaker.override_kind(now) is not None or (
        breaker.fault is not None and breaker.fault not in set(ErrorClass)
    )
    text = f"{party(breaker.key)}: opened by an operator" if is_by_hand else told.blame
    is_wide = breaker.key.scope is not BreakerScope.WORKSPACE
    return Condition(
        kind=_KINDS[breaker.key.scope],
        subject="" if breaker.key.scope is BreakerScope.RUN else breaker.key.name,
        since=told.since or now,
        text=text,
        coming=told.next,
        commands=told.commands,
        level=text,
        spending=_spending(reported) if is_wide else None,
    )


def _spending(reported: Sequence[RunRow]) -> Spending | None:
    """Return the calls of the newest run, and the usual number of healthy runs of the same shard."""
    if not reported:
        return None
    newest, *before = reported
    share = _of(newest).get("shard")
    like_it = [row for row in before if _of(row).get("shard") == share and was_sound(_of(row))]
    usual = sorted(_count(row, "providerCalls") for row in like_it)
    median = usual[(len(usual) - 1) // 2] if usual else 0
    return Spending(run_id=newest.run_id, calls=_count(newest, "providerCalls"), usual_calls=median)


async def _silence(
    store: Store, rows: Sequence[RunRow], reported: Sequence[RunRow], *, now: datetime, silence: timedelta
) -> list[Condition]:
    """Return the condition that no run has succeeded for long, also if it ended with the newest run."""
    kind, commands = ConditionKind.NO_SUCCESSFUL_RUN, ("reconcile status", "reconcile doctor")
    sound = next((row for row in reported if was_sound(_of(row))), None)
    if sound is None and len(rows) == _LOOKED_AT:
        rows = await store.ledger.runs(limit=_SEARCHED, of_all=True)
        sound = next((row for row in rows if row.report and was_sound(row.report)), None)
    since = sound.finished_at if sound else rows[-1].started_at if rows else None
    if since is not None and now - since > silence:
        text = "no run has succeeded since then: check that the schedule starts runs, and their exit codes"
        return [Condition(kind=kind, since=since, text=text, commands=commands)]
    if len(reported) > 1 and sound is reported[0]:
        newest, before = reported[0], reported[1].finished_at
        if before is not None and newest.started_at - before > max(silence, await _slowed_down(store, since=before)):
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


def _newest_by_shard(reported: Sequence[RunRow]) -> Sequence[tuple[str, RunRow]]:
    """Return the newest run of each shard, with the shard; "" is all workspaces."""
    newest: dict[str, RunRow] = {}
    for row in reported:
        newest.setdefault(_of(row).get("shard") or "", row)
    return sorted(newest.items())


def _unhealthy(reported: Sequence[RunRow]) -> list[Condition]:
    """Return the shards whose newest run was unhealthy, unless it has opened a breaker, which raises its own alert."""
    return [
        Condition(
            kind=ConditionKind.UNHEALTHY_RUN,
            subject=shard,
            since=row.finished_at,
            text=_first_reason(_of(row)),
            commands=(f"reconcile explain run {row.run_id}",),
            size=_count(row, "errors"),
        )
        for shard, row in _newest_by_shard(reported)
        if _of(row).get("health") == Health.UNHEALTHY and row.finished_at is not None and not _has_tripped(row)
    ]


def _has_tripped(row: RunRow) -> bool:
    return any(each.get("trippedBy") == row.run_id for each in _of(row).get("breakers", ()))


def _first_reason(report: Mapping[str, Any]) -> str:
    """Return the first of the run's own findings, and the most frequent failure; both are fixed texts."""
    reasons, signatures = report.get("healthReasons") or ["unhealthy"], report.get("topSignatures") or []
    return "; ".join([str(reasons[0]), *(f"most frequent: {each['signature']}" for each in signatures[:1])])


def _at_risk(reported: Sequence[RunRow], *, least: int) -> list[Condition]:
    row = next((row for row in reported if _of(row).get("appointmentsAtRisk24h") is not None), None)
    if row is None or row.finished_at is None or (count := _count(row, "appointmentsAtRisk24h")) < least:
        return []
    text = f"{count_of(count, 'meeting')} of the next 24 h not verified within the last hour"
    commands = ("reconcile status",)
    return [
        Condition(
            kind=ConditionKind.APPOINTMENTS_AT_RISK, since=row.finished_at, text=text, commands=commands, size=count
        )
    ]


def _disappeared(reported: Sequence[RunRow]) -> list[Condition]:
    """Return the shards whose newest run found that bookings of the next 24 h have disappeared."""
    return [
        Condition(
            kind=ConditionKind.BOOKINGS_DISAPPEARED,
            subject=shard,
            since=row.finished_at,
            text=f"{count_of(count, 'meeting')} of the next 24 h that no answer of the provider confirms",
            coming="they stay booked, and are looked up each minute",
            commands=("reconcile mismatches",),
            size=count,
        )
        for shard, row in _newest_by_shard(reported)
        if row.finished_at is not None and (count := _count(row, "disappeared24h"))
    ]


def _quarantine(reported: Sequence[RunRow], *, now: datetime, least: int) -> list[Condition]:
    recent = [row for row in reported if row.finished_at and now - row.finished_at < _AN_HOUR]
    count = sum(_count(row, "quarantined") for row in recent)
    if count < least:
        return []
    first = next(row.finished_at for row in reversed(recent) if _count(row, "quarantined"))
    return [
        Condition(
            kind=ConditionKind.QUARANTINE_GROWTH,
            since=first or now,
            text=f"{count_of(count, 'lead')} quarantined within an hour, each after repeated failures",
            coming="they are not checked until a person releases them",
            commands=("reconcile quarantine list",),
            size=count,
        )
    ]


def _of(row: RunRow) -> Mapping[str, Any]:
    return row.report or {}


def _count(row: RunRow, name: str) -> int:
    return int(_of(row).get(name) or 0)
