"""The state object on a real API server, by the service account's own token."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from reconcile.domain.coordination.annotation import PREFIX
from reconcile.simulator import incident
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.state import NAME, ROOT, Site, a_site
from tests.timeouts import HUNG

STATE = r"--for=jsonpath={.metadata.annotations.appointment-reconciler\.io/breaker-state}="
SHOWN = r"-o=jsonpath={.metadata.annotations.appointment-reconciler\.io/breaker}{'\n'}"
WRITERS = 4
UPDATES = 1000


@pytest.fixture
async def site(cluster: Cluster, sqlite_url: str) -> AsyncIterator[Site]:
    with cluster.namespace("mirror") as namespace:
        async with a_site(cluster, namespace, sqlite_url) as running:
            yield running


async def until_closed(site: Site, *, most: int = 12) -> None:
    """Make ticks until the breaker has closed; each waits for the cooldown of a second."""
    for _ in range(most):
        await asyncio.sleep(1.1)
        await site.tick()
        if site.states[-1] == "closed":
            return
    pytest.fail(f"still not closed: {site.states}")


async def test_an_incident_shows_as_closed_open_half_open_closed(site: Site) -> None:
    where = f"--namespace={site.namespace}"
    first = await site.tick()
    opening = asyncio.create_task(asyncio.to_thread(site.cluster.wait, where, f"configmap/{NAME}", f"{STATE}open"))
    site.simulator.faults.add(*incident())
    broken = await site.tick()
    waited = await opening
    opened = await site.breaker()
    site.simulator.faults.clear()
    await until_closed(site)
    receipt = await site.last_run()

    assert (first["healthReasons"], broken["circuitBroken"]) == ([], True)
    assert "condition met" in waited
    assert [state for state, _ in groupby(site.states)] == ["closed", "open", "half_open", "closed"]
    assert (opened["breaker"], opened["reason"], opened["fault"]) == ("provider:ghl", "ContractFault", "contract")
    assert opened["since"] < opened["nextProbeAt"]
    assert (await site.breaker())["state"] == "closed"
    assert (receipt["health"], receipt["trigger"], receipt["errors"]) == ("healthy", "manual", 0)
    reasons = [reason for reason, _ in await site.events()]
    assert {"ContractFault", "ProbeDue", "ProbeSucceeded", "Recovered"} <= set(reasons)


async def test_a_hold_outranks_until_it_is_taken_away(site: Site) -> None:
    await site.annotate("hold=reason='vendor outage' for=2h actor=ada breaker=provider:ghl")
    site.simulator.requests.reset()
    held = await site.tick()
    shown = await site.breaker()
    calls = site.simulator.requests.total
    await site.annotate("hold-")
    freed = await site.tick()

    assert (held["circuitBroken"], held["leadsChecked"], calls) == (True, 0, 0)
    assert (shown["breaker"], shown["state"], shown["reason"]) == ("provider:ghl", "open", "ManualHold")
    assert shown["heldUntil"]
    assert "ada" not in json.dumps(shown)
    assert (freed["leadsChecked"] > 0, site.states) == (True, ["open", "closed"])
    assert {"OrderObeyed", "HoldEnded"} <= {reason for reason, _ in await site.events()}


async def test_a_misspelt_annotation_is_told_everywhere_and_once(site: Site) -> None:
    await site.annotate("hodl=reason=x", "cadence-override=every=10 for=2h reason=y")
    reports = [await site.tick(), await site.tick()]
    code, out, _ = await site.reconcile("status")
    events = [text for reason, text in await site.events() if reason == "OrderNotUnderstood"]

    assert all(
        any("did you mean appointment-reconciler.io/hold?" in r for r in each["healthReasons"]) for each in reports
    )
    assert all(any("says every=, which must be a duration" in r for r in each["healthReasons"]) for each in reports)
    assert code == 0
    assert len([chore for chore in json.loads(out)["chores"] if "annotation" in chore["text"]]) == 2
    assert len(events) == 2


async def test_a_lowered_cadence_leaves_ticks_out(site: Site) -> None:
    first = await site.tick(minute=0)
    since_tick = datetime.now(UTC) - datetime.fromisoformat(first["scheduledAt"])
    await site.annotate("cadence-override=every=1h for=2h reason='vendor asked'")
    left_out = await site.tick(minute=1)
    by_hand = await site.tick()
    code, out, _ = await site.reconcile("status", schedule="* * * * *")

    assert (first["trigger"], first["stopped"]) == ("schedule", None)
    assert 0 <= first["latenessSeconds"] <= since_tick.total_seconds()
    assert (left_out["stopped"], left_out["providerCalls"], left_out["health"]) == ("not_due", 0, "healthy")
    assert (by_hand["trigger"], by_hand["stopped"]) == ("manual", None)
    assert (code, json.loads(out)["cadence"]["cause"]) == (0, "override")


async def test_a_lowered_cadence_is_over_by_itself(site: Site) -> None:
    async def cause() -> str:
        _, out, _ = await site.reconcile("status", schedule="* * * * *")
        read: str = json.loads(out)["cadence"]["cause"]
        return read

    await site.annotate("cadence-override=every=10s for=10s reason='vendor asked'")
    await site.tick(minute=0)
    async with asyncio.timeout(HUNG):
        while await cause() != "planned":  # noqa: ASYNC110 - time passes on the database's clock
            await asyncio.sleep(1)
    afterwards = await site.tick(minute=1)

    assert afterwards["stopped"] is None
    assert "OrderObeyed" in {reason for reason, _ in await site.events()}


async def test_the_doctor_names_the_rights_that_are_lacking_and_the_object_that_is_not_there(site: Site) -> None:
    async def said() -> list[tuple[str, str]]:
        code, out, err = await site.reconcile("doctor")
        assert code == 0, err
        return [
            (each["verdict"], f"{each['text']}; {each['remedy'] or ''}")
            for each in json.loads(out)["findings"]
            if each["subject"] == "kubernetes"
        ]

    where = f"--namespace={site.namespace}"
    sound = await said()
    untouched = await site.annotations()
    await asyncio.to_thread(site.cluster.kubectl, "delete", "configmap", NAME, where)
    without_object = await said()
    rules = {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}
    patch = ("patch", "role", "rec", where, "--type=merge", f"--patch={json.dumps(rules)}")
    await asyncio.to_thread(site.cluster.kubectl, *patch)
    async with asyncio.timeout(HUNG):
        while len(without_rights := await said()) != 2:  # noqa: ASYNC110 - the authorizer hears of it a little later
            await asyncio.sleep(0.2)

    assert [verdict for verdict, _ in sound] == ["fine"]
    assert not [key for key in untouched if key.startswith(PREFIX)]
    ((missing, sentence),) = without_object
    assert missing == "warning"
    assert (
        f"answered 404 for configmap/{NAME} in namespace {site.namespace}; "
        "the object does not exist; the chart creates it" in sentence
    )
    assert [verdict for verdict, _ in without_rights] == ["warning", "warning"]
    assert f"this account may not patch configmap/{NAME}" in without_rights[0][1]
    assert "this account may not create events.k8s.io events" in without_rights[1][1]


async def test_a_thousand_updates_from_four_processes_lose_none(
    cluster: Cluster, postgres_url: str, tmp_path: Path, figures: list[str]
) -> None:
    with cluster.namespace("mirror") as namespace:
        async with a_site(cluster, namespace, postgres_url) as site:
            where = f"--namespace={namespace}"
            with (tmp_path / "shown").open("w+") as shown:
                watch = subprocess.Popen(  # noqa: ASYNC220 - starting it blocks nobody
                    [cluster.kubectl_path, "get", "configmap", NAME, where, "--watch", SHOWN],
                    env=cluster.environment(),
                    stdout=shown,
                )
                arguments = (postgres_url, namespace, str(site.account.mount), str(UPDATES // WRITERS))
                writers = [
                    await asyncio.create_subprocess_exec(
                        sys.executable,
                        str(ROOT / "tests" / "cluster" / "mirror_writer.py"),
                        *arguments,
                        env={**site.env, **site.account.environment},
                        stdout=asyncio.subprocess.PIPE,
                    )
                    for _ in range(WRITERS)
                ]
                ended = [json.loads((await each.communicate())[0]) for each in writers]
                watch.terminate()
                watch.wait()
                shown.seek(0)
                seen = [json.loads(line) for line in shown.read().splitlines() if line.strip()]
            last = await site.breaker()
    totals = {name: sum(each[name] for each in ended) for name in ("writes", "conflicts", "givenUp")}
    figures.append(f"{UPDATES} updates from {WRITERS} processes: {totals}, {len(seen)} seen by a watch")

    generations = [next(each["generation"] for each in state["breakers"] if each["breaker"] == "run") for state in seen]
    assert all(before <= after for before, after in pairwise(generations))
    assert last["generation"] == UPDATES
