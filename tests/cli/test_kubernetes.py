"""The program beside a Kubernetes API that behaves, misbehaves, or is not there; and what it does for schedules."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconcile.domain.coordination.annotation import BREAKER, BREAKER_STATE, LAST_RUN
from reconcile.simulator import incident
from tests.cli.command import here
from tests.cli.conftest import Shop
from tests.kube.apiserver import ApiServer, Misbehaviour, api_server, hang_up, kubeconfig, slow, status
from tests.samples import WHOLE
from tests.stores import sqlite_copy
from tests.timeouts import HUNG

pytestmark = pytest.mark.integration
FAULTS: dict[str, Misbehaviour] = {
    **{str(code): status(code) for code in (403, 409, 503)},
    "garbage": status(200, b"<html>"),
    "slow": slow(2 * HUNG),
    "hang up": hang_up,
}


def tick(minutes: int = 0) -> str:
    """Return the name of the Job that a controller makes so many minutes from now."""
    return f"rec-{int(datetime.now(UTC).timestamp()) // 60 + minutes}"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def clustered(shop: Shop, server: ApiServer, tmp_path: Path) -> Shop:
    """Give the company with a state object, and commands that wait for it however slow the machine is."""
    shop.prepare = "tests.cli.long_timeouts"
    shop.env |= {
        "KUBECONFIG": str(kubeconfig(tmp_path, server.port)),
        "RECONCILE_STATE_OBJECT": "configmap/rec-state",
        "RECONCILE_NAMESPACE": "shop",
        "RECONCILE_CIRCUIT_BREAKER_COOLDOWN_SECONDS": "3600",
    }
    return shop


async def test_a_run_outside_a_cluster_never_loads_the_client(shop: Shop) -> None:
    code = (
        "import sys; from reconcile_cli.main import cli\n"
        "try: cli(['run'])\n"
        "finally: print(sorted({'kubernetes', 'reconcile.kube', 'pydantic'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={**shop.env, "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert out.decode().splitlines()[-1] == "[]", err.decode()


async def test_a_run_shows_its_breakers_and_its_receipt(clustered: Shop, server: ApiServer) -> None:
    healthy = await clustered.json("run")
    first = dict(server.annotations)
    clustered.simulator.faults.add(*incident())
    await clustered.json("run")

    assert healthy["healthReasons"] == []
    assert (first[BREAKER_STATE], server.annotations[BREAKER_STATE]) == ("closed", "open")
    assert json.loads(first[LAST_RUN])["runId"] == healthy["runId"]
    assert json.loads(server.annotations[BREAKER])["fault"] == "contract"
    assert [(each["reason"], each["type"]) for each in server.events] == [("ContractFault", "Warning")]
    assert {method for method, *_ in server.requests} == {"GET", "PATCH", "POST"}


async def test_the_receipt_is_the_same_on_every_channel(clustered: Shop, server: ApiServer, tmp_path: Path) -> None:
    message = tmp_path / "termination-log"
    message.write_text("what an earlier process left " * 100)
    code = (
        "import pathlib, sys; import tests.cli.long_timeouts\n"
        "from reconcile.bootstrap import termination_log; from reconcile_cli.main import cli\n"
        "termination_log.PATH = pathlib.Path(sys.argv[1]); cli(['run', '--output', 'json', '--log-level', 'info'])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(message),
        env={**shop_env(clustered), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    printed = json.loads(out.splitlines()[-1])
    kept = (await clustered.json("explain", "run", printed["runId"]))["report"]
    (logged,) = [line for line in map(json.loads, err.splitlines()) if line["event"] == "run.ended"]

    receipt = json.dumps(printed["receipt"], separators=(",", ":"))
    assert (message.read_text(), server.annotations[LAST_RUN], logged["receipt"]) == (receipt, receipt, receipt)
    assert kept == printed
    assert printed["receipt"]["leadsChecked"] == printed["leadsChecked"] == 10
    assert len(receipt.encode()) < 1024


def shop_env(shop: Shop) -> dict[str, str]:
    return {**shop.env, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@pytest.mark.parametrize(
    "fault", [pytest.param(each, marks=[] if each in {"409", "slow"} else WHOLE) for each in FAULTS]
)
async def test_with_any_fault_of_the_api_a_run_continues_with_one_warning(
    clustered: Shop, server: ApiServer, fault: str
) -> None:
    await clustered.json("run")
    clustered.simulator.faults.add(*incident())
    server.always = FAULTS[fault]
    clustered.prepare = ""
    began = time.monotonic()
    done = await clustered.reconcile("run")
    took = time.monotonic() - began
    shown = await clustered.json("breaker", "show")
    told = [json.loads(line) for line in done.err.splitlines()]

    assert (done.code, done.json["success"], done.json["circuitBroken"]) == (0, True, True)
    assert [each["level"] for each in told if each["event"] == "state_object.not_in_step"] == ["warning"]
    assert sum("state object not in step" in reason for reason in done.json["healthReasons"]) == 1
    assert shown["breakers"][0]["state"] == "open"
    assert took < HUNG


async def test_a_dry_run_neither_reads_nor_writes_the_object(clustered: Shop, server: ApiServer) -> None:
    await clustered.json("run", "--dry-run")

    assert server.requests == []


async def test_the_jobs_name_gives_the_trigger_and_delay_of_a_run(shop: Shop) -> None:
    scheduled = await shop.json("run", job_name=tick(-2), trigger="schedule")
    copied = await shop.json("run", job_name="rec-by-hand", trigger="schedule")
    backfill = await shop.json("run", job_name="rec-backfill-1", trigger="backfill")

    assert [each["trigger"] for each in (scheduled, copied, backfill)] == ["schedule", "manual", "backfill"]
    assert 120 <= scheduled["latenessSeconds"] < 240
    assert scheduled["scheduledAt"].endswith(":00Z")
    assert (copied["scheduledAt"], copied["latenessSeconds"]) == (None, None)


async def test_a_lowered_cadence_skips_only_scheduled_runs(shop: Shop) -> None:
    first = await shop.json("run", job_name=tick())
    lowered = await shop.json("cadence", "set", "--every", "10m", "--for", "2h", "--reason", "quota", "--actor", "ada")
    shop.simulator.requests.reset()
    left_out = await shop.reconcile("run", job_name=tick(1))
    calls = shop.simulator.requests.total
    by_hand = await shop.json("run")
    status = await shop.json("status", schedule="* * * * *")
    text = (await shop.reconcile("status", output="text", schedule="* * * * *")).out
    await shop.json("cadence", "clear")
    after = await shop.json("run", job_name=tick(1))

    assert (first["stopped"], lowered["everySeconds"], lowered["cause"]) == (None, 600, "override")
    assert (left_out.code, left_out.json["stopped"], left_out.json["health"], calls) == (0, "not_due", "healthy", 0)
    assert "by ada: quota" in left_out.json["healthReasons"][0]
    assert (by_hand["stopped"], after["stopped"]) == (None, None)
    assert status["cadence"]["planned"]["schedule"] == "* * * * *"
    assert len(status["runs"]) == 2
    assert "every 10m, back to the schedule" in text


async def test_scheduled_runs_between_probes_are_skipped_if_configured(shop: Shop) -> None:
    await shop.json("breaker", "trip", "run", "--for", "1h", "--reason", "drill")
    planned = await shop.json("run", job_name=tick())
    automatic = await shop.json("run", job_name=tick(), cadence_auto="on")
    shown = await shop.json("cadence", "show", cadence_auto="on")

    assert (planned["stopped"], automatic["stopped"]) == ("breaker", "not_due")
    assert shown["cause"] == "breaker"


async def test_settings_that_differ_from_the_cronjobs_are_in_report_log_and_status(shop: Shop) -> None:
    applied = {"RECONCILE_SCHEDULE": "* * * * *", "RECONCILE_CIRCUIT_BREAKER_ERROR_RATE": "0.5"}
    given = {"schedule": "*/10 * * * *", "circuit_breaker_error_rate": "0.8", "applied_settings": json.dumps(applied)}
    done = await shop.reconcile("run", **given)
    status = await shop.json("status")
    text = (await shop.reconcile("status", output="text")).out
    logged = [json.loads(line) for line in done.err.splitlines() if "settings.disagree" in line]
    reasons = done.json["healthReasons"]

    assert done.json["health"] == "healthy"
    assert reasons == [
        f"{name} is {value!r} and the CronJob was created with {applied[name]!r}: run helm upgrade to make them equal"
        for name, value in zip(applied, ("*/10 * * * *", "0.8"), strict=True)
    ]
    assert [each["text"] for each in logged] == reasons
    assert status["runs"][0]["healthReasons"] == reasons
    assert "RECONCILE_CIRCUIT_BREAKER_ERROR_RATE is '0.8'" in text


async def test_a_run_for_a_minute_outside_its_schedule_is_reported(shop: Shop) -> None:
    job = tick()
    never = "0 0 31 12 *" if datetime.now(UTC).month != 12 else "0 0 1 1 *"
    fitting = await shop.json("run", job_name=job, schedule="* * * * *")
    stray = await shop.json("run", job_name=job, schedule=never)

    assert fitting["healthReasons"] == []
    assert f"which is not in RECONCILE_SCHEDULE, {never!r}" in stray["healthReasons"][0]


async def test_shards_visit_each_workspace_once(shop: Shop) -> None:
    first = await shop.json("run", "--shard", "0/2")
    shop.env["JOB_COMPLETION_INDEX"] = "1"
    second = await shop.json("run", shards="2")

    assert (first["shard"], second["shard"]) == ("0/2", "1/2")
    assert first["workspacesProcessed"] + second["workspacesProcessed"] == 2
    assert first["leadsChecked"] + second["leadsChecked"] == 10


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"schedule": "every minute"}, "RECONCILE_SCHEDULE must be a cron line of five fields"),
        ({"schedule": "61 * * * *"}, "RECONCILE_SCHEDULE must be a cron line that matches some date"),
        ({"schedule": "0 0 * * 7"}, "Kubernetes does not accept 7"),
        ({"time_zone": "Mars/Base"}, "RECONCILE_TIME_ZONE must be a time zone"),
        ({"state_object": "rec-state"}, "RECONCILE_STATE_OBJECT must be configmap/NAME or cronjob/NAME"),
        ({"state_object": "secret/x"}, "RECONCILE_STATE_OBJECT must be configmap/NAME or cronjob/NAME"),
        ({"shard": "4/4"}, "RECONCILE_SHARD must be INDEX/TOTAL"),
        ({"shards": "4"}, "JOB_COMPLETION_INDEX"),
        ({"shards": "4", "shard": "0/3"}, "RECONCILE_SHARDS is 4 and RECONCILE_SHARD is 0/3"),
        ({"cadence_auto": "yes"}, "RECONCILE_CADENCE_AUTO must be one of on, off"),
    ],
)
def test_a_wrong_setting_ends_with_78_and_a_sentence(settings: dict[str, str], says: str) -> None:
    done = here("status", **settings)

    assert done.code == 78
    assert says in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--every", "0s", "--for", "2h"), "above zero"),
        (("--every", "8d", "--for", "9d"), "at most 7d"),
        (("--every", "10m", "--for", "31d"), "at most 30d"),
        (("--every", "3h", "--for", "2h"), "a cadence of 3h outlasts its override of 2h"),
        (("--every", "ten", "--for", "2h"), "must be a duration"),
    ],
)
def test_a_cadence_that_makes_no_sense_is_a_usage_error(
    arguments: tuple[str, ...], says: str, sqlite_template: Path, tmp_path: Path
) -> None:
    url = sqlite_copy(sqlite_template, tmp_path)
    done = here("cadence", "set", *arguments, "--reason", "x", database_url=url)

    assert (done.code, says in done.err) == (2, True)
