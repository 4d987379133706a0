"""``reconcile prune`` from outside."""

from tests.cli.conftest import Shop


async def test_nothing_young_is_deleted(shop: Shop) -> None:
    report = await shop.json("run")
    done = await shop.json("prune")
    text = await shop.reconcile("prune", "--older-than", "1d", "--dry-run", "--output", "text")

    assert not any(done["rows"].values())
    assert "0 rows from before" in text.out
    assert "would be deleted" in text.out
    assert (await shop.json("explain", "run", report["runId"]))["report"] == report


async def test_too_short_a_memory_is_refused(shop: Shop) -> None:
    for span in ("1h", "0d", "999999d"):
        done = await shop.reconcile("prune", "--older-than", span)
        assert (done.code, done.out) == (2, "")
        assert "--older-than" in done.err
        assert "Traceback" not in done.err
