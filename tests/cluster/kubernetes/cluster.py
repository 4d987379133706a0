"""A Kubernetes as the tests see it: kubectl, Helm, namespaces, and the program under a service account."""

import json
import os
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.cluster.kubernetes import binaries
from tests.cluster.kubernetes.control_plane import write_kubeconfig
from tests.cluster.kubernetes.processes import ClusterError, eventually
from tests.timeouts import HUNG

LEVEL = "pod-security.kubernetes.io/{}"
LONG_AGO = 600


@dataclass(frozen=True, slots=True)
class Account:
    """A service account's own login: what a pod finds mounted, as a folder, and a kubeconfig."""

    namespace: str
    name: str
    kubeconfig: Path
    mount: Path
    server: str

    @property
    def environment(self) -> dict[str, str]:
        """Return what a pod's environment says of the API."""
        address = urlsplit(self.server)
        return {"KUBERNETES_SERVICE_HOST": str(address.hostname), "KUBERNETES_SERVICE_PORT": str(address.port)}

    def run(
        self, *command: str | Path, env: Mapping[str, str], timeout: float = HUNG
    ) -> subprocess.CompletedProcess[str]:
        """Run *command* as a pod would: with *env*, the API's address and this account's token, and nothing of ours."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            list(command),
            env={**inherited, **self._kubectl_environment(), **self.environment, **env},
            capture_output=True,
            check=False,
            text=True,
            timeout=timeout,
        )

    def _kubectl_environment(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.mount / "cache")}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Kubernetes; *kubeconfig* is its administrator's."""

    description: str
    kubeconfig: Path
    kubectl_path: Path
    folder: Path

    @property
    def server(self) -> str:
        """Return the API server's URL."""
        return str(self._config()["server"])

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """Return this process' environment, in which kubectl and Helm find the cluster and keep to its folder."""
        homes = {f"HELM_{kind}_HOME": str(self.folder / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        kept = {"KUBECONFIG": str(kubeconfig or self.kubeconfig), "KUBECACHEDIR": str(self.folder / "cache")}
        return {**os.environ, **homes, **kept}

    def kubectl(self, *arguments: str | Path, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl and return its standard output, or raise ClusterError with what it said."""
        done = self.try_kubectl(*arguments, stdin=stdin, kubeconfig=kubeconfig)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(map(str, arguments))}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def try_kubectl(
        self, *arguments: str | Path, stdin: str | None = None, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return whatever it did."""
        return _run([self.kubectl_path, *arguments], self.environment(kubeconfig), stdin)

    def get(self, *arguments: str | Path) -> Any:
        """Return what `kubectl get` finds, as JSON."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def apply(self, *objects: Mapping[str, Any], namespace: str = "default") -> str:
        """Create or change *objects*."""
        bundle = {"apiVersion": "v1", "kind": "List", "items": objects}
        return self.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(bundle))

    def helm(self, version: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run Helm 3 or 4 and return whatever it did."""
        return _run([binaries.tool(f"helm{version}"), *arguments], self.environment(), None)

    @contextmanager
    def namespace(self, prefix: str = "test", *, level: str = "restricted") -> Iterator[str]:
        """Make a namespace that holds its pods to *level*, with its default service account; delete it afterwards."""
        name = f"{prefix}-{uuid4().hex[:8]}"
        labels = {LEVEL.format(mode): level for mode in ("enforce", "warn", "audit")}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        try:
            self.wait(f"--namespace={name}", "serviceaccount/default", "--for=create")
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")

    def wait(self, *arguments: str) -> str:
        """Run `kubectl wait` with the tests' patience."""
        return self.kubectl("wait", *arguments, f"--timeout={HUNG:g}s")

    def account(self, namespace: str, name: str) -> Account:
        """Log in as an existing service account, by a token of its own."""
        token = self.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=1h").strip()
        mount = self.folder / "accounts" / uuid4().hex
        mount.mkdir(parents=True, mode=0o700)
        certificate = mount / "ca.crt"
        certificate.write_bytes(b64decode(self._config()["certificate-authority-data"]))
        for file, content in (("token", token), ("namespace", namespace)):
            (mount / file).write_text(content)
        kubeconfig = write_kubeconfig(mount / "kubeconfig", self.server, certificate, token=token)
        return Account(namespace, name, kubeconfig, mount, self.server)

    def tick(self, namespace: str, cronjob: str) -> str:
        """Have the real controller start the Job of the schedule's last minute now, and return the Job's name.

        The controller starts what it believes it missed: the CronJob needs a schedule of every minute and is ticked
        once a minute at most. Where `startingDeadlineSeconds` is 50, it may wait the last ten seconds of a minute.
        """
        before = self._jobs_of(namespace, cronjob)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - LONG_AGO))
        patch = json.dumps({"status": {"lastScheduleTime": moment}})
        place = f"--namespace={namespace}"
        self.kubectl("patch", "cronjob", cronjob, place, "--subresource=status", "--type=merge", f"--patch={patch}")
        new = eventually(lambda: self._jobs_of(namespace, cronjob) - before, what=f"a Job of {cronjob}")
        return min(new)

    def _jobs_of(self, namespace: str, cronjob: str) -> set[str]:
        return {
            job["metadata"]["name"]
            for job in self.get("jobs", f"--namespace={namespace}")["items"]
            if any(owner["name"] == cronjob for owner in job["metadata"].get("ownerReferences", ()))
        }

    def _config(self) -> dict[str, str]:
        view = self.kubectl("config", "view", "--raw", "--flatten", "--minify", "--output=json")
        config: dict[str, str] = json.loads(view)["clusters"][0]["cluster"]
        return config


def _run(
    command: list[str | Path], environment: Mapping[str, str], stdin: str | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, input=stdin or "", capture_output=True, check=False, text=True, timeout=2 * HUNG
    )
