"""Commands on the state object are applied once for each write, and acknowledged, whatever fails in between."""

import json
from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.annotation import ACKNOWLEDGED, BREAKER, PREFIX, WRITTEN
from reconcile.errors import MirrorUnavailable
from tests.services.control.release import (
    FOR_2H,
    HOLD,
    HOUR,
    MINUTE,
    Release,
    reasons,
)
from tests.services.stub_store import NOW
from tests.use_cases import apply_commands


async def test_a_hold_is_acknowledged_and_states_its_end() -> None:
    release = Release()
    release.annotate(hold="reason='vendor outage' for=2h actor=ada breaker=provider:ghl")
    await release.tick()
    again = await release.tick(MINUTE)

    assert release.port.annotations[HOLD] == (
        "reason='vendor outage' actor=ada breaker=provider:ghl until=2026-03-01T14:00:00Z"
    )
    assert release.acknowledged("hold") == {
        "hash": release.acknowledged("hold")["hash"],
        "at": "2026-03-01T12:00:00Z",
        "outcome": "applied",
        "until": "2026-03-01T14:00:00Z",
    }
    assert "ada" not in release.port.annotations[ACKNOWLEDGED]
    assert (reasons(again), again.faults) == ([], ())


async def test_json_stays_json() -> None:
    release = Release()
    release.annotate(hold='{"reason": "outage", "for": "2h"}')
    await release.tick()

    assert json.loads(release.port.annotations[HOLD]) == {"reason": "outage", "until": "2026-03-01T14:00:00Z"}


async def test_the_same_hold_written_again_is_extended() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    await release.tick(MINUTE)
    release.annotate(hold=FOR_2H)
    done = await release.tick(HOUR)

    assert (reasons(done), release.until()) == (["OrderObeyed"], 3 * HOUR)


@pytest.mark.parametrize("later", [3 * HOUR, 2 * HOUR + MINUTE])
async def test_a_hold_that_has_expired_is_removed_and_may_be_written_again(later: timedelta) -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    await release.tick(later)
    assert (HOLD in release.port.annotations, release.acknowledged("hold")["outcome"]) == (False, "ended")
    release.annotate(hold=FOR_2H)
    done = await release.tick(later + MINUTE)

    assert (reasons(done), release.until()) == (["OrderObeyed"], later + MINUTE + 2 * HOUR)


async def test_a_hold_written_again_in_the_minute_in_which_it_expired_is_applied() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    release.annotate(hold=FOR_2H)
    done = await release.tick(2 * HOUR + MINUTE)

    assert (reasons(done), release.until()) == (["OrderObeyed"], 4 * HOUR + MINUTE)


@pytest.mark.parametrize("word", ["reset", "trip"])
async def test_a_command_without_a_lasting_effect_is_removed_and_applied_at_each_write(word: str) -> None:
    release = Release()
    for tick in range(3):
        release.annotate(**{word: "reason=again breaker=provider:ghl"})
        done = await release.tick(tick * MINUTE)
        quiet = await release.tick(tick * MINUTE)

        assert (reasons(done), reasons(quiet)) == (["OrderObeyed"], [])
        assert f"{PREFIX}{word}" not in release.port.annotations


async def test_without_the_right_to_write_annotations_a_removed_hold_ends() -> None:
    """An object that never had an annotation of ours was not replaced."""
    release = Release()
    release.annotate(hold=FOR_2H)
    for tick in range(2):
        release.port.trouble = []
        done = await apply_commands(
            dict(release.port.annotations) if tick == 0 else {},
            store=release.stub.store(),
            now=NOW,
            policy=BreakerPolicy(),
            source="configmap/one",
        )

    assert (reasons(done), release.until()) == (["HoldEnded"], None)


async def test_a_write_that_failed_is_made_up_for_and_the_command_is_not_applied_again() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    store = release.stub.store()
    given = dict(release.port.annotations)
    await apply_commands(given, store=store, now=NOW, policy=BreakerPolicy(), source="configmap/one")
    done = await release.tick(HOUR)

    assert (reasons(done), release.until()) == ([], 2 * HOUR)
    assert release.port.annotations[HOLD].endswith("until=2026-03-01T14:00:00Z")


async def test_a_command_written_during_the_run_is_left_to_the_next() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    store = release.stub.store()
    mirror = release.mirror()
    read = await mirror.annotations()
    done = await apply_commands(read or {}, store=store, now=NOW, policy=BreakerPolicy(), source="configmap/one")
    mirror.acknowledge(done.updates)
    release.annotate(hold="reason=longer for=5h breaker=provider:ghl")
    await mirror.publish_run(store.breakers, None)
    assert release.port.annotations[HOLD] == "reason=longer for=5h breaker=provider:ghl"
    after = await release.tick(MINUTE)

    assert (reasons(after), release.until()) == (["OrderObeyed"], 5 * HOUR + MINUTE)


async def test_many_faulty_annotations_are_counted() -> None:
    release = Release()
    for n in range(300):
        release.port.annotations[f"{PREFIX}junk-{n:03}"] = "x"
    release.annotate(hold=FOR_2H)
    done = await release.tick()
    again = await release.tick(MINUTE)

    assert (len(done.news), len(done.faults), len(again.news), len(again.faults)) == (12, 11, 0, 11)
    assert done.faults[-1] == "290 more annotations have such faults"
    assert release.until() == 2 * HOUR


@pytest.mark.parametrize("text", ["", "{", "[]", '{"orders": 3}', '{"orders": {"hold": 1}}', '{"orders":{"hold":{}}}'])
async def test_a_damaged_acknowledgement_is_written_anew(text: str) -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    release.port.annotations[ACKNOWLEDGED] = text
    done = await release.tick(MINUTE)

    assert (reasons(done), release.until()) == ([], 2 * HOUR)
    assert release.acknowledged("hold")["outcome"] == "applied"


async def test_an_api_that_is_away_changes_no_order() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    release.port.trouble = []
    await release.tick(MINUTE)
    before = dict(release.port.annotations)
    release.port.trouble = [MirrorUnavailable("away")]
    with pytest.raises(AssertionError):
        await release.tick(2 * MINUTE)

    assert release.port.annotations == before
    assert set(before) == {*WRITTEN[:2], ACKNOWLEDGED, HOLD}
    assert BREAKER in before
