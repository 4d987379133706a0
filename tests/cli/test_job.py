"""One-off Jobs as ``reconcile job manifest`` prints them."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile_cli.main import ExitCode
from tests.cli.command import here
from tests.kube.apiserver import api_server, kubeconfig, reply
from tests.kube.stored_cronjobs import CRONJOBS_DIR, stored

CRONJOB = str(CRONJOBS_DIR / "everything.yaml")
BASE = ("--name", "once", "--from-cronjob", CRONJOB)


def job(*arguments: str) -> Any:
    done = here("job", "manifest", *BASE, *arguments)
    assert done.code == 0, done.err
    return yaml.safe_load(done.out)


def test_a_job_is_printed_for_kubectl_in_two_spellings() -> None:
    plain = job("--", "run", "--dry-run", "--workspace", "no")
    as_json = here("job", "manifest", *BASE, "--format", "json", "--", "run", "--dry-run", "--workspace", "no")
    (container,) = plain["spec"]["template"]["spec"]["containers"]

    assert plain == json.loads(as_json.out)
    assert (plain["kind"], plain["metadata"]["name"], plain["spec"]["backoffLimit"]) == ("Job", "once", 2)
    assert container["args"] == ["run", "--dry-run", "--workspace", "no"]
    assert {"name": "RECONCILE_TRIGGER", "value": "manual"} in container["env"]
    assert plain["spec"]["podFailurePolicy"]["rules"][1]["action"] == "FailJob"


def test_the_cronjob_is_read_from_the_cluster_by_the_releases_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, 200, json.dumps(stored("everything")).encode())

    with api_server() as server:
        server.always = answers
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        path = kubeconfig(tmp_path, server.port)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        words = ("--name", "once", "--release", "reconciler", "--namespace", "calendars", "--", "run")
        done = here("job", "manifest", *words)

    assert [each[1] for each in server.requests] == ["/apis/batch/v1/namespaces/calendars/cronjobs/reconciler"]
    assert yaml.safe_load(done.out) == job("--", "run")


def test_a_job_of_shards_lets_the_others_go_on() -> None:
    spec = job("--shards", "4", "--parallelism", "2", "--", "backfill", "apply")["spec"]

    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 2)
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"]) == (2, 4)
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["podFailurePolicy"]["rules"][1]["action"] == "FailIndex"
    assert {"name": "RECONCILE_SHARDS", "value": "4"} in spec["template"]["spec"]["containers"][0]["env"]


@pytest.mark.parametrize("shards", ["1", "4"])
def test_a_pod_that_was_ended_from_outside_costs_a_job_no_retry(shards: str) -> None:
    rules = job("--shards", shards, "--", "run")["spec"]["podFailurePolicy"]["rules"]
    ended = {"containerName": "reconcile", "operator": "In", "values": [143]}

    assert {"action": "Ignore", "onExitCodes": ended} in rules


def test_a_failure_that_no_retry_can_change_is_not_retried() -> None:
    rules = job("--", "verify", "--min-checks", "5", "--since", "1h")["spec"]["podFailurePolicy"]["rules"]

    codes = {ExitCode.INCONCLUSIVE, ExitCode.QUESTION, ExitCode.NO_INPUT, ExitCode.SETTINGS}
    assert set(rules[1]["onExitCodes"]["values"]) == codes


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--", "run", "--shard", "0/4"), "remove --shard and --shards from the command"),
        (("--shards", "0", "--", "run"), "0 is not in the range"),
        (("--name", "Not_A_Name", "--", "run"), "must be a name of 1 to 63"),
        (("--release", "rec", "--", "run"), "--release, or give it with --from-cronjob"),
        (("--from-cronjob", "/nowhere", "--", "run"), "does not exist"),
        (("--from-cronjob", __file__, "--", "run"), "the CronJob is not one document of YAML or JSON"),
        ((), "Missing argument"),
    ],
)
def test_a_job_that_contradicts_itself_is_refused(arguments: tuple[str, ...], says: str) -> None:
    done = here("job", "manifest", *BASE, *arguments)

    assert (done.code, says in done.err) == (2, True), done.err


def test_a_job_of_no_release_is_refused() -> None:
    done = here("job", "manifest", "--name", "once", "--", "run")

    assert (done.code, "name the release's CronJob with --release" in done.err) == (2, True), done.err
