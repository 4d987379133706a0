"""What is remembered of requests, and what is not."""

import asyncio
from dataclasses import asdict

import httpx

from reconcile.simulator import Simulator
from reconcile.simulator.request_log import RequestLog
from tests.simulator.conftest import Caller


async def test_requests_are_kept_in_order_with_what_they_asked_for(simulator: Simulator, ghl: Caller) -> None:
    await ghl.get("/calendars/events/appointments/app-1")
    await ghl.get("/contacts/con-1")
    await ghl.get("/nowhere")

    entries = [(each.operation, each.subjects, each.answered) for each in simulator.requests.recent]

    assert entries == [
        ("ghl.appointment", ("app-1",), "200"),
        ("ghl.contact", ("con-1",), "200"),
        ("unknown", (), "404"),
    ]


async def test_nothing_of_a_token_is_kept(simulator: Simulator, ghl: Caller) -> None:
    ghl.headers["Authorization"] = "Bearer canary-of-a-token"
    await ghl.get("/locations/loc-1")

    assert "canary" not in repr([asdict(each) for each in simulator.requests.recent])
    assert "canary" not in repr(simulator.requests.summary())
    assert simulator.requests.count(workspace="unknown", answered=401) == 1


async def test_counts_are_asked_by_any_condition(simulator: Simulator, ghl: Caller, calendly: Caller) -> None:
    await ghl.get("/locations/loc-1")
    await ghl.get("/locations/loc-2")
    await calendly.get("/users/me")
    log = simulator.requests

    assert log.count() == log.count(workspace="ws-1") == 3
    assert log.count(operation="ghl.location") == 2
    assert log.count(operation="ghl.location", answered=403) == 1

    log.reset()
    assert log.count() == log.total == len(log.recent) == 0


async def test_waiting_ends_when_it_is_cancelled() -> None:
    log = RequestLog()
    waiting = asyncio.create_task(log.until(lambda: False))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    log.finish_request()

    assert waiting.cancelled()


async def test_a_client_that_goes_away_is_not_in_flight_for_ever(
    simulator: Simulator, ghl: Caller, http: httpx.AsyncClient
) -> None:
    await ghl.get("/locations/loc-1")
    await http.aclose()

    assert simulator.requests.in_flight == 0
