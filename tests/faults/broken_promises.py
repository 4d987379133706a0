"""What breaks a promise, and a schedule in which that must show, however slow the machine is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from reconcile.simulator import WorldSize
from tests.faults.history import ITS_OWN_KEY, ONE_KEY, ONE_WRITER, REPLACES_WHAT_WAS_SEEN, TOGETHER
from tests.faults.proxy import Deed
from tests.faults.troubles import Stage
from tests.integration.processes import MIX, Company
from tests.integration.test_processes_beside import WRITES

SIZE = WorldSize(workspaces=3, leads_per_workspace=8, mix=MIX)
UNHURRIED = {"RECONCILE_RUN_BUDGET_SECONDS": "600", "RECONCILE_ATTEMPT_TIMEOUT_SECONDS": "10"}
_MOVE_BOOKINGS = WRITES[0].replace("id = $1", "booking_id IS NOT NULL")
_FORGET_CANCELLATIONS = (
    "UPDATE lead SET booking_status = 'confirmed', booking_canceled_at = NULL WHERE booking_status = 'canceled'"
)
"""What a webhook handler writes that is late."""
_LOOK_AT_LEASES = b"SELECT reconcile_lease.name"
"""How the first statement begins by which a batch is written: the fence."""
_TAKE_LEASES = "UPDATE reconcile_lease SET holder = 'another', token = token + 1"
_TIME_PASSES = (
    "DELETE FROM reconcile_breaker",
    "DELETE FROM reconcile_budget",
    "UPDATE reconcile_workspace_state SET not_before = NULL, visited_at = NULL",
    "UPDATE reconcile_outbox SET next_attempt_at = NULL WHERE delivered_at IS NULL",
    "UPDATE reconcile_lead_state SET attempted_at = NULL, next_attempt_at = NULL, quarantined_at = NULL",
)
Schedule = Callable[[Stage], Awaitable[None]]


async def let_time_pass(company: Company) -> None:
    """Let as much time pass as all cooldowns, waits and leases take, also those that a wrong clock has set."""
    await company.expire_leases()
    for statement in _TIME_PASSES:
        await company.database.execute(statement)


async def run_once(stage: Stage) -> None:
    await let_time_pass(stage.company)
    await (await stage.begin()).ended()


async def move_bookings_before_each_write(stage: Stage) -> None:
    """Write to the leads what a webhook handler writes, after a batch has read them and before it writes them."""
    await run_once(stage)
    stage.proxy.before_writing.append(moving(stage))
    await run_once(stage)
    stage.proxy.before_writing.clear()


async def forget_cancellations_between_two_runs(stage: Stage) -> None:
    """Let the second run find the same cause for the same follow-up again."""
    await run_once(stage)
    await stage.company.database.execute(_FORGET_CANCELLATIONS)
    await run_once(stage)


async def take_the_leases_of_a_writer(stage: Stage) -> None:
    """Take the leases over where a process is about to look at the one under which it writes.

    By SQL, at once: a second process would take longer on a busy machine than the first one's transaction may be idle.
    """
    taken: list[str] = []

    async def take() -> None:
        if not taken:
            taken.append(_TAKE_LEASES)
            await stage.company.database.execute(_TAKE_LEASES)

    await let_time_pass(stage.company)
    stage.proxy.before_statement = _LOOK_AT_LEASES, take
    await (await stage.begin()).ended()
    stage.proxy.before_statement = None

    assert taken, "the run has written under a lease"


def moving(stage: Stage) -> Deed:
    one_at_a_time = asyncio.Lock()

    async def move() -> None:
        async with one_at_a_time:  # a connection does one thing at a time, and a run has several
            await stage.company.database.execute(_MOVE_BOOKINGS)

    return move


FOUND_OUT_BY: Mapping[str, tuple[Schedule, str]] = {
    "forget_the_drift_guard": (move_bookings_before_each_write, REPLACES_WHAT_WAS_SEEN),
    "forget_the_fence": (take_the_leases_of_a_writer, ONE_WRITER),
    "ask_for_follow_ups_early": (run_once, TOGETHER),
    "ask_for_follow_ups_late": (run_once, TOGETHER),
    "name_follow_ups_by_the_process": (forget_cancellations_between_two_runs, ONE_KEY),
    "name_deliveries_by_the_process": (run_once, ITS_OWN_KEY),
}
"""What breaks a promise: the schedule in which that shows, and the promise that is seen broken."""
