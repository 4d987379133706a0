"""The page that the chart runs on a real kubelet: ready, guarded by its token, and reached through its Service."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.cluster.kubernetes.node import Node
from tests.cluster.on_node import UNMEASURED, Installation, installed
from tests.cluster.release import NAME, secret
from tests.timeouts import HUNG

TOKEN = "a-token-of-the-page-on-a-node"
RESOURCES = ("requests", "limits")

away = asyncio.to_thread


@asynccontextmanager
async def _forwarded(site: Installation) -> AsyncIterator[str]:
    """Forward a port of this machine to the Service, and give its address."""
    cluster = site.node.cluster
    command = (cluster.kubectl_path, "port-forward", f"service/{NAME}-page", site.release.where, ":80")
    forwarder = await asyncio.create_subprocess_exec(
        *command, env=cluster.environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert forwarder.stdout is not None
    try:
        said = (await asyncio.wait_for(forwarder.stdout.readline(), HUNG)).decode()
        assert said.startswith("Forwarding from 127.0.0.1:"), said
        yield f"http://{said.split()[2]}"
    finally:
        forwarder.terminate()
        await forwarder.communicate()


@pytest.fixture
async def site(node: Node, image: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(node, image, postgres_url, tmp_path) as running:
        yield running


async def test_helm_test_runs_doctor_with_the_environment_of_a_run(site: Installation) -> None:
    done = await away(site.node.cluster.helm, 4, "test", NAME, "--namespace", site.release.namespace, "--logs")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Phase:          Succeeded" in done.stdout


async def test_the_page_serves_status_and_metrics_to_whoever_has_the_token(site: Installation) -> None:
    await away(site.completed, await away(site.start, "first"))
    await away(secret, site.node.cluster, site.release.namespace, "page", token=TOKEN)
    resources = json.dumps(dict.fromkeys(RESOURCES, UNMEASURED))
    on = ("--set=page.enabled=true,page.existingSecret=page", f"--set-json=page.resources={resources}")
    await away(site.release.upgrade, "--values", site.values, *on)
    await away(site.wait, f"deployment/{NAME}-page", "--for=condition=Available")
    async with _forwarded(site) as url, aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        async with client.get(f"{url}/status.json") as answer:
            status = await answer.json()
        async with client.get(f"{url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())  # type: ignore[no-untyped-call]
            values = {family.name: family.samples[0].value for family in families}
        async with client.get(f"{url}/") as answer:
            page = (answer.status, await answer.text())
        async with client.get(f"{url}/metrics", headers={"Authorization": "Bearer wrong"}) as answer:
            refused = answer.status

    assert status["runs"][0]["health"] == "healthy"
    assert (values["reconcile_database_up"], values["reconcile_workspaces_parked"]) == (1, 0)
    assert values["reconcile_last_success_timestamp_seconds"] > 0
    assert page[0] == 200
    assert "<svg" in page[1]
    assert refused == 401
