"""Where the tests' cluster comes from, and that nothing stays of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.kubernetes import binaries, sources
from tests.cluster.kubernetes.processes import ClusterError, eventually, processes

STUBBORN = "trap '' TERM; while true; do sleep 1; done"
SESSION = """
import os, sys
from pathlib import Path
from tests.cluster.kubernetes.processes import processes

with processes(Path(sys.argv[1])) as servers:
    servers.start("server", ["/bin/sleep", "600"], cleanup="echo yes >cleared")
    print("started", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away the cache, the compiler and Docker."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere")
    monkeypatch.delenv(sources.ASSETS, raising=False)


def test_a_machine_with_nothing_is_told_what_to_do(no_go: None) -> None:
    with pytest.raises(ClusterError, match=r"no Kubernetes for the tests: .* install Go, or set the variable"):
        sources.find()


def test_make_test_cluster_ends_with_that_sentence(no_go: None) -> None:
    command = [sys.executable, "-m", "tests.cluster.kubernetes"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith("make test-cluster: no Kubernetes for the tests: ")


def test_the_assets_of_envtest_come_first_and_the_rest_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What setup-envtest brings is etcd, the API server and kubectl; its controllers are ours."""
    for name in ("etcd", "kube-apiserver", "kubectl"):
        (tmp_path / name).symlink_to(binaries.commands() / name)
    monkeypatch.setenv(sources.ASSETS, str(tmp_path))

    with sources.find().start() as cluster:
        assert cluster.kubectl_path == tmp_path / "kubectl"
        assert cluster.description.startswith(f"{tmp_path} by {sources.ASSETS}")
        with cluster.namespace() as namespace:
            assert cluster.get("namespace", namespace)["status"]["phase"] == "Active"
    assert not cluster.folder.exists()


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    with processes(tmp_path) as servers:
        servers.start("server", ["/bin/sh", "-c", "echo the disk is full; exit 1"])
        with pytest.raises(ClusterError, match="waiting for it: the disk is full"):
            servers.wait(lambda: False, what="it")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_server_ends_with_the_tests_however_they_end(tmp_path: Path, number: signal.Signals) -> None:
    session = subprocess.Popen(
        [sys.executable, "-c", SESSION, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with session:
        assert session.stdout
        session.stdout.readline()
        session.send_signal(number)
        eventually((tmp_path / "cleared").exists, what="the clearing after the server")


def test_a_server_that_ignores_the_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.kubernetes.processes.GRACE", 1)
    with processes(tmp_path) as servers:
        shell = servers.start("stubborn", ["/bin/sh", "-c", f"echo $$ >pid; {STUBBORN}"])
        eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), what="its number")
    server = int((tmp_path / "pid").read_text())

    assert shell.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        eventually(lambda: os.kill(server, 0), what="its end")
