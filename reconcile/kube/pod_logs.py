"""The logs of a CronJob's pods, read through the Kubernetes API as they are, pod by pod."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase
from typing import Any, cast

from reconcile.domain.verification.log_entry import LogEntry
from reconcile.errors import LogsRefused, LogsUnavailable
from reconcile.kube.api import connected
from reconcile.kube.object_reference import ObjectReference
from reconcile.ports.logs import Entries

SECONDS = 30
"""Seconds without a byte after which a response is abandoned."""
MOST_BODY = 16 * 1024 * 1024
_PAGE = 200
Client = Any
"""The client and its answers: it ships no types that mypy can use without loading it all."""
_REMEDIES = {
    401: "the token is not accepted",
    403: "the account lacks the right; docs/verify.md shows the Role that grants it",
    404: "it does not exist",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLogs:
    """The port ``LogSource``: every container of every pod that a CronJob has left, from *since* on."""

    target: ObjectReference
    since: datetime
    read: Entries
    page: int = _PAGE
    """Jobs or pods in one answer of the API."""

    def entries(self) -> Iterator[LogEntry]:
        """Yield the lines of each pod; raise LogsUnavailable, or LogsRefused."""
        client = _connected(self.target)
        namespace = {"namespace": self.target.namespace}
        self._json(client, self.target.path, self.target.parameters, {})
        jobs = self._all(client, "/apis/batch/v1/namespaces/{namespace}/jobs", namespace, {})
        for job in jobs:
            name = job["metadata"]["name"]
            if not _is_owned(job, self.target.name):
                continue
            pods = "/api/v1/namespaces/{namespace}/pods"
            for pod in self._all(client, pods, namespace, {"labelSelector": f"job-name={name}"}):
                for container in pod["spec"]["containers"]:
                    yield from self._log(client, pod["metadata"]["name"], container["name"])

    def _log(self, client: Client, pod: str, container: str) -> Iterator[LogEntry]:
        where = {"namespace": self.target.namespace, "name": pod}
        # Rounded down to the second: not every API server accepts fractions; older lines are left out later.
        since = self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parameters = {"container": container, "timestamps": "true", "sinceTime": since}
        path = "/api/v1/namespaces/{namespace}/pods/{name}/log"
        with closing(self._answer(client, path, where, parameters)) as answer:
            if answer.status in {400, 404}:
                return  # not started yet, or already deleted
            self._refuse(answer.status, f"the log of pod {pod}")
            yield from self.read(cast(Any, BufferedReader(_BodyStream(answer))), name=f"the log of pod {pod}")

    def _all(
        self,
        client: Client,
        path: str,
        where: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            query = {**parameters, "limit": str(self.page), **({"continue": token} if token else {})}
            found = self._json(client, path, where, query)
            items = found.get("items")
            yield from items if isinstance(items, Sequence) else ()
            token = str((found.get("metadata") or {}).get("continue") or "")
            if not token:
                return

    def _json(
        self,
        client: Client,
        path: str,
        where: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> Mapping[str, Any]:
        with closing(self._answer(client, path, where, parameters)) as answer:
            self._refuse(answer.status, f"{path.rpartition('/')[2].format(**where)} in {where['namespace']}")
            text = answer.read(MOST_BODY + 1, decode_content=True)
        try:
            read = json.loads(text) if len(text) <= MOST_BODY else None
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise LogsUnavailable("the Kubernetes API answered with something other than a list")
        return read

    def _answer(
        self,
        client: Client,
        path: str,
        where: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> Client:
        try:
            request = client.param_serialize(
                method="GET",
                resource_path=path,
                path_params=dict(where),
                query_params=list(parameters.items()),
                header_params={"Accept": "application/json, */*"},
                auth_settings=["BearerToken"],
            )
            return client.call_api(*request, _request_timeout=SECONDS).response
        except Exception as error:
            # Its text may hold addresses and headers.
            raise LogsUnavailable(f"the Kubernetes API cannot be reached ({type(error).__name__})") from error

    def _refuse(self, status: int, what: str) -> None:
        if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's own numbers
            text = f"the Kubernetes API answered {status} for {what}"
            if status in _REMEDIES:
                raise LogsRefused(f"{text}: {_REMEDIES[status]}")
            raise LogsUnavailable(text)


class _BodyStream(RawIOBase):
    """A response's body as a stream; a broken connection raises an error of ``reconcile.errors``."""

    def __init__(self, answer: Client) -> None:
        self._answer = answer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Client) -> int:
        try:
            read = self._answer.read(len(buffer), decode_content=True)
        except Exception as error:
            raise LogsUnavailable(f"the connection was lost while reading the log ({type(error).__name__})") from error
        buffer[: len(read)] = read
        return len(read)


def _connected(target: ObjectReference) -> Client:
    try:
        return connected(target)
    except Exception as error:
        raise LogsRefused(
            f"no access to the Kubernetes API ({type(error).__name__}): neither pod account nor kubeconfig"
        ) from error


def _is_owned(job: Mapping[str, Any], cronjob: str) -> bool:
    owners = job.get("metadata", {}).get("ownerReferences") or ()
    return any(each.get("kind") == "CronJob" and each.get("name") == cronjob for each in owners)
