"""An order is carried out as it was given: typed or by annotation, each of its fields arrives at the breaker."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerScope,
    BreakerState,
    OverrideKind,
)
from reconcile.domain.coordination.annotation import OrderWord
from reconcile.domain.ids import RunId
from reconcile.domain.run.cadence import CadenceOverride, CadenceSource
from reconcile.domain.run.report import Trigger
from tests.distinct_values import filled, names_of, with_another
from tests.recording_port import recorded
from tests.services.backfilling import cancel
from tests.services.run_harness import RunHarness
from tests.services.stub_store import NOW, Stub
from tests.use_cases import Order, Undo, Verb, act, apply_commands, lower, undo

KEY = BreakerKey(BreakerScope.PROVIDER, "ghl")
LASTS = timedelta(minutes=7)
POLICY = BreakerPolicy(cooldown=timedelta(seconds=99))


async def carried_out(order: Order, stub: Stub | None = None) -> Breaker:
    """Return the breaker as an order leaves it in the store."""
    given = stub or Stub()
    done = await act(order, store=given.store(), now=NOW, policy=POLICY)
    assert given.breakers[order.key] == done
    return done


def an_order(verb: Verb, **facts: Any) -> Order:
    return Order(**{"verb": verb, "key": KEY, "reason": "outage", "actor": "ada", "lasts": LASTS, **facts})


@pytest.mark.parametrize(
    ("verb", "kind"), [(Verb.HOLD, OverrideKind.HOLD_OPEN), (Verb.RESET, OverrideKind.HOLD_CLOSED)]
)
async def test_a_hold_stores_actor_reason_and_expiry(verb: Verb, kind: OverrideKind) -> None:
    override = (await carried_out(an_order(verb))).override

    assert override is not None
    assert (override.kind, override.reason, override.actor) == (kind, "outage", "ada")
    assert override.expires_at == NOW + LASTS


async def test_a_trip_stores_actor_reason_and_first_probe() -> None:
    breaker = await carried_out(an_order(Verb.TRIP))
    by_default = await carried_out(an_order(Verb.TRIP, lasts=None))

    assert (breaker.key, breaker.state, breaker.fault) == (KEY, BreakerState.OPEN, "by ada: outage")
    assert (breaker.next_probe_at, breaker.cooldown) == (NOW + LASTS, POLICY.cooldown)
    assert by_default.next_probe_at == NOW + POLICY.cooldown


async def test_a_manual_trip_resets_cooldown_and_tripping_run() -> None:
    key = BreakerKey(BreakerScope.WORKSPACE, "ws-1")
    grown = filled(Breaker, key=key, state=BreakerState.HALF_OPEN, cooldown=timedelta(minutes=8), override=None)
    breaker = await carried_out(an_order(Verb.TRIP, key=key), Stub(breakers={key: grown}))

    assert (breaker.cooldown, breaker.tripped_by) == (POLICY.cooldown, None)


@pytest.mark.parametrize("verb", Verb)
async def test_a_command_increments_the_generation_and_keeps_the_key(verb: Verb) -> None:
    before = filled(Breaker, key=KEY, generation=41, override=None)
    breaker = await carried_out(an_order(verb), Stub(breakers={KEY: before}))

    assert (breaker.key, breaker.generation) == (KEY, 42)


@pytest.mark.parametrize("name", names_of(Breaker, without=["key", "generation", "reason", "since", "override"]))
async def test_a_hold_keeps_the_automatic_state(name: str) -> None:
    before = filled(Breaker, key=KEY, override=None)
    breaker = await carried_out(an_order(Verb.HOLD), Stub(breakers={KEY: before}))

    assert getattr(breaker, name) == getattr(before, name)


@pytest.mark.parametrize("name", names_of(CadenceOverride))
async def test_a_cadence_override_is_stored_as_given(name: str) -> None:
    override = CadenceOverride(
        every=timedelta(minutes=10),
        reason="outage",
        actor="ada",
        set_at=NOW,
        expires_at=NOW + timedelta(hours=2),
        source=CadenceSource.ANNOTATION,
    )
    shifts: Mapping[str, Any] = {"set_at": NOW - LASTS, "expires_at": NOW + timedelta(hours=3), "every": LASTS}
    for each in (override, with_another(override, name, instead=shifts.get(name, getattr(override, name)))):
        stub = Stub()

        assert await lower(each, store=stub.store()) == each
        assert stub.cadences.stored == each


# --- by annotation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "until"),
    [("for=7m", NOW + LASTS), ("until=2026-03-01T12:30:00Z", NOW + timedelta(minutes=30))],
)
async def test_an_annotation_has_the_same_effect_as_the_command(ends: str, until: Any) -> None:
    stub = Stub()
    text = f"reason=outage actor=ada breaker=provider:ghl {ends}"
    await apply_commands({OrderWord.HOLD.key: text}, store=stub.store(), now=NOW, policy=POLICY)
    typed = await carried_out(an_order(Verb.HOLD, lasts=until - NOW))
    (row,) = stub.orders.rows.values()

    assert stub.breakers[KEY] == typed
    assert (row.key, row.value, row.seen_at, row.until) == (OrderWord.HOLD.key, text, NOW, until)


async def test_an_annotation_lowers_the_cadence() -> None:
    stub = Stub()
    text = "reason=outage actor=ada every=10m for=2h"
    await apply_commands({OrderWord.CADENCE.key: text}, store=stub.store(), now=NOW, policy=POLICY)

    assert stub.cadences.stored == CadenceOverride(
        every=timedelta(minutes=10),
        reason="outage",
        actor="ada",
        set_at=NOW,
        expires_at=NOW + timedelta(hours=2),
        source=CadenceSource.ANNOTATION,
    )


# --- taking back -------------------------------------------------------------------------------------------------


async def test_an_undo_is_a_run_that_reports_its_reverted_changes(harness: RunHarness) -> None:
    await harness.fill([2])
    cancel(harness, ["ws-0-lead-000"])
    made = await harness.run()
    store, ports = recorded(harness.store)
    asked = Undo(run_id=RunId("undo-1"), undone_run=made.run_id, version="9.9")
    done = await undo(asked, store=store, clock=harness.clock)
    begun, (lease,) = ports["ledger"].of("begin_run")[0], ports["leases"].of("acquire")
    written = ports["leads"].of("write")[0].arguments[0]
    row = await harness.store.ledger.run(asked.run_id)

    assert (begun.arguments, begun.keywords["trigger"], begun.keywords["version"]) == (
        (asked.run_id,),
        Trigger.UNDO,
        "9.9",
    )
    assert (lease.arguments, lease.keywords["holder"]) == (("workspace:ws-0",), asked.run_id)
    assert (written.run_id, written.workspace_id, written.is_visit) == (asked.run_id, "ws-0", False)
    assert (done.undone_run, done.undone_plan, done.run_id, done.dry_run) == (made.run_id, None, asked.run_id, False)
    assert done.reverted == ("ws-0-lead-000",)
    assert row is not None
    assert row.report is not None
    assert (row.report["trigger"], row.report["updated"], row.report["dryRun"]) == ("undo", 1, False)
    assert str(made.run_id) in row.report["healthReasons"][0]


async def test_a_dry_undo_reports_the_same_and_writes_nothing(harness: RunHarness) -> None:
    await harness.fill([2])
    cancel(harness, ["ws-0-lead-000"])
    made = await harness.run()
    store, ports = recorded(harness.store)
    before = await harness.dump()
    asked = Undo(run_id=RunId("undo-1"), undone_run=made.run_id, dry_run=True)
    dry = await undo(asked, store=store, clock=harness.clock)
    after = await harness.dump()
    wet = await undo(replace(asked, dry_run=False), store=harness.store, clock=harness.clock)

    assert (dry.dry_run, dry.run_id) == (True, None)
    assert replace(dry, dry_run=False, run_id=asked.run_id) == wet
    assert [each.method for each in (*ports["leads"].calls, *ports["leases"].calls) if each.method != "lead"] == []
    assert after == before
