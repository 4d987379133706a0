"""The CronJob of a release: read through the Kubernetes API with the caller's rights, or from a file's text."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from reconcile.errors import ClusterUnavailable, RequestError
from reconcile.kube.api import MAX_BODY, connected, exchange
from reconcile.kube.object_reference import ObjectReference

SECONDS = 30
"""Timeout of the request."""
_REMEDIES = {
    401: "your credentials were refused",
    403: "you lack the right `get` on it",
    404: "it does not exist; see `kubectl get cronjob` for the name of the release's",
}


def read_cronjob(name: str, *, namespace: str | None, account_dir: Path) -> Mapping[str, Any]:
    """Return a CronJob from the cluster that kubectl would ask.

    Raises RequestError if the caller cannot read it, and ClusterUnavailable if a retry may succeed.
    """
    target = ObjectReference.parse(
        f"cronjob/{name}", namespace=namespace or _current_namespace(), account_dir=account_dir
    )
    try:
        client = connected(target)
    except Exception as error:
        fault = f"no access to the Kubernetes API ({type(error).__name__}): neither a kubeconfig nor a pod's account"
        raise RequestError(f"{fault}; or give the CronJob with --from-cronjob FILE") from error
    try:
        status, text = exchange(
            client, "GET", target.path, target.parameters, headers={"Accept": "application/json"}, seconds=SECONDS
        )
    except Exception as error:
        # its text may hold addresses and headers
        raise ClusterUnavailable(f"the Kubernetes API cannot be reached ({type(error).__name__})") from error
    if status in _REMEDIES:
        raise RequestError(f"the Kubernetes API answered {status} for {target}: {_REMEDIES[status]}")
    if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's own numbers
        raise ClusterUnavailable(f"the Kubernetes API answered {status} for {target}")
    return parse_cronjob(text)


def parse_cronjob(text: bytes) -> Mapping[str, Any]:
    """Return the CronJob in *text*, YAML or JSON; raise RequestError if it is something else."""
    try:
        if len(text) > MAX_BODY:
            raise RequestError("the CronJob is larger than 1 MiB")
        # a date without quotation marks is a date in YAML, and a text in Kubernetes
        found = json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        raise RequestError("the CronJob is not one document of YAML or JSON") from None
    if not isinstance(found, dict) or found.get("kind") != "CronJob":
        raise RequestError("the CronJob is an object of another kind: give what `kubectl get cronjob` prints")
    return found


def _current_namespace() -> str | None:
    """Return the namespace of the kubeconfig's current context; None in a pod, which has its own."""
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    from kubernetes.config import list_kube_config_contexts  # noqa: PLC0415 - loaded only where it is used

    try:
        _, current = list_kube_config_contexts()
        namespace = current["context"].get("namespace")
    except Exception:  # noqa: BLE001 - the connection says what is wrong with a kubeconfig
        return None
    return namespace if isinstance(namespace, str) else None
