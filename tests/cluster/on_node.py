"""The chart on a node, with the image that ``make image`` built; its database and its providers are this machine's."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from reconcile.drill.company import enter
from reconcile.simulator import Simulator, World, WorldSize, simulate
from tests.cluster.kubernetes.node import Node
from tests.cluster.kubernetes.processes import eventually
from tests.cluster.release import NAME, Release, secret

SIZE = WorldSize(workspaces=8, leads_per_workspace=3, calendly_share=0.0)
LOOPBACK = "127.0.0.1"
CHUNK = 65536
# The tests' node cannot tell how much disk it has, so it takes no pod that asks for some.
UNMEASURED = {"ephemeral-storage": None}
KEEP = "tests.example/read"
CERTIFICATE = "ca.crt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A release on a node, and what it works on."""

    node: Node
    release: Release
    simulator: Simulator
    database: asyncpg.Connection
    values: Path

    def start(self, job: str, *, cronjob: str = NAME) -> str:
        """Start a Job as the CronJob would, and return its name."""
        self.release.cluster.kubectl("create", "job", job, f"--from=cronjob/{cronjob}", self.release.where)
        return job

    def completed(self, job: str) -> dict[str, Any]:
        """Wait until a Job of one pod has done its work, and return the report in its log."""
        self.wait(f"job/{job}", "--for=condition=Complete")
        return self.report(job)

    def wait(self, *arguments: str) -> None:
        """Wait for something in the namespace."""
        self.release.cluster.wait(self.release.where, *arguments)

    def pods(self, job: str) -> list[dict[str, Any]]:
        """Return the pods of a Job, the oldest first."""
        found = self.release.cluster.get("pods", self.release.where, f"--selector=job-name={job}")["items"]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def report(self, job: str) -> dict[str, Any]:
        """Return the report, which is the last line that the program of a Job's last pod printed."""
        lines = self.log(job).splitlines()
        report: dict[str, Any] = json.loads(next(line for line in reversed(lines) if '"runId"' in line))
        return report

    def log(self, job: str) -> str:
        """Return what the program of a Job's last pod printed."""
        return self.release.cluster.kubectl("logs", self.pods(job)[-1]["metadata"]["name"], self.release.where)

    def in_a_call(self, job: str) -> dict[str, Any]:
        """Wait until a provider keeps an answer back from the pod of a Job, and return that pod."""
        eventually(lambda: self.simulator.connections.held, what=f"a call of {job}")
        self.wait("pod", f"--selector=job-name={job}", "--for=jsonpath={.status.phase}=Running")
        (pod,) = self.pods(job)
        return pod

    def delete(self, pod: dict[str, Any], *options: str) -> dict[str, Any]:
        """Delete a pod, and return how its container ended."""
        what = f"pod/{pod['metadata']['name']}"
        with self._kept(what):
            self.release.cluster.kubectl("delete", what, self.release.where, "--wait=false", *options)
            return self.ended(pod)

    def delete_at_once(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Delete a pod without grace: the kubelet gives two seconds all the same, which end no call."""
        return self.delete(pod, "--grace-period=0", "--force")

    def kill(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Have the node kill the process of a pod at once, and return how its container ended."""
        container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
        self.node.ctr("tasks", "kill", "--signal=SIGKILL", container)
        return self.ended(pod)

    def ended(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Wait until the container of a pod has ended, and return how."""
        name = pod["metadata"]["name"]

        def look() -> dict[str, Any]:
            status = self.release.get(f"pod/{name}")["status"]["containerStatuses"][0]
            found: dict[str, Any] = status["state"].get("terminated", {})
            return found

        return eventually(look, what=f"the end of {name}")

    @contextmanager
    def _kept(self, what: str) -> Iterator[None]:
        """Let a deleted object be read until the end of the block."""
        cluster, where = self.release.cluster, self.release.where
        path = "/metadata/finalizers"
        before = self.release.get(what)["metadata"].get("finalizers", [])
        patch = [{"op": "add", "path": path, "value": [*before, KEEP]}]
        cluster.kubectl("patch", what, where, "--type=json", f"--patch={json.dumps(patch)}")
        try:
            yield
        finally:
            eventually(lambda: self._let_go(what), what=f"the removal of {what}")

    def _let_go(self, what: str) -> bool:
        """Take our finalizer away, unless the Job's controller has taken its own from the list since we looked."""
        at = f"/metadata/finalizers/{self.release.get(what)['metadata']['finalizers'].index(KEEP)}"
        patch = json.dumps([{"op": "test", "path": at, "value": KEEP}, {"op": "remove", "path": at}])
        done = self.release.cluster.try_kubectl("patch", what, self.release.where, "--type=json", f"--patch={patch}")
        return done.returncode == 0


@asynccontextmanager
async def installed(
    node: Node, image: str, url: str, folder: Path, *, helm: int = 4, **more: Any
) -> AsyncIterator[Installation]:
    """Install the chart with *image*, suspended, over the empty database at *url*; its own hook migrates that."""
    world = World.generate(seed=3, now=lambda: datetime.now(UTC), size=SIZE)
    certificate = await asyncio.to_thread(_certificate, folder / CERTIFICATE, node.address)
    with node.cluster.namespace("node") as namespace:
        async with simulate(world) as simulator, _behind_tls(simulator, certificate) as (ghl, calendly):
            release = Release(node.cluster, namespace, helm)
            parts = urlsplit(url)
            given = {
                **_image(image),
                "suspend": True,
                "resources": {"requests": UNMEASURED, "limits": UNMEASURED},
                "providers": {
                    "ghlBaseUrl": f"https://{node.expose(ghl)}",
                    "calendlyBaseUrl": f"https://{node.expose(calendly)}",
                },
                "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/etc/providers/ca.crt"}],
                "extraVolumes": [{"name": "providers", "configMap": {"name": "providers"}}],
                "extraVolumeMounts": [{"name": "providers", "mountPath": "/etc/providers"}],
                **more,
            }
            values = folder / "values.json"
            values.write_text(json.dumps(given))
            inside = parts._replace(netloc=f"{parts.username}@{node.expose(parts.port or 5432)}").geturl()
            secret(node.cluster, namespace, url=inside)
            authority = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "providers"}}
            node.cluster.apply({**authority, "data": {"ca.crt": certificate.read_text()}}, namespace=namespace)
            await asyncio.to_thread(release.install, "--values", values)
            await enter(url, world)
            database = await asyncpg.connect(url)
            try:
                yield Installation(node=node, release=release, simulator=simulator, database=database, values=values)
            finally:
                await database.close()


def _image(name: str) -> dict[str, Any]:
    repository, _, tag = name.rpartition(":")
    return {"image": {"repository": repository, "tag": tag, "pullPolicy": "Never"}}


def _certificate(path: Path, address: str) -> Path:
    """Make a certificate for *address* that is its own authority; its key is beside it."""
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "1", "-subj", "/CN=providers"]
    command += ["-addext", f"subjectAltName=IP:{address}", "-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    command += ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def trusted(certificate: Path) -> ssl.SSLContext:
    """Return what a server is to present so that the pods trust it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


@asynccontextmanager
async def _behind_tls(simulator: Simulator, certificate: Path) -> AsyncIterator[tuple[int, int]]:
    """Serve both providers by TLS, as the program asks of whatever is not this machine; give their ports."""
    context = trusted(certificate)
    async with _tls(simulator.ghl_url, context) as ghl, _tls(simulator.calendly_url, context) as calendly:
        yield ghl, calendly


@asynccontextmanager
async def _tls(url: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    target = urlsplit(url).port

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, questions = await asyncio.open_connection(LOOPBACK, target)
        except OSError:  # the simulator ended before the last pod
            writer.close()
            return
        await asyncio.gather(_pump(reader, questions), _pump(answers, writer))

    server = await asyncio.start_server(carry, LOOPBACK, 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # whoever was killed says no goodbye
    finally:
        writer.close()
