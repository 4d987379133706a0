"""``reconcile backfill`` as it is typed, well and badly."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from reconcile import bootstrap
from reconcile.domain.backfill.plan import BackfillPlan, PlanId, Selection
from tests import postgres, stores
from tests.cli.command import here
from tests.cli.conftest import Shop
from tests.kube.stored_cronjobs import CRONJOBS_DIR

CRONJOB = str(CRONJOBS_DIR / "everything.yaml")
SELECT = ("--stale-booked", "1s")


@pytest.fixture
async def planned(shop: Shop) -> Shop:
    """Give a shop with a plan by the name of ``one``, which is held: everything in it differs."""
    await shop.json("backfill", "plan", *SELECT, "--name", "one")
    return shop


@pytest.fixture
def begun(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the URL of a database in which a plan by the name of ``one`` was begun, for one workspace."""
    url = stores.sqlite_copy(sqlite_template, tmp_path)

    async def begin() -> None:
        await bootstrap.seed_url(url, workspaces=[stores.workspace("ws-0000")], leads=[])
        plan = BackfillPlan(id=PlanId("one"), made_at=datetime.now(UTC), asked={"signature": "x"})
        async with bootstrap.open_database_url(url) as store:
            await store.backfills.begin(plan, Selection(signature="x"))

    postgres.in_thread(begin())
    return url


async def test_a_plan_is_looked_at_approved_and_carried_out(planned: Shop) -> None:
    (listed,) = (await planned.json("backfill", "status"))["plans"]
    refused = await planned.reconcile("backfill", "apply", "one")
    done = await planned.json("backfill", "apply", "one", "--approve", listed["hash"])
    text = await planned.reconcile("backfill", "status", "one", output="text")

    assert (listed["state"], listed["next"]) == ("held", f"reconcile backfill apply one --approve {listed['hash']}")
    assert refused.code == 2
    assert listed["next"] in refused.err
    assert (done["state"], done["counts"]) == ("applied", {"applied": done["selected"]})
    assert "plan one: applied" in text.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "--since", "yesterday-ish"), "must be a date, a time like 2026-03-01T09:30Z, or an age"),
        (("plan", "--since", "2199-01-01"), "must not be in the future"),
        (("plan", "--stale-booked", "0000-00-00"), "must be a date"),
        (("plan", "--since", "99999999999d"), "must be a date"),
        (("plan", "--status", "maybe"), "'maybe' is not one of"),
        (("plan", *SELECT, "--workspace", "nobody's"), "there is no workspace"),
        (("plan",), "select leads"),
        (("reset",), "select leads"),
        (("plan", *SELECT, "--name", "Not A Name"), "must be a name of 1 to 63 small letters"),
        (("plan", "--name", "two", "--workspace", "ws-0000", "--within", "soon"), "must be a duration like"),
        (("apply", "elsewhere"), "this database has no plan elsewhere; its last plans are one."),
        (("status", "elsewhere"), "this database has no plan elsewhere"),
        (("apply", "one"), "the plan one is not complete"),
        (("plan", "--name", "one", "--provider", "ghl"), "the plan one exists with another selection"),
        (("manifest", "--plan", "one"), "Missing option"),
    ],
)
def test_an_impossible_request_is_refused_with_a_sentence(begun: str, arguments: tuple[str, ...], said: str) -> None:
    done = here("backfill", *arguments, database_url=begun, output="json")

    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("setting", "value"), [("rate_share", "-0.5"), ("max_percent", "-1"), ("max_canceled_percent", "101")]
)
def test_a_rate_that_none_can_be_is_a_setting_to_be_put_right(tmp_path: Path, setting: str, value: str) -> None:
    done = here(
        "backfill", "plan", *SELECT, **{f"backfill_{setting}": value, "database_url": f"sqlite:///{tmp_path}/x"}
    )

    assert done.code == 78
    assert f"RECONCILE_BACKFILL_{setting.upper()} must be a number from" in done.err


async def test_an_edited_plan_is_refused(planned: Shop) -> None:
    """By whoever can write the database: as little as one row's outcome."""
    plan = await planned.json("backfill", "status", "one")
    path = planned.env["RECONCILE_DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE reconcile_backfill_lead SET facts = 'x' WHERE lead_id = 'ws-0000-lead-00002'")
    database.close()
    done = await planned.reconcile("backfill", "apply", "one", "--approve", plan["hash"])

    assert done.code == 2
    assert "the rows of plan one were edited since it was created" in done.err


async def test_pods_of_one_job_share_a_plan_by_its_name(shop: Shop) -> None:
    pods = [
        await shop.json("backfill", "plan", "--stale-booked", job_name="in-two", shards="2", shard=f"{n}/2")
        for n in range(2)
    ]

    assert [pod["plan"] for pod in pods] == ["in-two", "in-two"]
    assert pods[1]["hash"] is not None
    assert pods[1]["selected"] == pods[1]["counts"]["planned"]


async def test_reset_shows_the_number_of_leads_before_moving_any(shop: Shop) -> None:
    await shop.json("run")
    looked = await shop.json("backfill", "reset", "--provider", "ghl", "--dry-run")
    moved = await shop.json("backfill", "reset", "--provider", "ghl")
    again = await shop.json("backfill", "reset", "--provider", "ghl")

    assert looked["reset"] == looked["selected"] == moved["reset"] > 0
    assert (looked["dryRun"], again["reset"]) == (True, 0)


def test_the_printed_job_carries_out_the_plan_in_shards() -> None:
    words = ("--plan", "one", "--shards", "4", "--name", "bf", "--from-cronjob", CRONJOB)
    job = yaml.safe_load(here("backfill", "manifest", *words).out)
    as_json = json.loads(here("backfill", "manifest", *words, "--approve", "f00d", "--format", "json").out)
    container = job["spec"]["template"]["spec"]["containers"][0]

    assert container["args"] == ["backfill", "apply", "one"]
    assert {"name": "RECONCILE_TRIGGER", "value": "backfill"} in container["env"]
    assert (job["spec"]["completionMode"], job["spec"]["completions"]) == ("Indexed", 4)
    assert as_json["spec"]["template"]["spec"]["containers"][0]["args"][-2:] == ["--approve", "f00d"]


async def test_a_plan_prints_its_estimate_before_it_begins(shop: Shop) -> None:
    made = await shop.reconcile("backfill", "plan", *SELECT, "--name", "two", output="text")

    estimate = next(line for line in made.err.splitlines() if "estimate" in line)
    assert "at most" in estimate
    assert "accounts" in estimate
    assert "workspace " in made.err
    assert " now" in made.err
