"""How many follow-ups a run hands over to a receiver that refuses, and how long each of them waits then."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.run.report import Health
from reconcile.ports import OutboxRow
from tests.services.list_ports import CountingSink, PostponingOutbox, follow_up, outbox_of
from tests.services.run_harness import RunHarness

REJECTIONS = 5
"""So many rejections in one run look like a receiver that refuses everything."""


async def deliver(harness: RunHarness, outbox: PostponingOutbox, **sink: Any) -> CountingSink:
    """Make one run over these follow-ups, and return the receiver that it met."""
    harness.sink = found = CountingSink(**sink)
    await harness.run(store=harness.with_(outbox=outbox))
    return found


@pytest.mark.parametrize("rejected", range(REJECTIONS + 2))
async def test_the_fifth_rejection_ends_deliveries_and_the_fourth_does_not(harness: RunHarness, rejected: int) -> None:
    outbox = outbox_of(REJECTIONS + 3)
    keys = list(outbox.rows)

    sink = await deliver(harness, outbox, rejecting=set(keys[:rejected]))

    is_ended = rejected >= REJECTIONS
    assert sink.asked == (keys[:REJECTIONS] if is_ended else keys)
    assert outbox.done == ([] if is_ended else keys[rejected:])
    assert [key for key, _ in outbox.postponements] == keys[: min(rejected, REJECTIONS)]


async def test_rejections_between_deliveries_are_counted_over_the_whole_run(harness: RunHarness) -> None:
    outbox = outbox_of(2 * REJECTIONS + 2)
    keys = list(outbox.rows)
    rejected = keys[::2]

    sink = await deliver(harness, outbox, rejecting=set(rejected))

    assert sink.asked == keys[: 2 * REJECTIONS - 1]
    assert outbox.done == sink.delivered == keys[1 : 2 * REJECTIONS - 1 : 2]
    assert [key for key, _ in outbox.postponements] == rejected[:REJECTIONS]


@pytest.mark.parametrize("behind", [0, 1, REJECTIONS - 1])
async def test_the_first_failure_of_the_receiver_ends_a_workspaces_deliveries_whatever_was_rejected_before(
    harness: RunHarness, behind: int
) -> None:
    outbox = outbox_of(REJECTIONS + 3)
    keys = list(outbox.rows)
    before = harness.clock.now()

    sink = await deliver(harness, outbox, rejecting=set(keys[:behind]), failing={keys[behind]})

    assert sink.asked == [key for key, _ in outbox.postponements] == keys[: behind + 1]
    assert outbox.done == []
    assert outbox.held == {WorkspaceId("ws"): before + timedelta(minutes=1)}


@pytest.mark.parametrize("failing", [1, 4, 5, 8])
async def test_a_receiver_that_fails_for_five_workspaces_without_a_success_gets_no_more_requests(
    harness: RunHarness, failing: int
) -> None:
    outbox = PostponingOutbox({row.key: row for row in (follow_up(n, f"ws-{n}") for n in range(10))})
    keys = list(outbox.rows)

    sink = await deliver(harness, outbox, failing=set(keys[:failing]))

    assert sink.asked == (keys if failing < 5 else keys[:5])


async def test_a_receiver_with_a_success_gets_requests_for_every_workspace(harness: RunHarness) -> None:
    outbox = PostponingOutbox({row.key: row for row in (follow_up(n, f"ws-{n}") for n in range(10))})
    keys = list(outbox.rows)

    sink = await deliver(harness, outbox, failing=set(keys[1:9]))

    assert (sink.asked, sink.delivered) == (keys, [keys[0], keys[9]])


@pytest.mark.parametrize("how", ["failing", "rejecting"])
@pytest.mark.parametrize(("attempts", "is_given_up"), [(18, False), (19, True), (1000, True)])
async def test_a_follow_up_becomes_a_dead_letter_after_twenty_attempts(
    harness: RunHarness, how: str, attempts: int, *, is_given_up: bool
) -> None:
    outbox = outbox_of(1, attempts=attempts)
    await deliver(harness, outbox, **{how: set(outbox.rows)})
    reason = "unavailable: the webhook answered 503" if how == "failing" else "rejected: the webhook answered 404"

    assert outbox.given_up == ({"key-0000": reason} if is_given_up else {})
    assert len(outbox.postponements) == (not is_given_up)


async def test_a_bug_in_one_delivery_delays_no_other(harness: RunHarness) -> None:
    outbox = outbox_of(3)

    class Odd(CountingSink):
        async def deliver(self, row: OutboxRow, *, deadline: float) -> None:
            if row.key == "key-0000":
                raise KeyError("ann@example.com")
            await super().deliver(row, deadline=deadline)

    harness.sink = sink = Odd()
    report = await harness.run(store=harness.with_(outbox=outbox))

    assert sink.delivered == ["key-0001", "key-0002"]
    assert [key for key, _ in outbox.postponements] == ["key-0000"]
    assert report.health is Health.DEGRADED


async def test_the_pause_of_a_follow_up_doubles_with_its_own_attempts_up_to_an_hour(harness: RunHarness) -> None:
    pauses = []
    for attempts in (0, 1, 2, 5, 6, 16, 17, 18):
        outbox = outbox_of(1, attempts=attempts)
        before = harness.clock.now()
        await deliver(harness, outbox, failing=set(outbox.rows))
        ((_, until),) = outbox.postponements
        pauses.append((until - before) // timedelta(minutes=1))

    assert pauses == [1, 2, 4, 32, 60, 60, 60, 60]
