"""Which requests a fault meets."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.simulator import Api, ApiOperation, Fault, FaultKind, FaultRefused, ShareUnit, Simulator
from reconcile.simulator.faults.registry import FaultRegistry, RequestFacts
from tests.simulator.conftest import NOW, Caller, Clock

CALL = RequestFacts(api=Api.GHL, operation=ApiOperation.GHL_APPOINTMENT, workspace="ws-1", subjects=("app-1",))
KIND = FaultKind.NOT_FOUND


def is_met(fault: Fault, *, call: RequestFacts = CALL, after: float = 0.0) -> bool:
    book = FaultRegistry()
    book.add(fault)
    return KIND in book.effects(call, NOW + timedelta(seconds=after))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, True),
        ({"api": Api.GHL}, True),
        ({"api": Api.CALENDLY}, False),
        ({"workspace": "ws-1"}, True),
        ({"workspace": "ws-2"}, False),
        ({"operation": ApiOperation.GHL_APPOINTMENT}, True),
        ({"operation": ApiOperation.GHL_CONTACT}, False),
        ({"subject": "app-1"}, True),
        ({"subject": "app-2"}, False),
        ({"workspace": "ws-1", "operation": ApiOperation.GHL_CONTACT}, False),
        ({"share": 0.0}, False),
        ({"times": 0}, False),
    ],
)
def test_every_condition_that_is_given_must_hold(conditions: dict[str, Any], *, expected: bool) -> None:
    assert is_met(Fault(kind=KIND, **conditions)) == expected


def test_a_fault_holds_from_its_start_until_just_before_its_end() -> None:
    fault = Fault(kind=KIND, start=NOW + timedelta(seconds=1), end=NOW + timedelta(seconds=2))

    assert [is_met(fault, after=after) for after in (0.9, 1.0, 1.9, 2.0)] == [False, True, True, False]


def test_of_two_faults_of_a_kind_the_later_one_wins() -> None:
    book = FaultRegistry()
    book.add(Fault(kind=FaultKind.LATENCY, value=1), Fault(kind=FaultKind.LATENCY, value=2))

    assert book.effects(CALL, NOW) == {FaultKind.LATENCY: 2}


def test_a_fault_can_end_after_a_number_of_requests() -> None:
    book = FaultRegistry()
    (number,) = book.add(Fault(kind=KIND, times=2))

    assert [KIND in book.effects(CALL, NOW) for _ in range(3)] == [True, True, False]
    assert book.met(number) == 2


def test_a_fault_that_is_removed_is_gone() -> None:
    book = FaultRegistry()
    first, second = book.add(Fault(kind=KIND), Fault(kind=FaultKind.RESET))
    book.remove(first)

    assert [number for number, _ in book.items()] == [second]
    with pytest.raises(KeyError):
        book.remove(first)


@given(share=st.floats(0, 1))
def test_a_share_of_the_subjects_fails_each_time(share: float) -> None:
    book = FaultRegistry()
    book.add(Fault(kind=KIND, share=share, draw=ShareUnit.SUBJECT))
    calls = [
        RequestFacts(api=CALL.api, operation=CALL.operation, workspace="ws", subjects=(f"{n}",)) for n in range(200)
    ]

    rounds = [[KIND in book.effects(call, NOW) for call in calls] for _ in range(2)]

    assert rounds[0] == rounds[1]
    assert abs(sum(rounds[0]) / 200 - share) < 0.15


def test_a_share_of_requests_does_not_depend_on_the_order_of_others() -> None:
    other = RequestFacts(api=CALL.api, operation=CALL.operation, workspace="ws-1", subjects=("app-2",))
    alone, mixed = FaultRegistry(), FaultRegistry()
    for book in (alone, mixed):
        book.add(Fault(kind=KIND, share=0.5))
    lonely = [KIND in alone.effects(CALL, NOW) for _ in range(50)]
    crowded = []
    for _ in range(50):
        mixed.effects(other, NOW)
        crowded.append(KIND in mixed.effects(CALL, NOW))

    assert lonely == crowded
    assert 10 < sum(lonely) < 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": FaultKind.RESET, "value": 1}, "reset takes no value"),
        ({"kind": FaultKind.LATENCY, "value": "slow"}, "latency takes a number from 0, not 'slow'"),
        ({"kind": FaultKind.LATENCY, "value": -1}, "latency takes a number from 0, not -1"),
        ({"kind": FaultKind.ENVELOPE, "value": "box"}, "envelope takes one of event, appointment, flat, not 'box'"),
        ({"kind": FaultKind.MISSING_FIELD, "value": 1}, "missing_field takes a text, not 1"),
        ({"kind": FaultKind.SET_FIELD, "value": "x"}, "set_field takes NAME=JSON, not 'x'"),
        ({"kind": FaultKind.SET_FIELD, "value": "x={"}, "set_field takes NAME=JSON, not 'x={'"),
        ({"kind": FaultKind.RESET, "share": 1.5}, "share lies between 0 and 1, not at 1.5"),
        ({"kind": FaultKind.RESET, "start": NOW.replace(tzinfo=None)}, "start and end need a time zone"),
        ({"kind": FaultKind.HTML, "value": 42}, "html takes a status from 200 to 599, not 42"),
        ({"kind": FaultKind.REDIRECT, "value": "x\r\ny"}, "redirect takes printable ASCII, not 'x\\r\\ny'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultRefused) as refused:
        Fault(**arguments)

    assert str(refused.value) == message


async def test_a_fault_of_one_workspace_leaves_the_others_alone(simulator: Simulator, ghl: Caller, switch: Any) -> None:
    simulator.world.ghl.add_location(id="loc-2", token="pit-2", workspace="ws-2")
    switch(FaultKind.UNAUTHORIZED, workspace="ws-1")
    healthy = Caller(ghl.http, ghl.url, ghl.headers | {"Authorization": "Bearer pit-2"})

    assert (await ghl.get("/locations/loc-1")).status_code == 401
    assert (await healthy.get("/locations/loc-2")).status_code == 200


async def test_a_fault_begins_and_ends_with_simulated_time(ghl: Caller, switch: Any, clock: Clock) -> None:
    switch(FaultKind.SERVER_ERROR, start=NOW + timedelta(minutes=3), end=NOW + timedelta(minutes=18))
    statuses = []
    for _ in range(20):
        statuses.append((await ghl.get("/locations/loc-1")).status_code)
        clock.advance(minutes=1)

    assert statuses == [200] * 3 + [500] * 15 + [200] * 2
