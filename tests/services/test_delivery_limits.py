"""How many follow-ups a run hands over to a receiver that refuses, and how long each of them waits then."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.run.report import Health
from reconcile.ports import OutboxRow
from tests.services.desk import Desk
from tests.services.lists import CountingSink, PostponingOutbox, follow_up, outbox_of

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
async def test_the_first_failure_of_the_receiver_ends_a_workspaces_deliveries_whatever_was_rejected_before(
    desk: Desk, behind: int
) -> None:
    outbox = outbox_of(REJECTIONS + 3)
    keys = list(outbox.rows)
    before = desk.clock.now()

    sink = await deliver(desk, outbox, rejecting=set(keys[:behind]), failing={keys[behind]})

    assert sink.asked == [key for key, _ in outbox.postponements] == keys[: behind + 1]
    assert outbox.done == []
    assert outbox.held == {WorkspaceId("ws"): before + timedelta(minutes=1)}


@pytest.mark.parametrize("failing", [1, 4, 5, 8])
async def test_a_receiver_that_fails_for_five_workspaces_and_confirms_nothing_is_asked_no_more(
    desk: Desk, failing: int
) -> None:
    outbox = PostponingOutbox({row.key: row for row in (follow_up(n, f"ws-{n}") for n in range(10))})
    keys = list(outbox.rows)

    sink = await deliver(desk, outbox, failing=set(keys[:failing]))

    assert sink.asked == (keys if failing < 5 else keys[:5])


async def test_a_receiver_that_has_confirmed_something_is_asked_for_every_workspace(desk: Desk) -> None:
    outbox = PostponingOutbox({row.key: row for row in (follow_up(n, f"ws-{n}") for n in range(10))})
    keys = list(outbox.rows)

    sink = await deliver(desk, outbox, failing=set(keys[1:9]))

    assert (sink.asked, sink.delivered) == (keys, [keys[0], keys[9]])


@pytest.mark.parametrize("how", ["failing", "rejecting"])
@pytest.mark.parametrize(("attempts", "is_given_up"), [(18, False), (19, True), (1000, True)])
async def test_a_follow_up_is_given_up_with_its_reason_after_twenty_attempts(
    desk: Desk, how: str, attempts: int, *, is_given_up: bool
) -> None:
    outbox = outbox_of(1, attempts=attempts)
    await deliver(desk, outbox, **{how: set(outbox.rows)})
    reason = "unavailable: the webhook answered 503" if how == "failing" else "rejected: the webhook answered 404"

    assert outbox.given_up == ({"key-0000": reason} if is_given_up else {})
    assert len(outbox.postponements) == (not is_given_up)


async def test_a_follow_up_that_a_bug_keeps_from_being_sent_holds_up_no_other(desk: Desk) -> None:
    outbox = outbox_of(3)

    class Odd(CountingSink):
        async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
            if row.key == "key-0000":
                raise KeyError("ann@example.com")
            await super().deliver(row, deadline=deadline)

    desk.sink = sink = Odd()
    report = await desk.run(store=desk.with_(outbox=outbox))

    assert sink.delivered == ["key-0001", "key-0002"]
    assert [key for key, _ in outbox.postponements] == ["key-0000"]
    assert report.health is Health.DEGRADED


async def test_the_pause_of_a_follow_up_doubles_with_its_own_attempts_up_to_an_hour(desk: Desk) -> None:
    pauses = []
    for attempts in (0, 1, 2, 5, 6, 16, 17, 18):
        outbox = outbox_of(1, attempts=attempts)
        before = desk.clock.now()
        await deliver(desk, outbox, failing=set(outbox.rows))
        ((_, until),) = outbox.postponements
        pauses.append((until - before) // timedelta(minutes=1))

    assert pauses == [1, 2, 4, 32, 60, 60, 60, 60]
