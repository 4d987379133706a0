"""Kubernetes, Helm and their checkers, built from Go modules once for each version and kept outside the checkout."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubernetes.processes import ClusterError

HERE = Path(__file__).parent
KUBERNETES = "v1.35.4"
COMMANDS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
CONTROL_PLANE = HERE / "control_plane"
OTHERS = HERE / "commands"
# Debug information takes a fifth of a compilation, and nobody debugs these. The same flags everywhere: what two builds
# have in common is compiled once.
FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")
STRIPPED = "-s -w"
# A cold build of Kubernetes takes seven minutes on two idle cores, and many times that beside everything else.
LIMIT = 7200


@dataclass(frozen=True, slots=True)
class Tool:
    """A command among the packages of a Go module beside this file, whose go.mod holds its version."""

    package: str
    module: Path = OTHERS
    tags: str = ""


TOOLS = {
    "helm4": Tool("helm.sh/helm/v4/cmd/helm"),
    "helm3": Tool("helm.sh/helm/v3/cmd/helm"),
    "helm-unittest": Tool("github.com/helm-unittest/helm-unittest/cmd/helm-unittest"),
    "kube-score": Tool("github.com/zegl/kube-score/cmd/kube-score", HERE / "score"),
    "kubeconform": Tool("github.com/yannh/kubeconform/cmd/kubeconform"),
    # Without the clients of every cloud where Prometheus can look for targets.
    "promtool": Tool("github.com/prometheus/prometheus/cmd/promtool", tags="remove_all_sd"),
}


def cache() -> Path:
    """Return the folder that outlives checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "appointment-reconciler"


def can_build() -> bool:
    """Tell whether the compiler is at hand."""
    return shutil.which("go") is not None


def commands() -> Path:
    """Return the folder with every command of Kubernetes in COMMANDS, built now if it was not before."""
    versions = []
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        # Without them Helm and kubectl cannot read the server's version.
        major, minor, _ = KUBERNETES.removeprefix("v").split(".")
        facts = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor}
        versions += [f"-X {package}.{name}={value}" for name, value in facts.items()]

    def build(folder: Path) -> None:
        go_build(CONTROL_PLANE, folder / "kubernetes", link=versions)
        for name in COMMANDS:
            (folder / name).symlink_to("kubernetes")

    return once(f"kubernetes-{KUBERNETES}-{digest(CONTROL_PLANE)}", build)


def tool(name: str) -> Path:
    """Return the path of the tool that TOOLS calls *name*, built now if it was not before."""
    wanted = TOOLS[name]
    command = Path(wanted.package).name

    def build(folder: Path) -> None:
        go_build(wanted.module, folder / command, wanted.package, tags=wanted.tags)

    return once(f"{name}-{digest(wanted.module)}", build) / command


def pod() -> Path:
    """Return the path of the static program in the folder pod."""
    source = HERE / "pod"
    return once(f"pod-{digest(source)}", lambda folder: go_build(source, folder / "pod")) / "pod"


def digest(source: Path) -> str:
    """Return a short digest of a Go module's program and of the versions that it is built of."""
    content = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum"):
        if (source / name).exists():
            content.update((source / name).read_bytes())
    return content.hexdigest()[:12]


def once(name: str, build: Callable[[Path], None]) -> Path:
    """Return the cache's folder *name*; whole or not there, and built by one process only."""
    folder = cache() / name
    if folder.exists():
        return folder
    with _lock(name):
        if not folder.exists():
            sys.stderr.write(f"building {name}, to be kept in {cache()}\n")
            unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache()))
            try:
                unfinished.chmod(0o755)
                build(unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@contextmanager
def _lock(name: str) -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def go_build(module: Path, target: Path, package: str = ".", *, tags: str = "", link: Sequence[str] = ()) -> None:
    """Build a command of a Go module as *target*, or raise ClusterError with what the compiler said."""
    if not can_build():
        raise ClusterError(f"{target.name} is not in {cache()}, and there is no Go to build it with: install Go")
    linked = " ".join([STRIPPED, *link])
    done = subprocess.run(
        ["nice", "-n", "10", "go", "build", *FLAGS, f"-tags={tags}", f"-ldflags={linked}", "-o", target, package],  # noqa: S607
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"},
        capture_output=True,
        check=False,
        text=True,
        timeout=LIMIT,
    )
    if done.returncode:
        raise ClusterError(f"go build failed: {done.stderr[-2000:].strip()}")
