"""The view of a backfill: progress, planned changes, why it is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanState
from reconcile.domain.ids import LeadId
from reconcile.domain.planning.outcome import CHANGING
from reconcile.ports import Backfills
from reconcile.services.backfill.commands import JobPlace, job_name, next_command, typed_command

_LATELY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnappliedLead:
    """A lead that was not changed as planned, and why."""

    lead_id: LeadId
    state: ItemState
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillView:
    """One plan: *per_minute* is the recent rate of leads, *eta* the remaining time at that rate.

    *left_alone* lists those that drifted or were refused, up to the requested number. *next* and *undo* are commands:
    to continue, and to preview an undo; for a Job, with kubectl.
    """

    plan: str
    state: PlanState
    made_at: datetime
    asked: Mapping[str, Any]
    selected: int
    counts: Mapping[ItemState, int]
    summary: Mapping[str, Any]
    held: Sequence[str]
    hash: str | None
    per_minute: int
    eta: timedelta | None
    left_alone: Sequence[UnappliedLead]
    next: str | None
    undo: str | None


async def view(  # noqa: PLR0913 - what is shown, of what, and for whom
    plan: BackfillPlan,
    *,
    backfills: Backfills,
    now: datetime,
    limit: int = 100,
    shards: int = 1,
    place: JobPlace | None = None,
) -> BackfillView:
    """Return the view of *plan* in one of *shards* processes."""
    counts = await backfills.counts(plan.id)
    state = plan.state(counts)
    per_minute = await backfills.moved(plan.id, since=now - _LATELY)
    left = counts.get(ItemState.SELECTED if plan.hash is None else ItemState.PLANNED, 0)
    is_moving = per_minute and state in {PlanState.PLANNING, PlanState.APPLYING}
    changes = any(plan.summary.get("outcomes", {}).get(outcome) for outcome in CHANGING)
    rows = await backfills.items(plan.id, states=(ItemState.DRIFTED, ItemState.REFUSED), limit=limit)
    undo = f"undo --plan {plan.id} --dry-run" if counts.get(ItemState.APPLIED) and changes else None
    return BackfillView(
        plan=plan.id,
        state=state,
        made_at=plan.made_at,
        asked=plan.asked,
        selected=plan.selected,
        counts=counts,
        summary=plan.summary,
        held=plan.held if plan.is_held else (),
        hash=plan.hash,
        per_minute=per_minute,
        eta=left * _LATELY / per_minute if is_moving else None,
        left_alone=tuple(UnappliedLead(lead_id=row.lead_id, state=row.state, reason=row.reason) for row in rows),
        next=next_command(plan, state, shards=shards, place=place),
        undo=undo and typed_command(undo, job=job_name(plan.id, "undo"), place=place),
    )
