"""Join a node to a control plane: containerd and the kubelet on this machine, without a registry."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubernetes import binaries, node_files
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.control_plane import Addresses, ControlPlane, control_plane
from tests.cluster.kubernetes.images import archive
from tests.cluster.kubernetes.processes import ClusterError, Processes, free_port
from tests.cluster.kubernetes.sources import as_cluster, build_command, private_folder

PACKAGES = ("containerd", "runc", "containernetworking-plugins", "iproute2")
NEEDED = ("containerd", "runc", "ctr", "ip")
SLOTS = 16


@dataclass(frozen=True, slots=True)
class Node:
    """A cluster that runs pods, on this machine."""

    cluster: Cluster
    name: str
    address: str
    servers: Processes
    slot: int

    def import_image(self, tar: Path) -> list[str]:
        """Load an image archive as `docker save` writes it; return its names, for `imagePullPolicy: Never`."""
        names = [
            line.split()[1] for line in self.ctr("images", "import", tar).splitlines() if line.startswith("unpacking ")
        ]
        if not names:
            raise ClusterError(f"{tar} holds no image with a name")
        return names

    def expose(self, port: int) -> str:
        """Let pods reach what listens on *port* of 127.0.0.1; return the host and port to give them."""
        relayed = free_port(self.address)
        _relay(self.servers, f"{self.address}:{relayed}", f"127.0.0.1:{port}")
        return f"{self.address}:{relayed}"

    def ctr(self, *arguments: str | Path) -> str:
        """Run containerd's own client in Kubernetes' namespace, or raise ClusterError."""
        address = f"--address={self.servers.folder / 'containerd.sock'}"
        done = subprocess.run(
            ["ctr", address, "--namespace=k8s.io", *arguments],  # noqa: S607 - it is where it is
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ClusterError(f"ctr {arguments[0]}: {done.stderr.strip()[-1000:]}")
        return done.stdout


def missing() -> str:
    """Return why this machine cannot be a node, or nothing."""
    if os.geteuid() != 0:
        return "a node needs root"
    if lacking := [name for name in NEEDED if not shutil.which(name)]:
        return f"a node needs {', '.join(lacking)}: install Debian's {' '.join(PACKAGES)}"
    return ""


@contextmanager
def node() -> Iterator[Node]:
    """Run a control plane of its own with one node."""
    if reason := missing():
        raise ClusterError(reason)
    with _slot() as slot, private_folder() as folder:
        addresses = Addresses(services=f"10.96.{slot}.0/24", port=free_port())
        with control_plane(build_command, folder, addresses) as plane:
            description = f"{binaries.KUBERNETES}, built from its Go modules: control plane and node"
            cluster = as_cluster(plane, build_command("kubectl"), description)
            joined = Node(cluster, f"reconcile-{slot}", f"10.97.{slot}.1", plane.servers, slot)
            _join(joined, plane, addresses)
            yield joined


def _join(joined: Node, plane: ControlPlane, addresses: Addresses) -> None:
    servers, folder = plane.servers, plane.servers.folder
    node_files.write(folder, joined.slot)
    subprocess.run(["/bin/sh", "-c", node_files.prepare(joined.slot)], check=True, capture_output=True)
    servers.start(
        "containerd",
        ["containerd", f"--config={folder / 'containerd.toml'}"],
        cleanup=node_files.cleanup(folder, joined.slot),
    )
    servers.wait((folder / "containerd.sock").exists, what="containerd's socket")
    # Pods find the API where every pod looks for it; its certificate carries that address.
    _relay(servers, f"10.96.{joined.slot}.1:443", f"127.0.0.1:{addresses.port}")
    pause = archive(folder / "pause.tar", node_files.PAUSE, {"pod": binaries.pod()}, entrypoint=["/pod"])
    joined.ctr("images", "import", pause)
    pause.unlink()
    servers.start(
        "kubelet",
        [
            build_command("kubelet"),
            f"--config={folder / 'kubelet.json'}",
            f"--kubeconfig={plane.kubeconfig}",
            f"--hostname-override={joined.name}",
            f"--node-ip={joined.address}",
            f"--root-dir={folder / 'kubelet'}",
            f"--cert-dir={folder / 'kubelet-certificates'}",
        ],
    )
    ready = ["wait", f"node/{joined.name}", "--for=condition=Ready", "--timeout=1s"]
    servers.wait(lambda: joined.cluster.try_kubectl(*ready).returncode == 0, what="the node to be Ready")


def _relay(servers: Processes, source: str, target: str) -> None:
    """Carry connections to *source* on to *target*."""
    name = f"relay-{source.replace(':', '-')}"
    servers.start(name, [binaries.pod(), "relay", source, target])
    servers.wait(lambda: "listening" in servers.log(name).read_text(), what=f"the relay from {source}")


@contextmanager
def _slot() -> Iterator[int]:
    """Reserve a number among the clusters of this machine: their addresses, bridges and control groups differ by it."""
    folder = Path(tempfile.gettempdir())
    for number in range(1, SLOTS + 1):
        with (folder / f"reconcile-node-{number}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    raise ClusterError(f"{SLOTS} nodes run on this machine already")
