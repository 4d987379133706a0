"""The CronJob that a printed Job is made from: read from the cluster with the caller's rights, or from a file."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from reconcile.errors import ClusterUnavailable, ReconcileError, RequestError
from reconcile.kube.cronjob import parse_cronjob, read_cronjob
from tests.kube.apiserver import TOKEN, ApiServer, Misbehaviour, hang_up, kubeconfig, reply, status
from tests.kube.stored_cronjobs import stored

PATH = "/apis/batch/v1/namespaces/calendars/cronjobs/reconciler"


@pytest.fixture(autouse=True)
def configured(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = kubeconfig(tmp_path, server.port)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


def answers(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, 200, json.dumps(stored("everything")).encode())


def test_it_is_read_with_the_callers_token(server: ApiServer, tmp_path: Path) -> None:
    server.always = answers
    found = read_cronjob("reconciler", namespace="calendars", account_dir=tmp_path)
    ((method, path, headers),) = server.requests

    assert found == stored("everything")
    assert (method, path) == ("GET", PATH)
    assert headers["Authorization" if "Authorization" in headers else "authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(("context", "asked"), [({}, "default"), ({"namespace": "shop"}, "shop")])
def test_without_a_namespace_it_is_that_of_kubectls_context(
    server: ApiServer, configured: Path, tmp_path: Path, context: dict[str, str], asked: str
) -> None:
    server.always = answers
    config = json.loads(configured.read_text())
    config["contexts"][0]["context"] |= context
    configured.write_text(json.dumps(config))
    read_cronjob("reconciler", namespace=None, account_dir=tmp_path)

    assert server.requests[0][1] == f"/apis/batch/v1/namespaces/{asked}/cronjobs/reconciler"


@pytest.mark.parametrize(
    ("misbehave", "error", "says"),
    [
        (status(401), RequestError, "your credentials were refused"),
        (status(403), RequestError, "you lack the right `get` on it"),
        (status(404), RequestError, "it does not exist"),
        (status(500), ClusterUnavailable, "answered 500 for cronjob/reconciler in namespace calendars"),
        (hang_up, ClusterUnavailable, "cannot be reached"),
        (status(200, b"<html>"), RequestError, "an object of another kind"),
    ],
)
def test_what_prevents_it_is_a_sentence(
    server: ApiServer, tmp_path: Path, misbehave: Misbehaviour, error: type[ReconcileError], says: str
) -> None:
    server.always = misbehave
    with pytest.raises(error, match=says):
        read_cronjob("reconciler", namespace="calendars", account_dir=tmp_path)


def test_without_a_kubeconfig_the_file_is_named(
    tmp_path: Path, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.unlink()
    with pytest.raises(RequestError, match="neither a kubeconfig nor a pod's account; or give the CronJob with --from"):
        read_cronjob("reconciler", namespace=None, account_dir=tmp_path)


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_a_file_is_yaml_or_json(write: object) -> None:
    assert callable(write)
    assert parse_cronjob(write(stored("secret")).encode()) == stored("secret")


def test_a_date_that_somebody_wrote_without_quotation_marks_is_a_text() -> None:
    assert parse_cronjob(b"kind: CronJob\nsince: 2026-03-01\n")["since"] == "2026-03-01"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"kind: Deployment", "an object of another kind"),
        (b"- 1", "an object of another kind"),
        (b"", "an object of another kind"),
        (b"a: b: c", "not one document of YAML or JSON"),
        (b"kind: CronJob\n---\nkind: CronJob\n", "not one document of YAML or JSON"),
        (b"\xff\xfe\x00", "not one document of YAML or JSON"),
        (b"[" * 3_000, "not one document of YAML or JSON"),
        (b"a" * (1024 * 1024 + 1), "larger than 1 MiB"),
    ],
    ids=["kind", "list", "empty", "syntax", "two", "binary", "deep", "large"],
)
def test_a_file_that_holds_something_else_is_a_sentence(text: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        parse_cronjob(text)
