"""Kubernetes, Helm and their checkers, built from Go modules once for each version and kept outside the checkout."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubernetes.processes import ClusterError

HERE = Path(__file__).parent
KUBERNETES = "v1.35.4"
COMMANDS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
STRIPPED = "-s -w"
# A cold build of Kubernetes takes seven minutes on two idle cores.
LIMIT = 2700


@dataclass(frozen=True, slots=True)
class Tool:
    """A command that a Go module offers, at one version."""

    package: str
    version: str


TOOLS = {
    "helm3": Tool("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    "helm4": Tool("helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    "kube-score": Tool("github.com/zegl/kube-score/cmd/kube-score", "v1.20.0"),
    "kubeconform": Tool("github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0"),
    "promtool": Tool("github.com/prometheus/prometheus/cmd/promtool", "v0.316.0"),
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
        flags = " ".join([STRIPPED, *versions])
        _go("build", "-trimpath", "-ldflags", flags, "-o", folder / "kubernetes", ".", source=HERE / "control_plane")
        for name in COMMANDS:
            (folder / name).symlink_to("kubernetes")

    return _once(f"kubernetes-{KUBERNETES}-{_digest(HERE / 'control_plane')}", build)


def tool(name: str) -> Path:
    """Return the path of the tool that TOOLS calls *name*, built now if it was not before."""
    wanted = TOOLS[name]

    def build(folder: Path) -> None:
        package = f"{wanted.package}@{wanted.version}"
        _go("install", "-trimpath", "-ldflags", STRIPPED, package, source=folder, target=folder)

    return _once(f"{name}-{wanted.version}", build) / Path(wanted.package).name


def pod() -> Path:
    """Return the path of the static program in the folder pod."""

    def build(folder: Path) -> None:
        _go("build", "-trimpath", "-ldflags", STRIPPED, "-o", folder / "pod", ".", source=HERE / "pod")

    return _once(f"pod-{_digest(HERE / 'pod')}", build) / "pod"


def everything() -> None:
    """Build whatever a run of the tests on a cluster may ask for."""
    commands()
    pod()
    for name in TOOLS:
        tool(name)


def _digest(source: Path) -> str:
    content = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum"):
        if (source / name).exists():
            content.update((source / name).read_bytes())
    return content.hexdigest()[:12]


def _once(name: str, build: Callable[[Path], None]) -> Path:
    """Return the cache's folder *name*; whole or not there, and built by one process only."""
    folder = cache() / name
    if folder.exists():
        return folder
    with _lock(name):
        if not folder.exists():
            if not can_build():
                raise ClusterError(f"{name} is not in {cache()}, and there is no Go to build it with: install Go")
            sys.stderr.write(f"building {name} from Go modules, to be kept in {cache()}\n")
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


def _go(*arguments: str | Path, source: Path, target: Path | None = None) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    if target:
        environment["GOBIN"] = str(target)
    done = subprocess.run(
        ["nice", "-n", "10", "go", *arguments],  # noqa: S607 - both are where they are
        cwd=source,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=LIMIT,
    )
    if done.returncode:
        raise ClusterError(f"go {arguments[0]} failed: {done.stderr[-2000:].strip()}")
