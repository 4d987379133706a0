"""Manifests of one-off Jobs, for the commands that print them."""

from collections.abc import Mapping
from typing import Any

from reconcile.kube.job import JobPlan, manifest, yaml


def job_manifest(**plan: Any) -> Mapping[str, Any]:  # noqa: ANN401 - the fields of JobPlan
    """Return a Job from the fields of ``JobPlan``; raise RequestError if they contradict each other."""
    return manifest(JobPlan(**plan))


def as_yaml(document: Mapping[str, Any]) -> str:
    """Return a manifest as YAML."""
    return yaml(document)
