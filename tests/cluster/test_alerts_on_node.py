"""The chart's second pair of eyes: ``alerts check`` as a CronJob of its own, on a real kubelet."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.kubernetes.node import Node
from tests.cluster.on_node import CERTIFICATE, LOOPBACK, Installation, installed, trusted
from tests.cluster.release import NAME, secret
from tests.integration.receiver import Receiver

HOOK = "hooks"

away = asyncio.to_thread


@pytest.fixture
async def site(node: Node, image: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(node, image, postgres_url, tmp_path) as running:
        yield running


@pytest.fixture
async def receiver(site: Installation, tmp_path: Path) -> AsyncIterator[Receiver]:
    """Give a webhook that the release tells, from now on."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, LOOPBACK, 0, ssl=trusted(tmp_path / CERTIFICATE))
    at = f"https://{site.node.expose(server.sockets[0].getsockname()[1])}/hook"
    secret(
        site.node.cluster, site.release.namespace, HOOK, url=at, secret="whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="
    )
    check = {"enabled": True, "schedule": "0 0 1 1 *"}
    alerts = {"existingSecret": HOOK, "webhookUrlKey": "url", "webhookSecretKey": "secret", "check": check}
    values = tmp_path / "told.json"
    values.write_text(json.dumps(json.loads(site.values.read_text()) | {"alerts": alerts}))
    await away(site.release.upgrade, "--values", values)
    yield receiver
    server.close()


async def test_a_schedule_that_stands_still_is_told_once_by_whoever_looks(
    site: Installation, receiver: Receiver
) -> None:
    report = await away(site.completed, await away(site.start, "sound"))
    before = len(receiver.deliveries)
    await site.database.execute(
        """UPDATE reconcile_run
        SET started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour'"""
    )
    for job in ("looked", "looked-again"):
        await away(site.start, job, cronjob=f"{NAME}-alerts")
        await away(site.wait, f"job/{job}", "--for=condition=Complete")
    (delivery,) = receiver.deliveries
    (notice,) = json.loads(delivery.body)["notices"]

    assert (report["health"], before) == ("healthy", 0)
    assert (notice["news"], notice["kind"]) == ("new", "no_successful_run")
    assert notice["lastedSeconds"] >= 3600
    assert "no_successful_run" in await away(site.log, "looked-again")
