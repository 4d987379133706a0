"""``reconcile explain failure`` from outside."""

from reconcile.simulator import incident
from tests.cli.conftest import Shop

MESSAGE = "GHL appointment response missing required ID field"


async def test_a_failure_is_shown_with_the_affected_workspaces(shop: Shop) -> None:
    report = await shop.json("run")
    shop.simulator.faults.add(*incident())
    broken = await shop.json("run")
    told = await shop.json("explain", "failure", MESSAGE)
    text = await shop.reconcile("explain", "failure", MESSAGE, "--output", "text")

    assert report["errors"] == 0
    assert sum(each["count"] for each in told["sightings"]) == broken["errors"]
    (row,) = told["sightings"]
    assert row["runs"] == 1
    assert row["workspaceCount"] == len(row["workspaces"]) == broken["topSignatures"][0]["workspaces"]
    assert row["signature"]["shape"] == broken["topSignatures"][0]["shape"]
    assert row["version"]
    assert f"● {row['count']} × ghl/appointment/contract: {MESSAGE}" in text.out
    assert "keys present" in text.out


async def test_an_unknown_failure_is_reported(shop: Shop) -> None:
    done = await shop.reconcile("explain", "failure", "nothing like it")

    assert (done.code, done.out) == (2, "")
    assert "no recorded failure contains 'nothing like it'" in done.err
