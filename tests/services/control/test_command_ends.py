"""A command by annotation ends with its removal, its replacement or a stricter command."""

from datetime import timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.coordination.annotation import PREFIX
from tests.services.control.release import (
    CALENDLY,
    FOR_2H,
    GHL,
    HOLD,
    HOUR,
    MINUTE,
    RESET,
    Release,
    reasons,
)


@pytest.mark.parametrize(
    ("first", "ended"),
    [
        ({"hold": FOR_2H}, "HoldEnded"),
        ({"reset": "reason=open for=2h breaker=provider:ghl"}, "ResetEnded"),
        ({"cadence_override": "every=10m for=2h reason=quota"}, "CadenceRestored"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
@pytest.mark.parametrize("faulty", ["for=ever reason=x", "reason=x breaker=provider:nobody for=1h every=1m", ""])
@pytest.mark.parametrize("is_faulty_first", [True, False])
async def test_removing_or_replacing_a_command_ends_what_it_had_set(
    first: dict[str, str], ended: str, faulty: str, *, is_faulty_first: bool
) -> None:
    release = Release()
    release.annotate(**first)
    await release.tick()
    (name,) = first
    seen: list[str] = []
    if is_faulty_first:
        release.annotate(**{name: faulty})
        seen += reasons(await release.tick(MINUTE))
    release.annotate(**{name: None})
    seen += reasons(await release.tick(2 * MINUTE))

    assert seen.count(ended) == 1
    assert release.until() is None
    assert release.stub.cadences.stored is None


async def test_a_hold_that_moves_to_another_provider_leaves_the_first() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    release.annotate(hold="reason=outage for=2h breaker=provider:calendly")
    done = await release.tick(MINUTE)

    assert reasons(done) == ["HoldEnded", "OrderObeyed"]
    assert (release.until(GHL), release.until(CALENDLY)) == (None, 2 * HOUR + MINUTE)


@pytest.mark.parametrize("stricter", ["hold", "trip"])
async def test_of_two_commands_in_one_tick_the_stricter_is_applied_and_the_other_reported(stricter: str) -> None:
    release = Release()
    release.annotate(**{stricter: "reason=outage breaker=provider:ghl", "reset": "reason=x breaker=provider:ghl"})
    done = await release.tick()

    assert reasons(done) == ["OrderObeyed", "OrderRefused"]
    assert done.faults == (
        f"the annotation {RESET} cannot be applied: {PREFIX}{stricter}, which arrived with it, is stricter",
    )
    assert release.state(timedelta(0)) is BreakerState.OPEN


async def test_commands_for_two_breakers_in_one_tick_are_both_applied() -> None:
    release = Release()
    release.annotate(hold=FOR_2H, reset="reason=x breaker=provider:calendly")

    assert reasons(await release.tick()) == ["OrderObeyed", "OrderObeyed"]


async def test_a_later_reset_replaces_a_hold_and_removes_its_annotation() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    release.annotate(reset="reason=over breaker=provider:ghl")
    await release.tick(MINUTE)
    quiet = await release.tick(2 * MINUTE)

    assert release.state(MINUTE) is BreakerState.CLOSED
    assert {HOLD, RESET}.isdisjoint(release.port.annotations)
    assert release.acknowledged("hold")["outcome"] == "ended"
    assert (reasons(quiet), quiet.faults) == ([], ())


async def test_a_replaced_object_keeps_the_hold_and_gets_it_back() -> None:
    release = Release()
    release.annotate(hold=FOR_2H)
    await release.tick()
    release.port.annotations.clear()
    release.port.version += 1
    done = await release.tick(2 * MINUTE)

    assert reasons(done) == ["OrdersRestored"]
    assert release.until() == 2 * HOUR
    assert release.port.annotations[HOLD].endswith("until=2026-03-01T14:00:00Z")
    quiet = await release.tick(3 * MINUTE)
    release.annotate(hold=None)
    gone = await release.tick(4 * MINUTE)
    assert (reasons(quiet), reasons(gone), release.until()) == ([], ["HoldEnded"], None)
