"""The commands on a real company, as an operator uses them through an incident."""

import json

import pytest

from reconcile.simulator import ApiOperation, Fault, FaultKind, incident
from tests import samples
from tests.cli.conftest import Shop

pytestmark = pytest.mark.integration


async def test_the_report_is_the_last_line_of_stdout_and_the_ledgers(shop: Shop) -> None:
    done = await shop.reconcile("run", "--output", "json")

    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 1
    assert done.json["leadsChecked"] == 10
    assert (await shop.json("explain", "run", done.json["runId"]))["report"] == done.json


async def test_logs_go_to_stderr_one_object_a_line(shop: Shop) -> None:
    shop.simulator.faults.add(*incident())

    done = await shop.reconcile("run")

    assert done.err
    assert all("event" in json.loads(line) for line in done.err.splitlines())


async def test_without_a_terminal_output_is_json_and_text_on_request(shop: Shop) -> None:
    text = await shop.reconcile("run", output="text")

    assert text.code == 0
    assert "● healthy  10 leads checked in 2 workspaces" in text.out
    assert "reconcile explain run" in text.out
    assert "\x1b" not in text.out
    assert (await shop.reconcile("run")).json["health"] == "healthy"


async def test_a_dry_run_writes_nothing_and_goes_through_everything(shop: Shop) -> None:
    planned = await shop.json("run", "--dry-run", leads_per_workspace="2")
    again = await shop.json("run", "--dry-run", leads_per_workspace="2")

    assert planned["dryRun"] is True
    assert planned["leadsChecked"] == again["leadsChecked"] == 10
    assert planned["bookedFound"] == again["bookedFound"]
    assert (await shop.json("status"))["runs"] == []


async def test_a_typed_limit_binds_a_dry_run(shop: Shop) -> None:
    planned = await shop.json("run", "--dry-run", "--leads-per-workspace", "2")

    assert planned["leadsChecked"] == 4


async def test_one_workspace_may_be_visited_alone(shop: Shop) -> None:
    report = await shop.json("run", "--workspace", next(iter(shop.world.workspaces)))

    assert (report["workspacesProcessed"], report["leadsChecked"]) == (1, 5)


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [((), 0), (("circuit-broken",), 1), (("degraded",), 1), (("lease-held",), 0), (("lease-held", "unhealthy"), 1)],
)
async def test_an_open_breaker_fails_a_run_only_on_request(shop: Shop, fail_on: tuple[str, ...], code: int) -> None:
    shop.simulator.faults.add(*incident())

    done = await shop.reconcile("run", *(word for each in fail_on for word in ("--fail-on", each)))

    assert done.code == code
    assert done.json["health"] == "circuit_broken"


async def test_an_incident_is_read_explained_held_and_reset(shop: Shop) -> None:
    await shop.json("run")
    shop.simulator.faults.add(*incident())
    broken = await shop.json("run", circuit_breaker_cooldown_seconds="3600")

    status = await shop.json("status")
    shown = await shop.json("breaker", "show")
    lead = await shop.json("explain", "lead", shop.world.leads[0].id)
    held = await shop.json("breaker", "hold", "provider:ghl", "--reason", "vendor outage", "--actor", "ada")
    text = (await shop.reconcile("status", "--output", "text")).out
    shop.simulator.faults.clear()
    shop.simulator.requests.reset()
    await shop.json("run")
    asked_while_held = set(shop.simulator.requests.summary()["byOperation"])
    await shop.json("breaker", "reset", "provider:ghl", "--reason", "fixed")
    healed = await shop.json("run")

    assert broken["circuitBroken"] is True
    assert status["verdict"].startswith("stopped: GoHighLevel: responses lack a required field")
    assert [run["health"] for run in status["runs"]] == ["circuit_broken", "healthy"]
    assert status["breakers"] == shown["breakers"]
    assert lead["breakers"][0]["breaker"] == "provider:ghl"
    assert held["breakers"][0]["override"]["actor"] == "ada"
    assert "held open by ada: vendor outage" in text
    assert "GHL appointment response missing required ID field" in text
    assert "reconcile breaker reset provider:ghl --reason" in text
    assert not {operation for operation in asked_while_held if operation.startswith("ghl.")}
    assert (healed["health"], healed["leadsChecked"]) == ("healthy", 10)


async def test_a_lead_that_fails_for_long_is_listed_and_released(shop: Shop) -> None:
    # Lists would settle it.
    shop.simulator.faults.add(
        Fault(kind=FaultKind.SERVER_ERROR, subject=_booked(shop)),
        Fault(kind=FaultKind.SERVER_ERROR, operation=ApiOperation.GHL_CALENDARS),
    )
    await shop.json("run", quarantine_after="1", circuit_breaker_mode="metrics_only")

    listed = (await shop.json("quarantine", "list"))["quarantined"]
    text = (await shop.reconcile("quarantine", "list", "--output", "text")).out
    released = await shop.json("quarantine", "release", *(line["leadId"] for line in listed))

    assert len(listed) == 1
    assert listed[0]["failureCount"] == 1
    assert listed[0]["leadId"] in text
    assert released == {"released": 1}
    assert (await shop.json("quarantine", "list")) == {"quarantined": []}


async def test_the_output_has_no_personal_data(shop: Shop) -> None:
    shop.simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR, share=0.3))
    await shop.json("run", quarantine_after="1", circuit_breaker_mode="metrics_only")
    workspace, lead = next(iter(shop.world.workspaces)), shop.world.leads[0].id
    commands = ("status", "quarantine list", "mismatches", f"explain lead {lead}", f"explain workspace {workspace}")

    told = ""
    for command in commands:
        for form in ("json", "text"):
            done = await shop.reconcile(*command.split(), "--output", form)
            assert done.code == 0, done.err
            told += done.out + done.err

    assert not [each.email for each in shop.world.leads if each.email in told]
    assert not [each.location_token for each in shop.world.workspaces.values() if each.location_token in told]


@samples.cells(1)
@pytest.mark.parametrize("command", ["run", "status", "status --output text"])
async def test_a_reader_that_leaves_ends_a_command_quietly(shop: Shop, command: str) -> None:
    code, err = await shop.unread(*command.split())

    assert code == 141
    assert [line for line in err.splitlines() if json.loads(line)["level"] != "info"] == []


def _booked(shop: Shop) -> str:
    return next(each.stored.id for each in shop.world.leads if each.stored is not None)
