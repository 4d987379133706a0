"""Start etcd, the API server, the controllers and the scheduler on 127.0.0.1, as Kubernetes' own binaries."""

import csv
import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.cluster.kubernetes.processes import Processes, free_port, processes, removal

OPENSSL = "openssl"
DEFAULT_SERVICES = "10.96.0.0/24"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a cluster whose API server listens on *port* of 127.0.0.1 only."""

    services: str = DEFAULT_SERVICES
    port: int = 0


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running control plane, and what a node needs to join it."""

    server: str
    kubeconfig: Path
    certificate: Path
    servers: Processes


@contextmanager
def control_plane(
    find: Callable[[str], Path], folder: Path, addresses: Addresses = Addresses()
) -> Iterator[ControlPlane]:
    """Run a control plane of the binaries that *find* gives; what it writes stays in *folder*."""
    with processes(folder) as servers:
        port = addresses.port or free_port()
        _make_keys(folder)
        server = f"https://127.0.0.1:{port}"
        certificate = folder / "certificates" / "apiserver.crt"
        kubeconfig = write_kubeconfig(folder / "kubeconfig", server, certificate, token=_make_token(folder))
        etcd = _start_etcd(servers, find)
        servers.start("kube-apiserver", [find("kube-apiserver"), *_apiserver(folder, port, etcd, addresses.services)])
        servers.wait(partial(_ready, server, certificate), what="the API server's /readyz")
        login = [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]
        servers.start("kube-controller-manager", [find("kube-controller-manager"), *login, *_controllers(folder)])
        servers.start("kube-scheduler", [find("kube-scheduler"), *login])
        yield ControlPlane(server, kubeconfig, certificate, servers)


def write_kubeconfig(path: Path, server: str, certificate: Path, *, token: str) -> Path:
    """Write how *token* logs in at *server*, readable by its owner alone."""
    path.touch(mode=0o600)
    named = {
        "clusters": {"cluster": {"server": server, "certificate-authority": str(certificate)}},
        "users": {"user": {"token": token}},
        "contexts": {"context": {"cluster": "tests", "user": "tests"}},
    }
    content = {kind: [{"name": "tests", **entry}] for kind, entry in named.items()}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "tests", **content}))
    return path


def _make_keys(folder: Path) -> None:
    for name, command in (
        ("accounts.key", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "accounts.key"]),
        (
            "clients.crt",
            [
                *("req", "-x509", "-nodes", "-days", "2", "-subj", "/O=system:masters/CN=apiserver"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-keyout", "clients.key", "-out", "clients.crt"),
            ],
        ),
    ):
        subprocess.run([OPENSSL, *command], cwd=folder, check=True, capture_output=True)
        (folder / name).chmod(0o600)


def _make_token(folder: Path) -> str:
    token = secrets.token_urlsafe(32)
    path = folder / "tokens.csv"
    path.touch(mode=0o600)
    with path.open("w", newline="") as file:
        csv.writer(file).writerow([token, "tests", "tests", "system:masters"])
    return token


def _start_etcd(servers: Processes, find: Callable[[str], Path]) -> str:
    clients, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    servers.start(
        "etcd",
        [
            find("etcd"),
            f"--data-dir={servers.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            # Nothing here has to survive a power cut.
            "--unsafe-no-fsync",
        ],
        cleanup=removal(servers.folder),
    )
    return clients


def _apiserver(folder: Path, port: int, etcd: str, services: str) -> list[str]:
    return [
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={services}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        # The API server speaks to the kubelet as this client, for logs and exec.
        f"--client-ca-file={folder / 'clients.crt'}",
        f"--kubelet-client-certificate={folder / 'clients.crt'}",
        f"--kubelet-client-key={folder / 'clients.key'}",
        "--kubelet-preferred-address-types=InternalIP",
    ]


def _controllers(folder: Path) -> list[str]:
    return [
        f"--root-ca-file={folder / 'certificates' / 'apiserver.crt'}",
        f"--service-account-private-key-file={folder / 'accounts.key'}",
    ]


def _ready(server: str, certificate: Path) -> bool:
    if not certificate.exists():
        return False
    try:
        context = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(f"{server}/readyz", context=context, timeout=2) as answer:  # noqa: S310 - https
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
