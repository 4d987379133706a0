"""The signals of a run: what its report means to a monitor, in which order they arrive, and what a failure costs."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.ids import RunId
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.ports import HeartbeatSignal
from tests.services.fakes import START as NOW
from tests.services.fakes import Ear, FakeClock
from tests.services.heartbeats import FakeMonitor
from tests.services.run_harness import RunHarness
from tests.use_cases import Heartbeat, RunRequest, lease_held_report, signal_of

RUN = RunId("run-001")
REQUEST = RunRequest(workspace_limit=1, leads_per_workspace=1)
START, SUCCESS, FAILURE = HeartbeatSignal


def a_heartbeat() -> tuple[Heartbeat, FakeMonitor, Ear]:
    clock, ear = FakeClock(), Ear()
    monitor = FakeMonitor(clock)
    return Heartbeat(monitor=monitor, run_id=RUN, clock=clock, telemetry=ear), monitor, ear


def ended(stopped: str | None) -> RunReport:
    report = lease_held_report(REQUEST, run_id=RUN, clock=FakeClock(), started=0)
    return replace(report, stopped=stopped)


@pytest.mark.parametrize(
    ("stopped", "is_failed", "signal"),
    [
        (None, False, SUCCESS),
        (None, True, FAILURE),
        ("deadline", False, SUCCESS),
        ("lease_lost", True, FAILURE),
        ("not_due", False, SUCCESS),
        ("lease_held", False, None),
        ("lease_held", True, FAILURE),
        ("sigterm", False, None),
        ("sigterm", True, None),
    ],
)
def test_a_report_means_to_a_monitor_what_it_says_of_the_schedule(
    stopped: str | None, is_failed: bool, signal: HeartbeatSignal | None
) -> None:
    assert signal_of(ended(stopped), is_failed=is_failed) is signal


async def test_the_end_is_sent_after_the_start() -> None:
    heartbeat, monitor, _ = a_heartbeat()
    heartbeat.begin()
    await heartbeat.end(SUCCESS)

    assert monitor.signals == [(START, RUN), (SUCCESS, RUN)]


async def test_without_an_end_the_start_is_given_up() -> None:
    heartbeat, monitor, ear = a_heartbeat()
    monitor.hangs = True
    heartbeat.begin()
    await asyncio.sleep(0)
    await heartbeat.end(None)

    assert (monitor.signals, ear.events) == ([], [])


async def test_a_monitor_that_is_down_is_one_warning() -> None:
    heartbeat, monitor, ear = a_heartbeat()
    monitor.is_down = True
    heartbeat.begin()
    await heartbeat.end(FAILURE)

    assert ear.events == ["heartbeat.not_sent"]


async def test_a_tick_that_is_not_due_begins_nothing_and_a_run_begins_once(harness: RunHarness) -> None:
    heartbeat, monitor, _ = a_heartbeat()
    harness.heartbeat = heartbeat
    await harness.fill([1])
    hourly = CadenceOverride(
        every=timedelta(hours=1), reason="r", actor="a", set_at=NOW, expires_at=NOW + timedelta(hours=2)
    )
    await harness.store.cadences.set(hourly)
    await harness.run(trigger=Trigger.SCHEDULE)
    skipped = await harness.run(trigger=Trigger.SCHEDULE)
    await heartbeat.end(None)

    assert skipped.stopped == "not_due"
    assert [signal for signal, _ in monitor.signals] == [START]
