"""The image that ``make image`` built, installed by the chart and run by a real kubelet under the restricted level."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from reconcile import bootstrap
from reconcile.bootstrap import jobs
from reconcile.simulator import Fault, FaultKind
from tests.cluster.kubernetes.node import Node
from tests.cluster.on_node import SIZE, Installation, installed
from tests.cluster.release import NAME

LEADS = SIZE.workspaces * SIZE.leads_per_workspace
SHARD = {"fieldPath": "metadata.labels['batch.kubernetes.io/job-completion-index']"}
UNFIT = "--lead-concurrency"
MAPPING = Path(bootstrap.__file__).parents[1] / "store" / "mapping" / "presets" / "default.toml"

away = asyncio.to_thread


@pytest.fixture
async def site(node: Node, image: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(node, image, postgres_url, tmp_path, limits={"hotMinutes": 0}) as running:
        yield running


async def test_a_scheduled_run_writes_its_ledger_and_shows_its_state(site: Installation) -> None:
    await away(site.release.upgrade, "--values", site.values, "--set=suspend=false")
    job = await away(site.node.cluster.tick, site.release.namespace, NAME)
    report = await away(site.completed, job)
    (pod,) = site.pods(job)
    (container,) = pod["status"]["containerStatuses"]
    row = await site.database.fetchrow("SELECT * FROM reconcile_run WHERE id = $1", report["runId"])
    shown = await away(site.release.annotations)
    last = json.loads(shown["last-run"])

    assert (pod["status"]["phase"], container["state"]["terminated"]["exitCode"]) == ("Succeeded", 0)
    assert (report["trigger"], report["leadsChecked"], report["errors"]) == ("schedule", LEADS, 0)
    assert report["healthReasons"] == []
    assert row["finished_at"] > row["started_at"]
    assert (row["trigger"], json.loads(row["report"])["leadsChecked"]) == ("schedule", LEADS)
    assert await site.database.fetchval("SELECT count(*) FROM reconcile_change") > 0
    assert (shown["breaker-state"], last["health"], last["trigger"]) == ("closed", "healthy", "schedule")


async def test_a_pod_ended_with_grace_gives_its_lease_back_to_the_pod_that_replaces_it(site: Installation) -> None:
    site.simulator.faults.add(Fault(kind=FaultKind.HOLD))
    job = await away(site.start, "ended")
    pod = await away(site.in_a_call, job)
    site.simulator.faults.clear()
    end = await away(site.delete, pod)
    stopped = await site.database.fetchrow("SELECT * FROM reconcile_run")
    leases = await site.database.fetch("SELECT expires_at FROM reconcile_lease WHERE holder = $1", stopped["id"])
    report = await away(site.completed, job)
    status = (await away(site.release.get, f"job/{job}"))["status"]

    assert end["exitCode"] == 143
    assert '"stopped":"sigterm"' in end["message"]
    assert json.loads(stopped["report"])["stopped"] == "sigterm"
    # One for the run and one for each workspace. A lease that had only expired would have done so after its start.
    assert len(leases) == 1 + SIZE.workspaces
    assert all(lease["expires_at"] < stopped["started_at"] for lease in leases)
    assert (report["stopped"], report["leadsChecked"]) == (None, LEADS)
    assert report["runId"] != stopped["id"]
    assert status["succeeded"] == 1


@pytest.mark.parametrize("kill", [Installation.kill, Installation.delete_at_once], ids=["by signal", "without grace"])
async def test_a_killed_run_is_made_up_for_once_its_lease_has_expired(
    site: Installation, kill: Callable[[Installation, dict[str, Any]], dict[str, Any]]
) -> None:
    site.simulator.faults.add(Fault(kind=FaultKind.HOLD))
    job = await away(site.start, "killed")
    pod = await away(site.in_a_call, job)
    end = await away(kill, site, pod)
    site.simulator.faults.clear()
    await away(site.wait, f"job/{job}", "--for=condition=Failed")
    # The leases must outlast the next pod, however slowly it starts.
    await site.database.execute("UPDATE reconcile_lease SET expires_at = now() + interval '1 hour'")
    early = await away(site.completed, await away(site.start, "early"))
    await site.database.execute("UPDATE reconcile_lease SET expires_at = now()")
    late = await away(site.completed, await away(site.start, "late"))
    runs = await site.database.fetch("SELECT id, finished_at FROM reconcile_run ORDER BY started_at")

    assert end["exitCode"] == 137
    assert (early["stopped"], early["leadsChecked"]) == ("lease_held", 0)
    assert (late["stopped"], late["leadsChecked"], late["errors"]) == (None, LEADS, 0)
    assert runs[0]["finished_at"] is None
    assert (runs[-1]["id"], runs[-1]["finished_at"] is None) == (late["runId"], False)


async def test_of_four_shards_one_fails_for_good_and_the_others_complete(site: Installation, tmp_path: Path) -> None:
    """Its number is given as what it checks at the same time, and that cannot be 0."""
    given = json.loads(site.values.read_text())
    given["extraEnv"] += [{"name": "SHARD", "valueFrom": {"fieldRef": SHARD}}]
    given |= {"migrate": {"enabled": False}, "backfill": {"args": ["run", UNFIT, "$(SHARD)"], "shards": 4}}
    (tmp_path / "shards.json").write_text(json.dumps(given))
    await away(site.release.upgrade, "--values", tmp_path / "shards.json")
    job = await away(site.start, "sharded", cronjob=f"{NAME}-backfill")
    await away(site.wait, f"job/{job}", "--for=condition=Failed")
    ended = await away(site.release.get, f"job/{job}")
    (failed,) = [pod for pod in await away(site.pods, job) if pod["status"]["phase"] == "Failed"]
    (container,) = failed["status"]["containerStatuses"]
    runs = await site.database.fetch("SELECT trigger, report FROM reconcile_run")
    reports = [json.loads(run["report"]) for run in runs]

    assert (ended["status"]["failedIndexes"], ended["status"]["completedIndexes"]) == ("0", "1-3")
    assert container["state"]["terminated"]["exitCode"] == 2
    assert UNFIT in container["state"]["terminated"]["message"]
    assert [run["trigger"] for run in runs] == ["backfill"] * 3
    assert [(report["stopped"], report["errors"]) for report in reports] == [(None, 0)] * 3
    assert 0 < sum(report["leadsChecked"] for report in reports) < LEADS


async def test_a_printed_job_runs_as_the_charts_jobs_do(site: Installation, image: str, tmp_path: Path) -> None:
    """Also with a mapping that stands in the release's values."""
    given = json.loads(site.values.read_text()) | {"mapping": {"inline": MAPPING.read_text()}}
    (tmp_path / "mapped.json").write_text(json.dumps(given))
    await away(site.release.upgrade, "--values", tmp_path / "mapped.json")
    cronjob = await away(site.release.get, f"cronjob/{NAME}")
    job = jobs.job_manifest(cronjob, name="looked", shards=4, command=("doctor",), retries=0)
    await away(site.node.cluster.apply, job, namespace=site.release.namespace)
    await away(site.wait, "job/looked", "--for=condition=Complete")
    ended = await away(site.release.get, "job/looked")
    log = await away(site.log, "looked")

    assert ended["status"]["completedIndexes"] == "0-3"
    assert "/etc/reconcile/mapping.toml matches the tables" in log
