"""Watches a claim until it is settled, and works through checklists."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.formatting import count_of
from reconcile.domain.run.report import Health, RunReport
from reconcile.domain.run.request import RunRequest
from reconcile.domain.verification.checklist import (
    ChecklistStep,
    ClaimStep,
    FigureSource,
    RunStep,
    StepResult,
    VerifiedStep,
    overall,
)
from reconcile.domain.verification.claim import Claim, Figures, Ruling, RulingReason, RulingStatus, judge
from reconcile.errors import (
    InputUnreadable,
    LogsRefused,
    LogsUnavailable,
    QuestionError,
    ReconcileError,
    RequestError,
    StoreUnavailable,
)
from reconcile.ports import Clock, Store
from reconcile.ports.logs import LogSource
from reconcile.services.verification.log_figures import ledger_figures, log_figures

OnRuling = Callable[[Ruling], None]
OnStep = Callable[[int, StepResult], None]
_SIGTERM = "sigterm"
_UNTIL_DUE = timedelta(seconds=90)
"""How long a run that found nothing to check is made again: urgent leads are due once a minute."""
_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What claims and checklists are looked at through; *store* is None where nothing asks the ledger."""

    clock: Clock
    store: Store | None
    log_file: Callable[[str], LogSource]
    pods: Callable[[str, datetime], LogSource]
    run: Callable[[RunRequest], Awaitable[RunReport]]
    on_look: OnRuling | None = None


async def watch(step: ClaimStep, means: Means) -> Ruling:
    """Look at a claim again and again; end at what waiting cannot change, or when the time is over.

    Raises what kept a look from being made where there is one look only, and a refusal of the first; between two looks
    such trouble may end.
    """
    clock, is_first = means.clock, True
    ends_at = clock.monotonic() + step.wait.total_seconds()
    while True:
        left = ends_at - clock.monotonic()
        try:
            ruling = judge(step.claim, await _figures(step, means))
        except (StoreUnavailable, LogsUnavailable) as error:
            if step.wait <= timedelta(0) or (is_first and isinstance(error, LogsRefused)):
                raise
            ruling = Ruling(word=RulingStatus.INCONCLUSIVE, why=RulingReason.UNANSWERED, text=str(error))
        if means.on_look is not None:
            means.on_look(ruling)
        if left <= 0 or ruling.is_final:
            return ruling
        is_first = False
        await clock.sleep(min(step.every, timedelta(seconds=left)))


async def work_through(
    steps: Sequence[ChecklistStep], means: Means, *, on_step: OnStep | None = None
) -> list[StepResult]:
    """Take the steps in their order.

    Once one has failed, nothing is begun that would change something; once one has not passed, nothing that waits: the
    verdict on all of them could not become a pass any more.
    """
    results: list[StepResult] = []
    has_ended = False
    for number, step in enumerate(steps, start=1):
        if has_ended or not _is_worth_it(step, after=overall(results)):
            text = "not tried: ended by SIGTERM" if has_ended else "not tried: a step before it has not passed"
            ruling = Ruling(word=RulingStatus.INCONCLUSIVE, why=RulingReason.NOT_TRIED, text=text)
        else:
            ruling = await _ruling(step, means)
            has_ended = ruling.why is RulingReason.ENDED
        results.append(StepResult(title=step.title, ruling=ruling))
        if on_step is not None:
            on_step(number, results[-1])
    return results


def _is_worth_it(step: ChecklistStep, *, after: RulingStatus) -> bool:
    match step.what:
        case ClaimStep():
            return after is RulingStatus.PASS or step.what.wait <= timedelta(0)
        case RunStep():
            return after is not RulingStatus.FAIL or step.what.dry_run
        case VerifiedStep():
            return True


async def _ruling(step: ChecklistStep, means: Means) -> Ruling:
    """Return what a step comes to; what cannot be asked is told in its place, so that the others are still asked."""
    try:
        match step.what:
            case ClaimStep():
                return await watch(step.what, means)
            case RunStep():
                return await _of_a_run(_request(step.what), means)
            case VerifiedStep():
                return await _verified(step.what, means)
    except (StoreUnavailable, LogsUnavailable, InputUnreadable, RequestError) as error:
        return Ruling(word=RulingStatus.INCONCLUSIVE, why=RulingReason.UNANSWERED, text=str(error))


async def _of_a_run(request: RunRequest, means: Means) -> Ruling:
    """Return what a run shows; one that comes just after the schedule's, or beside it, is made again a little later."""
    ends_at = means.clock.monotonic() + _UNTIL_DUE.total_seconds()
    while True:
        ruling = of_run(await means.run(request))
        if ruling.why is not RulingReason.TOO_FEW_CHECKS or means.clock.monotonic() >= ends_at:
            return ruling
        await means.clock.sleep(_PAUSE)


async def _figures(step: ClaimStep, means: Means) -> Figures:
    now = means.clock.now()
    match step.source:
        case FigureSource.LEDGER:
            return await ledger_figures(step.claim, store=_store(means), now=now)
        case FigureSource.LOGS:
            return await log_figures(step.claim, means.log_file(step.name))
        case FigureSource.CRONJOB:
            if step.claim.since is None:
                raise QuestionError("--cronjob needs --since")
            return await log_figures(step.claim, means.pods(step.name, step.claim.since), now=now)


def _store(means: Means) -> Store:
    if means.store is None:
        raise ReconcileError("there is no database to ask")
    return means.store


def _request(step: RunStep) -> RunRequest:
    return RunRequest(
        workspace_limit=step.workspaces,
        leads_per_workspace=step.leads_per_workspace,
        workspace=step.workspace,
        dry_run=step.dry_run,
    )


def of_run(report: RunReport) -> Ruling:
    """Return what a run shows: clean is what succeeded without one error and has checked anything at all."""
    checked, errors = count_of(report.leads_checked, "lead"), count_of(report.errors, "error")
    summary = f"run {report.run_id}: {checked} checked, {errors}, {report.health}"
    if report.stopped == _SIGTERM:
        return Ruling(word=RulingStatus.INCONCLUSIVE, why=RulingReason.ENDED, text=f"{summary}; ended by SIGTERM")
    if report.errors or report.circuit_broken or report.health is Health.UNHEALTHY or not report.success:
        top = f"; {report.top_signatures[0].key}" if report.top_signatures else ""
        return Ruling(word=RulingStatus.FAIL, why=RulingReason.RUN_FAILED, text=f"{summary}{top}", is_final=True)
    if not report.leads_checked:
        stopped = f" ({report.stopped})" if report.stopped else ""
        return Ruling(
            word=RulingStatus.INCONCLUSIVE,
            why=RulingReason.TOO_FEW_CHECKS,
            text=f"{summary}: nothing was checked{stopped}",
        )
    return Ruling(word=RulingStatus.PASS, why=RulingReason.AS_CLAIMED, text=summary)


async def _verified(step: VerifiedStep, means: Means) -> Ruling:
    left, all_of_them = await _store(means).leads.unverified_count(since=step.since)
    since = f"{step.since:%Y-%m-%d %H:%M} UTC"
    if left:
        text = f"{left} of {count_of(all_of_them, 'lead')} with a booking not verified since {since}"
        return Ruling(word=RulingStatus.FAIL, why=RulingReason.UNVERIFIED, text=text)
    if not all_of_them:
        return Ruling(word=RulingStatus.INCONCLUSIVE, why=RulingReason.TOO_FEW_CHECKS, text="no lead holds a booking")
    text = f"verified since {since}: {count_of(all_of_them, 'lead')} with a booking, none left out"
    return Ruling(word=RulingStatus.PASS, why=RulingReason.AS_CLAIMED, text=text)


def single(claim: Claim, ruling: Ruling) -> StepResult:
    """Return the one step that a claim without a checklist is."""
    summary = ", ".join(f"“{text}” {expected.replace('_', ' ')}" for text, expected in claim.signatures)
    rate = f"at most {claim.max_error_rate} errors" if claim.max_error_rate else ""
    return StepResult(title="; ".join(part for part in (summary, rate) if part) or "checks were made", ruling=ruling)
