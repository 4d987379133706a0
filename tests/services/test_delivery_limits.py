"""How many follow-ups a run hands over to a receiver that refuses, and how long each of them waits then."""

from datetime import timedelta
from typing import Any

import pytest

from tests.services.desk import Desk
from tests.services.lists import CountingSink, PostponingOutbox, outbox_of

REJECTIONS = 5
"""So many rejections in one run look like a receiver that refuses everything."""


async def deliver(desk: Desk, outbox: PostponingOutbox, **sink: Any) -> CountingSink:
    """Make one run over these follow-ups, and return the receiver that it met."""
    desk.sink = found = CountingSink(**sink)
    await desk.run(store=desk.with_(outbox=outbox))
    return found


@pytest.mark.parametrize("rejected", range(REJECTIONS + 2))
async def test_the_fifth_rejection_ends_deliveries_and_the_fourth_does_not(desk: Desk, rejected: int) -> None:
    outbox = outbox_of(REJECTIONS + 3)
    keys = list(outbox.rows)

    sink = await deliver(desk, outbox, rejecting=set(keys[:rejected]))

    is_ended = rejected >= REJECTIONS
    assert sink.asked == (keys[:REJECTIONS] if is_ended else keys)
    assert outbox.done == ([] if is_ended else keys[rejected:])
    assert [key for key, _ in outbox.postponements] == keys[: min(rejected, REJECTIONS)]


async def test_rejections_between_deliveries_are_counted_over_the_whole_run(desk: Desk) -> None:
    outbox = outbox_of(2 * REJECTIONS + 2)
    keys = list(outbox.rows)
    rejected = keys[::2]

    sink = await deliver(desk, outbox, rejecting=set(rejected))

    assert sink.asked == keys[: 2 * REJECTIONS - 1]
    assert outbox.done == sink.delivered == keys[1 : 2 * REJECTIONS - 1 : 2]
    assert [key for key, _ in outbox.postponements] == rejected[:REJECTIONS]


@pytest.mark.parametrize("behind", [0, 1, REJECTIONS - 1])
async def test_the_first_failure_of_the_receiver_ends_deliveries_whatever_was_rejected_before(
    desk: Desk, behind: int
) -> None:
    outbox = outbox_of(REJECTIONS + 3)
    keys = list(outbox.rows)

    sink = await deliver(desk, outbox, rejecting=set(keys[:behind]), failing={keys[behind]})

    assert sink.asked == [key for key, _ in outbox.postponements] == keys[: behind + 1]
    assert outbox.done == []


async def test_the_pause_of_a_follow_up_doubles_with_its_own_attempts_up_to_an_hour(desk: Desk) -> None:
    pauses = []
    for attempts in (0, 1, 2, 5, 6, 16, 17, 1000):
        outbox = outbox_of(1, attempts=attempts)
        before = desk.clock.now()
        await deliver(desk, outbox, failing=set(outbox.rows))
        ((_, until),) = outbox.postponements
        pauses.append((until - before) // timedelta(minutes=1))

    assert pauses == [1, 2, 4, 32, 60, 60, 60, 60]
