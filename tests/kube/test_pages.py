"""The API's lists of Jobs and pods are read to their end."""

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from reconcile.kube.pod_logs import PodLogs
from tests.kube.apiserver import ApiServer, reply
from tests.kube.test_pod_logs import BATCH, OWNER, logs
from tests.services.page_sizes import PAGE, SIZES

__all__ = ["logs"]


class Cluster:
    """A cluster with *jobs* of the CronJob and *pods* of each, listed page by page."""

    def __init__(self, *, jobs: int, pods: int) -> None:
        self._jobs = [{"metadata": {"name": f"insights-{n}", "ownerReferences": [OWNER]}} for n in range(jobs)]
        self._pods = pods

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        path, query = urlsplit(handler.path).path, parse_qs(urlsplit(handler.path).query)
        if path == f"{BATCH}/cronjobs/insights":
            body: object = {"metadata": {"name": "insights"}}
        elif path == f"{BATCH}/jobs":
            body = page(self._jobs, query)
        elif path.endswith("/pods"):
            job = query["labelSelector"][0].removeprefix("job-name=")
            names = [f"{job}-{number}" for number in range(self._pods)]
            spec = {"containers": [{"name": "main"}]}
            body = page([{"metadata": {"name": name}, "spec": spec} for name in names], query)
        else:
            pod = path.split("/")[-2]
            reply(handler, 200, f"2026-03-02T09:12:00.000000000Z {pod}\n".encode())
            return
        reply(handler, 200, json.dumps(body).encode())


def page(items: Sequence[object], query: dict[str, list[str]]) -> object:
    start, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
    token = {"continue": str(start + limit)} if start + limit < len(items) else {}
    return {"items": items[start : start + limit], "metadata": token}


@pytest.mark.parametrize(("jobs", "pods"), [*((size, 1) for size in SIZES), *((1, size) for size in SIZES)])
def test_the_log_of_every_pod_of_every_job_is_read_once(server: ApiServer, logs: PodLogs, jobs: int, pods: int) -> None:
    server.always = Cluster(jobs=jobs, pods=pods)
    source = PodLogs(target=logs.target, since=logs.since, read=logs.read, page=PAGE)

    found = [each.text for each in source.entries()]

    assert found == [f"insights-{job}-{pod}" for job in range(jobs) for pod in range(pods)]
    lists = [parse_qs(urlsplit(path).query) for _, path, _ in server.requests if path.split("?")[0].endswith("jobs")]
    assert {query["limit"][0] for query in lists} == {str(PAGE)}
