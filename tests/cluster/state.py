"""A state object with the account that may patch it, and a company whose ticks are processes of this machine."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconcile import bootstrap
from reconcile.domain.coordination.annotation import BREAKER, BREAKER_STATE, LAST_RUN, PREFIX
from reconcile.drill.company import enter
from reconcile.simulator import Simulator, World, WorldSize, simulate
from tests.cluster.kubernetes.cluster import Account, Cluster

ROOT = Path(__file__).parents[2]
NAME = "rec-state"
COMMAND = (sys.executable, "-m", "tests.cli.long_timeouts")
"""The command, which waits for the API as long as a machine under load takes to answer."""


def objects(namespace: str) -> list[dict[str, Any]]:
    """Return what the chart makes of it: the object, the account, and the two permissions."""
    metadata = {"name": "rec", "namespace": namespace}
    api = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get", "patch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "rec"},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    ]


@dataclass
class Site:
    """One installation: what a test turns and looks at."""

    cluster: Cluster
    namespace: str
    account: Account
    simulator: Simulator
    env: dict[str, str]
    states: list[str] = field(default_factory=list)

    async def reconcile(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run one command as the service account would; return exit code, stdout and stderr."""
        given = {f"RECONCILE_{name.upper()}": value for name, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            env={**self.env, **self.account.environment, **given},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def tick(self, *, minute: int | None = None, **settings: str) -> dict[str, Any]:
        """Make one run; return its report, and keep the state that the annotation shows after it.

        With *minute* it is the schedule's, of so many minutes from this one.
        """
        job = "rec-by-hand" if minute is None else f"rec-{int(datetime.now(UTC).timestamp()) // 60 + minute}"
        code, out, err = await self.reconcile("run", job_name=job, **settings)
        assert code == 0, err
        self.states.append((await self.annotations()).get(BREAKER_STATE, ""))
        report: dict[str, Any] = json.loads(out.splitlines()[-1])
        return report

    async def annotations(self) -> Mapping[str, str]:
        """Return the object's annotations."""
        where = f"--namespace={self.namespace}"
        found = await asyncio.to_thread(self.cluster.get, "configmap", NAME, where)
        annotations: dict[str, str] = found["metadata"].get("annotations", {})
        return annotations

    async def breaker(self) -> dict[str, Any]:
        """Return the breaker's annotation."""
        read: dict[str, Any] = json.loads((await self.annotations())[BREAKER])
        return read

    async def last_run(self) -> dict[str, Any]:
        """Return the receipt of the last run."""
        read: dict[str, Any] = json.loads((await self.annotations())[LAST_RUN])
        return read

    async def annotate(self, *changes: str) -> None:
        """Set or remove annotations as an operator does; *changes* go without the prefix."""
        words = [f"{PREFIX}{change}" for change in changes]
        where = f"--namespace={self.namespace}"
        await asyncio.to_thread(self.cluster.kubectl, "annotate", "configmap", NAME, where, "--overwrite", *words)

    async def events(self) -> list[tuple[str, str]]:
        """Return the reasons and texts of the events about the object."""
        found = await asyncio.to_thread(self.cluster.get, "events.events.k8s.io", f"--namespace={self.namespace}")
        return [(each["reason"], each.get("note", "")) for each in found["items"]]


@asynccontextmanager
async def a_site(cluster: Cluster, namespace: str, url: str) -> AsyncIterator[Site]:
    """Give an installation over an empty database."""
    await asyncio.to_thread(cluster.apply, *objects(namespace), namespace=namespace)
    account = await asyncio.to_thread(cluster.account, namespace, "rec")
    size = WorldSize(workspaces=3, leads_per_workspace=5, calendly_share=0.0)
    world = World.generate(seed=3, now=lambda: datetime.now(UTC), size=size)
    await bootstrap.migrate_url(url)
    await enter(url, world)
    async with simulate(world) as simulator:
        settings = {
            "database_url": url,
            "ghl_base_url": simulator.ghl_url,
            "calendly_base_url": simulator.calendly_url,
            "hot_minutes": "0",
            "output": "json",
            "state_object": f"configmap/{NAME}",
            "namespace": namespace,
            "service_account_dir": str(account.mount),
            "circuit_breaker_cooldown_seconds": "1",
        }
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'cmd'}:{ROOT}",
            **{f"RECONCILE_{name.upper()}": value for name, value in settings.items()},
        }
        yield Site(cluster=cluster, namespace=namespace, account=account, simulator=simulator, env=env)
