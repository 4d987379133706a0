"""The first line of the overview and the advice on each breaker, by situation, and each limit from both sides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
)
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import RunId
from reconcile.domain.lead import Lead
from reconcile.domain.views.page import OverallStatus
from reconcile.errors import ErrorClass
from reconcile.ports import ChannelState, LeaseHolder
from tests.services.stub_store import LEAD, NOW, WORKSPACE, Stub, healthy, run_row
from tests.use_cases import Overview, advice, overview

WELL, ATTENTION, TROUBLE = OverallStatus.WELL, OverallStatus.ATTENTION, OverallStatus.TROUBLE
OPEN, HALF, CLOSED = BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
LATER = NOW + SECOND
POLICY = BreakerPolicy()
FINE = run_row("run-1", report=healthy())
BAD = run_row("run-1", report=healthy(health="unhealthy"))
KILLED = run_row("run-1")
LEASE = {"run": LeaseHolder(holder="run-1", expires_at=NOW)}
STOPPED = "stopped: GoHighLevel: no response in time"
LISTS = "not used: the lists of GoHighLevel; leads are looked up instead: no response in time"


def key_of(name: str) -> BreakerKey:
    return BreakerKey(BreakerScope.WORKSPACE if name.startswith("ws") else BreakerScope.PROVIDER, name)


def at(name: str, state: BreakerState = OPEN, **facts: Any) -> Breaker:
    key = RUN_KEY if name == "run" else key_of(name)
    if state is OPEN:
        facts = {"fault": ErrorClass.TIMEOUT, "next_probe_at": LATER} | facts
    return Breaker(key=key, state=state, **facts)


async def seen(*breakers: Breaker, **store: Any) -> Overview:
    stub = Stub(breakers={each.key: each for each in breakers}, **store)
    return await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=POLICY)


@pytest.mark.parametrize(
    ("breakers", "store", "status", "verdict"),
    [
        ([], {"runs": [FINE]}, WELL, "the last finished run was healthy"),
        ([], {"runs": [run_row("a", report=healthy(health="degraded")), BAD]}, ATTENTION, "degraded"),
        ([], {"runs": [BAD, FINE]}, TROUBLE, "the last finished run was unhealthy"),
        ([], {"runs": [KILLED]}, TROUBLE, "the last run was killed before it could report: run-1"),
        ([], {"runs": [KILLED], "held": LEASE}, ATTENTION, "the first run is in progress"),
        ([], {"runs": [KILLED, FINE], "held": LEASE}, WELL, "the last finished run was healthy"),
        ([], {"runs": [run_row("a", minutes_ago=60, report=healthy())]}, WELL, "the last finished run was healthy"),
        ([], {"runs": [run_row("a", minutes_ago=60.1, report=healthy())]}, TROUBLE, "no run for more than an hour"),
        ([at("ghl")], {"runs": [BAD]}, TROUBLE, STOPPED),
        ([at("ghl")], {"runs": [KILLED]}, TROUBLE, STOPPED),
        ([at("ghl"), at("run")], {"runs": [FINE]}, TROUBLE, "stopped: the run as a whole: no response in time"),
        ([at("ghl/sweep")], {"runs": [FINE]}, ATTENTION, LISTS),
        ([at("ghl/sweep")], {"runs": [BAD]}, TROUBLE, "the last finished run was unhealthy"),
        ([at("ghl/sweep"), at("ghl")], {"runs": [FINE]}, TROUBLE, STOPPED),
        ([at("ghl", HALF, stage=1)], {"runs": [FINE]}, ATTENTION, "recovering: GoHighLevel"),
        ([at("ghl", HALF, stage=1)], {"runs": [BAD]}, TROUBLE, "the last finished run was unhealthy"),
        (
            [at("ws-1")],
            {"runs": [FINE], "workspace_count": 3},
            ATTENTION,
            "1 of 3 workspaces; others are served",
        ),
        ([at("ws-1")], {"runs": [FINE], "workspace_count": 2}, TROUBLE, "parked: 1 of 2 workspaces"),
        ([at("ws-1")], {"runs": [FINE], "workspace_count": 0}, TROUBLE, "parked: 1 of 1 workspaces"),
        ([at("ws-1", HALF, stage=1)], {"runs": [FINE]}, ATTENTION, "parked: 1 of 100 workspaces; others are served"),
        ([at("ws-1/ghl"), at("ws-1/calendly")], {"runs": [FINE]}, ATTENTION, "parked: 1 of 100"),
        ([at("ws-1"), at("ws-2")], {"runs": [FINE], "workspace_count": 5}, ATTENTION, "parked: 2 of 5"),
    ],
)
async def test_the_worst_condition_is_the_first_line(
    breakers: Sequence[Breaker], store: dict[str, Any], status: OverallStatus, verdict: str
) -> None:
    view = await seen(*breakers, **store)

    assert view.standing is status
    assert verdict in view.verdict
    assert view.parked_count == len({each.key.workspace_id for each in breakers if each.key.workspace_id})


@pytest.mark.parametrize(
    ("store", "texts"),
    [
        ({"quarantined": 999}, ["quarantined after repeated failures: 999 leads"]),
        ({"quarantined": 1000}, ["quarantined after repeated failures: 1000 leads or more"]),
        ({"given_up": 1}, ["dead letters after 20 failed deliveries: 1 follow-up"]),
        ({"tried_ago": timedelta(days=1) - SECOND}, ["alerts are not delivered: x"]),
        ({"tried_ago": timedelta(days=1)}, []),
        ({}, []),
    ],
)
async def test_what_waits_for_a_person_is_counted_to_its_limit(store: dict[str, Any], texts: Sequence[str]) -> None:
    if ago := store.pop("tried_ago", None):
        store["channels"] = {"c": ChannelState(name="c", known_since=NOW, fault="x", not_before=NOW - ago)}
    store["quarantined"] = [Lead(id=LEAD, workspace_id=WORKSPACE)] * store.get("quarantined", 0)
    view = await seen(**store)

    assert [each.text for each in view.chores] == texts
    assert view.quarantined_count == len(store["quarantined"])
    assert view.given_up_effects == store.get("given_up", 0)


HELD = Override(kind=OverrideKind.HOLD_OPEN, reason="outage", actor="ada", expires_at=NOW + MINUTE)
LET = replace(HELD, kind=OverrideKind.HOLD_CLOSED)
BY_ADA = "by ada: outage"
RESET, HOLD = "reconcile breaker reset {0} --reason '...'", "reconcile breaker hold {0} --for 2h --reason '...'"
RUN, WS = "reconcile explain run run-9", "reconcile explain workspace ws-1"


@pytest.mark.parametrize(
    ("breaker", "blame", "coming", "coming_at", "commands"),
    [
        (at("run"), "the run as a whole: no response in time", "no calls, then 3 probes", LATER, [RESET, HOLD]),
        (at("calendly"), "Calendly: no response in time", "no calls, then 3 probes", LATER, [RESET, HOLD]),
        (at("acme"), "acme: no response in time", "no calls, then 3 probes", LATER, [RESET, HOLD]),
        (at("ws-1/ghl"), "workspace ws-1 at GoHighLevel: no", "no calls, then one probe", LATER, [WS, RESET, HOLD]),
        (at("ws-1"), "workspace ws-1: no response", "no calls, then one probe", LATER, [WS, RESET, HOLD]),
        (at("ws-1", tripped_by=RunId("run-9")), "workspace ws-1: no", "no calls", LATER, [WS, RESET, HOLD]),
        (at("ghl", next_probe_at=NOW), "GoHighLevel", "the next run sends 3 probes, each", NOW, [RESET, HOLD]),
        (at("ghl", tripped_by=RunId("run-9")), "GoHighLevel", "no calls, then", LATER, [RUN, RESET, HOLD]),
        (at("ghl", HALF), "GoHighLevel", "probes are in flight; the next run", None, [RESET, HOLD]),
        (at("ghl", HALF, stage=1), "GoHighLevel", "recovering: 10% of the work is admitted", None, [RESET, HOLD]),
        (at("ghl", CLOSED), "GoHighLevel", "every call passes", None, [HOLD]),
        (at("ghl", override=HELD), "held open by ada: outage", "no calls and no probes, then", NOW + MINUTE, [RESET]),
        (at("ghl", override=LET), "held closed by ada: outage", "every call passes, then", NOW + MINUTE, [RESET]),
        (at("ghl", override=replace(LET, expires_at=NOW)), "no response in time", "no calls", LATER, [RESET, HOLD]),
        (replace(at("ghl"), fault=BY_ADA), f"GoHighLevel: opened {BY_ADA}", "no calls", LATER, [RESET, HOLD]),
        (
            replace(at("ghl", CLOSED), fault=BY_ADA, reason=BreakerReason.MANUAL_RESET),
            f"GoHighLevel: closed {BY_ADA}",
            "every call passes",
            None,
            [HOLD],
        ),
        (replace(at("ghl"), fault="odd"), "GoHighLevel: odd", "no calls", LATER, [RESET, HOLD]),
    ],
)
def test_a_breaker_comes_with_party_next_step_and_commands(
    breaker: Breaker, blame: str, coming: str, coming_at: object, commands: Sequence[str]
) -> None:
    since, opened_at = NOW - MINUTE, NOW - 2 * MINUTE
    told = advice(replace(breaker, since=since, opened_at=opened_at), now=NOW, policy=POLICY)
    held = breaker.override if breaker.override_kind(NOW) else None

    assert blame in told.blame
    assert told.next.startswith(coming)
    assert told.next_at == coming_at
    assert told.commands == tuple(each.format(breaker.key) for each in commands)
    assert (told.override, told.since) == (held, since if held else opened_at)
    assert (told.scope, told.state, told.reason) == (breaker.key.scope, breaker.effective_state(NOW), breaker.reason)
