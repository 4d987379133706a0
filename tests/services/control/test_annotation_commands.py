"""Operators' annotations: each obeyed once, ended when it is taken away, and told of when it cannot be."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerKey, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.coordination.annotation import PREFIX
from reconcile.domain.run.cadence import CadenceSource
from tests.services.stub_store import NOW, Stub
from tests.use_cases import AppliedCommands, apply_commands, foreign_cadence

GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
HOLD = "reason=outage for=2h actor=ada breaker=provider:ghl"
HODL = (
    "the annotation appointment-reconciler.io/hodl is not an annotation of this program; "
    "did you mean appointment-reconciler.io/hold?"
)


async def obeyed(stub: Stub, *, at: timedelta = timedelta(0), **annotations: str) -> AppliedCommands:
    given = {f"{PREFIX}{name.replace('_', '-')}": text for name, text in annotations.items()}
    return await apply_commands(given, store=stub.store(), now=NOW + at, policy=BreakerPolicy())


def state(stub: Stub, key: BreakerKey = GHL, *, at: timedelta = timedelta(0)) -> BreakerState:
    return stub.breakers.get(key, Breaker(key=key)).effective_state(NOW + at)


def reasons(done: AppliedCommands) -> list[str]:
    return [each.reason for each in done.news]


async def test_a_hold_is_obeyed_once_and_ended_when_it_is_taken_away() -> None:
    stub = Stub()
    first = await obeyed(stub, hold=HOLD)
    again = await obeyed(stub, hold=HOLD)
    held, generation = state(stub), stub.breakers[GHL].generation
    gone = await obeyed(stub)

    assert (reasons(first), reasons(again), reasons(gone)) == (["OrderObeyed"], [], ["HoldEnded"])
    assert (held, generation, state(stub)) == (BreakerState.OPEN, 1, BreakerState.CLOSED)
    assert "until 2026-03-01T14:00:00Z" in first.news[0].text
    assert stub.orders.rows == {}


async def test_a_hold_that_is_over_does_not_begin_anew_while_its_annotation_stands() -> None:
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    await obeyed(stub, at=timedelta(hours=3), hold=HOLD)

    assert state(stub, at=timedelta(hours=3)) is BreakerState.CLOSED


async def test_another_value_is_another_order() -> None:
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    done = await obeyed(stub, hold=HOLD.replace("2h", "3h"))

    assert reasons(done) == ["OrderObeyed"]
    assert state(stub, at=timedelta(hours=2.5)) is BreakerState.OPEN


async def test_a_hold_that_somebody_has_replaced_since_is_left_alone() -> None:
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    await obeyed(stub, hold=HOLD, reset="reason=fixed for=1h breaker=provider:ghl")
    gone = await obeyed(stub, reset="reason=fixed for=1h breaker=provider:ghl")

    assert reasons(gone) == []
    assert stub.breakers[GHL].override is not None


async def test_trip_and_reset_concern_the_run_where_nothing_else_is_named() -> None:
    stub = Stub()
    await obeyed(stub, trip="reason=drill")
    tripped = state(stub, RUN_KEY)
    await obeyed(stub, trip="reason=drill", reset="reason='drill is over'")

    assert (tripped, state(stub, RUN_KEY)) == (BreakerState.OPEN, BreakerState.CLOSED)


async def test_a_cadence_is_lowered_and_restored_when_its_annotation_is_taken_away() -> None:
    stub = Stub()
    await obeyed(stub, cadence_override="every=10m for=2h reason=quota actor=ada")
    lowered = stub.cadences.stored
    gone = await obeyed(stub)

    assert lowered is not None
    assert (lowered.every, lowered.source) == (timedelta(minutes=10), CadenceSource.ANNOTATION)
    assert (reasons(gone), stub.cadences.stored) == (["CadenceRestored"], None)


async def test_what_is_not_understood_is_told_once_and_stands_in_every_report() -> None:
    stub = Stub()
    first = await obeyed(stub, hodl="reason=x", hold="reason=x for=ever")
    again = await obeyed(stub, hodl="reason=x", hold="reason=x for=ever")

    assert reasons(first) == ["OrderNotUnderstood", "OrderNotUnderstood"]
    assert (reasons(again), again.faults) == ([], first.faults)
    assert first.faults == (
        HODL,
        "the annotation appointment-reconciler.io/hold says for=, which must be a duration like 90s, 10m, 2h or 1h30m",
    )
    assert stub.breakers == {}


async def test_what_is_understood_and_cannot_be_done_says_why() -> None:
    stub = Stub()
    done = await obeyed(
        stub,
        hold="reason=x breaker=workspace:nobody",
        trip="reason=x breaker=everything",
        reset="reason=x until=2026-03-01T11:00:00Z",
        cadence_override="every=3h for=2h reason=x",
    )

    assert reasons(done) == ["OrderRefused"] * 4
    assert [fault.split("cannot be applied: ")[1] for fault in done.faults] == [
        "a cadence of 3h outlasts its override of 2h: lengthen the second",
        "there is no workspace 'nobody'; `reconcile status` lists failing ones",
        "its until is in the past",
        (
            "'everything' is not a breaker; breakers are run, provider:ghl, provider:calendly and workspace:ID, "
            "or workspace:ID/ghl"
        ),
    ]


async def test_a_mended_annotation_clears_its_fault() -> None:
    stub = Stub()
    await obeyed(stub, hold="reason=x for=ever")
    done = await obeyed(stub, hold="reason=x for=1h")

    assert (done.faults, reasons(done)) == ((), ["OrderObeyed"])


ONE, TWO = "configmap/one -n prod", "configmap/two -n prod"
"""The state objects of two releases on one database."""


async def obeyed_of(source: str, stub: Stub, *, at: timedelta = timedelta(0), **annotations: str) -> AppliedCommands:
    given = {f"{PREFIX}{name.replace('_', '-')}": text for name, text in annotations.items()}
    return await apply_commands(given, store=stub.store(), now=NOW + at, policy=BreakerPolicy(), source=source)


async def test_a_release_without_an_annotation_ends_nothing_that_another_ones_asks_for() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, hold=HOLD)
    others = [await obeyed_of(TWO, stub, at=timedelta(minutes=n)) for n in range(3)]
    again = await obeyed_of(ONE, stub, at=timedelta(minutes=3), hold=HOLD)

    assert [reasons(each) for each in (*others, again)] == [[]] * 4
    assert state(stub) is BreakerState.OPEN
    assert stub.breakers[GHL].generation == 1

    gone = await obeyed_of(ONE, stub, at=timedelta(minutes=4))

    assert (reasons(gone), state(stub), stub.orders.rows) == (["HoldEnded"], BreakerState.CLOSED, {})


async def test_what_two_releases_want_of_different_breakers_is_obeyed() -> None:
    stub = Stub()
    asked = [(ONE, "reason=a for=1h breaker=provider:ghl"), (TWO, "reason=b for=2h breaker=provider:calendly")] * 2
    done = [await obeyed_of(source, stub, hold=text) for source, text in asked]

    assert [reasons(each) for each in done] == [["OrderObeyed"], ["OrderObeyed"], [], []]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"hold": "reason=a for=1h breaker=provider:ghl"}, {"hold": "reason=b for=2h breaker=provider:ghl"}),
        ({"hold": "reason=a for=1h breaker=provider:ghl"}, {"reset": "reason=b breaker=provider:ghl"}),
        ({"reset": "reason=a for=1h breaker=provider:ghl"}, {"trip": "reason=b breaker=provider:ghl"}),
        ({"cadence_override": "reason=a every=10m for=1h"}, {"cadence_override": "reason=b every=20m for=2h"}),
    ],
    ids=str,
)
async def test_an_order_against_one_of_another_release_is_refused_with_a_sentence(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, **first)
    refused = [await obeyed_of(TWO, stub, at=timedelta(minutes=n), **second) for n in range(2)]

    assert [reasons(each) for each in refused] == [["OrderRefused"], []]
    for each in refused:
        assert f"{ONE} asks for something else until 20" in each.faults[0]
        assert each.faults[0].endswith("remove that annotation, then set this one anew")


async def test_an_order_against_one_that_is_over_is_obeyed() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, hold="reason=a for=1h breaker=provider:ghl")
    done = await obeyed_of(TWO, stub, at=timedelta(hours=2), hold="reason=b for=2h breaker=provider:ghl")

    assert reasons(done) == ["OrderObeyed"]


async def test_a_cadence_that_another_release_asks_for_is_not_followed_and_told() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, cadence_override="reason=quota every=10m for=1h")
    told = {source: await foreign_cadence(stub.store(), source, now=NOW) for source in (ONE, TWO, "")}

    assert told == {
        ONE: None,
        TWO: f"a lower cadence that {ONE} asks for is not followed: it is another release's",
        "": None,
    }


async def test_a_cadence_that_a_command_has_set_is_every_releases() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, cadence_override="reason=quota every=10m for=1h")
    assert stub.cadences.stored is not None
    stub.cadences.stored = replace(stub.cadences.stored, source=CadenceSource.COMMAND)

    assert await foreign_cadence(stub.store(), TWO, now=NOW) is None


async def test_a_hold_that_another_release_asks_for_as_well_stays() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, hold=HOLD)
    await obeyed_of(TWO, stub, hold=HOLD)
    gone = await obeyed_of(TWO, stub)

    assert (reasons(gone), state(stub)) == ([], BreakerState.OPEN)


async def test_what_an_earlier_version_has_obeyed_is_not_obeyed_again() -> None:
    """It remembered annotations without their object."""
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    after = [await obeyed_of(TWO, stub), await obeyed_of(ONE, stub, hold=HOLD)]
    gone = await obeyed_of(ONE, stub)

    assert [reasons(each) for each in after] == [[], []]
    assert (reasons(gone), state(stub), stub.orders.rows) == (["HoldEnded"], BreakerState.CLOSED, {})


async def test_an_annotation_that_is_not_understood_is_told_without_its_object_where_it_stands() -> None:
    done = await obeyed_of(ONE, Stub(), hold="for=ever")

    assert done.faults[0].startswith("the annotation appointment-reconciler.io/hold ")
