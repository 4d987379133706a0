"""The manifest of a one-off Job, whose pod is that of a release's CronJob."""

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconcile.errors import RequestError

CONTAINER = "reconcile"
"""The program's container in the chart's pods."""
_BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_TOKEN_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
_SETTLED = (2, 64, 66, 78)
"""Exit codes for which a retry is useless: usage, verify's own, and settings."""
_ENDED = (143,)
"""The exit code after SIGTERM."""
_KEEP = {"argocd.argoproj.io/compare-options": "IgnoreExtraneous", "argocd.argoproj.io/sync-options": "Prune=false"}
"""Argo CD recognises what it manages by a label, which the Job has from its release; it must not delete the Job."""
_UNPRINTABLE = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff]")
_INDEX_NOT_SHARD = "reconcile job manifest sets each pod's shard: remove --shard and --shards from the command"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What the Job runs, and where it differs from the release's CronJob.

    *service_account*, *cpu* and *memory* are the CronJob's if not given. *files* is a ConfigMap for the command.
    """

    name: str
    command: tuple[str, ...]
    namespace: str | None = None
    shards: int = 1
    parallelism: int | None = None
    max_failed_shards: int | None = None
    retries: int = 2
    deadline_seconds: int = 3600
    keep_seconds: int = 86_400
    service_account: str | None = None
    files: str | None = None
    cpu: str | None = None
    memory: str | None = None


def manifest(plan: JobPlan, cronjob: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Job; raise RequestError for a contradicting plan, or a CronJob that is not one of the chart."""
    if any(word.split("=")[0] in {"--shard", "--shards"} for word in plan.command):
        raise RequestError(_INDEX_NOT_SHARD)
    try:
        template = copy.deepcopy(cronjob["spec"]["jobTemplate"])
        pod = template["spec"]["template"]
        (container,) = [each for each in pod["spec"]["containers"] if each["name"] == CONTAINER]
    except (KeyError, TypeError, ValueError):
        fault = f"the CronJob has no container named {CONTAINER}"
        raise RequestError(f"{fault}: give the one that the chart has made, by its name or with kubectl get") from None
    _adapt(pod["spec"], container, plan)
    namespace = plan.namespace or cronjob.get("metadata", {}).get("namespace")
    metadata = _metadata(template)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": plan.name,
            **({"namespace": namespace} if namespace else {}),
            **metadata,
            "annotations": {**metadata.get("annotations", {}), **_KEEP},
        },
        "spec": {
            "activeDeadlineSeconds": plan.deadline_seconds,
            "ttlSecondsAfterFinished": plan.keep_seconds,
            **_spread(plan),
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules(is_indexed=plan.shards > 1)},
            "template": {"metadata": _metadata(pod), "spec": pod["spec"]},
        },
    }


def _metadata(template: Mapping[str, Any]) -> dict[str, Any]:
    found = template.get("metadata") or {}
    labels = {**(found.get("labels") or {}), "app.kubernetes.io/component": "job"}
    return {"labels": labels, **({"annotations": found["annotations"]} if found.get("annotations") else {})}


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
    settled = {"containerName": CONTAINER, "operator": "In", "values": list(_SETTLED)}
    ended = {"containerName": CONTAINER, "operator": "In", "values": list(_ENDED)}
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailIndex" if is_indexed else "FailJob", "onExitCodes": settled},
        {"action": "Ignore", "onExitCodes": ended},
    ]


def _adapt(pod: dict[str, Any], container: dict[str, Any], plan: JobPlan) -> None:
    """Change a release's pod to what *plan* names, and nothing else."""
    pod["restartPolicy"] = "Never"  # podFailurePolicy needs it
    container["args"] = list(plan.command)
    container["env"] = _env(container.get("env") or (), plan, account=pod.get("serviceAccountName"))
    if plan.service_account is not None:
        pod["serviceAccountName"] = plan.service_account
        pod.pop("serviceAccount", None)  # the API server's old name for it
    resources = container.setdefault("resources", {})
    if plan.cpu is not None:
        resources.setdefault("requests", {})["cpu"] = plan.cpu
    if plan.memory is not None:
        resources.setdefault("requests", {})["memory"] = plan.memory
        resources.setdefault("limits", {})["memory"] = plan.memory
    mounts = container.setdefault("volumeMounts", [])
    if plan.files is not None:
        _mount(pod, mounts, "job-files", "/files", {"configMap": {"name": plan.files}})
    if _reads_pods(plan.command) and all(each["mountPath"] != _TOKEN_DIR for each in mounts):
        _mount(pod, mounts, "job-token", _TOKEN_DIR, {"projected": _token()})


def _mount(
    pod: dict[str, Any], mounts: list[dict[str, Any]], name: str, path: str, source: Mapping[str, object]
) -> None:
    mounts.append({"name": name, "mountPath": path, "readOnly": True})
    pod.setdefault("volumes", []).append({"name": name, **source})


def _reads_pods(command: Sequence[str]) -> bool:
    """Return whether *command* may read the pods' logs; for a checklist this is not known here."""
    return command[0] == "verify" and any(word.split("=")[0] in {"--cronjob", "--plan"} for word in command)


def _env(env: Sequence[Mapping[str, Any]], plan: JobPlan, *, account: str | None) -> list[Mapping[str, Any]]:
    given = {"RECONCILE_TRIGGER": "backfill" if plan.command[0] == "backfill" else "manual"}
    if plan.shards > 1:
        given["RECONCILE_SHARDS"] = str(plan.shards)
    removed = {*given, "RECONCILE_SHARDS", "RECONCILE_SHARD"}
    if plan.service_account not in {None, account}:
        removed.add("RECONCILE_STATE_OBJECT")  # another account has no rights on it
    kept = [each for each in env if each["name"] not in removed]
    return [*kept, *({"name": name, "value": value} for name, value in given.items())]


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
    return f"{pad}{_scalar(value)}\n"


def _inner(value: object, depth: int) -> str:
    is_block = isinstance(value, dict | list | tuple) and bool(value)
    return "\n" + yaml(value, depth=depth + 1) if is_block else f" {_scalar(value)}\n"


def _key(text: object) -> str:
    # "on", "no" and similar words need quotation marks
    is_plain = str(text).isidentifier() and str(text).lower() not in _BOOLEANS
    return str(text) if is_plain else _scalar(str(text))


def _scalar(value: object) -> str:
    # JSON's two escapes for one character beyond U+FFFF are not YAML's
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
