"""The logs of a CronJob's pods, over a scripted API server."""

import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from reconcile.errors import LogsRefused, LogsUnavailable
from reconcile.kube.object_reference import ObjectReference
from reconcile.kube.pod_logs import PodLogs
from reconcile.logs import entries
from tests.kube.apiserver import TOKEN, ApiServer, kubeconfig, reply, status

SINCE = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
BATCH = "/apis/batch/v1/namespaces/shop"
OWNER = {"kind": "CronJob", "name": "insights"}
LOG = b"2026-03-02T09:12:00.000000000Z ERROR agent_response is too long\n2026-03-02T09:13:00.000000000Z fine\n"


@pytest.fixture
def logs(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodLogs:
    path = kubeconfig(tmp_path, server.port)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    target = ObjectReference.parse("cronjob/insights", namespace="shop", account_dir=tmp_path)
    return PodLogs(target=target, since=SINCE, read=entries)


def cluster(handler: BaseHTTPRequestHandler) -> None:
    """Answer as a cluster with two Jobs, one of them the CronJob's, listed page by page."""
    path, query = urlsplit(handler.path).path, parse_qs(urlsplit(handler.path).query)
    if path == f"{BATCH}/cronjobs/insights":
        body: object = {"metadata": {"name": "insights"}}
    elif path == f"{BATCH}/jobs" and "continue" not in query:
        body = {"items": [{"metadata": {"name": "other", "ownerReferences": []}}], "metadata": {"continue": "next"}}
    elif path == f"{BATCH}/jobs":
        body = {"items": [{"metadata": {"name": "insights-1", "ownerReferences": [OWNER]}}], "metadata": {}}
    elif path == "/api/v1/namespaces/shop/pods" and query["labelSelector"] == ["job-name=insights-1"]:
        pod = {"metadata": {"name": "insights-1-a"}, "spec": {"containers": [{"name": "main"}, {"name": "waits"}]}}
        body = {"items": [pod], "metadata": {}}
    elif path == "/api/v1/namespaces/shop/pods/insights-1-a/log":
        assert query["sinceTime"] == ["2026-03-02T09:10:00Z"]
        assert query["timestamps"] == ["true"]
        reply(handler, 200 if query["container"] == ["main"] else 400, LOG)
        return
    else:
        reply(handler, 404, b"{}")
        return
    reply(handler, 200, json.dumps(body).encode())


def test_every_container_of_its_own_jobs_is_read(server: ApiServer, logs: PodLogs) -> None:
    server.always = cluster
    found = list(logs.entries())

    assert [(each.at, each.text, each.is_error) for each in found] == [
        (datetime(2026, 3, 2, 9, 12, tzinfo=UTC), "ERROR agent_response is too long", True),
        (datetime(2026, 3, 2, 9, 13, tzinfo=UTC), "fine", False),
    ]
    given = [{name.lower(): text for name, text in headers.items()} for _, _, headers in server.requests]
    assert {each["authorization"] for each in given} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("code", "told", "kind"),
    [
        (401, "the token is not accepted", LogsRefused),
        (403, "the account lacks the right", LogsRefused),
        (404, "it does not exist", LogsRefused),
        (500, "answered 500", LogsUnavailable),
    ],
)
def test_a_refusal_has_its_remedy(
    server: ApiServer, logs: PodLogs, code: int, told: str, kind: type[LogsUnavailable]
) -> None:
    server.always = status(code)
    with pytest.raises(LogsUnavailable, match=told) as caught:
        list(logs.entries())

    assert type(caught.value) is kind


def test_a_response_without_a_list_is_an_error(server: ApiServer, logs: PodLogs) -> None:
    server.always = status(200, b"<html>")
    with pytest.raises(LogsUnavailable, match="other than a list"):
        list(logs.entries())


def test_a_missing_cluster_configuration_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    target = ObjectReference.parse("cronjob/insights", namespace="shop", account_dir=tmp_path)

    with pytest.raises(LogsRefused, match="no access to the Kubernetes API"):
        list(PodLogs(target=target, since=SINCE, read=entries).entries())
