"""``reconcile undo`` from outside."""

from reconcile.domain.planning.outcome import CHANGING
from tests.cli.conftest import Shop


async def test_a_run_is_taken_back_and_the_undo_is_explained(shop: Shop) -> None:
    report = await shop.json("run")
    changed = report["bookedFound"] + report["canceledFound"] + report["rescheduled"] + report["updated"]
    assert changed

    dry = await shop.json("undo", "--run", report["runId"], "--dry-run")
    done = await shop.json("undo", "--run", report["runId"])
    told = await shop.json("explain", "run", done["runId"])

    assert dry["runId"] is None
    assert dry["reverted"] == done["reverted"]
    assert len(done["reverted"]) + len(done["left"]) == changed
    assert len(told["changes"]) == len(done["reverted"])
    text = await shop.reconcile("undo", "--run", report["runId"], "--output", "text")
    assert f"0 leads reverted, {changed} left as they are" in text.out


async def test_a_backfill_is_taken_back_by_its_name(shop: Shop) -> None:
    made = await shop.json("backfill", "plan", "--stale-booked", "0s", "--name", "p")
    applied = await shop.json("backfill", "apply", "p", "--approve", made["hash"])
    done = await shop.json("undo", "--plan", "p", "--dry-run")
    told = await shop.reconcile("backfill", "status", "p", "--output", "text")

    assert (done["undonePlan"], done["undoneRun"]) == ("p", None)
    changes = sum(made["summary"]["outcomes"].get(kind, 0) for kind in CHANGING)
    assert len(done["reverted"]) == changes > 0
    assert (made["undo"], applied["undo"]) == (None, "reconcile undo --plan p --dry-run")
    assert applied["undo"] in told.out


async def test_one_thing_is_taken_back_at_a_time(shop: Shop) -> None:
    for wrong in ((), ("--run", "a", "--plan", "b")):
        done = await shop.reconcile("undo", *wrong)
        assert (done.code, done.out) == (2, "")
        assert "give one of --run and --plan" in done.err
    done = await shop.reconcile("undo", "--plan", "nothing")
    assert (done.code, "this database has no plan nothing" in done.err) == (2, True)


async def test_an_unknown_run_is_reported(shop: Shop) -> None:
    done = await shop.reconcile("undo", "--run", "nobody")

    assert (done.code, done.out) == (2, "")
    assert "there is no run nobody" in done.err
