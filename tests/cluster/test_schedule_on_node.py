"""An incident under the schedule, with the real controller and with the image on a real kubelet.

Each release that has an incident waits for one tick of the controller's own, and no minute can be made shorter. The
later ticks are Jobs that the test makes, named as the controller would name those of the coming minutes: the program
knows its tick by the Job's name. Three releases run side by side.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from reconcile.domain.coordination.annotation import BREAKER, BREAKER_STATE
from reconcile.simulator import incident
from tests import postgres
from tests.cluster.kubernetes.node import Node
from tests.cluster.on_node import Installation, installed
from tests.cluster.release import NAME, PREFIX, STATE
from tests.timeouts import HUNG

GHL = "provider:ghl"
MOST_TICKS = 5
LATE_API = "not in step"
"""In a reason of a run whose annotations the API did not give in time, as on a busy machine."""
COOLDOWN_SECONDS = 5
TICK_SECONDS = 60 + HUNG
"""A minute until the tick, and then its pod."""

away = asyncio.to_thread


@dataclass(slots=True)
class Clockwork:
    """A release and its ticks; *minute* is that of the last one which the test made."""

    site: Installation
    minute: int = 0

    async def suspend(self, *, suspend: bool) -> None:
        """Let the controller make ticks, or no more of them."""
        await away(self.site.release.upgrade, "--values", self.site.values, f"--set=suspend={suspend}".lower())

    async def first_tick(self) -> dict[str, Any]:
        """Wait for a Job that the controller makes, and return its report."""
        async with asyncio.timeout(TICK_SECONDS):
            while (job := await away(self._ended)) is None:  # noqa: ASYNC110 - a minute has to go by
                await asyncio.sleep(1)
        return await away(self.site.report, job)

    async def tick(self) -> dict[str, Any]:
        """Make the Job of a minute to come, without waiting for that minute, and return its report.

        The minute is later than the start of every earlier run, as with the controller's next tick. Another one is made
        where the controller's last tick still runs and has the lease.
        """
        for _ in range(MOST_TICKS):
            self.minute = max(self.minute, int(time.time()) // 60) + 1
            job = await away(self.site.start, f"{NAME}-{self.minute}")
            report = await away(self.site.completed, job)
            if report["stopped"] != "lease_held":
                break
        return report

    async def tick_in_step(self) -> dict[str, Any]:
        """Tick until the API has given a run the annotations in time: on a busy machine it may be late."""
        for _ in range(MOST_TICKS):
            report = await self.tick()
            if not any(LATE_API in reason for reason in report["healthReasons"]):
                break
        return report

    def _ended(self) -> str | None:
        jobs = self.site.release.get("jobs")["items"]
        ended = (
            job["metadata"]["name"]
            for job in jobs
            if any(owner["name"] == NAME for owner in job["metadata"].get("ownerReferences", ()))
            and {each["type"] for each in job["status"].get("conditions", ())} & {"Complete", "Failed"}
        )
        return next(ended, None)

    async def annotate(self, change: str) -> None:
        """Set or remove an annotation as an operator does."""
        where = self.site.release.where
        await away(self.site.node.cluster.kubectl, "annotate", STATE, where, "--overwrite", f"{PREFIX}{change}")

    async def state(self) -> dict[str, Any]:
        """Return what the breaker's annotation says."""
        shown: dict[str, Any] = json.loads((await away(self.site.release.annotations))["breaker"])
        return shown

    async def kubectl_waits_for(self, state: str) -> bool:
        """Let kubectl wait until the breaker's annotation says *state*."""
        key = BREAKER_STATE.replace(".", "\\.")
        words = ("wait", STATE, f"--for=jsonpath={{.metadata.annotations.{key}}}={state}", "--timeout=300s")
        process = await self._kubectl(*words)
        return await process.wait() == 0

    @asynccontextmanager
    async def watched(self, path: Path) -> AsyncIterator[Callable[[], list[dict[str, Any]]]]:
        """Write down what a watch sees of the breaker's annotation; give what was seen until now."""
        key = BREAKER.replace(".", "\\.")
        shown = f"-o=jsonpath={{.metadata.annotations.{key}}}{{'\\n'}}"
        process = await self._kubectl("get", STATE, "--watch", shown, output=path)
        try:
            yield lambda: [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        finally:
            process.terminate()
            await process.wait()

    async def _kubectl(self, *words: str, output: Path = Path(os.devnull)) -> asyncio.subprocess.Process:
        cluster, where = self.site.node.cluster, self.site.release.where
        with output.open("w") as file:
            return await asyncio.create_subprocess_exec(
                cluster.kubectl_path, *words, where, env=cluster.environment(), stdout=file
            )


@asynccontextmanager
async def clockwork(
    node: Node, image: str, server: postgres.Server, folder: Path, *, helm: int
) -> AsyncIterator[Clockwork]:
    """Give a suspended release, over a database of its own."""
    url = server.create_database()
    await away(folder.mkdir)
    # Reports are read from the logs of Jobs, so none may be cleared away.
    more = {
        "limits": {"hotMinutes": 0},
        "breaker": {"cooldownSeconds": COOLDOWN_SECONDS},
        "successfulJobsHistoryLimit": 20,
        "failedJobsHistoryLimit": 20,
    }
    try:
        async with installed(node, image, url, folder, helm=helm, **more) as site:
            yield Clockwork(site)
    finally:
        server.drop_database(url)


async def test_an_incident_and_an_operator_under_the_schedule(
    node: Node, image: str, postgres_server: postgres.Server, tmp_path: Path, figures: list[str]
) -> None:
    """The incident under Helm 3 and under Helm 4, and an operator's hold and lowered cadence."""

    async def in_a_release(number: int, scenario: Callable[[Clockwork], Awaitable[str]]) -> str:
        folder = tmp_path / str(number)
        async with clockwork(node, image, postgres_server, folder, helm=3 if number == 0 else 4) as ticking:
            return await scenario(ticking)

    scenarios = (an_incident_opens_and_closes, an_incident_opens_and_closes, operators_are_obeyed)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_a_release(*each)) for each in enumerate(scenarios)]
    figures.extend(f"under the schedule: {each.result()}" for each in tasks)


async def an_incident_opens_and_closes(ticking: Clockwork) -> str:
    """Upgrade, roll back, remove and install again in the middle of it; return when the breaker moved."""
    site, release = ticking.site, ticking.site.release
    async with ticking.watched(site.values.with_name("seen")) as seen:
        await ticking.suspend(suspend=False)
        first = await ticking.first_tick()
        await ticking.suspend(suspend=True)
        opening = asyncio.create_task(ticking.kubectl_waits_for("open"))
        site.simulator.faults.add(*incident())
        broken = await ticking.tick_in_step()
        waited = [await opening]
        shown = await away(release.annotations)
        await away(release.upgrade, "--values", site.values, "--set=suspend=true,limits.workspaceLimit=20")
        await away(release.run, "rollback")
        outlived = await away(release.annotations)
        await away(release.run, "uninstall", "--wait")
        await away(release.install, "--values", site.values)
        site.simulator.faults.clear()
        closing = asyncio.create_task(ticking.kubectl_waits_for("closed"))
        last = [await ticking.tick()]
        while not closing.done():
            last.append(await ticking.tick())
            await asyncio.wait([closing], timeout=1)
        waited.append(await closing)
        of_ghl = [each for each in map(_of_ghl, seen()) if each]
        moved = [(each["state"], each["since"], each["generation"]) for each in of_ghl]

    assert (first["trigger"], first["errors"]) == ("schedule", 0)
    assert [reason for reason in first["healthReasons"] if LATE_API not in reason] == []
    assert (broken["trigger"], broken["circuitBroken"]) == ("schedule", True)
    assert waited == [True, True]
    assert outlived == shown
    states = [state for state, _ in groupby(state for state, _, _ in moved)]
    # On a busy machine the incident takes more than one tick: each later one probes in vain and opens it again.
    assert states == ["open", "half_open"] * (len(states) // 2) + ["closed"]
    times = [since for since, _ in groupby(since for _, since, _ in moved)]
    assert times == sorted(times)
    # The database remembers what went with the release: nothing began anew.
    assert all(before <= after for (_, _, before), (_, _, after) in pairwise(moved))
    opened = json.loads(shown["breaker"])
    assert (of_ghl[0]["reason"], opened["breaker"], opened["state"]) == ("ContractFault", GHL, "open")
    assert opened["since"] < opened["nextProbeAt"] <= next(since for since in times if since > opened["since"])
    assert (last[-1]["health"], last[-1]["errors"]) == ("healthy", 0)
    return ", ".join(f"{state} since {since}" for (state, since), _ in groupby((s, at) for s, at, _ in moved))


def _of_ghl(shown: dict[str, Any]) -> dict[str, Any] | None:
    return next((each for each in shown["breakers"] if each["breaker"] == GHL), None)


async def operators_are_obeyed(ticking: Clockwork) -> str:
    """Hold a provider that is well; then lower the cadence, under which no two ticks in a row can be due.

    Return what became of each tick.
    """
    await ticking.tick()
    await ticking.annotate(f"hold=reason='vendor outage' for=2h breaker={GHL}")
    ticking.site.simulator.requests.reset()
    held = await ticking.tick_in_step()
    shown, calls = await ticking.state(), ticking.site.simulator.requests.total
    await ticking.annotate("hold-")
    await ticking.annotate("cadence-override=every=1h for=2h reason='vendor asks for less'")
    left_out = await ticking.tick_in_step()
    await ticking.annotate("cadence-override=every=15s for=15s reason='vendor asks for more'")
    after: list[dict[str, Any]] = []
    async with asyncio.timeout(HUNG):
        # One tick may be let through while the override holds; two in a row are not.
        while len(after) < 2 or any(each["stopped"] == "not_due" for each in after[-2:]):
            after.append(await ticking.tick())

    assert (held["circuitBroken"], held["leadsChecked"], calls) == (True, 0, 0)
    assert (shown["breaker"], shown["state"], shown["reason"]) == (GHL, "open", "ManualHold")
    assert (left_out["stopped"], left_out["providerCalls"], left_out["health"]) == ("not_due", 0, "healthy")
    assert "vendor asks for less" in left_out["healthReasons"][0]
    assert [(each["stopped"], each["leadsChecked"] > 0) for each in after[-2:]] == [(None, True), (None, True)]
    assert {each["trigger"] for each in (held, left_out, *after)} == {"schedule"}
    assert (await ticking.state())["state"] == "closed"
    return "held, left out, " + ", ".join("left out" if each["stopped"] else "due" for each in after)
