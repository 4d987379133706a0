"""Starting, announcing and stopping."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import pytest

from reconcile.simulator import Api, Fault, FaultKind, Simulator, World, WorldSize, serve, simulate
from tests.simulator import conftest
from tests.simulator.conftest import LIMIT, Caller

ROOT = Path(__file__).parents[2]


async def test_each_provider_has_an_address_and_knows_only_its_own_paths(ghl: Caller, calendly: Caller) -> None:
    assert ghl.url != calendly.url
    assert (await ghl.get("/users/me")).status_code == 404
    assert (await calendly.get("/locations/loc-1")).status_code == 404


async def test_a_token_sent_to_the_wrong_provider_is_refused_and_counted(
    simulator: Simulator, ghl: Caller, calendly: Caller
) -> None:
    ghl.headers["Authorization"] = calendly.headers["Authorization"]
    await ghl.get("/locations/loc-1")

    assert simulator.requests.count(workspace="unknown", answered=401) == 1


async def test_serving_goes_on_until_it_is_cancelled(world: World, http: httpx.AsyncClient) -> None:
    ready: asyncio.Future[Simulator] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(world, on_ready=ready.set_result))
    simulator = await ready
    url = f"{simulator.ghl_url}/_simulator/faults"

    assert (await http.get(url)).status_code == 200

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(httpx.TransportError):
        await http.get(url)


async def test_faults_and_latency_can_be_there_from_the_start(world: World, http: httpx.AsyncClient) -> None:
    faults = (Fault(kind=FaultKind.NOT_FOUND),)
    async with simulate(world, faults=faults, latency=timedelta(milliseconds=1)) as simulator:
        simulator.set_latency(timedelta(milliseconds=2))
        ghl = Caller(http, simulator.ghl_url, {"Authorization": "Bearer pit-1"})

        assert (await ghl.get("/locations/loc-1")).status_code == 404
        assert simulator.router.latency == 0.002


async def test_stopping_cuts_what_is_still_open(world: World, http: httpx.AsyncClient) -> None:
    async with simulate(world, faults=(Fault(kind=FaultKind.BLACK_HOLE),)) as simulator:
        ghl = Caller(http, simulator.ghl_url, {"Authorization": "Bearer pit-1"})
        waiting = asyncio.create_task(ghl.get("/locations/loc-1"))
        await simulator.requests.until(lambda: simulator.requests.total == 1)

    with pytest.raises(httpx.TransportError):
        await waiting


def test_a_process_of_its_own_announces_a_world_that_can_be_made_again() -> None:
    anchor = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    size = WorldSize(workspaces=1, leads_per_workspace=4, calendly_share=0)
    command = [sys.executable, "-m", "reconcile.simulator", "--seed", "5", "--workspaces", "1", "--leads", "4"]
    command += ["--calendly-share", "0", "--anchor", anchor.isoformat()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            line = orjson.loads(process.stdout.readline())
            world = World.generate(seed=line["seed"], now=lambda: conftest.NOW, anchor=anchor, size=size)
            workspace = world.workspaces["ws-0000"]
            response = httpx.get(
                f"{line['ghl']}/locations/{workspace.location_id}",
                headers={"Authorization": f"Bearer {workspace.location_token}", "Version": "v3"},
                timeout=LIMIT.total_seconds(),
                trust_env=False,
            )
        finally:
            process.kill()

    assert response.json()["location"]["timezone"] == workspace.time_zone
    assert line["anchor"] == anchor.isoformat()
    assert {lead.api for lead in world.leads} == {Api.GHL}
