"""Many parked workspaces are summarised by cause; the run's and the providers' breakers are always shown."""

from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.due import DuePolicy
from reconcile.errors import ErrorClass
from tests.services.stub_store import NOW, Stub, healthy, run_row
from tests.use_cases import list_breakers, overview

POLICY = BreakerPolicy()
GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")


def open_breaker(key: BreakerKey, fault: ErrorClass, *, minutes: int) -> Breaker:
    trip = Trip(reason=BreakerReason.ERROR_RATE, checks=5, errors=5, fault=fault)
    return Breaker(key=key).trip(NOW - timedelta(minutes=minutes), trip, policy=POLICY)


def company(parked: int) -> Stub:
    """Return a store in which a third of the parked workspaces time out at Calendly, the others' GHL token is dead."""
    breakers = [open_breaker(GHL, ErrorClass.CONTRACT, minutes=1)]
    for n in range(parked):
        name, fault = (f"ws-{n}/calendly", ErrorClass.TIMEOUT) if n % 3 == 2 else (f"ws-{n}/ghl", ErrorClass.CREDENTIAL)
        breakers.append(open_breaker(BreakerKey(BreakerScope.WORKSPACE, name), fault, minutes=n))
    return Stub(breakers={each.key: each for each in breakers}, runs=[run_row("run-1", report=healthy())])


@pytest.mark.parametrize(("parked", "shown", "hidden"), [(0, 1, 0), (10, 11, 0), (11, 1, 11), (300, 1, 300)])
async def test_more_than_ten_are_left_out_and_counted(parked: int, shown: int, hidden: int) -> None:
    found = await list_breakers(company(parked).store(), now=NOW, policy=POLICY)

    assert (len(found.shown), found.hidden_count, found.parked_count) == (shown, hidden, parked)
    assert found.shown[0].breaker == "provider:ghl"


async def test_causes_come_with_count_oldest_next_probe_and_an_example() -> None:
    found = await list_breakers(company(300).store(), now=NOW, policy=POLICY)
    token, silent = found.causes

    assert token.cause == "GoHighLevel: the token is refused: expired, or without scope or location"
    assert (token.count, silent.count, silent.cause) == (200, 100, "Calendly: no response in time")
    assert token.since == NOW - timedelta(minutes=298)
    assert token.next_probe_at == token.since + POLICY.cooldown
    assert token.example.startswith("workspace:ws-")


async def test_all_are_shown_on_request() -> None:
    found = await list_breakers(company(300).store(), now=NOW, policy=POLICY, is_complete=True)

    assert (len(found.shown), found.hidden_count) == (301, 0)


async def test_the_overview_has_the_summary() -> None:
    stub = company(100)
    view = await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=POLICY)

    assert (len(view.breakers), view.hidden_count, view.parked_count) == (1, 100, 100)
    assert [each.count for each in view.parked_causes] == [67, 33]


async def test_every_workspace_parked_is_trouble() -> None:
    stub = company(100)
    del stub.breakers[GHL]
    view = await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=POLICY)

    assert view.verdict == "parked: 100 of 100 workspaces"
