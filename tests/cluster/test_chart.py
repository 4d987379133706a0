"""The chart on a real Kubernetes, by both versions of Helm."""

import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.tools import CASES
from tests.cluster.kubernetes.cluster import Cluster
from tests.cluster.kubernetes.processes import ClusterError, eventually
from tests.cluster.release import NAME, PREFIX, Release, documents, released, secret

RECONCILE = Path(sys.executable).with_name("reconcile")
ERROR_RATE = "RECONCILE_CIRCUIT_BREAKER_ERROR_RATE"
by_helm = pytest.mark.parametrize("helm", [3, 4])


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.removesuffix("-values.yaml"))
def test_the_api_takes_every_object_without_a_warning(cluster: Cluster, namespace: str, case: Path) -> None:
    rendered = Release(cluster, namespace, 4).rendered("--values", case, "--skip-tests")
    # Their kinds come with the Prometheus operator.
    objects = [each for each in documents(rendered) if each["kind"] not in {"PrometheusRule", "ServiceMonitor"}]
    bundle = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})

    done = cluster.try_kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", stdin=bundle)

    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr
    assert done.stdout.count("(server dry run)") == len(objects)


@by_helm
def test_an_installation_waits_for_its_migration(cluster: Cluster, namespace: str, helm: int) -> None:
    release = Release(cluster, namespace, helm)
    secret(cluster, namespace)
    with release.migrations_end():
        said = release.install()
    jobs = release.get("jobs")["items"]
    release.run("uninstall")

    assert f'{NAME} runs at "* * * * *" (Etc/UTC).' in said
    assert jobs == []
    assert [each["metadata"]["name"] for each in release.get("cronjobs")["items"]] == []


@by_helm
def test_a_migration_that_fails_stops_the_installation(cluster: Cluster, namespace: str, helm: int) -> None:
    release = Release(cluster, namespace, helm)
    secret(cluster, namespace)
    with release.migrations_end(78), pytest.raises(ClusterError) as refused:
        release.install()
    (job,) = release.get("jobs")["items"]

    assert "pre-install" in str(refused.value)
    assert any(each["reason"] == "PodFailurePolicy" for each in job["status"]["conditions"])
    assert release.get("cronjobs")["items"] == []


@by_helm
def test_a_missing_secret_is_missed_before_anything_is_made(cluster: Cluster, namespace: str, helm: int) -> None:
    release = Release(cluster, namespace, helm)

    with pytest.raises(ClusterError, match=rf"names the Secret reconciler-database, which is not in .*{namespace}"):
        release.install()
    secret(cluster, namespace, other="x")
    with pytest.raises(ClusterError, match="which has no key url or an empty one; it has: other"):
        release.install()
    assert release.get("configmaps")["items"][1:] == []


@by_helm
def test_a_time_zone_that_nobody_has_is_refused_with_its_name(cluster: Cluster, namespace: str, helm: int) -> None:
    """The chart knows how one is spelled; which there are, the API server knows."""
    release = Release(cluster, namespace, helm)
    secret(cluster, namespace)

    with pytest.raises(ClusterError, match="unknown time zone Mars/Base"):
        release.install("--set=migrate.enabled=false,timeZone=Mars/Base")


def test_the_programs_account_may_do_three_things(cluster: Cluster, namespace: str) -> None:
    """Everything that the API server has is asked for, under the account's name and by the state object's name."""
    with released(cluster, 4, namespace=namespace):
        subject = f"system:serviceaccount:{namespace}:{NAME}"
        reviews = [
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {
                    "user": subject,
                    "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
                    "resourceAttributes": {"namespace": namespace, **wanted},
                },
            }
            for wanted in _everything(cluster)
        ]
        answered = _answers(cluster, reviews)

    allowed = {(a["verb"], a.get("group", ""), a["resource"], a.get("name", "")) for a in answered}
    assert len(reviews) > 400
    assert allowed == {
        ("get", "", "configmaps", "reconciler-state"),
        ("patch", "", "configmaps", "reconciler-state"),
        ("create", "events.k8s.io", "events", ""),
        ("create", "events.k8s.io", "events", "reconciler-state"),
        # What Kubernetes gives to everybody: to ask who one is and what one may.
        *(
            ("create", f"{group}.k8s.io", resource, name)
            for group, resource in (
                ("authentication", "selfsubjectreviews"),
                ("authorization", "selfsubjectaccessreviews"),
                ("authorization", "selfsubjectrulesreviews"),
            )
            for name in ("", "reconciler-state")
        ),
    }


REFUSED = [
    ("get", "secrets"),
    ("get", f"secret/{NAME}-database"),
    ("get", "configmaps"),
    ("get", f"configmap/{NAME}"),
    ("get", f"cronjob/{NAME}"),
    ("get", "pods"),
    ("get", "nodes"),
    ("get", "events"),
    ("annotate", f"configmap/{NAME}", f"{PREFIX}breaker=x"),
    ("annotate", f"cronjob/{NAME}", f"{PREFIX}breaker=x"),
    ("create", "configmap", "another"),
    ("create", "job", "another", f"--from=cronjob/{NAME}"),
    ("create", "token", NAME),
    ("delete", f"configmap/{NAME}-state"),
    ("delete", f"cronjob/{NAME}"),
]


def test_whatever_else_it_asks_for_by_its_own_token_is_refused(cluster: Cluster, namespace: str) -> None:
    with released(cluster, 4, namespace=namespace) as release:
        account = release.account().kubeconfig
        answers = {words: cluster.try_kubectl(*words, release.where, kubeconfig=account) for words in REFUSED}
        state = cluster.try_kubectl("get", f"configmap/{NAME}-state", release.where, kubeconfig=account)

    assert state.returncode == 0
    assert [words for words, done in answers.items() if not done.returncode or "orbidden" not in done.stderr] == []


def _everything(cluster: Cluster) -> Iterator[dict[str, str]]:
    listed = cluster.kubectl("api-resources", "--no-headers", "--output=wide").splitlines()
    for line in listed:
        words = line.split()
        # NAME [SHORTNAMES] APIVERSION NAMESPACED KIND VERBS [CATEGORIES]
        place = next(index for index, word in enumerate(words) if word in {"true", "false"})
        group = words[place - 1].rpartition("/")[0]
        for verb in {*words[place + 2].split(","), "patch", "update", "delete"}:
            for name in ("", "reconciler-state"):
                yield {"verb": verb, "group": group, "resource": words[0], "name": name}
    for sub in ("pods/exec", "pods/log", "serviceaccounts/token", "cronjobs/status"):
        resource, _, part = sub.partition("/")
        group = "batch" if resource == "cronjobs" else ""
        for verb in ("get", "create", "update"):
            yield {"verb": verb, "group": group, "resource": resource, "subresource": part}


def _answers(cluster: Cluster, reviews: list[dict[str, Any]]) -> list[dict[str, Any]]:
    bundle = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    said = cluster.kubectl("create", "--filename=-", "--output=json", stdin=bundle)
    answers = json.loads("[" + said.replace("}\n{", "},{") + "]")
    return [each["spec"]["resourceAttributes"] for each in answers if each["status"]["allowed"]]


def test_the_pods_environment_starts_the_program_and_it_uses_what_it_may(
    cluster: Cluster, namespace: str, sqlite_url: str
) -> None:
    with released(cluster, 4, namespace=namespace) as release:
        cluster.kubectl("annotate", "configmap", f"{NAME}-state", release.where, _hold("first look"))
        template = release.get(f"cronjob/{NAME}")["spec"]["jobTemplate"]["spec"]["template"]
        container = template["spec"]["containers"][0]
        account = release.account()

        def environment() -> dict[str, str]:
            env = release.environment(container) | {
                "RECONCILE_NAMESPACE": namespace,
                "RECONCILE_JOB_NAME": f"{NAME}-{time.time() // 60:.0f}",
                "RECONCILE_SERVICE_ACCOUNT_DIR": str(account.mount),
                "RECONCILE_DATABASE_URL": sqlite_url,
            }
            del env["RECONCILE_DATABASE_URL_FILE"]
            return env

        migrated = account.run(RECONCILE, "migrate", env={"RECONCILE_DATABASE_URL": sqlite_url})
        done = account.run(RECONCILE, *container["args"], env=environment())
        by_hand = json.dumps({"data": {ERROR_RATE: "0.9"}})
        cluster.kubectl("patch", f"configmap/{NAME}", release.where, f"--patch={by_hand}")
        differs = account.run(RECONCILE, *container["args"], env=environment())
        seen = release.annotations()
        events = cluster.get("events.events.k8s.io", release.where)["items"]

    assert migrated.returncode == 0, migrated.stderr
    assert done.returncode == 0, done.stderr
    assert "was created with" not in done.stdout
    reasons = json.loads(differs.stdout)["healthReasons"]
    assert [
        reason
        for reason in reasons
        if reason.startswith(f"{ERROR_RATE} is '0.9' and the CronJob was created with '0.5'")
    ]
    assert json.loads(seen["last-run"])["trigger"] == "schedule"
    assert json.loads(seen["breaker"])["state"] == seen["breaker-state"] == "open"
    assert [each for each in events if each["regarding"].get("name") == f"{NAME}-state"]


def _hold(reason: str) -> str:
    return f"{PREFIX}hold=reason='{reason}' for=2h"


@pytest.mark.parametrize("target", ["configmap", "cronjob"])
def test_the_policy_lets_the_program_annotate_and_nothing_else(cluster: Cluster, namespace: str, target: str) -> None:
    policy = ("--set", f"state.target={target},admissionPolicy.enabled=true")
    name = f"{NAME}-state" if target == "configmap" else NAME
    with released(cluster, 4, *policy, namespace=namespace) as release:
        account = release.account().kubeconfig

        def patched(body: str) -> str:
            place = ("patch", target, name, release.where, "--type=merge", f"--patch={body}")
            return cluster.try_kubectl(*place, kubeconfig=account).stderr

        minutes = itertools.count()  # another one each time: what does not change anything is no offence

        def main() -> str:
            schedule = f'{{"schedule": "{next(minutes) % 60} 0 1 1 *"}}'
            return f'{{"spec": {schedule}}}' if target == "cronjob" else f'{{"data": {schedule}}}'

        eventually(lambda: "not change its" in patched(main()), what="the policy to be enforced")
        own = patched(f'{{"metadata": {{"annotations": {{"{PREFIX}breaker": "{{}}"}}}}}}')
        foreign = patched('{"metadata": {"annotations": {"example.com/owner": "me"}}}')
        helms = patched('{"metadata": {"annotations": {"meta.helm.sh/release-name": null}}}')
        label = patched('{"metadata": {"labels": {"app.kubernetes.io/instance": "other"}}}')
        seen = release.annotations(f"{target}/{name}")
        administrator = cluster.try_kubectl(
            "annotate", target, name, release.where, "example.com/owner=calendars", "--overwrite"
        )

    assert own == ""
    assert seen == {"breaker": "{}"}
    assert "annotations that begin with" in foreign
    assert "annotations that begin with" in helms
    assert "neither labels nor finalizers" in label
    assert administrator.returncode == 0


@pytest.mark.parametrize("shards", [1, 4])
def test_kubectl_makes_a_job_of_the_suspended_backfill(cluster: Cluster, namespace: str, shards: int) -> None:
    with released(cluster, 4, "--set", f"backfill.shards={shards}", namespace=namespace) as release:
        cluster.kubectl("create", "job", f"--from=cronjob/{NAME}-backfill", "by-hand", release.where)

        def pods() -> list[dict[str, Any]]:
            selector = "--selector=batch.kubernetes.io/job-name=by-hand"
            found: list[dict[str, Any]] = cluster.get("pods", release.where, selector)["items"]
            return found if len(found) == shards else []

        made = eventually(pods, what=f"{shards} pods under the restricted level")
        env = release.environment(made[0]["spec"]["containers"][0])

    assert env["RECONCILE_TRIGGER"] == "backfill"
    assert env.get("RECONCILE_SHARDS", "1") == str(shards)
    indexes = {pod["metadata"]["annotations"].get("batch.kubernetes.io/job-completion-index") for pod in made}
    assert indexes == ({None} if shards == 1 else set("0123"))


def test_the_schedules_own_controller_starts_a_pod(cluster: Cluster, namespace: str) -> None:
    with released(cluster, 4, namespace=namespace) as release:
        job = cluster.tick(namespace, NAME)
        selector = f"--selector=batch.kubernetes.io/job-name={job}"
        pods = eventually(lambda: cluster.get("pods", release.where, selector)["items"], what="its pod")

    assert job.startswith(f"{NAME}-")
    assert pods[0]["spec"]["serviceAccountName"] == NAME
