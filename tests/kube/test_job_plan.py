"""A printed Job has the pod of its release's CronJob, as the chart renders it, and differs only where it has to."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from reconcile.errors import RequestError
from reconcile.kube.job import JobPlan, manifest
from reconcile.kube.job import yaml as as_yaml
from tests.distinct_values import filled, names_of, with_another
from tests.kube.stored_cronjobs import CRONJOBS, stored

SHARDED: Mapping[str, Any] = {"command": ("backfill", "apply", "plan-1"), "shards": 5, "parallelism": 3}
OTHERS: Mapping[str, Any] = {"command": ("run",), "shards": 6, "parallelism": 2}
CRONJOB = stored("everything")
PLAIN = JobPlan(name="once", command=("run", "--dry-run"))
ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"
every_release = pytest.mark.parametrize("release", CRONJOBS)


def _spec(job: Any) -> Any:
    return job["spec"]


def _pod(job: Any) -> Any:
    return job["spec"]["template"]["spec"]


def _container(job: Any) -> Any:
    (container,) = _pod(job)["containers"]
    return container


def _env(job: Any) -> Mapping[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in _container(job)["env"]}


def _schedule(cronjob: Any) -> Any:
    return cronjob["spec"]["jobTemplate"]


Look = tuple[Callable[[Any], Any], Callable[[JobPlan], Any]]
PLACES: Mapping[str, Look] = {
    "name": (lambda job: job["metadata"]["name"], lambda plan: plan.name),
    "namespace": (lambda job: job["metadata"]["namespace"], lambda plan: plan.namespace),
    "command": (
        lambda job: (_container(job)["args"], _env(job)["RECONCILE_TRIGGER"]),
        lambda plan: (list(plan.command), "backfill" if plan.command[0] == "backfill" else "manual"),
    ),
    "shards": (
        lambda job: (_spec(job)["completions"], _env(job)["RECONCILE_SHARDS"]),
        lambda plan: (plan.shards, str(plan.shards)),
    ),
    "parallelism": (lambda job: _spec(job)["parallelism"], lambda plan: plan.parallelism),
    "max_failed_shards": (lambda job: _spec(job)["maxFailedIndexes"], lambda plan: plan.max_failed_shards),
    "retries": (lambda job: _spec(job)["backoffLimitPerIndex"], lambda plan: plan.retries),
    "deadline_seconds": (lambda job: _spec(job)["activeDeadlineSeconds"], lambda plan: plan.deadline_seconds),
    "keep_seconds": (lambda job: _spec(job)["ttlSecondsAfterFinished"], lambda plan: plan.keep_seconds),
    "service_account": (lambda job: _pod(job)["serviceAccountName"], lambda plan: plan.service_account),
    "files": (
        lambda job: next(each for each in _pod(job)["volumes"] if each["name"] == "job-files")["configMap"]["name"],
        lambda plan: plan.files,
    ),
    "cpu": (lambda job: _container(job)["resources"]["requests"]["cpu"], lambda plan: plan.cpu),
    "memory": (
        lambda job: [_container(job)["resources"][kind]["memory"] for kind in ("requests", "limits")],
        lambda plan: [plan.memory, plan.memory],
    ),
}
"""By field: where it stands in the Job, and what stands there."""


@pytest.mark.parametrize("name", names_of(JobPlan))
def test_each_field_of_a_plan_is_in_the_job(name: str) -> None:
    plan = filled(JobPlan, **SHARDED)
    other = with_another(plan, name, instead=OTHERS[name]) if name in OTHERS else with_another(plan, name)
    look, expected = PLACES[name]

    assert look(manifest(plan, CRONJOB)) == expected(plan)
    assert look(manifest(other, CRONJOB)) == expected(other)


@every_release
def test_the_pod_is_the_schedules_but_for_its_arguments_and_trigger(release: str) -> None:
    """Volumes, placement, pull secrets, priority, limits, account, webhook and alerts: also what nobody listed here."""
    cronjob = stored(release)
    expected = copy.deepcopy(_schedule(cronjob)["spec"]["template"]["spec"])
    (container,) = expected["containers"]
    container["args"] = ["run", "--dry-run"]
    container["env"] = [each for each in container["env"] if each["name"] != "RECONCILE_TRIGGER"]
    container["env"].append({"name": "RECONCILE_TRIGGER", "value": "manual"})

    assert _pod(manifest(PLAIN, cronjob)) == expected


def test_init_containers_and_sidecars_are_kept() -> None:
    cronjob = stored("everything")
    more = [{"name": "wait", "image": "a:1"}, {"name": "proxy", "image": "b:1", "restartPolicy": "Always"}]
    _schedule(cronjob)["spec"]["template"]["spec"]["initContainers"] = more

    assert _pod(manifest(PLAIN, cronjob))["initContainers"] == more


def test_labels_and_annotations_are_the_schedules_but_for_the_component() -> None:
    """So the queue, the network policy and a cost report find it, and the schedule's own pods are told from it."""
    job, template = manifest(PLAIN, CRONJOB), _schedule(CRONJOB)
    of_job, of_pod = template["metadata"], template["spec"]["template"]["metadata"]
    component = {"app.kubernetes.io/component": "job"}

    assert job["metadata"]["labels"] == of_job["labels"] | component
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "batch"
    assert job["metadata"]["annotations"].items() > of_job["annotations"].items()
    assert job["spec"]["template"]["metadata"] == {**of_pod, "labels": of_pod["labels"] | component}


def test_the_namespace_is_the_cronjobs() -> None:
    assert manifest(PLAIN, CRONJOB)["metadata"]["namespace"] == "calendars"


def test_argo_cd_neither_prunes_the_job_nor_calls_the_release_out_of_sync() -> None:
    annotations = manifest(PLAIN, CRONJOB)["metadata"]["annotations"]

    assert annotations["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"
    assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false"


def test_the_cronjob_that_was_read_is_not_changed() -> None:
    cronjob = stored("everything")
    manifest(filled(JobPlan, **SHARDED), cronjob)

    assert cronjob == CRONJOB


def test_a_job_without_shards_has_its_retries_and_no_shares() -> None:
    job = manifest(filled(JobPlan, **{**SHARDED, "shards": 1, "parallelism": None}), CRONJOB)

    assert _spec(job)["backoffLimit"] == filled(JobPlan, **SHARDED).retries
    assert "completions" not in _spec(job)
    assert "RECONCILE_SHARDS" not in _env(job)


def test_shards_of_the_release_are_not_those_of_the_job() -> None:
    """The backfill's CronJob may be given too, which has its number of shards."""
    cronjob = stored("everything")
    (container,) = _schedule(cronjob)["spec"]["template"]["spec"]["containers"]
    container["env"].append({"name": "RECONCILE_SHARDS", "value": "9"})

    assert "RECONCILE_SHARDS" not in _env(manifest(PLAIN, cronjob))
    assert _env(manifest(filled(JobPlan, **SHARDED), cronjob))["RECONCILE_SHARDS"] == "5"


def test_another_account_is_not_told_of_the_state_object_that_it_may_not_touch() -> None:
    same, other = (
        manifest(JobPlan(name="once", command=("run",), service_account=name), CRONJOB)
        for name in ("reconciler", "reconciler-verify")
    )

    assert "RECONCILE_STATE_OBJECT" in _env(same)
    assert "RECONCILE_STATE_OBJECT" not in _env(other)


def test_files_are_mounted_where_the_command_finds_them() -> None:
    job = manifest(filled(JobPlan, **SHARDED), CRONJOB)

    assert {"name": "job-files", "mountPath": "/files", "readOnly": True} in _container(job)["volumeMounts"]


@pytest.mark.parametrize("words", [("--cronjob", "insights"), ("--cronjob=insights",), ("--plan", "/files/a.yaml")])
def test_a_job_that_reads_a_cronjobs_logs_has_one_token_also_where_the_release_has_none(words: tuple[str, ...]) -> None:
    bare = stored("everything")
    pod = _schedule(bare)["spec"]["template"]["spec"]
    pod["volumes"] = [each for each in pod["volumes"] if each["name"] != "token"]
    (container,) = pod["containers"]
    container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != "token"]
    plan = JobPlan(name="looked", command=("verify", *words), service_account="reconciler-verify")

    def tokens(cronjob: Any, plan: JobPlan) -> int:
        return [each["mountPath"] for each in _container(manifest(plan, cronjob))["volumeMounts"]].count(ACCOUNT_DIR)

    assert (tokens(CRONJOB, plan), tokens(bare, plan), tokens(bare, PLAIN)) == (1, 1, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cronjob: cronjob.pop("spec"),
        lambda cronjob: _schedule(cronjob)["spec"]["template"]["spec"].pop("containers"),
        lambda cronjob: _schedule(cronjob)["spec"]["template"]["spec"]["containers"][0].update(name="other"),
    ],
)
def test_a_cronjob_of_something_else_is_refused(spoil: Callable[[Any], object]) -> None:
    cronjob = stored("secret")
    spoil(cronjob)

    with pytest.raises(RequestError, match="has no container named reconcile"):
        manifest(PLAIN, cronjob)


@pytest.mark.parametrize("text", ["on", "1e3", "0400", "2026-03-01", "~", "naïve 😀", "a\nb\x7f\x85\ufeff", '"', "#"])
def test_every_text_of_a_pod_is_the_same_text_in_yaml(text: str) -> None:
    assert yaml.safe_load(as_yaml({"env": [{"name": text, "value": text}], text: text})) == {
        "env": [{"name": text, "value": text}],
        text: text,
    }
