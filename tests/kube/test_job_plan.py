"""A Job is what was asked for: each field of its plan stands where Kubernetes looks for it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reconcile.kube.job import JobPlan, manifest
from tests.distinct_values import filled, names_of, with_another

SHARDED: Mapping[str, Any] = {"command": ("backfill", "apply", "plan-1"), "shards": 5, "parallelism": 3}
OTHERS: Mapping[str, Any] = {"command": ("run",), "shards": 6, "parallelism": 2}
SECRETS = "/var/run/secrets/reconcile"


def _spec(job: Any) -> Any:
    return job["spec"]


def _pod(job: Any) -> Any:
    return job["spec"]["template"]["spec"]


def _container(job: Any) -> Any:
    (container,) = _pod(job)["containers"]
    return container


def _env(job: Any) -> Mapping[str, str]:
    return {each["name"]: each["value"] for each in _container(job)["env"] if "value" in each}


def _volume(job: Any, name: str) -> Any:
    return next((each for each in _pod(job)["volumes"] if each["name"] == name), None)


Look = tuple[Callable[[Any], Any], Callable[[JobPlan], Any]]
PLACES: Mapping[str, Look] = {
    "name": (lambda job: job["metadata"]["name"], lambda plan: plan.name),
    "namespace": (lambda job: job["metadata"]["namespace"], lambda plan: plan.namespace),
    "image": (lambda job: _container(job)["image"], lambda plan: plan.image),
    "release": (
        lambda job: (
            job["metadata"]["labels"]["app.kubernetes.io/instance"],
            _spec(job)["template"]["metadata"]["labels"]["app.kubernetes.io/instance"],
            _container(job)["envFrom"],
            _volume(job, "mapping")["configMap"]["name"],
        ),
        lambda plan: (plan.release, plan.release, [{"configMapRef": {"name": plan.release}}], plan.release),
    ),
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
    "state_object": (lambda job: _env(job)["RECONCILE_STATE_OBJECT"], lambda plan: plan.state_object),
    "database_secret": (
        lambda job: _volume(job, "database")["secret"]["secretName"],
        lambda plan: plan.database_secret,
    ),
    "database_key": (
        lambda job: _env(job)["RECONCILE_DATABASE_URL_FILE"],
        lambda plan: f"{SECRETS}/database/{plan.database_key}",
    ),
    "credentials_secret": (
        lambda job: _volume(job, "credentials")["secret"]["secretName"],
        lambda plan: plan.credentials_secret,
    ),
    "files": (lambda job: _volume(job, "files")["configMap"]["name"], lambda plan: plan.files),
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

    assert look(manifest(plan)) == expected(plan)
    assert look(manifest(other)) == expected(other)


def test_a_job_without_shards_has_its_retries_and_no_shares() -> None:
    job = manifest(filled(JobPlan, **{**SHARDED, "shards": 1, "parallelism": None}))

    assert _spec(job)["backoffLimit"] == filled(JobPlan, **SHARDED).retries
    assert "completions" not in _spec(job)
    assert "RECONCILE_SHARDS" not in _env(job)


@pytest.mark.parametrize(
    ("name", "volumes", "variables"),
    [
        ("namespace", set(), set()),
        ("service_account", set(), set()),
        ("state_object", {"token"}, {"RECONCILE_STATE_OBJECT"}),
        ("database_secret", {"database"}, {"RECONCILE_DATABASE_URL_FILE"}),
        ("credentials_secret", {"credentials"}, {"RECONCILE_CREDENTIALS_DIR"}),
        ("files", {"files"}, set()),
    ],
)
def test_unset_fields_leave_nothing_in_the_pod(name: str, volumes: set[str], variables: set[str]) -> None:
    plan = filled(JobPlan, **SHARDED)
    whole, without = manifest(plan), manifest(with_another(plan, name, instead=None))
    mounted = [{each["name"] for each in _container(job)["volumeMounts"]} for job in (whole, without)]
    there = [{each["name"] for each in _pod(job)["volumes"]} for job in (whole, without)]

    assert there[0] - there[1] == volumes
    assert mounted == there
    assert set(_env(whole)) - set(_env(without)) == variables


def test_files_are_mounted_at_the_paths_in_the_variables() -> None:
    job = manifest(filled(JobPlan, **SHARDED))
    mounts = {each["name"]: each["mountPath"] for each in _container(job)["volumeMounts"]}

    assert mounts["database"] == f"{SECRETS}/database"
    assert mounts["credentials"] == _env(job)["RECONCILE_CREDENTIALS_DIR"] == f"{SECRETS}/credentials"
    assert mounts["files"] == "/files"
