"""The manifest of a one-off Job, with the same pod as the chart's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconcile.errors import RequestError
from reconcile.kube.object_reference import MANAGER

USER = 65532
_BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_SECRETS = "/var/run/secrets"
_MAPPING = "mapping.toml"
_SETTLED = (2, 64, 66, 78)
"""Exit codes for which a retry is useless: usage, verify's own, and settings."""
_ENDED = (143,)
"""The exit code after SIGTERM."""
_INDEX_NOT_SHARD = "reconcile job manifest sets each pod's shard: remove --shard and --shards from the command"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What the Job runs, and which objects of a release it uses.

    *database_secret* and *credentials_secret* are names of Secrets; the first has its URL under *database_key*. *files*
    is a ConfigMap.
    """

    name: str
    image: str
    release: str
    command: tuple[str, ...]
    namespace: str | None = None
    shards: int = 1
    parallelism: int | None = None
    max_failed_shards: int | None = None
    retries: int = 2
    deadline_seconds: int = 3600
    keep_seconds: int = 86_400
    service_account: str | None = None
    state_object: str | None = None
    database_secret: str | None = None
    database_key: str = "url"
    credentials_secret: str | None = None
    files: str | None = None
    cpu: str = "100m"
    memory: str = "256Mi"


def manifest(plan: JobPlan) -> dict[str, Any]:
    """Return the Job; raise RequestError for a contradicting plan."""
    if any(word.split("=")[0] in {"--shard", "--shards"} for word in plan.command):
        raise RequestError(_INDEX_NOT_SHARD)
    labels = {
        "app.kubernetes.io/name": MANAGER,
        "app.kubernetes.io/instance": plan.release,
        "app.kubernetes.io/component": "job",
    }
    metadata: dict[str, Any] = {"name": plan.name, "labels": labels}
    if plan.namespace is not None:
        metadata["namespace"] = plan.namespace
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "activeDeadlineSeconds": plan.deadline_seconds,
            "ttlSecondsAfterFinished": plan.keep_seconds,
            **_spread(plan),
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules(is_indexed=plan.shards > 1)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": _pod(plan)},
        },
    }


def _spread(plan: JobPlan) -> dict[str, Any]:
    if plan.shards == 1:
        return {"backoffLimit": plan.retries}
    return {
        "completionMode": "Indexed",
        "completions": plan.shards,
        "parallelism": min(plan.parallelism or plan.shards, plan.shards),
        "backoffLimitPerIndex": plan.retries,
        # one shard that fails permanently must not end the others, unless requested
        "maxFailedIndexes": plan.shards if plan.max_failed_shards is None else plan.max_failed_shards,
    }


def _failure_rules(*, is_indexed: bool) -> list[dict[str, Any]]:
    # FailIndex ends one shard and lets the others continue; it needs an Indexed Job
    settled = {"containerName": "reconcile", "operator": "In", "values": list(_SETTLED)}
    ended = {"containerName": "reconcile", "operator": "In", "values": list(_ENDED)}
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailIndex" if is_indexed else "FailJob", "onExitCodes": settled},
        {"action": "Ignore", "onExitCodes": ended},
    ]


def _pod(plan: JobPlan) -> dict[str, Any]:
    account = plan.service_account or plan.release
    # the settings name the release's mapping by this path; without a mapping the folder is empty
    mapping = {"name": plan.release, "optional": True, "items": [{"key": _MAPPING, "path": _MAPPING}]}
    mounts: list[dict[str, Any]] = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - its own, and emptied
        {"name": "mapping", "mountPath": "/etc/reconcile", "readOnly": True},
    ]
    volumes: list[dict[str, Any]] = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "mapping", "configMap": mapping},
    ]
    for name, secret in (("database", plan.database_secret), ("credentials", plan.credentials_secret)):
        if secret is not None:
            mounts.append({"name": name, "mountPath": f"{_SECRETS}/reconcile/{name}", "readOnly": True})
            volumes.append({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}})
    if plan.files is not None:
        mounts.append({"name": "files", "mountPath": "/files", "readOnly": True})
        volumes.append({"name": "files", "configMap": {"name": plan.files}})
    if plan.state_object is not None or _reads_pods(plan.command):
        mounts.append({"name": "token", "mountPath": f"{_SECRETS}/kubernetes.io/serviceaccount", "readOnly": True})
        volumes.append({"name": "token", "projected": _token()})
    resources = {"cpu": plan.cpu, "memory": plan.memory}
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 15,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "reconcile",
                "image": plan.image,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "privileged": False,
                    "readOnlyRootFilesystem": True,
                },
                "resources": {"requests": resources, "limits": {"memory": plan.memory}},
                "args": list(plan.command),
                "envFrom": [{"configMapRef": {"name": plan.release}}],
                "env": _env(plan),
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def _reads_pods(command: Sequence[str]) -> bool:
    """Return whether *command* may read the pods' logs; for a checklist this is not known here."""
    return command[0] == "verify" and any(word.split("=")[0] in {"--cronjob", "--plan"} for word in command)


def _env(plan: JobPlan) -> list[dict[str, Any]]:
    given = {"RECONCILE_TRIGGER": "backfill" if plan.command[0] == "backfill" else "manual"}
    if plan.shards > 1:
        given["RECONCILE_SHARDS"] = str(plan.shards)
    if plan.state_object is not None:
        given["RECONCILE_STATE_OBJECT"] = plan.state_object
    if plan.database_secret is not None:
        given["RECONCILE_DATABASE_URL_FILE"] = f"{_SECRETS}/reconcile/database/{plan.database_key}"
    if plan.credentials_secret is not None:
        given["RECONCILE_CREDENTIALS_DIR"] = f"{_SECRETS}/reconcile/credentials"
    fields = {
        "RECONCILE_NAMESPACE": "metadata.namespace",
        "RECONCILE_JOB_NAME": "metadata.labels['batch.kubernetes.io/job-name']",
    }
    return [
        *({"name": name, "value": value} for name, value in given.items()),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
    ]


def _token() -> dict[str, Any]:
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    return {
        "defaultMode": 0o440,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
            {"configMap": authority},
            {"downwardAPI": {"items": [namespace]}},
        ],
    }


def yaml(value: object, *, depth: int = 0) -> str:
    """Return plain JSON types as YAML: blocks for non-empty values, JSON for all others."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{_key(key)}:{_inner(inner, depth)}" for key, inner in value.items())
    if isinstance(value, list | tuple) and value:
        return "".join(f"{pad}- {yaml(each, depth=depth + 1).lstrip(' ')}" for each in value)
    return f"{pad}{json.dumps(value)}\n"


def _inner(value: object, depth: int) -> str:
    is_block = isinstance(value, dict | list | tuple) and bool(value)
    return "\n" + yaml(value, depth=depth + 1) if is_block else f" {json.dumps(value)}\n"


def _key(text: object) -> str:
    # "on", "no" and similar words need quotation marks
    is_plain = str(text).isidentifier() and str(text).lower() not in _BOOLEANS
    return str(text) if is_plain else json.dumps(str(text))
