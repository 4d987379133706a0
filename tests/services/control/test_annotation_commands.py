"""Operators' annotations: each obeyed once, ended when it is taken away, and told of when it cannot be."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerKey, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.coordination.annotation import PREFIX, OrderText, read_orders
from reconcile.domain.run.cadence import CadenceSource
from reconcile.ports import AppliedAnnotation
from tests.services.stub_store import NOW, Stub
from tests.use_cases import AppliedCommands, apply_commands, contrary_order, foreign_cadence

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


async def test_a_hold_is_applied_once_and_ends_when_its_annotation_is_removed() -> None:
    stub = Stub()
    first = await obeyed(stub, hold=HOLD)
    again = await obeyed(stub, hold=HOLD)
    held, generation = state(stub), stub.breakers[GHL].generation
    gone = await obeyed(stub)

    assert (reasons(first), reasons(again), reasons(gone)) == (["OrderObeyed"], [], ["HoldEnded"])
    assert (held, generation, state(stub)) == (BreakerState.OPEN, 1, BreakerState.CLOSED)
    assert "until 2026-03-01T14:00:00Z" in first.news[0].text
    assert stub.orders.rows == {}


async def test_an_expired_hold_is_not_applied_again_while_its_annotation_exists() -> None:
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    await obeyed(stub, at=timedelta(hours=3), hold=HOLD)

    assert state(stub, at=timedelta(hours=3)) is BreakerState.CLOSED


async def test_another_value_is_a_new_command() -> None:
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    done = await obeyed(stub, hold=HOLD.replace("2h", "3h"))

    assert reasons(done) == ["OrderObeyed"]
    assert state(stub, at=timedelta(hours=2.5)) is BreakerState.OPEN


async def test_removing_an_annotation_does_not_end_a_replaced_hold() -> None:
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    await obeyed(stub, hold=HOLD, reset="reason=fixed for=1h breaker=provider:ghl")
    gone = await obeyed(stub, reset="reason=fixed for=1h breaker=provider:ghl")

    assert reasons(gone) == []
    assert stub.breakers[GHL].override is not None


async def test_trip_and_reset_without_a_key_apply_to_the_run() -> None:
    stub = Stub()
    await obeyed(stub, trip="reason=drill")
    tripped = state(stub, RUN_KEY)
    await obeyed(stub, trip="reason=drill", reset="reason='drill is over'")

    assert (tripped, state(stub, RUN_KEY)) == (BreakerState.OPEN, BreakerState.CLOSED)


async def test_a_cadence_is_lowered_until_its_annotation_is_removed() -> None:
    stub = Stub()
    await obeyed(stub, cadence_override="every=10m for=2h reason=quota actor=ada")
    lowered = stub.cadences.stored
    gone = await obeyed(stub)

    assert lowered is not None
    assert (lowered.every, lowered.source) == (timedelta(minutes=10), CadenceSource.ANNOTATION)
    assert (reasons(gone), stub.cadences.stored) == (["CadenceRestored"], None)


async def test_an_invalid_annotation_is_logged_once_and_is_in_every_report() -> None:
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


async def test_a_command_that_cannot_be_applied_gives_its_reason() -> None:
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


async def test_a_corrected_annotation_clears_its_fault() -> None:
    stub = Stub()
    await obeyed(stub, hold="reason=x for=ever")
    done = await obeyed(stub, hold="reason=x for=1h")

    assert (done.faults, reasons(done)) == ((), ["OrderObeyed"])


ONE, TWO = "configmap/one -n prod", "configmap/two -n prod"
"""The state objects of two releases on one database."""


async def obeyed_of(source: str, stub: Stub, *, at: timedelta = timedelta(0), **annotations: str) -> AppliedCommands:
    given = {f"{PREFIX}{name.replace('_', '-')}": text for name, text in annotations.items()}
    return await apply_commands(given, store=stub.store(), now=NOW + at, policy=BreakerPolicy(), source=source)


async def test_a_release_without_an_annotation_does_not_end_another_releases_hold() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, hold=HOLD)
    others = [await obeyed_of(TWO, stub, at=timedelta(minutes=n)) for n in range(3)]
    again = await obeyed_of(ONE, stub, at=timedelta(minutes=3), hold=HOLD)

    assert [reasons(each) for each in (*others, again)] == [[]] * 4
    assert state(stub) is BreakerState.OPEN
    assert stub.breakers[GHL].generation == 1

    gone = await obeyed_of(ONE, stub, at=timedelta(minutes=4))

    assert (reasons(gone), state(stub), stub.orders.rows) == (["HoldEnded"], BreakerState.CLOSED, {})


async def test_commands_of_two_releases_on_different_breakers_are_applied() -> None:
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
async def test_a_command_that_conflicts_with_another_releases_is_refused(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, **first)
    refused = [await obeyed_of(TWO, stub, at=timedelta(minutes=n), **second) for n in range(2)]

    assert [reasons(each) for each in refused] == [["OrderRefused"], []]
    for each in refused:
        assert f"{ONE} asks for something else until 20" in each.faults[0]
        assert each.faults[0].endswith("remove that annotation, then set this one anew")


async def test_a_command_that_conflicts_with_an_expired_one_is_applied() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, hold="reason=a for=1h breaker=provider:ghl")
    done = await obeyed_of(TWO, stub, at=timedelta(hours=2), hold="reason=b for=2h breaker=provider:ghl")

    assert reasons(done) == ["OrderObeyed"]


async def test_a_cadence_of_another_release_is_reported_and_not_applied() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, cadence_override="reason=quota every=10m for=1h")
    told = {source: await foreign_cadence(stub.store(), source, now=NOW) for source in (ONE, TWO, "")}

    assert told == {
        ONE: None,
        TWO: f"a lower cadence that {ONE} asks for is not followed: it is another release's",
        "": None,
    }


async def test_a_cadence_set_by_a_command_applies_to_every_release() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, cadence_override="reason=quota every=10m for=1h")
    assert stub.cadences.stored is not None
    stub.cadences.stored = replace(stub.cadences.stored, source=CadenceSource.COMMAND)

    assert await foreign_cadence(stub.store(), TWO, now=NOW) is None


async def test_a_hold_stays_while_another_release_requests_it() -> None:
    stub = Stub()
    await obeyed_of(ONE, stub, hold=HOLD)
    await obeyed_of(TWO, stub, hold=HOLD)
    gone = await obeyed_of(TWO, stub)

    assert (reasons(gone), state(stub)) == ([], BreakerState.OPEN)


async def test_an_annotation_applied_by_an_earlier_version_is_not_applied_again() -> None:
    """It remembered annotations without their object."""
    stub = Stub()
    await obeyed(stub, hold=HOLD)
    after = [await obeyed_of(TWO, stub), await obeyed_of(ONE, stub, hold=HOLD)]
    gone = await obeyed_of(ONE, stub)

    assert [reasons(each) for each in after] == [[], []]
    assert (reasons(gone), state(stub), stub.orders.rows) == (["HoldEnded"], BreakerState.CLOSED, {})


async def test_an_invalid_annotation_of_an_earlier_version_is_reported_without_its_object() -> None:
    done = await obeyed_of(ONE, Stub(), hold="for=ever")

    assert done.faults[0].startswith("the annotation appointment-reconciler.io/hold ")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"hold": "reason=a for=1h"}, {"approve": "reason=b hash=0a1b"}),
        ({"approve": "reason=a hash=0a1b"}, {"approve": "reason=b hash=2c3d"}),
    ],
    ids=["a hold of the run", "other changes"],
)
async def test_an_approval_does_not_contradict_what_another_release_asks_for_of_something_else(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> None:
    texts = [read_orders({f"{PREFIX}{name}": text for name, text in each.items()}) for each in (first, second)]
    (wanted,), (found,) = (list(each.values()) for each in texts)
    assert isinstance(wanted, OrderText)
    assert isinstance(found, OrderText)
    assert wanted.subject != found.subject
    row = AppliedAnnotation(key=f"{PREFIX}approve", value=second["approve"], seen_at=NOW)
    (name, text) = next(iter(first.items()))
    other = AppliedAnnotation(key=f"{PREFIX}{name}", value=text, seen_at=NOW, until=NOW + timedelta(hours=1))

    assert contrary_order(row, [(ONE, other)], NOW) is None
