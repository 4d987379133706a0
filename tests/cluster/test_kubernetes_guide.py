"""Every command in docs/kubernetes.md: run in its order on a cluster and on a node."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.node import Node
from tests.cluster.kubernetes.processes import eventually
from tests.cluster.on_node import UNMEASURED
from tests.cluster.release import Release

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "kubernetes.md").read_text()
BLOCKS = re.findall(r"^```(\w+)( pods)?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
NAMESPACE = "calendars"
WAITS_FOR_A_TICK = "wait configmap/reconciler-state"


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    assert [bool(pods) for _, pods, text in BLOCKS if WAITS_FOR_A_TICK in text] == [True]
    assert {language for language, _, _ in BLOCKS} == {"sh", "yaml"}
    assert not re.search(r"`(kubectl|helm) ", TEXT)
    assert all(yaml.safe_load(text)["kind"] for language, _, text in BLOCKS if language == "yaml")


def test_the_commands_work_in_their_order(cluster: Cluster, tmp_path: Path) -> None:
    """By Helm 3; those that need a pod are read by a shell, as this cluster may have no node."""
    environment = _environment(cluster, tmp_path, binaries.tool("helm3"))
    with Release(cluster, NAMESPACE, 3).migrations_end():
        _run_in_order(cluster, tmp_path, environment, without_pods=["bash", "-n"])


def test_the_commands_work_where_pods_run(node: Node, image: str, postgres_url: str, tmp_path: Path) -> None:
    """By Helm 4, every single one, with the image itself and a database."""
    parts = urlsplit(postgres_url)
    url = parts._replace(netloc=f"{parts.username}@{node.expose(parts.port or 5432)}").geturl()
    values = tmp_path / "node.json"
    values.write_text(json.dumps({"resources": {"requests": UNMEASURED, "limits": UNMEASURED}}))
    helm = tmp_path / "helm4"
    on_this_node = f'case $1 in install|upgrade) set -- "$@" --values {values};; esac'
    helm.write_text(f'#!/bin/sh\n{on_this_node}\nexec {binaries.tool("helm4")} "$@"\n')
    helm.chmod(0o755)
    environment = _environment(node.cluster, tmp_path, helm)
    given = {"DATABASE_URL": url, "IMAGE": image.rpartition(":")[0]}
    _run_in_order(node.cluster, tmp_path, environment | given, without_pods=None)


def _run_in_order(
    cluster: Cluster, folder: Path, environment: Mapping[str, str], *, without_pods: list[str] | None
) -> None:
    """Run what the guide tells one to type; what needs a pod is given to *without_pods* where there is none."""
    (folder / "deploy").symlink_to(ROOT / "deploy")
    shell = ["bash", "-euxo", "pipefail"]
    try:
        for language, pods, text in BLOCKS:
            if language == "sh":
                if pods and not without_pods and WAITS_FOR_A_TICK in text:
                    # The guide has set `*/10` by now: the tick is made here, not waited for.
                    cluster.kubectl("create", "job", "tick", "--from=cronjob/reconciler", f"--namespace={NAMESPACE}")
                command = without_pods if pods and without_pods else shell
                done = subprocess.run(
                    command, input=text, cwd=folder, env=environment, capture_output=True, check=False, text=True
                )
                assert done.returncode == 0, f"{text}{done.stdout}{done.stderr}"
    finally:
        # Jobs first: where one counts failures by index, its controller keeps a failed pod until it has replaced it,
        # which a namespace that is ending does not let it.
        cluster.try_kubectl("delete", "jobs", "--all", f"--namespace={NAMESPACE}", "--wait=false")
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
        eventually(lambda: cluster.try_kubectl("get", "namespace", NAMESPACE).returncode, what="the namespace's end")


def _environment(cluster: Cluster, folder: Path, helm: Path) -> dict[str, str]:
    commands = folder / "bin"
    commands.mkdir()
    for name, target in {
        "helm": helm,
        "kubectl": cluster.kubectl_path,
        "reconcile": Path(sys.executable).with_name("reconcile"),
    }.items():
        (commands / name).symlink_to(target)
    kept = {name: os.environ[name] for name in ("LANG", "HOME") if name in os.environ}
    homes = {f"HELM_{kind}_HOME": str(folder / "helm" / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    return {
        **kept,
        **homes,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "KUBECONFIG": str(cluster.kubeconfig),
        "DATABASE_URL": "postgresql://reconcile@database/reconcile",
        "IMAGE": "appointment-reconciler",
        "TOKEN": "not-a-real-token",
    }
