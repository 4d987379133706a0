"""One-off Jobs and ticks as a real API server and its controllers see them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconcile.bootstrap import jobs
from reconcile.domain.run.cadence import tick_of
from reconcile.kube.cronjob import read_cronjob
from reconcile.kube.mirror import KubeMirror
from reconcile.kube.object_reference import ObjectReference
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.test_cluster import cronjob
from tests.kube.stored_cronjobs import CRONJOBS, stored

PLAN = {"name": "once", "command": ("run", "--dry-run")}
READS_PODS = {"command": ("verify", "--plan", "/files/plan.yaml"), "service_account": "rec-verify", "files": "rollout"}


@pytest.mark.parametrize("facts", [{}, {"shards": 4, "max_failed_shards": 1}, READS_PODS])
@pytest.mark.parametrize("release", CRONJOBS)
def test_the_manifest_is_taken_under_the_restricted_level(
    cluster: Cluster, facts: dict[str, object], release: str
) -> None:
    """In YAML; ``tests/kube`` compares it with the JSON."""
    cronjob = stored(release)
    # a priority class is the cluster's own, and this one has none
    cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"].pop("priorityClassName", None)
    del cronjob["metadata"]["namespace"]
    text = jobs.as_yaml(jobs.job_manifest(cronjob, **{**PLAN, **facts}))
    with cluster.namespace("jobs") as namespace:
        done = cluster.try_kubectl(
            "create", f"--namespace={namespace}", "--dry-run=server", "--validate=strict", "--filename=-", stdin=text
        )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_cronjob_that_the_server_returns_gives_the_same_pod_as_its_file(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the defaults that the server adds."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))
    cronjob = stored("secret")
    with cluster.namespace("jobs") as namespace:
        cronjob["metadata"]["namespace"] = namespace
        cluster.apply(cronjob, namespace=namespace)
        read = read_cronjob("reconciler", namespace=namespace, account_dir=tmp_path)
        job = jobs.job_manifest(read, **PLAN)
        cluster.apply(job, namespace=namespace)
        applied = cluster.get("job", "once", f"--namespace={namespace}")
    (container,) = applied["spec"]["template"]["spec"]["containers"]
    (expected,) = jobs.job_manifest(cronjob, **PLAN)["spec"]["template"]["spec"]["containers"]

    assert {name: container[name] for name in ("image", "args", "envFrom", "volumeMounts", "resources")} == {
        name: expected[name] for name in ("image", "args", "envFrom", "volumeMounts", "resources")
    }
    assert job["metadata"]["namespace"] == namespace


def test_the_controllers_jobs_tell_their_tick(cluster: Cluster) -> None:
    with cluster.namespace("ticks") as namespace:
        cluster.apply(cronjob("rec"), namespace=namespace)
        name = cluster.tick(namespace, "rec")
        job = cluster.get("job", name, f"--namespace={namespace}")
        by_hand = "rec-by-hand"
        cluster.kubectl("create", "job", by_hand, "--from=cronjob/rec", f"--namespace={namespace}")
    told = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]

    assert tick_of(name, now=datetime.now(UTC)) == datetime.fromisoformat(told)
    assert tick_of(by_hand, now=datetime.now(UTC)) is None


def test_a_cronjob_may_be_the_state_object_too(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster.namespace("state") as namespace:
        cluster.apply(cronjob("rec"), namespace=namespace)
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))
        mirror = KubeMirror(ObjectReference.parse("cronjob/rec", namespace=namespace, account_dir=tmp_path))
        before = cluster.get("cronjob", "rec", f"--namespace={namespace}")["spec"]

        async def shown() -> None:
            state = await mirror.read()
            await mirror.patch({"appointment-reconciler.io/breaker-state": "open"}, version=state.version)

        asyncio.run(shown())
        after = cluster.get("cronjob", "rec", f"--namespace={namespace}", "--show-managed-fields")
    managers = {each["manager"]: each["fieldsV1"] for each in after["metadata"]["managedFields"]}

    assert after["metadata"]["annotations"]["appointment-reconciler.io/breaker-state"] == "open"
    assert after["spec"] == before
    assert managers["appointment-reconciler"] == {
        "f:metadata": {"f:annotations": {"f:appointment-reconciler.io/breaker-state": {}}}
    }
