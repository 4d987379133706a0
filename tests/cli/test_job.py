"""One-off Jobs as ``reconcile job manifest`` prints them."""

import json
from typing import Any

import pytest
import yaml

from reconcile_cli.main import ExitCode
from tests.cli.command import here

BASE = ("--name", "once", "--image", "example/reconcile:1", "--release", "rec")


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


def test_a_job_with_secrets_has_them_as_files() -> None:
    pod = job("--database-secret", "db", "--credentials-secret", "tokens", "--state-object", "configmap/s", "--", "run")
    pod = pod["spec"]["template"]["spec"]

    assert {each["name"] for each in pod["volumes"]} == {"tmp", "mapping", "database", "credentials", "token"}
    env = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert env["RECONCILE_DATABASE_URL_FILE"] == "/var/run/secrets/reconcile/database/url"
    assert env["RECONCILE_STATE_OBJECT"] == "configmap/s"


def test_a_job_finds_the_files_of_a_config_map() -> None:
    pod = job("--files", "rollout", "--", "verify", "--plan", "/files/rollout.yaml")["spec"]["template"]["spec"]

    assert {"name": "files", "configMap": {"name": "rollout"}} in pod["volumes"]
    assert {"name": "files", "mountPath": "/files", "readOnly": True} in pod["containers"][0]["volumeMounts"]


@pytest.mark.parametrize("words", [("--cronjob", "insights"), ("--cronjob=insights",), ("--plan", "/files/a.yaml")])
def test_a_job_that_reads_a_cronjobs_logs_may_speak_to_the_api(words: tuple[str, ...]) -> None:
    asked = ("--service-account", "rec-verify", "--", "verify", "--min-checks", "5", "--since", "1h")
    pods = [job(*asked, *more)["spec"]["template"]["spec"] for more in ((), words)]

    assert ["token" in {each["name"] for each in pod["volumes"]} for pod in pods] == [False, True]
    assert {pod["serviceAccountName"] for pod in pods} == {"rec-verify"}


def test_a_failure_that_no_retry_can_change_is_not_retried() -> None:
    rules = job("--", "verify", "--min-checks", "5", "--since", "1h")["spec"]["podFailurePolicy"]["rules"]

    codes = {ExitCode.INCONCLUSIVE, ExitCode.QUESTION, ExitCode.NO_INPUT, ExitCode.SETTINGS}
    assert set(rules[1]["onExitCodes"]["values"]) == codes


def test_a_job_has_the_mapping_of_its_release_where_the_settings_say_that_it_is() -> None:
    pod = job("--", "run")["spec"]["template"]["spec"]
    (mapping,) = [each["configMap"] for each in pod["volumes"] if each["name"] == "mapping"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "mapping"]

    assert mapping == {
        "name": "rec",
        "optional": True,
        "items": [{"key": "mapping.toml", "path": "mapping.toml"}],
    }
    assert mount == {"name": "mapping", "mountPath": "/etc/reconcile", "readOnly": True}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--", "run", "--shard", "0/4"), "remove --shard and --shards from the command"),
        (("--shards", "0", "--", "run"), "0 is not in the range"),
        (("--name", "Not_A_Name", "--", "run"), "must be a name of 1 to 63"),
        ((), "Missing argument"),
    ],
)
def test_a_job_that_contradicts_itself_is_refused(arguments: tuple[str, ...], says: str) -> None:
    done = here("job", "manifest", *BASE, *arguments)

    assert (done.code, says in done.err) == (2, True), done.err
