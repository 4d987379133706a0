"""A booking that the provider names absent is canceled only after a second look and beside a control, at every size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from reconcile.domain.alert import AlertPolicy, ConditionKind
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import Breaker, BreakerPolicy, BreakerReason, Override, OverrideKind
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.run.report import RunReport
from reconcile.errors import ErrorClass
from reconcile.store.session import open_store
from tests.samples import covering
from tests.services.backfilling import execute
from tests.services.fakes import failure
from tests.services.run_harness import TICK, RunHarness
from tests.stores import DEFAULT
from tests.use_cases import LocalDatabaseClock, breaker_key, conditions

SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
CONFIRMED, CANCELED = AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELED
HOUR = timedelta(hours=1)
SIZES = [(1,), (4,), (2, 2), (1, 1, 1), (1, 1, 1, 1), (6,) * 10, (30, 1)]


@dataclass
class Times:
    """A database's clock that shows one time after another."""

    instants: Iterator[datetime]

    async def now(self) -> datetime:
        return next(self.instants)


async def statuses(harness: RunHarness, leads: Sequence[Lead]) -> list[AppointmentStatus | None]:
    """Return what the leads' rows say of their bookings."""
    return [(await harness.lead(each.id)).rollup.status for each in leads]


async def written(harness: RunHarness) -> int:
    """Return how many changes all runs have written."""
    return sum(
        [len(await harness.store.ledger.changes(run_id=row.run_id)) for row in await harness.store.ledger.runs()]
    )


async def ticks(harness: RunHarness, count: int) -> RunReport:
    for _ in range(count):
        report = await harness.run()
    return report


@covering(1, "counts", "mode")
@SQLITE
@pytest.mark.parametrize("mode", ["enforced", "metrics_only", "hold closed", "reset"])
@pytest.mark.parametrize("counts", SIZES, ids=str)
async def test_nothing_is_canceled_if_every_booking_is_named_absent(
    harness: RunHarness, counts: tuple[int, ...], mode: str
) -> None:
    leads = await harness.fill(counts)
    harness.ghl.appointments.clear()
    if mode == "metrics_only":
        harness.policy = replace(harness.policy, breaker=BreakerPolicy(is_enforced=False))
    elif mode != "enforced":
        await hold_closed(harness, [f"ws-{n}" for n in range(len(counts))])

    last = await ticks(harness, 4)

    assert await statuses(harness, leads) == [CONFIRMED] * len(leads)
    assert await written(harness) == 0
    assert (await harness.store.outbox.pending_count()) == 0
    states = [await harness.state(each.id) for each in leads]
    assert {each.verified_at for each in states} == {None}
    if mode != "enforced":
        assert last.disappeared == len(leads)
        assert {each.mismatch for each in states} == {MismatchKind.DISAPPEARED}


async def hold_closed(harness: RunHarness, workspaces: Sequence[str]) -> None:
    """Hold every breaker closed, as ``breaker hold`` and ``breaker reset --for`` do."""
    for spelled in ("run", "provider:ghl", "provider:ghl/appointment", *(f"workspace:{each}" for each in workspaces)):
        override = Override(
            kind=OverrideKind.HOLD_CLOSED, reason="r", actor="ada", expires_at=harness.clock.now() + 24 * HOUR
        )
        key = breaker_key(spelled)
        held = Breaker(key=key).with_override(override, harness.clock.now(), reason=BreakerReason.MANUAL_HOLD)
        await harness.store.breakers.save(held, expected_generation=0)


async def test_a_deleted_booking_is_canceled_at_the_second_look_with_a_control(
    harness: RunHarness,
) -> None:
    gone, seen = await harness.fill([2])
    harness.ghl.appointments.pop(gone.appointments[0].id)

    first = await harness.run()
    between = await harness.state(gone.id)
    second = await harness.run()

    assert (first.absent, first.disappeared, second.absent) == (1, 0, 1)
    assert between.verified_at is None
    assert between.reason == "absence_not_confirmed"
    assert await statuses(harness, [gone, seen]) == [CANCELED, CONFIRMED]
    assert (await harness.state(gone.id)).verified_at == (await harness.state(seen.id)).verified_at


async def test_the_control_may_be_a_lead_that_is_not_due(harness: RunHarness) -> None:
    """It is asked for, and nothing that is found of it is written."""
    gone, other = await harness.fill([2])
    await harness.run()
    await rest(harness, other)
    before = await harness.state(other.id)
    harness.ghl.appointments.pop(gone.appointments[0].id)
    harness.ghl.asked.clear()

    await ticks(harness, 2)

    assert harness.ghl.asked == [gone.id, gone.id, other.id]
    assert await statuses(harness, [gone, other]) == [CANCELED, CONFIRMED]
    assert await harness.state(other.id) == before


async def rest(harness: RunHarness, lead: Lead) -> None:
    """Take *lead* out of its sequence, so that it is not due by itself."""
    await execute(harness, "UPDATE lead SET in_sequence = false WHERE id = :lead_id", lead_id=lead.id)


@SQLITE
async def test_an_absent_control_proves_nothing(harness: RunHarness) -> None:
    gone, other, third = await harness.fill([3])
    await harness.run()
    for each in (other, third):
        await rest(harness, each)
    harness.ghl.appointments.clear()

    await ticks(harness, 3)

    assert await statuses(harness, [gone, other, third]) == [CONFIRMED] * 3
    assert (await harness.state(gone.id)).reason == "absence_without_control"


@SQLITE
async def test_another_operation_or_another_workspace_is_no_control(harness: RunHarness) -> None:
    gone, alone = await harness.fill({"ws-a": 1, "ws-b": 1})
    harness.ghl.appointments.pop(gone.appointments[0].id)

    await ticks(harness, 3)

    assert await statuses(harness, [gone, alone]) == [CONFIRMED] * 2


@SQLITE
async def test_a_failed_look_in_between_keeps_the_first_one(harness: RunHarness) -> None:
    gone, _seen = await harness.fill([2])
    appointment = harness.ghl.appointments.pop(gone.appointments[0].id)
    await harness.run()
    harness.ghl.verdicts[gone.id] = failure(ErrorClass.TIMEOUT)
    await harness.run()
    harness.ghl.verdicts.clear()
    since = (await harness.state(gone.id)).absent_since
    harness.ghl.appointments[appointment.id] = appointment
    harness.clock.advance(HOUR)
    await harness.run()

    assert since is not None
    assert (await harness.state(gone.id)).absent_since is None


@SQLITE
@pytest.mark.parametrize(("apart", "is_canceled"), [(2.5, False), (49, False), (51, True)])
async def test_the_databases_clock_decides_whether_a_look_is_the_second(
    harness: RunHarness, apart: float, is_canceled: bool
) -> None:
    """The second run is on a machine whose clock is two minutes ahead."""
    gone, _seen = await harness.fill([2])
    harness.ghl.appointments.pop(gone.appointments[0].id)
    database = LocalDatabaseClock(harness.clock)
    start = await database.now()
    times = iter([start, start + timedelta(seconds=apart)])

    harness.store = replace(harness.store, database_clock=Times(times))
    await harness.run(then=2 * TICK)
    await harness.run()

    assert await statuses(harness, [gone]) == [CANCELED if is_canceled else CONFIRMED]


async def test_the_database_returns_its_time(harness: RunHarness) -> None:
    async with open_store(harness.url, mapping=DEFAULT) as store:
        first, second = await store.database_clock.now(), await store.database_clock.now()

    assert first.utcoffset() == timedelta(0)
    assert first <= second


@SQLITE
@pytest.mark.parametrize(("ahead", "is_told"), [(23, True), (25, False)])
async def test_a_booking_of_the_next_day_that_disappears_raises_an_alert(
    harness: RunHarness, ahead: int, is_told: bool
) -> None:
    (lead,) = await harness.fill([1])
    harness.clock.at = lead.appointments[0].starts_at - timedelta(hours=ahead)
    harness.ghl.appointments.clear()

    report = await ticks(harness, 3)

    told = await conditions(
        harness.store,
        now=harness.clock.now(),
        policy=AlertPolicy(),
        breaker=harness.policy.breaker,
        planned=harness.policy.cadence,
    )
    kinds = {each.kind: each.size for each in told}
    assert report.disappeared_24h == int(is_told)
    assert kinds.get(ConditionKind.BOOKINGS_DISAPPEARED) == (1 if is_told else None)
