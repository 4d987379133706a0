"""Commands by annotation on a real API server: each write is applied once, and its removal ends it."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from reconcile.domain.coordination.annotation import ACKNOWLEDGED, BREAKER, PREFIX
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.state import NAME, Site, a_site

HOLD = "hold=reason='vendor outage' for=2h breaker=provider:ghl"


@pytest.fixture
async def site(cluster: Cluster, sqlite_url: str) -> AsyncIterator[Site]:
    with cluster.namespace("commands") as namespace:
        async with a_site(cluster, namespace, sqlite_url) as running:
            yield running


async def reasons(site: Site) -> list[str]:
    """Return the reasons of all Events about commands, sorted."""
    return sorted(reason for reason, _ in await site.events() if reason.startswith(("Order", "Hold", "Reset")))


async def held_until(site: Site) -> str | None:
    """Return when the override of the provider's breaker ends, as the annotation shows it."""
    shown = (await site.breaker())["breakers"]
    found: list[str | None] = [each["heldUntil"] for each in shown if each["breaker"] == "provider:ghl"]
    return found[0] if found else None


async def test_the_same_hold_annotated_a_second_time_is_extended(site: Site) -> None:
    await site.annotate(HOLD)
    await site.tick()
    first = await held_until(site)
    await asyncio.sleep(1.1)  # Kubernetes' times are whole seconds
    await site.annotate(HOLD)
    await site.tick()
    await site.tick()
    second = await held_until(site)

    assert first is not None
    assert second is not None
    assert first < second
    assert (await site.annotations())[f"{PREFIX}hold"].endswith(f"until={second}")
    assert json.loads((await site.annotations())[ACKNOWLEDGED])["orders"]["hold"]["until"] == second
    assert await reasons(site) == ["OrderObeyed", "OrderObeyed"]


async def test_a_reset_is_applied_at_each_write(site: Site) -> None:
    for _ in range(2):
        await site.annotate("reset=reason=again breaker=provider:ghl")
        await site.tick()
        assert f"{PREFIX}reset" not in await site.annotations()

    assert await reasons(site) == ["OrderObeyed", "OrderObeyed"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (HOLD, "hold=reason=x for=ever", ["HoldEnded", "OrderNotUnderstood", "OrderObeyed"]),
        (HOLD, "hold-", ["HoldEnded", "OrderObeyed"]),
        (HOLD, HOLD.replace("ghl", "calendly"), ["HoldEnded", "OrderObeyed", "OrderObeyed"]),
        ("reset=reason=x for=2h breaker=provider:ghl", "reset-", ["OrderObeyed", "ResetEnded"]),
    ],
    ids=["faulty", "removed", "moved", "reset removed"],
)
async def test_removing_or_replacing_a_command_ends_what_it_had_set(
    site: Site, first: str, second: str, expected: list[str]
) -> None:
    await site.annotate(first)
    await site.tick()
    before = await held_until(site)
    await site.annotate(second)
    await site.tick()

    assert before is not None
    assert await held_until(site) is None
    assert await reasons(site) == expected


async def test_a_hold_outranks_a_reset_of_the_same_tick(site: Site) -> None:
    await site.annotate("reset=reason=x breaker=provider:ghl", HOLD)
    report = await site.tick()

    assert await held_until(site) is not None
    assert await reasons(site) == ["OrderObeyed", "OrderRefused"]
    assert any("hold, which arrived with it, is stricter" in each for each in report["healthReasons"])


async def test_kubectl_replace_does_not_lift_a_hold(site: Site) -> None:
    await site.annotate(HOLD)
    await site.tick()
    before = await held_until(site)
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": site.namespace}}
    await asyncio.to_thread(site.cluster.kubectl, "replace", "--filename=-", stdin=json.dumps(bare))
    gone = await site.annotations()
    await site.tick()
    after = await held_until(site)
    await site.annotate("hold-")
    await site.tick()

    assert gone == {}
    assert before == after is not None
    assert await held_until(site) is None
    assert await reasons(site) == ["HoldEnded", "OrderObeyed", "OrdersRestored"]


async def test_many_faulty_annotations_make_few_events(site: Site) -> None:
    await site.annotate(*(f"junk-{n}=x" for n in range(300)))
    report = await site.tick()
    events = await reasons(site)

    assert (len(events), set(events)) == (11, {"OrderNotUnderstood"})
    assert len(report["healthReasons"]) == 11
    assert report["healthReasons"][-1] == "290 more annotations have such faults"


async def test_annotations_of_a_later_version_say_what_to_do(site: Site) -> None:
    await site.annotate('breaker={"version":2}')
    report = await site.tick()
    remedy = "kubectl annotate OBJECT appointment-reconciler.io/breaker- appointment-reconciler.io/last-run-"
    await site.annotate("breaker-", "last-run-")
    mended = await site.tick()

    assert any(remedy in each for each in report["healthReasons"])
    assert mended["healthReasons"] == []
    assert BREAKER in await site.annotations()
