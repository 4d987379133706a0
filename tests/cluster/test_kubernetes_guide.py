"""Every command in docs/kubernetes.md: run in its order on a cluster, or read by a shell where it needs a pod."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.processes import eventually
from tests.cluster.release import Release

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "kubernetes.md").read_text()
BLOCKS = re.findall(r"^```(\w+)( pods)?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
NAMESPACE = "calendars"


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    assert {language for language, _, _ in BLOCKS} == {"sh", "yaml"}
    assert not re.search(r"`(kubectl|helm) ", TEXT)
    assert all(yaml.safe_load(text)["kind"] for language, _, text in BLOCKS if language == "yaml")


@pytest.mark.parametrize("helm", [3, 4])
def test_the_commands_work_in_their_order(cluster: Cluster, tmp_path: Path, helm: int) -> None:
    environment = _environment(cluster, tmp_path, helm)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    said = []
    try:
        with Release(cluster, NAMESPACE, helm).migrations_end():
            for language, pods, text in BLOCKS:
                if language != "sh":
                    continue
                shell = ["bash", "-n"] if pods else ["bash", "-euxo", "pipefail"]
                done = subprocess.run(
                    shell, input=text, cwd=tmp_path, env=environment, capture_output=True, check=False, text=True
                )
                said.append((done.returncode, text, done.stdout + done.stderr))
                if done.returncode:
                    break
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
        eventually(lambda: cluster.try_kubectl("get", "namespace", NAMESPACE).returncode, what="the namespace's end")

    assert said[-1][0] == 0, "\n".join(said[-1][1:])
    assert len(said) == sum(language == "sh" for language, _, _ in BLOCKS)


def _environment(cluster: Cluster, folder: Path, helm: int) -> dict[str, str]:
    commands = folder / "bin"
    commands.mkdir()
    for name, target in {
        "helm": binaries.tool(f"helm{helm}"),
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
