"""Collects the content of the page through the ports."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerScope
from reconcile.domain.due import DuePolicy
from reconcile.domain.formatting import count_of
from reconcile.domain.lead import Lead
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.views.page import (
    BreakerSummary,
    Failure,
    OverallStatus,
    PageFacts,
    Repair,
    RiskyMeeting,
    SuggestedCommand,
    TimeBucket,
)
from reconcile.ports import ChangeRow, SightingRow, Store
from reconcile.services.views.next_steps import Advice
from reconcile.services.views.replay import threshold_trials
from reconcile.services.views.run_history import scheduled_runs
from reconcile.services.views.situation import situation, upcoming_run
from reconcile.services.views.status import Overview, overview
from reconcile.services.views.time_buckets import TimeBuckets
from reconcile.services.views.timeline import Timeline, TimelineBuilder

WORKSPACES_SHOWN = 20
BREAKERS_SHOWN = 10
TROUBLES_SHOWN = 3
CAUSES_SHOWN = 5
MEETINGS_SHOWN = 10
FAILURES_SHOWN = 8
REPAIRS_SHOWN = 12
STEPS_SHOWN = 3
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(minutes=10)
"""The shortest time that a page shows."""
_RUN = SuggestedCommand(text="checks what is due now", command="reconcile run")
_LOOK = SuggestedCommand(text="shows the same in a terminal", command="reconcile status")
_ALL = SuggestedCommand(text="lists them all", command="reconcile breaker show")
_SAYS = {
    "reconcile explain run": "explains the run in which it opened",
    "reconcile explain workspace": "explains its state",
    "reconcile breaker reset": "ends the hold early",
}


async def page_facts(  # noqa: PLR0913 - the settings that decide what is well
    store: Store,
    *,
    now: datetime,
    span: timedelta,
    due: DuePolicy,
    breaker: BreakerPolicy,
    planned: PlannedCadence | None = None,
) -> PageFacts:
    """Return the page's content for the last *span*, or since the first run if that is later; its size is bounded."""
    since = await _since(store, now=now, span=span)
    view = await overview(store, now=now, due=due, breaker=breaker, planned=planned)
    history, story = await _history(store, since=since, now=now)
    standing, headline = _headline(view, history)
    answers = situation(view)
    last = next((each for each in view.runs if each.finished_at), None)
    trials, trials_note = await threshold_trials(store.ledger, since=since, now=now, in_force=breaker)
    return PageFacts(
        now=now,
        since=since,
        standing=standing,
        headline=headline,
        situation=answers,
        upcoming=None if answers else upcoming_run(view),
        steps=_steps(view, standing),
        notes=last.health_reasons if last else (),
        trip_rate=breaker.error_rate,
        moments=tuple(history),
        bands=story.bands,
        band_rows=story.rows,
        more_breakers=story.more_count,
        troubles=tuple(_trouble(each) for each in view.breakers[:TROUBLES_SHOWN]),
        more_troubles=max(0, len(view.breakers) - TROUBLES_SHOWN),
        parked_causes=view.parked_causes[:CAUSES_SHOWN] if view.hidden_count else (),
        trials=trials,
        trials_note=trials_note,
        ages=await store.leads.ages(now=now, policy=due, limit=WORKSPACES_SHOWN),
        median_age=view.freshness.median,
        never_verified=view.freshness.never_verified,
        at_risk_count=view.at_risk_count,
        at_risk=tuple(map(_meeting, await store.leads.at_risk(now=now, policy=due, limit=MEETINGS_SHOWN))),
        failures=tuple(map(_failure, (await store.ledger.sightings(since=since))[:FAILURES_SHOWN])),
        repairs=tuple(map(_repair, await store.ledger.changes(limit=REPAIRS_SHOWN))),
        last_run_at=view.runs[0].finished_at or view.runs[0].started_at if view.runs else None,
        last_checks=last.leads_checked if last else 0,
        last_errors=last.errors if last else 0,
        last_success_at=view.last_success_at,
    )


async def _since(store: Store, *, now: datetime, span: timedelta) -> datetime:
    """Return from when to show: a database that is younger than *span* fills its charts."""
    first = await store.ledger.scheduled_runs(since=_EVER, limit=1)
    if not first:
        return now - span
    return max(now - span, min(first[0].ended_at - timedelta(minutes=1), now - _SHORTEST))


async def _history(store: Store, *, since: datetime, now: datetime) -> tuple[Sequence[TimeBucket], Timeline]:
    calendar, builder = TimeBuckets(since=since, now=now), TimelineBuilder(since=since, now=now)
    async for scheduled_run in scheduled_runs(store.ledger, since=since):
        calendar.add(scheduled_run)
        builder.add(scheduled_run)
    return calendar.buckets, builder.timeline(await store.breakers.load(), most=BREAKERS_SHOWN)


def _headline(view: Overview, history: Sequence[TimeBucket]) -> tuple[OverallStatus, str]:
    """Return one sentence about the current state: the worst condition, or that all is well."""
    if view.standing is not OverallStatus.WELL:
        verdict = view.verdict.partition(": start one")[0]
        return view.standing, f"{verdict[:1].upper()}{verdict[1:]}{'' if verdict.endswith('?') else '.'}"
    if view.at_risk_count:
        meetings = count_of(view.at_risk_count, "meeting")
        return (
            OverallStatus.ATTENTION,
            f"Runs are healthy, but {meetings} of the next 24 hours were not verified for an hour.",
        )
    checks, errors = sum(each.checks for each in history), sum(each.errors for each in history)
    successes = f"all but {errors:,} successful" if errors else "all successful"
    return OverallStatus.WELL, f"{checks:,} checks, {successes}, and no meeting of the next 24 hours is unverified."


def _steps(view: Overview, standing: OverallStatus) -> tuple[SuggestedCommand, ...]:
    """Return commands to run, the likeliest first."""
    wide = [each for each in view.breakers if each.scope is not BreakerScope.WORKSPACE]
    parked = [each for each in view.breakers if each.scope is BreakerScope.WORKSPACE]
    steps = [_step(each.commands[0]) for each in [*wide, *parked[:1]]]
    if len(parked) > 1 or view.hidden_count:
        steps.append(_ALL)
    if not view.runs or view.at_risk_count:
        steps.append(_RUN)
    elif standing is not OverallStatus.WELL and not steps:
        steps.append(
            SuggestedCommand(text="explains the last run", command=f"reconcile explain run {view.runs[0].run_id}")
        )
    steps += [SuggestedCommand(text=each.text, command=each.command) for each in view.chores]
    return tuple(steps[:STEPS_SHOWN]) or (_LOOK,)


def _step(command: str) -> SuggestedCommand:
    return SuggestedCommand(
        text=next(text for start, text in _SAYS.items() if command.startswith(start)), command=command
    )


def _trouble(each: Advice) -> BreakerSummary:
    return BreakerSummary(
        breaker=each.breaker,
        state=each.state.value,
        since=each.since,
        blame=each.blame,
        next=each.next,
        next_at=each.next_at,
        commands=each.commands,
    )


def _meeting(lead: Lead) -> RiskyMeeting:
    return RiskyMeeting(
        workspace_id=lead.workspace_id,
        lead_id=lead.id,
        starts_at=lead.rollup.starts_at,
        verified_at=lead.state.verified_at,
    )


def _failure(row: SightingRow) -> Failure:
    return Failure(
        signature=row.signature.key,
        shape=row.signature.shape,
        version=row.version,
        count=row.count,
        workspaces=row.workspace_count,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )


def _repair(row: ChangeRow) -> Repair:
    return Repair(
        at=row.at,
        run_id=row.run_id,
        workspace_id=row.workspace_id,
        lead_id=row.lead_id,
        outcome=row.outcome.value,
        was=_describe(row.before),
        became=_describe(row.after) or f"same, with another {_others(row.after) or 'set of appointments'}",
    )


def _describe(values: Mapping[str, Any]) -> str:
    """Return status and start of a meeting; of other fields of a change, only their names."""
    status, starts_at = values.get("booking_status"), values.get("booking_starts_at")
    parts = [str(status).replace("_", " ")] if status else []
    with suppress(TypeError, ValueError):
        parts += [f"{datetime.fromisoformat(starts_at):%d %b %H:%M}"] if starts_at else []
    return ", ".join(parts)


def _others(values: Mapping[str, Any]) -> str:
    names = [name.removeprefix("booking_").replace("_", " ").removesuffix("s at") for name in values]
    return ", ".join(name for name in names if name not in {"appointments", "status", "start"})
