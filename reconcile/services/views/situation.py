"""What an operator asks first where not all is well: since when, whose fault, what is intact, what comes next."""

from datetime import datetime

from reconcile.domain.breaker.breaker import BreakerScope, BreakerState
from reconcile.domain.run.punctuality import Punctuality
from reconcile.domain.run.report import Health
from reconcile.domain.views.page import OverallStatus, Situation, UpcomingRun
from reconcile.domain.views.parked import ParkedCause
from reconcile.services.views.next_steps import Advice
from reconcile.services.views.status import SILENCE, Overview

_UNCHANGED = "a check that failed or was not made changes no booking: its lead keeps what was last verified"
_SECTIONS = {
    BreakerScope.RUN: "`circuit_broken`: the run's breaker is open",
    BreakerScope.PROVIDER: "`circuit_broken`: a provider's breaker is open",
    BreakerScope.WORKSPACE: "A workspace is parked",
}
_SCHEDULE_UNKNOWN = "a run, when something starts it: RECONCILE_SCHEDULE, which would say when, is not set"


def situation(view: Overview) -> Situation | None:
    """Return the answers about the worst condition, in the order of the headline; None where there is none."""
    if view.standing is OverallStatus.WELL:
        return _of_meetings(view) if view.at_risk_count else None
    stopped = (each for each in view.breakers if each.scope is not BreakerScope.WORKSPACE)
    worst = next((each for each in stopped if each.state is BreakerState.OPEN), None)
    if worst is not None:
        return _of_breaker(worst, view)
    if (found := _of_runs(view)) is not None:
        return found
    if view.parked_causes and view.hidden_count:
        return _of_parked(view.parked_causes[0], count=view.parked_count)
    return _of_breaker(view.breakers[0], view) if view.breakers else _of_failures(view)


def upcoming_run(view: Overview) -> UpcomingRun:
    """Return what happens next where nothing is wrong, and when."""
    at = _next_run_at(view)
    if at is None and view.cadence.planned.schedule is None:
        return UpcomingRun(text=_SCHEDULE_UNKNOWN)
    return UpcomingRun(text=f"a run checks the leads that are due by then; due now: {view.freshness.due:,}", at=at)


def _next_run_at(view: Overview) -> datetime | None:
    return view.cadence.next_run_at(view.runs[0].started_at if view.runs else None, now=view.now)


def _of_meetings(view: Overview) -> Situation:
    return Situation(
        blame="no party: runs are healthy",
        intact=_UNCHANGED,
        next="the next run checks these leads first",
        next_at=_next_run_at(view),
        runbook="Meetings are at risk",
    )


def _of_runs(view: Overview) -> Situation | None:
    """Answer for a killed run, or a schedule that starts none."""
    newest = view.runs[0] if view.runs else None
    if newest is None:
        return None
    if newest.health == "killed":
        return Situation(
            since=newest.started_at,
            blame="the run's own process, which ended before it could report; no provider is at fault",
            intact="what it had written is complete: each batch is one transaction",
            next="the next run continues; the leases of the killed run expire within 30 s of its end",
            next_at=_next_run_at(view),
            runbook="A run was killed",
        )
    punctuality = view.schedule.punctuality
    is_silent = punctuality is Punctuality.UNKNOWN and view.now - newest.started_at > SILENCE
    if not is_silent and punctuality not in {Punctuality.DOWN, Punctuality.LATE}:
        return None
    return Situation(
        # of ticks only the newest are known, so a long silence is counted from the last run
        since=view.schedule.missed_since if punctuality is Punctuality.LATE else newest.started_at,
        blame="the schedule, which has not started a run; no provider is at fault",
        intact=f"{_UNCHANGED}. But nothing is checked meanwhile",
        next="the next run that starts checks all that has become due",
        runbook="No run succeeds",
    )


def _of_failures(view: Overview) -> Situation | None:
    """Answer for failures that no breaker has stopped."""
    if not view.runs or view.runs[0].health == Health.HEALTHY.value:
        return None
    return Situation(
        since=view.last_success_at,
        blame="no party as a whole: the failures are listed below, by kind",
        intact=_UNCHANGED,
        next="failed leads are tried again later, each time after a longer pause",
        runbook="`unhealthy`, and nothing is open",
    )


def _of_parked(commonest: ParkedCause, *, count: int) -> Situation:
    """Answer for more parked workspaces than are listed, by their commonest cause."""
    return Situation(
        since=commonest.since,
        blame=f"{count:,} workspaces; most often: {commonest.cause} (breakers: {commonest.count:,})",
        intact=_UNCHANGED,
        next="each workspace gets one probe when its pause ends; if it succeeds, the workspace is checked again",
        next_at=commonest.next_probe_at,
        runbook=_SECTIONS[BreakerScope.WORKSPACE],
    )


def _of_breaker(each: Advice, view: Overview) -> Situation:
    # where most workspaces are parked, that is trouble
    is_alone = each.scope is BreakerScope.WORKSPACE and view.standing is OverallStatus.ATTENTION
    others = "; other workspaces are served" if is_alone else ""
    return Situation(
        since=each.since,
        blame=each.blame,
        intact=f"{_UNCHANGED}{others}",
        next=each.next,
        next_at=each.next_at,
        runbook=_SECTIONS[each.scope],
    )
