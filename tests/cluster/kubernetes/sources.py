"""Give the tests a Kubernetes: envtest's binaries, a container of K3s, or binaries built here, in this order."""

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.control_plane import Addresses, ControlPlane, control_plane
from tests.cluster.kubernetes.processes import ClusterError

ASSETS = "KUBEBUILDER_ASSETS"
K3S = "rancher/k3s:v1.35.4-k3s1"
PULL = 300


@dataclass(frozen=True, slots=True)
class Source:
    """Where a cluster can be had, in words, and how to start it."""

    description: str
    start: Callable[[], AbstractContextManager[Cluster]]


def find() -> Source:
    """Return the first source that is at hand, without starting it, or raise ClusterError."""
    for look in (assets, container, built):
        if source := look():
            return source
    raise ClusterError(
        f"no Kubernetes for the tests: {ASSETS} does not name a folder with a kube-apiserver, Docker does not answer "
        f"or cannot pull {K3S}, and there is no Go to build one with; install Go, or set the variable to the folder "
        "that setup-envtest made"
    )


def assets() -> Source | None:
    """Look for the binaries that the environment names; what envtest does not carry is built."""
    folder = Path(os.environ.get(ASSETS) or "nowhere")
    if not (folder / "kube-apiserver").is_file():
        return None

    def pick(name: str) -> Path:
        return folder / name if (folder / name).is_file() else binaries.commands() / name

    return Source(f"the binaries that {ASSETS} names", partial(_processes, pick, f"{folder} by {ASSETS}"))


def container() -> Source | None:
    """Look for a Docker that answers and has the image of K3s, or can pull it."""
    # In a process of its own: a client that cannot connect leaves its socket open.
    question = (
        "import docker, sys, testcontainers.community.k3s\n"
        "images = docker.from_env(timeout=5).images\n"
        "images.list(sys.argv[1]) or docker.from_env(timeout=int(sys.argv[2])).images.pull(sys.argv[1])"
    )
    try:
        asked = subprocess.run(
            [sys.executable, "-c", question, K3S, str(PULL)], check=False, capture_output=True, timeout=PULL
        )
    except subprocess.TimeoutExpired:
        return None
    return None if asked.returncode else Source(f"a container of {K3S}", _container)


def built() -> Source | None:
    """Look for binaries built before, or for what builds them."""
    if not binaries.can_build() and not any(binaries.cache().glob(f"kubernetes-{binaries.KUBERNETES}-*")):
        return None
    return Source(
        f"Kubernetes {binaries.KUBERNETES} built from its Go modules",
        partial(_processes, build_command, f"{binaries.KUBERNETES}, built from its Go modules"),
    )


def build_command(name: str) -> Path:
    """Return the path of one of Kubernetes' commands, built here."""
    return binaries.commands() / name


def as_cluster(plane: ControlPlane, kubectl: Path, description: str) -> Cluster:
    """Return how the tests see *plane*."""
    return Cluster(description, plane.kubeconfig, kubectl, plane.servers.folder)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder for what a cluster writes, tokens and keys among it, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="reconcile-kubernetes-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _processes(pick: Callable[[str], Path], description: str) -> Iterator[Cluster]:
    with private_folder() as folder, control_plane(pick, folder, Addresses()) as plane:
        yield as_cluster(plane, _kubectl(pick), f"{description}: control plane without a node")


@contextmanager
def _container() -> Iterator[Cluster]:
    from testcontainers.community.k3s import K3SContainer  # noqa: PLC0415 - slow to import, and only where Docker answers

    with private_folder() as folder, ExitStack() as started:
        with warnings.catch_warnings():
            # Its own start waits in a way that it calls deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            k3s = started.enter_context(K3SContainer(K3S))
        kubeconfig = folder / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(k3s.config_yaml())
        yield Cluster(f"a container of {K3S}", kubeconfig, _kubectl(build_command), folder)


def _kubectl(pick: Callable[[str], Path]) -> Path:
    try:
        return pick("kubectl")
    except ClusterError:
        if installed := shutil.which("kubectl"):
            return Path(installed)
        raise
