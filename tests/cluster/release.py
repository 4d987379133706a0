"""The chart as a release on the tests' cluster, with somebody who ends the pods that no node runs."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chart.generated import CHART
from tests.chart.tools import OFFLINE
from tests.cluster.kubernetes.cluster import Account, Cluster
from tests.cluster.kubernetes.processes import ClusterError

NAME = "reconciler"
STATE = f"configmap/{NAME}-state"
PREFIX = "appointment-reconciler.io/"
MIGRATIONS = "app.kubernetes.io/component=migrate"
LEAST = ("--values", CHART / "ci" / "secret-values.yaml")
INSTANT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Release:
    """The release `reconciler` in one namespace, by one version of Helm."""

    cluster: Cluster
    namespace: str
    helm: int

    @property
    def where(self) -> str:
        return f"--namespace={self.namespace}"

    def run(self, verb: str, *arguments: str | Path) -> str:
        """Run a command of Helm on the release; raise ClusterError with what it said."""
        done = self.cluster.helm(self.helm, verb, NAME, *arguments, self.where)
        if done.returncode:
            raise ClusterError(f"helm{self.helm} {verb}: {done.stderr.strip()}")
        return done.stdout

    def install(self, *values: str | Path) -> str:
        """Install it; what the least values name is there already."""
        return self.run("install", CHART, *LEAST, *values)

    def upgrade(self, *values: str | Path, helm: int | None = None) -> str:
        """Change it, perhaps by another Helm."""
        by = self if helm is None else Release(self.cluster, self.namespace, helm)
        return by.run("upgrade", CHART, *LEAST, *values)

    def rendered(self, *values: str | Path) -> str:
        """Return what it consists of, hooks included."""
        return self.run("template", CHART, *OFFLINE, *values)

    def get(self, what: str) -> Any:
        """Return an object."""
        return self.cluster.get(what, self.where)

    def annotations(self, what: str = STATE) -> dict[str, str]:
        """Return what is annotated under our prefix."""
        found = self.get(what)["metadata"].get("annotations", {})
        return {key.removeprefix(PREFIX): text for key, text in found.items() if key.startswith(PREFIX)}

    def account(self) -> Account:
        """Log in as the program does."""
        return self.cluster.account(self.namespace, NAME)

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Return what a kubelet would put into the environment of *container*; field references are the caller's."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            found |= self.get(f"configmap/{source['configMapRef']['name']}")["data"]
        return found | {each["name"]: each["value"] for each in container["env"] if "value" in each}

    @contextmanager
    def migrations_end(self, exit_code: int = 0) -> Iterator[None]:
        """Do what a node would do with the hook's pod, where the cluster has none: end it with *exit_code*."""
        over = threading.Event()
        thread = threading.Thread(target=self._end_pods, args=(over, exit_code), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _end_pods(self, over: threading.Event, exit_code: int) -> None:
        ended = {"exitCode": exit_code, "startedAt": INSTANT, "finishedAt": INSTANT}
        container = {"name": "reconcile", "image": NAME, "imageID": "", "ready": False, "restartCount": 0}
        status = {
            "phase": "Failed" if exit_code else "Succeeded",
            "containerStatuses": [{**container, "state": {"terminated": ended}}],
        }
        patch = ("--subresource=status", "--type=merge", f"--patch={json.dumps({'status': status})}")
        while not over.wait(0.3):
            with suppress(ClusterError):
                for pod in self.cluster.get("pods", self.where, f"--selector={MIGRATIONS}")["items"]:
                    if pod["status"].get("phase", "Pending") == "Pending":
                        self.cluster.kubectl("patch", "pod", pod["metadata"]["name"], self.where, *patch)


@contextmanager
def released(cluster: Cluster, helm: int, *values: str | Path, namespace: str) -> Iterator[Release]:
    """Install the chart in *namespace*, with the Secret that it names, and take it away afterwards."""
    release = Release(cluster, namespace, helm)
    secret(cluster, namespace)
    release.install("--set=migrate.enabled=false", *values)
    try:
        yield release
    finally:
        release.run("uninstall", "--ignore-not-found")


def secret(cluster: Cluster, namespace: str, name: str = "reconciler-database", **content: str) -> None:
    """Make a Secret."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content or {"url": "x"}}
    cluster.apply(body, namespace=namespace)


def documents(text: str) -> Sequence[dict[str, Any]]:
    """Return the objects of a YAML text."""
    return [each for each in yaml.safe_load_all(text) if each]
