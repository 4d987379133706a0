"""``reconcile undo`` from outside."""

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


async def test_an_unknown_run_is_told(shop: Shop) -> None:
    done = await shop.reconcile("undo", "--run", "nobody")

    assert (done.code, done.out) == (2, "")
    assert "there is no run nobody" in done.err
