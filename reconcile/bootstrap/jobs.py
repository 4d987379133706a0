"""Manifests of one-off Jobs, for the commands that print them."""

from collections.abc import Mapping
from typing import Any

from reconcile.kube.cronjob import parse_cronjob, read_cronjob
from reconcile.kube.job import JobPlan, manifest, yaml
from reconcile.settings import Settings


def release_cronjob(*, release: str, namespace: str | None) -> Mapping[str, Any]:
    """Return the CronJob of a release, with the rights of kubectl's user; raise RequestError or ClusterUnavailable."""
    return read_cronjob(release, namespace=namespace, account_dir=Settings().service_account_dir)


def cronjob_of(text: bytes) -> Mapping[str, Any]:
    """Return the CronJob in a file's text; raise RequestError if it is none."""
    return parse_cronjob(text)


def job_manifest(cronjob: Mapping[str, Any], **plan: Any) -> Mapping[str, Any]:  # noqa: ANN401 - the fields of JobPlan
    """Return a Job with the pod of *cronjob*, from the fields of ``JobPlan``; raise RequestError for contradictions."""
    return manifest(JobPlan(**plan), cronjob)


def as_yaml(document: Mapping[str, Any]) -> str:
    """Return a manifest as YAML."""
    return yaml(document)
