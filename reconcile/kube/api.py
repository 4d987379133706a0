"""One object through the official client: read, patch, and events; all calls block."""

import json
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reconcile.errors import MirrorConflict, MirrorUnavailable
from reconcile.kube.object_reference import MANAGER, ObjectReference
from reconcile.ports import Announcement, StateObject

MAX_BODY = 1024 * 1024
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Requests metadata only, not the ConfigMap's data or the CronJob's pod template."""
_MAX_NOTE = 1000
_CONFLICT = 409
_REMEDIES = {
    401: "its token was refused: does the service account still exist?",
    403: "the service account lacks the right; the chart's Role grants it",
    404: "the object does not exist; the chart creates it",
    429: "it is overloaded",
}


RIGHTS = ("get", "patch", "create")
"""The rights that a run needs on its object and on events."""


class KubernetesApi:
    """The state object; the client is imported on first use."""

    def __init__(self, target: ObjectReference, *, seconds: float) -> None:
        """Take *seconds* as the timeout of one request."""
        self._target = target
        self._seconds = seconds
        self._client: Any = None
        self._uid: str | None = None

    def read(self) -> StateObject:
        """Return the object; raise MirrorUnavailable."""
        return self._object(self._call("GET", self._target.path, self._target.parameters, accept=_METADATA))

    def refusal(self, verb: str) -> str | None:
        """Return the missing right for *verb*, one of RIGHTS, or None; raise MirrorUnavailable."""
        if verb == "create":
            wanted = {"group": "events.k8s.io", "resource": "events"}
            what = f"events.k8s.io events in namespace {self._target.namespace}"
        else:
            wanted, what = self._target.resource, str(self._target)
        attributes = {"verb": verb, "namespace": self._target.namespace, **wanted}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, body=body)
        decision = answer.get("status") if isinstance(answer, dict) else None
        if not isinstance(decision, dict) or not isinstance(decision.get("allowed"), bool):
            raise MirrorUnavailable("the Kubernetes API answered with an unexpected document")
        return None if decision["allowed"] else f"{verb} {what}"

    def patch(self, annotations: Mapping[str, str | None], version: str) -> StateObject:
        """Merge *annotations* into the object of this *version*; raise MirrorConflict or MirrorUnavailable."""
        body = {"metadata": {"resourceVersion": version, "annotations": dict(annotations)}}
        return self._object(
            self._call("PATCH", self._target.path, self._target.parameters, accept=_METADATA, body=body)
        )

    def announce(self, announcement: Announcement) -> None:
        """Create an event about the object; raise MirrorUnavailable."""
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{self._target.name[:200]}.{secrets.token_hex(8)}",
                "namespace": self._target.namespace,
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Warning" if announcement.is_warning else "Normal",
            "reason": announcement.reason,
            "action": "Reconcile",
            "note": announcement.text[:_MAX_NOTE],
            "reportingController": f"{MANAGER}.io/reconcile",
            "reportingInstance": socket.gethostname()[:128],
            "regarding": self._target.reference(self._uid),
        }
        where = {"namespace": self._target.namespace}
        self._call("POST", "/apis/events.k8s.io/v1/namespaces/{namespace}/events", where, body=body)

    def _object(self, read: object) -> StateObject:
        metadata = read.get("metadata") if isinstance(read, dict) else None
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not isinstance(metadata, dict) or not isinstance(version, str):
            raise MirrorUnavailable("the Kubernetes API answered with an unexpected document")
        uid = metadata.get("uid")
        self._uid = uid if isinstance(uid, str) else None
        found = metadata.get("annotations")
        found = found if isinstance(found, dict) else {}
        return StateObject(annotations={str(k): v for k, v in found.items() if isinstance(v, str)}, version=version)

    def _call(
        self, method: str, path: str, where: Mapping[str, str], *, accept: str = "application/json", body: object = None
    ) -> object:
        status, text = self._answer(method, path, where, accept=accept, body=body)
        if status == _CONFLICT and method == "PATCH":
            raise MirrorConflict(f"{self._target} was changed by another writer")
        if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's own numbers
            remedy = f": {_REMEDIES[status]}" if status in _REMEDIES else ""
            what = path.rpartition("/")[2] if method == "POST" else str(self._target)
            raise MirrorUnavailable(f"the Kubernetes API answered {status} for {what}{remedy}")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise MirrorUnavailable("the Kubernetes API answered with something other than JSON") from None

    def _answer(
        self, method: str, path: str, where: Mapping[str, str], *, accept: str, body: object
    ) -> tuple[int, bytes]:
        headers = {"Accept": accept}
        query = []
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
            query = [("fieldManager", MANAGER)]
        try:
            client = self._connected()
            status, text = exchange(
                client, method, path, where, headers=headers, seconds=self._seconds, query=query, body=body
            )
        except MirrorUnavailable:
            raise
        except Exception as error:
            # its text may hold addresses and headers
            raise MirrorUnavailable(f"the Kubernetes API cannot be reached ({type(error).__name__})") from error
        if len(text) > MAX_BODY:
            raise MirrorUnavailable("the Kubernetes API answered with more than 1 MiB")
        return status, text

    def _connected(self) -> Any:  # noqa: ANN401 - the client ships no types that mypy can use without loading it all
        if self._client is None:
            self._client = connected(self._target)
        return self._client


def exchange(  # noqa: PLR0913 - the parts of a request
    client: Any,  # noqa: ANN401 - as below
    method: str,
    path: str,
    where: Mapping[str, str],
    *,
    headers: Mapping[str, str],
    seconds: float,
    query: Sequence[tuple[str, str]] = (),
    body: object = None,
) -> tuple[int, bytes]:
    """Make one request and return its status and at most MAX_BODY + 1 bytes of the body.

    Raises what the client raises.
    """
    request = client.param_serialize(
        method=method,
        resource_path=path,
        path_params=dict(where),
        query_params=list(query),
        header_params=dict(headers),
        body=body,
        auth_settings=["BearerToken"],
    )
    answer = client.call_api(*request, _request_timeout=seconds).response
    try:
        return int(answer.status), bytes(answer.read(MAX_BODY + 1, decode_content=True))
    finally:
        answer.close()


def connected(target: ObjectReference) -> Any:  # noqa: ANN401
    # not the typed APIs: importing their models takes four times as long as all the rest
    from kubernetes.client import ApiClient, Configuration  # noqa: PLC0415
    from kubernetes.config import load_kube_config  # noqa: PLC0415
    from kubernetes.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415

    configuration = Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        token, authority = (str(target.account_dir / name) for name in ("token", "ca.crt"))
        InClusterConfigLoader(token_filename=token, cert_filename=authority).load_and_set(configuration)
    else:
        load_kube_config(client_configuration=configuration)
    configuration.retries = 0
    client = ApiClient(configuration)
    client.user_agent = MANAGER
    return client
