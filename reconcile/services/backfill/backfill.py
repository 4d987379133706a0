"""A backfill from its plan to its end, in short rounds so that leases of a killed process expire soon."""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.backfill.plan import BackfillPlan, ChangeCaps, ItemState, PlanId, PlanState, Selection
from reconcile.domain.breaker.breaker import BreakerReason, BreakerScope, BreakerState
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import LeadId
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.stop_reason import StopReason
from reconcile.errors import RequestError
from reconcile.ports import Backfills, Clock, Store
from reconcile.services.backfill.commands import JobPlace, job_name, next_command, typed_command
from reconcile.services.backfill.estimate import check_fits, estimate_of, needs

ROUND = timedelta(seconds=20)
"""The time budget of one round: with ten more seconds of its lease, a killed round blocks others for at most 30 s."""
_PAUSE = timedelta(seconds=2)
"""Pause after a round without work: rate budgets refill and leases of killed processes expire meanwhile."""
_PATIENCE = timedelta(minutes=10)
"""How long a provider may be unreachable before the plan is held."""
_GRAVE = frozenset({BreakerReason.CONTRACT_FAULT, BreakerReason.MASS_ABSENCE})
_REJOINED = timedelta(days=1)
"""A restarted pod may find its plan complete within this time; later, the name was used again by a person."""
_PAGE = 2000
"""Number of a plan's leads that are read at a time."""
_SAMPLES = 3
"""Number of samples of each kind of change."""

Round = Callable[[], Awaitable[RunReport]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """The request for a plan: its *name*, the options of the command, and the time limit."""

    name: PlanId
    selection: Selection
    asked: Mapping[str, Any]
    within: timedelta
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareProgress:
    """The progress of this process's shard."""

    done: int
    total: int


OnShareProgress = Callable[[ShareProgress], None]


async def begin(request: BackfillRequest, *, store: Store, clock: Clock) -> BackfillPlan:
    """Return the plan of that name, or create it; raise RequestError if it cannot be created.

    Pods of one Job use the same name: the first creates the plan, the others join, and a restarted one continues it.
    """
    stored = await store.backfills.plan(request.name)
    if stored is None:
        if request.selection.is_empty:
            raise RequestError(
                "select leads, for example with --stale-booked or --workspace ID; --help lists all options"
            )
        found = await needs(request.selection, store=store, share=request.share, now=clock.now())
        check_fits(found, within=request.within)
        asked = {**request.asked, "estimate": estimate_of(found)}
        plan = BackfillPlan(id=request.name, made_at=clock.now(), asked=asked)
        await store.backfills.begin(plan, request.selection)
        stored = await known_plan(request.name, store.backfills)
    words = {key: value for key, value in stored.asked.items() if key != "estimate"}
    if request.asked and dict(request.asked) != words:
        raise RequestError(f"the plan {request.name} exists with another selection; choose another --name")
    if stored.planned_at is not None and (stored.applied_at or clock.now() - stored.made_at > _REJOINED):
        made = f"{stored.made_at:%Y-%m-%dT%H:%MZ}"
        raise RequestError(f"the plan {request.name} exists already, created at {made}; choose another --name")
    if stored.planned_at is None and stored.held:
        await store.backfills.save(replace(stored, held=()), before=stored)
        stored = await known_plan(request.name, store.backfills)
    return stored


async def known_plan(plan_id: PlanId, backfills: Backfills) -> BackfillPlan:
    """Return a plan, or raise RequestError that lists the existing ones."""
    plan = await backfills.plan(plan_id)
    if plan is not None:
        return plan
    others = ", ".join(each.id for each in await backfills.plans(limit=5))
    there = f"its last plans are {others}" if others else "it has none"
    raise RequestError(
        f"this database has no plan {plan_id}; {there}. A plan is applied in the database in which it was created"
    )


async def work_off(  # noqa: PLR0913 - one share of the work, and what it is done with
    plan_id: PlanId,
    state: ItemState,
    *,
    store: Store,
    clock: Clock,
    shard: Shard | None,
    once: Round,
    on_share_progress: OnShareProgress | None = None,
) -> RunReport | None:
    """Run rounds until this shard has no lead left in *state*; return the report of a round that was stopped.

    While a provider is unreachable, rounds only probe it; unreliable answers hold the plan immediately.
    """
    broken_since: float | None = None
    while True:
        left = await _left(store.backfills, plan_id, state, shard)
        plan = await known_plan(plan_id, store.backfills)
        if on_share_progress is not None:
            on_share_progress(ShareProgress(done=max(0, plan.selected - left), total=plan.selected))
        if not left or plan.is_held:
            return None
        report = await once()
        if report.stopped == StopReason.SIGTERM or (report.stopped == StopReason.BREAKER and not report.circuit_broken):
            return report
        broken_since = (broken_since or clock.monotonic()) if report.circuit_broken else None
        if broken_since is not None and (
            _is_grave(report) or clock.monotonic() - broken_since > _PATIENCE.total_seconds()
        ):
            return report
        if await _left(store.backfills, plan_id, state, shard) == left:
            if state is ItemState.SELECTED:
                await store.backfills.skip_gone(plan_id, at=clock.now())
            await clock.sleep(_PAUSE)


def _is_grave(report: RunReport) -> bool:
    return any(breaker.reason in _GRAVE and breaker.state is BreakerState.OPEN for breaker in report.breakers)


async def _left(backfills: Backfills, plan_id: PlanId, state: ItemState, shard: Shard | None) -> int:
    left = await backfills.left(plan_id, state)
    return sum(count for workspace_id, count in left.items() if shard is None or shard.holds(workspace_id))


async def hold(plan_id: PlanId, reason: str, *, backfills: Backfills) -> None:
    """Hold a plan for approval, even if it was approved before."""
    plan = await known_plan(plan_id, backfills)
    await backfills.save(replace(plan, held=(*plan.held, reason), approved_hash=None), before=plan)


def trouble_of(report: RunReport) -> str:
    """Return which breaker stopped planning, and its figures."""
    opened = [
        breaker
        for breaker in report.breakers
        if breaker.key.scope is not BreakerScope.WORKSPACE and breaker.state is not BreakerState.CLOSED
    ]
    causes = [f"{b.key} ({b.reason}, {b.errors} of {b.checks} checks)" for b in opened]
    first = f": {report.top_signatures[0].key}" if report.top_signatures else ""
    return f"planning stopped, as a breaker opened: {', '.join(causes) or 'the run'}{first}"


async def complete(plan_id: PlanId, *, store: Store, caps: ChangeCaps, clock: Clock, page: int = _PAGE) -> BackfillPlan:
    """Complete a plan whose leads were all looked up: count it, hash it, hold it if it exceeds a limit.

    Every process that finds nothing left does this, with the same result.
    """
    plan = await known_plan(plan_id, store.backfills)
    if plan.planned_at is not None or (await store.backfills.counts(plan_id)).get(ItemState.SELECTED):
        return plan
    digest, summary, changes = await _added_up(plan, store.backfills, page=page)
    held = caps.exceeded(changes, planned=sum(summary["outcomes"].values()))
    closed = replace(plan, planned_at=clock.now(), hash=digest, summary=summary, held=held)
    if not plan.selected:
        closed = replace(closed, applied_at=clock.now())  # no lead needs a repair
    await store.backfills.save(closed, before=plan)
    return await known_plan(plan_id, store.backfills)


async def _added_up(
    plan: BackfillPlan, backfills: Backfills, *, page: int
) -> tuple[str, dict[str, Any], Counter[Outcome]]:
    digest = hashlib.sha256(f"{plan.id}\n{plan.made_at.isoformat()}\n".encode())
    outcomes: Counter[Outcome] = Counter()
    changes: Counter[Outcome] = Counter()
    effects: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    samples: list[dict[str, Any]] = []
    after: LeadId | None = None
    while rows := await backfills.items(plan.id, limit=page, after=after):
        after = rows[-1].lead_id
        for row in rows:
            if row.planned is None:
                (skipped if row.state is ItemState.SKIPPED else failed)[row.reason or "unknown"] += 1
                continue
            digest.update(row.planned.line() + b"\n")
            outcomes[row.planned.outcome] += 1
            if row.planned.change is None:
                continue
            # a booking that is confirmed to be gone is canceled in the customer's rows
            changes[Outcome.CANCELED if row.planned.outcome is Outcome.ABSENT else row.planned.outcome] += 1
            effects.update(effect["kind"] for effect in row.planned.change["effects"])
            if sum(each["outcome"] == row.planned.outcome for each in samples) < _SAMPLES:
                shown = {"leadId": row.lead_id, "workspaceId": row.workspace_id, "outcome": row.planned.outcome.value}
                samples.append({**shown, "before": row.before, "after": row.after})
    summary: dict[str, Any] = {
        "outcomes": {outcome.value: count for outcome, count in sorted(outcomes.items())},
        "effects": dict(sorted(effects.items())),
        "skipped": dict(sorted(skipped.items())),
        "failed": dict(failed.most_common(10)),
        "samples": samples,
    }
    return digest.hexdigest(), summary, changes


async def admitted(  # noqa: PLR0913 - a plan, who approves it, and where the answer is read
    plan_id: PlanId,
    *,
    approve: str | None,
    backfills: Backfills,
    page: int = _PAGE,
    shards: int = 1,
    place: JobPlace | None = None,
) -> BackfillPlan:
    """Return a plan that may be applied now, or raise RequestError with the reason and the command for *place*."""
    plan = await known_plan(plan_id, backfills)
    if plan.planned_at is None or plan.hash is None:
        why = f"is held: {'; '.join(plan.held)}" if plan.held else "is not complete"
        more = typed_command(f"backfill plan --name {plan_id}", job=job_name(plan_id, "more"), place=place)
        raise RequestError(f"the plan {plan_id} {why}. To continue it: {more}")
    digest, _, _ = await _added_up(plan, backfills, page=page)
    if digest != plan.hash:
        raise RequestError(f"the rows of plan {plan_id} were edited since it was created: create a new plan")
    if approve is not None and approve != plan.hash:
        raise RequestError(f"the hash of plan {plan_id} is {plan.hash}; the approved hash is another one")
    if approve is not None and plan.approved_hash != approve:
        await backfills.save(replace(plan, approved_hash=approve), before=plan)
        plan = await known_plan(plan_id, backfills)
    if plan.is_held:
        review = typed_command(f"backfill status {plan_id}", job=job_name(plan_id, "status"), place=place)
        raise RequestError(
            f"the plan {plan_id} is held: {'; '.join(plan.held)}. Review it: {review}; "
            f"to apply it: {next_command(plan, PlanState.HELD, shards=shards, place=place)}"
        )
    return plan


async def conclude(plan_id: PlanId, *, backfills: Backfills, now: datetime) -> None:
    """Store that a plan is applied, once no lead of it is left."""
    counts = await backfills.counts(plan_id)
    plan = await known_plan(plan_id, backfills)
    if plan.applied_at is None and not counts.get(ItemState.PLANNED) and not counts.get(ItemState.SELECTED):
        await backfills.save(replace(plan, applied_at=now), before=plan)
