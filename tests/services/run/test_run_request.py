"""What is asked of a run reaches the ports, the reports and the spans: each field, whoever made the request."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.run.cadence import NotYet
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.domain.verification.checklist import ChecklistStep, RunStep
from reconcile.ports import Span
from reconcile.ports.telemetry import NoopSpan
from tests.distinct_values import filled, names_of, with_another
from tests.recording_port import Recorded, recorded
from tests.services.fakes import START, Ear, FakeClock
from tests.services.run_harness import RunHarness
from tests.use_cases import (
    Means,
    RunRequest,
    lease_held_report,
    not_due_report,
    unstarted_report,
    work_through,
)

RUN = RunId("run-1")
WORKSPACE = WorkspaceId("ws-1")
IN_COMMON = sorted(set(names_of(RunRequest)) & set(names_of(RunReport)))
"""What a report repeats of the request."""


@dataclass
class SpanEar(Ear):
    """Hears with which facts each span was begun, and what was noted beside it."""

    spans: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    @contextmanager
    def span(self, name: str, **facts: object) -> Iterator[Span]:
        told = dict(facts)
        self.spans.append((name, told))

        class Noting(NoopSpan):
            def note(self, **more: object) -> None:
                told.update(more)

        yield Noting()


# --- a request that is made from something else ------------------------------------------------------------------


@pytest.mark.parametrize("job_name", [None, "nightly-29541240", "by-hand"])
def test_a_jobs_request_differs_only_in_trigger_and_scheduled_time(job_name: str | None) -> None:
    request = filled(RunRequest, trigger=Trigger.MANUAL)
    of_job = request.of_job(job_name, now=START)

    assert replace(of_job, trigger=request.trigger, scheduled_at=request.scheduled_at) == request


def test_a_jobs_name_gives_its_trigger_and_scheduled_minute() -> None:
    tick = START.replace(second=0)
    name = f"nightly-{int(tick.timestamp()) // 60}"
    request = filled(RunRequest, trigger=Trigger.MANUAL)

    assert request.of_job(name, now=START) == replace(request, trigger=Trigger.SCHEDULE, scheduled_at=tick)
    assert request.of_job("by-hand", now=START).trigger is Trigger.MANUAL
    assert filled(RunRequest, trigger=Trigger.BACKFILL).of_job(name, now=START).trigger is Trigger.BACKFILL


OF_STEP: Mapping[str, str] = {
    "workspaces": "workspace_limit",
    "leads_per_workspace": "leads_per_workspace",
    "workspace": "workspace",
    "dry_run": "dry_run",
}
"""Each field of a checklist's run, and the field of the request that it becomes."""


@pytest.mark.parametrize("name", names_of(RunStep))
async def test_a_run_of_a_checklist_has_the_steps_request(name: str) -> None:
    step = filled(RunStep)
    asked: list[RunRequest] = []

    async def run(request: RunRequest) -> RunReport:
        asked.append(request)
        return filled(RunReport, errors=1)

    for each in (step, with_another(step, name)):
        await work_through([ChecklistStep(title="a", what=each)], _means(run))
    first, second = (getattr(each, OF_STEP[name]) for each in asked)

    assert (first, second) == (getattr(step, name), getattr(with_another(step, name), name))
    assert [each for each in names_of(RunRequest) if getattr(asked[0], each) != getattr(asked[1], each)] == [
        OF_STEP[name]
    ]


def _means(run: Any) -> Means:
    def none(*_: object) -> None:
        raise AssertionError("asked for something else")

    clock = FakeClock()
    return Means(clock=clock, store=None, log_file=none, pods=none, run=run)  # type: ignore[arg-type]


# --- what becomes of it ------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What a run asked its ports, what it told, and its report."""

    ports: Mapping[str, Recorded]
    ear: SpanEar
    report: RunReport

    @property
    def due(self) -> Mapping[str, Any]:
        return self.ports["leads"].keywords("due_workspaces")

    @property
    def batch(self) -> Mapping[str, Any]:
        return self.ports["leads"].keywords("due_leads")

    @property
    def begun(self) -> Mapping[str, Any]:
        return self.ports["ledger"].keywords("begin_run")

    @property
    def span(self) -> Mapping[str, object]:
        return next(facts for name, facts in self.ear.spans if name == "run")

    @property
    def lease(self) -> str:
        return str(self.ports["leases"].of("acquire")[0].arguments[0])


Effects = tuple[Any, Callable[[Seen], tuple[Any, ...]], tuple[Any, ...]]
TICK = START - timedelta(seconds=90)
EFFECTS: Mapping[str, Effects] = {
    "workspace_limit": (2, lambda seen: (seen.due["limit"], len(seen.ports["leads"].of("write"))), (2, 2)),
    "leads_per_workspace": (3, lambda seen: (seen.batch["limit"], seen.report.leads_checked), (3, 9)),
    "workspace": (
        WORKSPACE,
        lambda seen: (seen.due["only"], seen.lease, seen.span["workspace_id"]),
        (WORKSPACE, "run:ws-1", WORKSPACE),
    ),
    "dry_run": (
        True,
        lambda seen: (seen.ports["leads"].of("write"), seen.ports["ledger"].of("begin_run"), seen.span["dry_run"]),
        ([], [], True),
    ),
    "whole_set": (
        True,
        lambda seen: (seen.due["limit"] > 1000, seen.batch["after"], len(seen.ports["leads"].of("due_leads"))),
        (True, LeadId(""), 6),
    ),
    "trigger": (
        Trigger.SCHEDULE,
        lambda seen: (seen.begun["trigger"], seen.span["trigger"]),
        (Trigger.SCHEDULE, Trigger.SCHEDULE),
    ),
    "scheduled_at": (TICK, lambda seen: (seen.report.lateness,), (timedelta(seconds=90),)),
    "shard": (
        Shard(0, 2),
        lambda seen: (seen.due["shard"], seen.lease, seen.span["shard"]),
        (Shard(0, 2), "run:0/2", "0/2"),
    ),
}
"""By field: a value that is not the usual one, what is looked at, and what is seen there."""


@pytest.mark.parametrize("name", names_of(RunRequest))
async def test_each_field_of_a_request_has_its_effect(harness: RunHarness, name: str) -> None:
    value, look, expected = EFFECTS[name]
    await harness.fill([5, 5, 5])
    usual, other = await _seen(harness), await _seen(harness, **{name: value})

    assert look(other) == expected
    assert look(usual) != expected


async def _seen(harness: RunHarness, **asked: Any) -> Seen:
    store, ports = recorded(harness.store)
    harness.ear = ear = SpanEar()
    given = {"workspace_limit": 3, "leads_per_workspace": 5, **asked}
    report = await harness.run(store=store, then=timedelta(minutes=2), **given)
    # What is late is later in the second run, by the time that has passed meanwhile.
    return Seen(ports=ports, ear=ear, report=_as_of_start(report, harness.clock.now() - timedelta(minutes=2)))


def _as_of_start(report: RunReport, now: datetime) -> RunReport:
    return report if report.lateness is None else replace(report, lateness=report.lateness - (now - START))


# --- the reports of runs that have done nothing ------------------------------------------------------------------


def _reports(request: RunRequest) -> Mapping[str, RunReport]:
    clock = FakeClock()
    facts: dict[str, Any] = {"run_id": RUN, "clock": clock, "started": clock.monotonic() - 7}
    return {
        "lease_held": lease_held_report(request, **facts),
        "not_due": not_due_report(request, NotYet(reason="too early", due_at=START), notes=["a note"], **facts),
        "sigterm": unstarted_report(request, **facts),
    }


@pytest.mark.parametrize("stopped", ["lease_held", "not_due", "sigterm"])
@pytest.mark.parametrize("name", IN_COMMON)
def test_a_run_without_work_reports_its_request(stopped: str, name: str) -> None:
    request = filled(RunRequest, scheduled_at=TICK)
    other = with_another(request, name)
    first, second = (_reports(each)[stopped] for each in (request, other))

    assert getattr(first, name) == getattr(request, name)
    assert getattr(second, name) == getattr(other, name)
    assert first.lateness == timedelta(seconds=90)
    assert (first.run_id, first.stopped, first.duration) == (RUN, stopped, timedelta(seconds=7))


def test_a_scheduled_run_that_is_not_due_reports_reason_and_faults() -> None:
    assert _reports(filled(RunRequest))["not_due"].health_reasons == (
        "not due before 2026-03-02T09:00:00Z: too early",
        "a note",
    )


@pytest.mark.parametrize("name", IN_COMMON)
async def test_a_run_reports_its_request(harness: RunHarness, name: str) -> None:
    request = filled(RunRequest, workspace=WORKSPACE, scheduled_at=TICK, dry_run=name == "dry_run")
    other = with_another(request, name)
    reports = [
        await harness.run(**{each: getattr(asked, each) for each in names_of(RunRequest)}) for asked in (request, other)
    ]

    assert [getattr(each, name) for each in reports] == [getattr(request, name), getattr(other, name)]
