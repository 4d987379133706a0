"""Request limits: the headers are always true, and 429 comes where they are enforced or a fault says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reconcile.simulator import FaultKind, SubscriptionPlan, World, simulate
from tests.simulator.conftest import Caller, Clock

GHL = "/locations/loc-1"
CALENDLY = "/users/me"


async def statuses(caller: Caller, path: str, count: int) -> list[int]:
    return [(await caller.get(path)).status_code for _ in range(count)]


async def test_ghl_tells_what_remains_and_no_reset(ghl: Caller) -> None:
    await ghl.get(GHL)

    headers = (await ghl.get(GHL)).headers

    assert {name: value for name, value in headers.items() if "ratelimit" in name} == {
        "x-ratelimit-limit-daily": "200000",
        "x-ratelimit-daily-remaining": "199998",
        "x-ratelimit-interval-milliseconds": "10000",
        "x-ratelimit-max": "100",
        "x-ratelimit-remaining": "98",
    }


async def test_calendly_tells_the_seconds_until_reset(calendly: Caller, clock: Clock) -> None:
    await calendly.get(CALENDLY)
    clock.advance(seconds=12.5)

    headers = (await calendly.get(CALENDLY)).headers

    assert {name: value for name, value in headers.items() if "ratelimit" in name} == {
        "x-ratelimit-limit": "500",
        "x-ratelimit-remaining": "498",
        "x-ratelimit-reset": "48",
    }


async def test_ghl_allows_a_hundred_in_ten_seconds(world: World, http: httpx.AsyncClient, clock: Clock) -> None:
    async with simulate(world, enforce_limits=True) as simulator:
        ghl = Caller(http, simulator.ghl_url, {"Authorization": "Bearer pit-1", "Version": "v3"})

        assert await statuses(ghl, GHL, 101) == [200] * 100 + [429]

        clock.advance(seconds=10)
        assert await statuses(ghl, GHL, 1) == [200]


async def test_the_limits_of_one_location_are_its_own(world: World, http: httpx.AsyncClient) -> None:
    world.ghl.add_location(id="loc-2", token="pit-2")
    async with simulate(world, enforce_limits=True) as simulator:
        first, second = [
            Caller(http, simulator.ghl_url, {"Authorization": f"Bearer pit-{number}", "Version": "v3"})
            for number in (1, 2)
        ]
        await statuses(first, GHL, 101)

        assert await statuses(second, "/locations/loc-2", 1) == [200]


async def test_a_free_calendly_plan_allows_fifty_a_minute(world: World, http: httpx.AsyncClient, clock: Clock) -> None:
    world.calendly.add_user(token="cal-free", plan=SubscriptionPlan.FREE)
    async with simulate(world, enforce_limits=True) as simulator:
        calendly = Caller(http, simulator.calendly_url, {"Authorization": "Bearer cal-free"})

        assert await statuses(calendly, CALENDLY, 51) == [200] * 50 + [429]

        clock.advance(seconds=60)
        assert await statuses(calendly, CALENDLY, 1) == [200]


async def test_a_limit_is_not_enforced_unless_asked(ghl: Caller) -> None:
    assert await statuses(ghl, GHL, 102) == [200] * 102


async def test_a_429_can_come_early_and_unannounced(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.RATE_LIMIT, 2)

    assert await statuses(ghl, GHL, 3) == [200, 200, 429]
    assert (await ghl.get(GHL)).headers["x-ratelimit-remaining"] == "96"


async def test_the_daily_budget_can_be_spent(ghl: Caller, switch: Any, clock: Clock) -> None:
    switch(FaultKind.DAILY_LIMIT, 1)

    assert await statuses(ghl, GHL, 2) == [200, 429]
    assert (await ghl.get(GHL)).headers["x-ratelimit-daily-remaining"] == "0"

    clock.at = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert await statuses(ghl, GHL, 1) == [200]


async def test_calendlys_429_has_a_reset_no_retry_after_and_no_body(calendly: Caller, switch: Any) -> None:
    switch(FaultKind.RATE_LIMITED)

    response = await calendly.get(CALENDLY)

    assert response.status_code == 429
    assert response.content == b""
    assert response.headers["x-ratelimit-remaining"] == "0"
    assert response.headers["x-ratelimit-reset"] == "60"
    assert "retry-after" not in response.headers


@pytest.mark.parametrize("value", ["2", "0.5", "Sun, 01 Mar 2026 12:00:09 GMT", "soon"])
async def test_a_429_can_have_a_retry_after(ghl: Caller, switch: Any, value: str) -> None:
    switch(FaultKind.RATE_LIMITED)
    switch(FaultKind.RETRY_AFTER, value)

    assert (await ghl.get(GHL)).headers["retry-after"] == value


@pytest.mark.parametrize(
    ("how", "start"), [("empty", ""), ("empty_object", "{}"), ("html", "<!DOCTYPE"), ("json", '{"message":"Too Many')]
)
async def test_a_429_has_several_bodies(ghl: Caller, switch: Any, how: str, start: str) -> None:
    switch(FaultKind.RATE_LIMITED)
    switch(FaultKind.RATE_LIMIT_BODY, how)

    text = (await ghl.get(GHL)).text

    assert text.startswith(start)
    assert bool(text) == bool(start)


async def test_a_clock_that_goes_back_does_not_lock_anyone_out(ghl: Caller, switch: Any, clock: Clock) -> None:
    switch(FaultKind.RATE_LIMIT, 1)
    await ghl.get(GHL)
    clock.at -= timedelta(hours=1)

    assert await statuses(ghl, GHL, 1) == [200]
