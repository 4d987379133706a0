"""``reconcile verify --cronjob`` as a Job by the account that the chart makes for it, and ``kubectl wait`` on it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.bootstrap import jobs
from tests.cluster.kubernetes.node import Node
from tests.cluster.on_node import Installation, installed
from tests.cluster.release import NAME

ACCOUNT = f"{NAME}-verify"
SINCE = ("--since", "1h")
GONE = ("verify", "--cronjob", "insights", "--signature", "agent_response", "--gone", *SINCE)
GOOD = "INFO insights written"
BAD = "ERROR agent_response is longer than 4000 characters"
TEXT = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()

away = asyncio.to_thread


@dataclass(frozen=True, slots=True)
class Insights:
    """Somebody else's CronJob, whose pods log what a test says, and verify Jobs that look at it."""

    site: Installation
    image: str

    def log(self, name: str, *lines: str) -> None:
        """Have a pod of the CronJob print *lines* and end."""
        self.site.node.cluster.apply(self._cronjob(lines), namespace=self.site.release.namespace)
        self.site.start(name, cronjob="insights")
        self.site.wait(f"job/{name}", "--for=condition=Complete")

    def verify(self, name: str, *more: str, account: str = ACCOUNT) -> None:
        """Start a Job that looks at its logs, as ``reconcile job manifest`` prints it."""
        cronjob = self.site.release.get(f"cronjob/{NAME}")
        job = jobs.job_manifest(cronjob, name=name, service_account=account, retries=0, command=(*GONE, *more))
        self.site.node.cluster.apply(job, namespace=self.site.release.namespace)

    def ruling(self, name: str) -> tuple[str, str, int]:
        """Return the word and the reason that a finished Job's pod printed, and with which code it ended."""
        (pod,) = self.site.pods(name)
        step = json.loads(self.site.log(name).splitlines()[-1])["steps"][0]
        return step["verdict"], step["reason"], self.site.ended(pod)["exitCode"]

    def _cronjob(self, lines: tuple[str, ...]) -> dict[str, Any]:
        # The image has no shell, and Python is what the program itself is run by.
        container = {
            "name": "insights",
            "image": self.image,
            "imagePullPolicy": "Never",
            "command": ["python3", "-c", "import sys; print(*sys.argv[1:], sep='\\n')", *lines],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
        pod = {"restartPolicy": "Never", "securityContext": security, "containers": [container]}
        spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "insights"}, "spec": spec}


@pytest.fixture
async def insights(node: Node, image: str, postgres_url: str, tmp_path: Path) -> AsyncIterator[Insights]:
    async with installed(node, image, postgres_url, tmp_path, verify={"cronJobs": ["insights"]}) as site:
        yield Insights(site, image)


async def test_a_job_completes_where_the_logs_pass_and_fails_where_they_do_not(insights: Insights) -> None:
    site = insights.site
    await away(insights.log, "one-line", GOOD)
    await away(insights.verify, "too-little")
    await away(site.wait, "job/too-little", "--for=condition=Failed")
    await away(insights.log, "sound", *[GOOD] * 9)
    await away(insights.verify, "passed")
    await away(site.wait, "job/passed", "--for=condition=complete")
    # Watched while the failure comes back: that ends it long before its time.
    await away(insights.verify, "watched", "--wait", "24h", "--every", "1s")
    await away(insights.log, "broken", GOOD, BAD)
    await away(site.wait, "job/watched", "--for=condition=failed")

    assert await away(insights.ruling, "too-little") == ("inconclusive", "too_few_checks", 2)
    assert await away(insights.ruling, "passed") == ("pass", "as_claimed", 0)
    assert await away(insights.ruling, "watched") == ("fail", "still_seen", 1)


async def test_a_checklist_is_worked_through_in_the_cluster(insights: Insights) -> None:
    """With runs of its own, the ledger, and somebody else's pods."""
    site = insights.site
    steps = [
        {"title": "logs", "cronjob": {"name": "insights", "gone": "agent_response", "min_checks": 2}},
        {"title": "dry run", "run": {"dry_run": True, "workspaces": 1, "leads_per_workspace": 10}},
        {"title": "run", "run": {"workspaces": 8, "leads_per_workspace": 25}},
        {"title": "verified", "verified": {}},
        {"title": "rate", "ledger": {"max_error_rate": "4/s", "wait": "2s", "every": "1s"}},
    ]
    files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rollout"}}
    plan = files | {"data": {"plan.yaml": json.dumps({"steps": steps})}}
    command = ("verify", "--plan", "/files/plan.yaml", *SINCE)
    cronjob = await away(site.release.get, f"cronjob/{NAME}")
    facts = {"name": "checked", "service_account": ACCOUNT, "files": "rollout", "retries": 0}
    job = jobs.job_manifest(cronjob, **facts, command=command)
    await away(insights.log, "sound", GOOD, GOOD)
    await away(site.node.cluster.apply, plan, job, namespace=site.release.namespace)
    await away(site.wait, "job/checked", "--for=condition=complete")
    told = json.loads((await away(site.log, "checked")).splitlines()[-1])

    assert [(each["title"], each["verdict"]) for each in told["steps"]] == [(each["title"], "pass") for each in steps]


async def test_the_runs_own_account_reads_nobodys_log(insights: Insights) -> None:
    await away(insights.verify, "refused", "--wait", "24h", account=NAME)
    await away(insights.site.wait, "job/refused", "--for=condition=Failed")
    (pod,) = await away(insights.site.pods, "refused")

    end = await away(insights.site.ended, pod)
    assert (end["exitCode"], "lacks the right" in end["message"]) == (66, True)


async def test_the_account_of_verify_may_do_no_more_than_it_needs(insights: Insights) -> None:
    site = insights.site
    account = await away(site.node.cluster.account, site.release.namespace, ACCOUNT)
    kubectl = site.node.cluster.kubectl_path

    def may(asked: str) -> bool:
        done = account.run(kubectl, "auth", "can-i", *asked.split(), site.release.where, env={})
        return done.stdout.strip() == "yes"

    (shown,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    role = await away(site.release.get, f"role/{ACCOUNT}")
    granted = {"get cronjob/insights", "list jobs", "list pods", "get pods --subresource=log"}
    others = {"get cronjob/reconciler", "list cronjobs", "get secrets", "list configmaps", "create jobs"}
    others |= {"patch cronjob/insights", "delete pods", "create pods --subresource=exec"}
    found = {asked for asked in granted | others if await away(may, asked)}
    assert found == granted
    assert role["rules"] == yaml.safe_load(shown)["rules"]
