"""A Docker engine of the tests' own: Debian's dockerd, started by hand, with nothing outside its folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubernetes.processes import ClusterError, processes, removal

PACKAGE = "docker.io"
STORAGE = ("overlay2", "vfs")
BRIDGE = "docker0"


@dataclass(frozen=True, slots=True)
class Docker:
    """A running engine and the client of the same package."""

    socket: Path
    client: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment in which every client of Docker finds this engine, testcontainers included."""
        return {
            **os.environ,
            "DOCKER_HOST": f"unix://{self.socket}",
            # Its reaper is an image of its own, and the engine ends with the tests anyway.
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            # Inside a container it would ask for published ports at the bridge's address.
            "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
            "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
        }

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> str:
        """Run the client and return its standard output, or raise ClusterError with its last words."""
        done = subprocess.run(
            [self.client, *arguments], input=stdin, capture_output=True, check=False, env=self.environment
        )
        if done.returncode:
            said = (done.stderr + done.stdout).decode(errors="replace")[-2000:]
            raise ClusterError(f"docker {arguments[0]} ended with {done.returncode}: {said}")
        return done.stdout.decode()

    def answers(self) -> bool:
        """Tell whether the engine is ready."""
        asked = subprocess.run([self.client, "info"], capture_output=True, check=False, env=self.environment)
        return asked.returncode == 0


@contextmanager
def dockerd(*, network: bool = False) -> Iterator[Docker]:
    """Run an engine; with *network* its containers get a bridge, and ports can be published on 127.0.0.1.

    Without it a build's steps and a container take `--network host` or `none`.
    """
    if reason := missing():
        raise ClusterError(reason)
    folder = Path(tempfile.mkdtemp(prefix="reconcile-docker-"))
    try:
        for driver in STORAGE:
            with processes(folder) as servers:
                docker = Docker(folder / "socket", Path(shutil.which("dockerd") or "").parents[1] / "bin" / "docker")
                servers.start(
                    "dockerd", _command(folder, driver, network=network), cleanup=_cleanup(folder, network=network)
                )
                try:
                    servers.wait(docker.answers, what=f"dockerd on {driver}", seconds=30)
                except ClusterError:
                    if driver == STORAGE[-1]:
                        raise
                    continue
                yield docker
                return
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing() -> str:
    """Return why this machine cannot run an engine, or nothing."""
    if os.geteuid() != 0:
        return "an own Docker engine needs root"
    if not shutil.which("dockerd"):
        return f"there is no dockerd: install Debian's {PACKAGE}"
    return ""


def _command(folder: Path, driver: str, *, network: bool) -> list[str | Path]:
    # Packet filters stay as they are: published ports are relayed by docker-proxy.
    return [
        "dockerd",
        f"--host=unix://{folder / 'socket'}",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'pid'}",
        f"--storage-driver={driver}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        *([] if network else ["--bridge=none"]),
    ]


def _cleanup(folder: Path, *, network: bool) -> str:
    # The engine leaves its bridge behind, and another engine of this machine may be using one of that name.
    bridge = f"ip link delete {BRIDGE}; " if network and not Path("/sys/class/net", BRIDGE).exists() else ""
    return bridge + (
        f"awk '$2 ~ \"^{folder}/\" {{print $2}}' /proc/mounts | sort -r | xargs -r umount --lazy; "
        f"rm -rf --one-file-system '{folder}'/data '{folder}'/exec; {removal(folder)}"
    )
