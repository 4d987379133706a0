"""The cluster that the tests get is a real one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.kubernetes.cluster import Cluster

NOTHING: dict[str, Any] = {"name": "nothing", "image": "tests/nothing:1", "imagePullPolicy": "Never"}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name


def cronjob(name: str, container: dict[str, Any] = NOTHING) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{**container, "securityContext": RESTRICTED}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }


def role(namespace: str, *, verbs: list[str], names: list[str]) -> list[dict[str, Any]]:
    metadata = {"name": "patcher", "namespace": namespace}
    api = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs, "resourceNames": names}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "patcher"},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    ]


def config_map(name: str, **annotations: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}}


def test_the_server_is_ready_and_says_its_version(cluster: Cluster) -> None:
    version = json.loads(cluster.kubectl("version", "--output=json"))

    assert cluster.kubectl("get", "--raw=/readyz") == "ok"
    assert version["serverVersion"]["major"] == "1"


def test_the_controllers_start_a_cronjobs_job(cluster: Cluster, namespace: str) -> None:
    cluster.apply(cronjob("ticking"), namespace=namespace)

    job = cluster.tick(namespace, "ticking")
    cluster.wait(f"--namespace={namespace}", f"job/{job}", "--for=jsonpath={.status.active}=1")
    pods = cluster.get("pods", f"--namespace={namespace}", f"--selector=job-name={job}")["items"]

    assert [pod["metadata"]["ownerReferences"][0]["name"] for pod in pods] == [job]


def test_a_pod_that_may_do_too_much_is_refused(cluster: Cluster, namespace: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "free"}, "spec": {"containers": [NOTHING]}}
    asked = cluster.try_kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(pod))

    assert 'violates PodSecurity "restricted:latest"' in asked.stderr


def test_a_service_account_may_do_what_its_role_says_and_nothing_else(cluster: Cluster, namespace: str) -> None:
    cluster.apply(*role(namespace, verbs=["get", "patch"], names=["state"]), namespace=namespace)
    cluster.apply(config_map("state"), config_map("other"), namespace=namespace)
    account = cluster.account(namespace, "patcher")

    def annotate(name: str) -> str:
        arguments = ["annotate", "configmap", name, f"--namespace={namespace}", "seen=yes"]
        return cluster.try_kubectl(*arguments, kubeconfig=account.kubeconfig).stderr

    assert annotate("state") == ""
    assert f'"system:serviceaccount:{namespace}:patcher" cannot get' in annotate("other")


def test_a_program_runs_with_the_accounts_own_login(cluster: Cluster, namespace: str) -> None:
    account = cluster.account(namespace, "default")

    done = account.run(cluster.kubectl_path, "auth", "whoami", "--output=json", env={})

    assert json.loads(done.stdout)["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:default"
    assert account.environment.keys() == {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}
    assert {path.name for path in account.mount.iterdir()} == {"ca.crt", "kubeconfig", "namespace", "token"}


@pytest.mark.parametrize("version", [3, 4])
def test_helm_installs_and_uninstalls(cluster: Cluster, namespace: str, version: int, tmp_path: Any) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 0.1.0\n")
    (tmp_path / "templates" / "state.yaml").write_text(json.dumps(config_map("tiny")))

    installed = cluster.helm(version, "install", "tiny", tmp_path, f"--namespace={namespace}")
    found = cluster.get("configmap", "tiny", f"--namespace={namespace}")
    uninstalled = cluster.helm(version, "uninstall", "tiny", f"--namespace={namespace}")

    assert (installed.returncode, uninstalled.returncode) == (0, 0), installed.stderr + uninstalled.stderr
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
