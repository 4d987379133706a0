"""An operator's hand on a breaker."""

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
    OverrideKind,
    Trip,
)
from reconcile.domain.workspace import Workspace
from reconcile.errors import RequestError, StoreUnavailable
from tests.services.stub_store import NOW, WORKSPACE, Stub
from tests.use_cases import Order, Verb, act, breaker_key

POLICY = BreakerPolicy()
GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")


def order(verb: Verb, **facts: Any) -> Order:
    given: dict[str, Any] = {"key": GHL, "reason": "vendor outage", "actor": "ada"} | facts
    return Order(verb=verb, **given)


async def after(stub: Stub, given: Order) -> Breaker:
    return await act(given, store=stub.store(), now=NOW, policy=POLICY)


async def test_a_hold_keeps_a_breaker_open_without_probes_until_it_expires() -> None:
    stub = Stub()

    held = await after(stub, order(Verb.HOLD))

    assert stub.breakers[GHL] == held
    assert held.effective_state(NOW) is BreakerState.OPEN
    assert not held.probe_is_due(NOW + timedelta(minutes=59))
    assert held.effective_state(NOW + timedelta(hours=1)) is BreakerState.CLOSED
    assert held.reason is BreakerReason.MANUAL_HOLD


async def test_after_a_hold_the_automatic_state_continues() -> None:
    tripped = Breaker(key=GHL).trip(NOW, Trip(reason=BreakerReason.ERROR_RATE), policy=POLICY)
    stub = Stub(breakers={GHL: tripped})

    held = await after(stub, order(Verb.HOLD, lasts=timedelta(hours=2)))

    assert held.state is BreakerState.OPEN
    assert held.opened_at == tripped.opened_at
    assert held.probe_is_due(NOW + timedelta(hours=2))


@pytest.mark.parametrize(("lasts", "probe_in"), [(None, POLICY.cooldown), (timedelta(hours=2), timedelta(hours=2))])
async def test_a_trip_opens_a_breaker_that_is_probed_as_usual(lasts: timedelta | None, probe_in: timedelta) -> None:
    tripped = await after(Stub(), order(Verb.TRIP, lasts=lasts))

    assert tripped.state is BreakerState.OPEN
    assert tripped.reason is BreakerReason.MANUAL_TRIP
    assert tripped.next_probe_at == NOW + probe_in
    assert tripped.cooldown == POLICY.cooldown
    assert tripped.fault == "by ada: vendor outage"


async def test_a_reset_closes_a_breaker_and_clears_overrides() -> None:
    stub = Stub()
    await after(stub, order(Verb.TRIP))
    await after(stub, order(Verb.HOLD))

    closed = await after(stub, order(Verb.RESET))

    assert closed.effective_state(NOW) is BreakerState.CLOSED
    assert closed.override is None
    assert closed.opened_at is None
    assert closed.reason is BreakerReason.MANUAL_RESET
    assert closed.fault == "by ada: vendor outage"


async def test_a_reset_with_a_duration_keeps_a_breaker_closed() -> None:
    closed = await after(Stub(), order(Verb.RESET, lasts=timedelta(minutes=10)))

    assert closed.override_kind(NOW) is OverrideKind.HOLD_CLOSED
    assert closed.override_kind(NOW + timedelta(minutes=10)) is None


async def test_the_latest_override_counts() -> None:
    stub = Stub()
    await after(stub, order(Verb.RESET, lasts=timedelta(hours=1)))

    tripped = await after(stub, order(Verb.TRIP))

    assert tripped.effective_state(NOW) is BreakerState.OPEN


async def test_each_override_is_one_generation() -> None:
    stub = Stub()

    generations = [
        (await after(stub, order(verb, lasts=timedelta(minutes=5)))).generation for verb in (Verb.TRIP, *Verb)
    ]

    assert generations == [1, 2, 3, 4]


async def test_an_override_is_applied_after_a_concurrent_runs_transition() -> None:
    stub = Stub(refusals=3)

    held = await after(stub, order(Verb.HOLD))

    assert stub.breakers[GHL] == held


async def test_an_override_that_always_conflicts_raises_a_temporary_error() -> None:
    with pytest.raises(StoreUnavailable, match="try again"):
        await after(Stub(refusals=100), order(Verb.HOLD))


async def test_a_workspace_must_exist_or_have_a_breaker() -> None:
    key = BreakerKey(BreakerScope.WORKSPACE, WORKSPACE)

    assert (await after(Stub(workspaces=[Workspace(id=WORKSPACE)]), order(Verb.HOLD, key=key))).key == key
    assert (await after(Stub(breakers={key: Breaker(key=key)}), order(Verb.RESET, key=key))).key == key
    with pytest.raises(RequestError, match="there is no workspace 'ws-1'"):
        await after(Stub(), order(Verb.HOLD, key=key))


@pytest.mark.parametrize("words", [{"reason": " "}, {"reason": "a\nb"}, {"reason": "x" * 201}, {"actor": "a\x1b[2J"}])
async def test_actor_and_reason_are_one_short_line_each(words: dict[str, str]) -> None:
    with pytest.raises(RequestError, match="one line of 1 to 200 characters"):
        await after(Stub(), order(Verb.HOLD, **words))


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=-1), timedelta(days=31)])
async def test_a_duration_has_bounds(lasts: timedelta) -> None:
    with pytest.raises(RequestError, match="at most 30 days"):
        await after(Stub(), order(Verb.HOLD, lasts=lasts))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("run", RUN_KEY),
        ("provider:ghl", GHL),
        ("provider:calendly/invitees", BreakerKey(BreakerScope.PROVIDER, "calendly/invitees")),
        ("workspace:ws-1", BreakerKey(BreakerScope.WORKSPACE, "ws-1")),
        ("workspace:ws-1/ghl", BreakerKey(BreakerScope.WORKSPACE, "ws-1/ghl")),
        ("workspace:a:b", BreakerKey(BreakerScope.WORKSPACE, "a:b")),
    ],
)
def test_a_breaker_is_named_as_in_reports(text: str, key: BreakerKey) -> None:
    assert breaker_key(text) == key
    assert str(key) == text


@pytest.mark.parametrize(
    "text", ["", "ghl", "run:run", "provider:", "provider:gohighlevel", "provider:ghl/", "provider:ghl/x", "workspace:"]
)
def test_an_unknown_breaker_name_lists_the_valid_ones(text: str) -> None:
    with pytest.raises(RequestError, match="breakers are run, provider:ghl, provider:calendly and workspace:ID"):
        breaker_key(text)
