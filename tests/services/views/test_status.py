"""What an operator reads first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
    Trip,
)
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import RunId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.run.report import Trigger
from reconcile.errors import ErrorClass
from reconcile.ports import ChannelState, LeaseHolder
from tests.services.stub_store import LEAD, NOW, WORKSPACE, Stub, healthy, run_row
from tests.use_cases import Overview, overview

POLICY = BreakerPolicy()
GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
PARKED = BreakerKey(BreakerScope.WORKSPACE, "ws 1")


def tripped(key: BreakerKey, *, fault: str = ErrorClass.CONTRACT) -> Breaker:
    began_at = NOW - timedelta(seconds=20)
    trip = Trip(reason=BreakerReason.CONTRACT_FAULT, checks=5, errors=4, fault=fault, run_id=RunId("run-9"))
    return Breaker(key=key).trip(began_at, trip, policy=POLICY)


async def status_of(stub: Stub) -> Overview:
    return await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=POLICY)


async def test_the_status_of_an_empty_database_gives_the_next_step() -> None:
    view = await status_of(Stub())

    assert view.verdict == "no run yet: start one with `reconcile run`"
    assert view.last_success_at is None


async def test_an_open_breaker_is_first_with_party_next_step_and_command() -> None:
    view = await status_of(Stub(breakers={GHL: tripped(GHL)}, runs=[run_row("run-9", report=healthy())]))
    (told,) = view.breakers

    assert view.verdict == "stopped: GoHighLevel: responses lack a required field"
    assert told.since == NOW - timedelta(seconds=20)
    assert told.next == "no calls, then 3 probes, each in another workspace"
    assert told.next_at == NOW + timedelta(seconds=25)
    assert (told.checks, told.errors) == (5, 4)
    assert told.commands == (
        "reconcile explain run run-9",
        "reconcile breaker reset provider:ghl --reason '...'",
        "reconcile breaker hold provider:ghl --for 2h --reason '...'",
    )


async def test_a_due_probe_is_announced_for_the_next_run() -> None:
    due = Breaker(key=GHL, state=BreakerState.OPEN, next_probe_at=NOW)

    (told,) = (await status_of(Stub(breakers={GHL: due}))).breakers

    assert told.next == "the next run sends 3 probes, each in another workspace"


async def test_a_recovery_is_shown_with_its_share() -> None:
    half = Breaker(key=GHL, state=BreakerState.HALF_OPEN, stage=2, opened_at=NOW - timedelta(minutes=15))

    view = await status_of(Stub(breakers={GHL: half}, runs=[run_row("run-1", report=healthy())]))

    assert view.verdict == "recovering: GoHighLevel"
    assert view.breakers[0].next == "recovering: 50% of the work is admitted, more after each successful run"
    assert view.breakers[0].since == NOW - timedelta(minutes=15)


async def test_a_parked_workspace_is_not_shown_as_a_stop() -> None:
    view = await status_of(
        Stub(breakers={PARKED: tripped(PARKED, fault=ErrorClass.CREDENTIAL)}, runs=[run_row("run-1", report=healthy())])
    )

    assert view.verdict == "parked: 1 of 100 workspaces; others are served"
    assert view.breakers[0].blame == "workspace ws 1: the token is refused: expired, or without scope or location"
    assert view.breakers[0].commands[0] == "reconcile explain workspace 'ws 1'"
    assert view.breakers[0].next == "no calls, then one probe"


async def test_an_override_is_shown_with_reason_and_expiry() -> None:
    hand = Override(
        kind=OverrideKind.HOLD_OPEN, reason="vendor outage", actor="ada", expires_at=NOW + timedelta(hours=1)
    )
    held = Breaker(key=GHL).with_override(hand, NOW, reason=BreakerReason.MANUAL_HOLD)

    (told,) = (await status_of(Stub(breakers={GHL: held}))).breakers

    assert told.blame == "GoHighLevel: held open by ada: vendor outage"
    assert told.next == "no calls and no probes, then automatic again"
    assert told.next_at == NOW + timedelta(hours=1)
    assert told.commands == ("reconcile breaker reset provider:ghl --reason '...'",)


async def test_the_breaker_of_one_operation_names_the_operation() -> None:
    key = BreakerKey(BreakerScope.PROVIDER, "ghl/contact_search")

    (told,) = (await status_of(Stub(breakers={key: tripped(key, fault=ErrorClass.TIMEOUT)}))).breakers

    assert told.blame == "GoHighLevel, contact search only: no response in time"


async def test_closed_breakers_are_not_mentioned() -> None:
    recovered = Breaker(key=GHL).close(NOW, reason=BreakerReason.RECOVERED)

    assert (await status_of(Stub(breakers={GHL: recovered}))).breakers == ()


@pytest.mark.parametrize("lease", ["run", "run:0/4", "run:ws-1"])
async def test_a_run_without_report_is_running_only_while_it_holds_a_lease(lease: str) -> None:
    rows = [run_row("run-2"), run_row("run-1", minutes_ago=2)]
    claim = LeaseHolder(holder="run-2", expires_at=NOW + timedelta(seconds=50))

    running = await status_of(Stub(runs=rows, held={lease: claim, "workspace:ws-1": claim}))
    killed = await status_of(Stub(runs=rows))

    assert [run.health for run in running.runs] == ["running", "killed"]
    assert running.at_work == (claim,)
    assert [run.health for run in killed.runs] == ["killed", "killed"]
    assert killed.verdict == "the last run was killed before it could report: run-2"


async def test_a_missing_run_is_shown() -> None:
    view = await status_of(Stub(runs=[run_row("run-1", minutes_ago=90, report=healthy())]))

    assert view.verdict == "no run for more than an hour: check whether the schedule is suspended"


@pytest.mark.parametrize("trigger", [Trigger.BACKFILL, Trigger.UNDO])
async def test_other_runs_do_not_hide_a_missing_scheduled_run(trigger: Trigger) -> None:
    others = [replace(run_row(f"other-{n}", report=healthy()), trigger=trigger) for n in range(20)]
    last = run_row("run-1", minutes_ago=90, report=healthy())

    view = await status_of(Stub(runs=[*others, last]))

    assert view.verdict == "no run for more than an hour: check whether the schedule is suspended"
    assert view.last_success_at == last.finished_at
    assert [run.run_id for run in view.runs] == [f"other-{n}" for n in range(10)]


async def test_the_last_success_is_found_behind_a_long_failure() -> None:
    bad = [run_row(f"run-{n}", minutes_ago=n, report=healthy(health="circuit_broken")) for n in range(1, 30)]
    good = run_row("run-30", minutes_ago=30, report=healthy(health="degraded"))

    view = await status_of(Stub(runs=[*bad, good]))

    assert view.last_success_at == good.finished_at
    assert view.verdict == "the last finished run was circuit_broken"
    assert len(view.runs) == 10


async def test_work_for_a_person_is_shown_with_its_command() -> None:
    set_aside = [Lead(id=LEAD, workspace_id=WORKSPACE)]

    channels = {
        "slack": ChannelState(name="slack", known_since=NOW, fault="slack answered 404", not_before=NOW),
        "email": ChannelState(name="email", known_since=NOW),
        "gone": ChannelState(name="gone", known_since=NOW, fault="x", not_before=NOW - timedelta(days=2)),
    }

    view = await status_of(
        Stub(quarantined=set_aside, mismatches={MismatchKind.DIFFERS: 2}, refused=3, channels=channels)
    )

    assert [(chore.text, chore.command) for chore in view.chores] == [
        ("alerts are not delivered: slack answered 404", "reconcile alerts list"),
        ("quarantined after repeated failures: 1 lead", "reconcile quarantine list"),
        ("found and not repaired: 2 differences", "reconcile mismatches"),
        ("refused by the webhook so far: 3 follow-ups", "reconcile doctor"),
    ]


async def test_pending_follow_ups_ask_for_no_action() -> None:
    """As after a first run, or without a webhook."""
    assert (await status_of(Stub(pending=3))).chores == ()
