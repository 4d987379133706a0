"""`reconcile alerts` and a run with channels, as an operator has them: whole processes and real sockets."""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconcile.simulator import incident
from tests.alerts.mailserver import a_mail_server
from tests.cli.command import ARGUMENTS, BASE, here
from tests.cli.conftest import Shop
from tests.integration.receiver import Receiver, a_receiver
from tests.timeouts import HUNG

pytestmark = pytest.mark.integration
SECRET = "c4n4ry-signing-key-16"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as found:
        yield found


def hooked(receiver: Receiver) -> dict[str, str]:
    return {"alert_webhook_url": receiver.url, "alert_webhook_secret": SECRET}


def told(receiver: Receiver) -> list[tuple[str, str]]:
    documents = [json.loads(each.body) for each in receiver.deliveries]
    return [(notice["news"], notice["alert"]) for each in documents for notice in each["notices"]]


async def test_a_run_notifies_its_trip_and_the_list_shows_it(shop: Shop, receiver: Receiver) -> None:
    await shop.json("run", **hooked(receiver))
    shop.simulator.faults.add(*incident())

    report = await shop.json("run", **hooked(receiver))
    view = await shop.json("alerts", "list", **hooked(receiver))
    text = (await shop.reconcile("alerts", "list", "--output", "text", **hooked(receiver))).out

    assert report["circuitBroken"] is True
    assert told(receiver) == [("new", "provider_breaker:ghl")]
    assert [(each["alert"], each["overAt"], each["owed"]) for each in view["alerts"]] == [
        ("provider_breaker:ghl", None, [])
    ]
    assert view["channels"] == [
        {"channel": "webhook", "owed": 0, "fault": None, "failingSince": None, "notBefore": None}
    ]
    assert "● provider_breaker:ghl  critical" in text
    assert "all delivered" in text
    assert not [each.email for each in shop.world.leads if each.email.encode() in receiver.deliveries[0].body]


async def test_alerts_check_notifies_what_no_run_can_detect(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.faults.add(*incident())
    await shop.json("run")
    receiver.answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

    failed = await shop.reconcile("alerts", "check", **hooked(receiver))
    view = failed.json

    assert failed.code == 1
    assert view["channels"][0]["fault"] == "webhook answered 503"
    assert view["alerts"][0]["owed"] == ["webhook"]
    assert told(receiver) == [("new", "provider_breaker:ghl")]


async def test_after_a_kill_before_the_confirmation_a_notice_repeats_with_the_same_id(
    shop: Shop, receiver: Receiver
) -> None:
    shop.simulator.faults.add(*incident())
    receiver.is_shut = True
    given = {f"RECONCILE_{name.upper()}": value for name, value in hooked(receiver).items()}
    env = {**BASE, **shop.env, **given}
    process = await asyncio.create_subprocess_exec(*ARGUMENTS, "run", env=env, stdout=asyncio.subprocess.DEVNULL)
    await receiver.until(1)
    process.kill()
    await process.wait()
    await receiver.open()
    with sqlite3.connect(shop.env["RECONCILE_DATABASE_URL"].removeprefix("sqlite:///")) as database:
        database.execute("UPDATE reconcile_lease SET expires_at = '2020-01-01T00:00:00.000000+00:00'")
    database.close()

    again = await shop.json("alerts", "check", **hooked(receiver))
    await shop.json("alerts", "check", **hooked(receiver))

    assert again["alerts"][0]["owed"] == []
    assert told(receiver) == [("new", "provider_breaker:ghl")] * 2
    assert len({each.key for each in receiver.deliveries}) == 1


async def test_dead_slack_and_dead_mail_fail_no_run(shop: Shop, receiver: Receiver) -> None:
    """Both take the connection and say nothing, so nothing but the clock ends them."""
    receiver.is_shut = True
    async with a_mail_server({"greeting": ""}) as mail:
        dead = {
            "alert_slack_url": receiver.url,
            "alert_smtp_url": f"smtp://127.0.0.1:{mail.port}",
            "alert_email_to": "ops@example.com",
            "alert_email_from": "alerts@example.com",
        }
        await shop.json("run", **dead)
        shop.simulator.faults.add(*incident())
        done = await shop.reconcile("run", **dead)

    warnings = [json.loads(line) for line in done.err.splitlines()]
    faults = {each["channel"]: each["fault"] for each in warnings if each["event"] == "alert.not_delivered"}
    assert done.code == 0
    assert done.json["circuitBroken"] is True
    assert faults == {"slack": "slack did not answer in time", "email": "the mail server did not answer in time"}


async def test_a_name_server_that_never_answers_keeps_no_run(tmp_path: Path, shop: Shop) -> None:
    """The thread that asks it cannot be ended; the process ends without it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import socket, time\n"
        "asked = socket.getaddrinfo\n"
        "def getaddrinfo(host, *rest, **more):\n"
        "    if host == 'hooks.example.com':\n"
        "        time.sleep(600)\n"
        "    return asked(host, *rest, **more)\n"
        "socket.getaddrinfo = getaddrinfo\n"
    )
    shop.simulator.faults.add(*incident())
    shop.env |= {"PYTHONPATH": f"{tmp_path}:{BASE['PYTHONPATH']}"}
    began = time.monotonic()

    done = await shop.reconcile_anew("run", alert_slack_url="https://hooks.example.com/services/x")

    assert done.code == 0
    assert "slack did not answer in time" in done.err
    assert time.monotonic() - began < HUNG


async def test_a_channel_test_reports_the_result_of_each_channel(receiver: Receiver, shop: Shop) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    settings = {**hooked(receiver), "alert_slack_url": receiver.url, "alert_pagerduty_key": "c4n4ry-key-of-pagerduty"}
    origin = receiver.url.removesuffix("/hook")

    done = await shop.reconcile("alerts", "test", alert_pagerduty_url=origin, **settings)
    text = await shop.reconcile("alerts", "test", "--output", "text", alert_pagerduty_url=origin, **settings)

    faults = {each["channel"]: each["fault"] for each in done.json["channels"]}
    assert done.code == text.code == 1
    assert faults == {
        "slack": None,
        "webhook": None,
        "pagerduty": "pagerduty answered 200 without pagerduty's confirmation",
    }
    assert "✓  slack      confirmed the test" in text.out
    assert "c4n4ry" not in done.out + done.err + text.out + text.err


async def test_a_test_that_all_have_taken_ends_with_0(receiver: Receiver, shop: Shop) -> None:
    done = await shop.reconcile("alerts", "test", **hooked(receiver))

    assert done.code == 0, done.out
    assert told(receiver) == [("new", "test"), ("recovered", "test")]


@pytest.mark.parametrize("verb", ["test", "check"])
def test_without_a_channel_there_is_nothing_to_try(verb: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    here("migrate", database_url=url)

    done = here("alerts", verb, **({"database_url": url} if verb == "check" else {}))

    assert done.code == 78
    assert "no channel of alerts is set; set RECONCILE_ALERT_SLACK_URL" in done.err


async def test_channels_are_not_imported_without_a_notification(shop: Shop) -> None:
    program = (
        "import sys, json\n"
        "from reconcile_cli.main import cli\n"
        "try:\n    cli(['run'], prog_name='reconcile')\nexcept SystemExit:\n    pass\n"
        "print(json.dumps([name for name in sys.modules if name.startswith(('aiosmtplib', 'reconcile.alerts'))]))\n"
    )
    silent = {"RECONCILE_ALERT_SLACK_URL": "http://127.0.0.1:9/x"}

    for given in ({}, silent):
        env = {**BASE, **shop.env, **given}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=env, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        report, loaded = map(json.loads, out.splitlines()[-2:])
        assert report["health"] == "healthy"
        assert loaded == []
