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
from tests.services.backfilling import execute
from tests.services.desk import TICK, Desk
from tests.services.fakes import failure
from tests.stores import DEFAULT
from tests.use_cases import LocalTime, breaker_key, conditions

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


async def statuses(desk: Desk, leads: Sequence[Lead]) -> list[AppointmentStatus | None]:
    """Return what the leads' rows say of their bookings."""
    return [(await desk.lead(each.id)).rollup.status for each in leads]


async def written(desk: Desk) -> int:
    """Return how many changes all runs have written."""
    return sum([len(await desk.store.ledger.changes(run_id=row.run_id)) for row in await desk.store.ledger.runs()])


async def ticks(desk: Desk, count: int) -> RunReport:
    for _ in range(count):
        report = await desk.run()
    return report


@SQLITE
@pytest.mark.parametrize("mode", ["enforced", "metrics_only", "hold closed", "reset"])
@pytest.mark.parametrize("counts", SIZES, ids=str)
async def test_nothing_is_canceled_where_every_booking_is_named_absent(
    desk: Desk, counts: tuple[int, ...], mode: str
) -> None:
    leads = await desk.fill(counts)
    desk.ghl.appointments.clear()
    if mode == "metrics_only":
        desk.policy = replace(desk.policy, breaker=BreakerPolicy(is_enforced=False))
    elif mode != "enforced":
        await hold_closed(desk, [f"ws-{n}" for n in range(len(counts))])

    last = await ticks(desk, 4)

    assert await statuses(desk, leads) == [CONFIRMED] * len(leads)
    assert await written(desk) == 0
    assert (await desk.store.outbox.pending_count()) == 0
    states = [await desk.state(each.id) for each in leads]
    assert {each.verified_at for each in states} == {None}
    if mode != "enforced":
        assert last.disappeared == len(leads)
        assert {each.mismatch for each in states} == {MismatchKind.DISAPPEARED}


async def hold_closed(desk: Desk, workspaces: Sequence[str]) -> None:
    """Hold every breaker closed, as ``breaker hold`` and ``breaker reset --for`` do."""
    for spelled in ("run", "provider:ghl", "provider:ghl/appointment", *(f"workspace:{each}" for each in workspaces)):
        override = Override(
            kind=OverrideKind.HOLD_CLOSED, reason="r", actor="ada", expires_at=desk.clock.now() + 24 * HOUR
        )
        key = breaker_key(spelled)
        held = Breaker(key=key).with_override(override, desk.clock.now(), reason=BreakerReason.MANUAL_HOLD)
        await desk.store.breakers.save(held, expected_generation=0)


async def test_a_booking_that_is_gone_is_canceled_at_the_second_look_beside_another_that_is_seen(desk: Desk) -> None:
    gone, seen = await desk.fill([2])
    desk.ghl.appointments.pop(gone.appointments[0].id)

    first = await desk.run()
    between = await desk.state(gone.id)
    second = await desk.run()

    assert (first.absent, first.disappeared, second.absent) == (1, 0, 1)
    assert between.verified_at is None
    assert between.reason == "absence_not_confirmed"
    assert await statuses(desk, [gone, seen]) == [CANCELED, CONFIRMED]
    assert (await desk.state(gone.id)).verified_at == (await desk.state(seen.id)).verified_at


async def test_the_control_may_be_a_lead_that_is_not_due(desk: Desk) -> None:
    """It is asked for, and nothing that is found of it is written."""
    gone, other = await desk.fill([2])
    await desk.run()
    await rest(desk, other)
    before = await desk.state(other.id)
    desk.ghl.appointments.pop(gone.appointments[0].id)
    desk.ghl.asked.clear()

    await ticks(desk, 2)

    assert desk.ghl.asked == [gone.id, gone.id, other.id]
    assert await statuses(desk, [gone, other]) == [CANCELED, CONFIRMED]
    assert await desk.state(other.id) == before


async def rest(desk: Desk, lead: Lead) -> None:
    """Take *lead* out of its sequence, so that it is not due by itself."""
    await execute(desk, "UPDATE lead SET in_sequence = false WHERE id = :lead_id", lead_id=lead.id)


@SQLITE
async def test_a_control_that_is_gone_as_well_proves_nothing(desk: Desk) -> None:
    gone, other, third = await desk.fill([3])
    await desk.run()
    for each in (other, third):
        await rest(desk, each)
    desk.ghl.appointments.clear()

    await ticks(desk, 3)

    assert await statuses(desk, [gone, other, third]) == [CONFIRMED] * 3
    assert (await desk.state(gone.id)).reason == "absence_without_control"


@SQLITE
async def test_another_operation_or_another_workspace_is_no_control(desk: Desk) -> None:
    gone, alone = await desk.fill({"ws-a": 1, "ws-b": 1})
    desk.ghl.appointments.pop(gone.appointments[0].id)

    await ticks(desk, 3)

    assert await statuses(desk, [gone, alone]) == [CONFIRMED] * 2


@SQLITE
async def test_a_failed_look_in_between_keeps_the_first_one(desk: Desk) -> None:
    gone, _seen = await desk.fill([2])
    appointment = desk.ghl.appointments.pop(gone.appointments[0].id)
    await desk.run()
    desk.ghl.verdicts[gone.id] = failure(ErrorClass.TIMEOUT)
    await desk.run()
    desk.ghl.verdicts.clear()
    since = (await desk.state(gone.id)).absent_since
    desk.ghl.appointments[appointment.id] = appointment
    desk.clock.advance(HOUR)
    await desk.run()

    assert since is not None
    assert (await desk.state(gone.id)).absent_since is None


@SQLITE
@pytest.mark.parametrize(("apart", "is_canceled"), [(2.5, False), (49, False), (51, True)])
async def test_two_looks_are_told_apart_by_the_databases_clock(desk: Desk, apart: float, is_canceled: bool) -> None:
    """The second run is on a machine whose clock is two minutes ahead."""
    gone, _seen = await desk.fill([2])
    desk.ghl.appointments.pop(gone.appointments[0].id)
    database = LocalTime(desk.clock)
    start = await database.now()
    times = iter([start, start + timedelta(seconds=apart)])

    desk.store = replace(desk.store, time=Times(times))
    await desk.run(then=2 * TICK)
    await desk.run()

    assert await statuses(desk, [gone]) == [CANCELED if is_canceled else CONFIRMED]


async def test_the_database_tells_its_time(desk: Desk) -> None:
    async with open_store(desk.url, mapping=DEFAULT) as store:
        first, second = await store.time.now(), await store.time.now()

    assert first.utcoffset() == timedelta(0)
    assert first <= second


@SQLITE
@pytest.mark.parametrize(("ahead", "is_told"), [(23, True), (25, False)])
async def test_a_booking_of_the_next_day_that_disappears_raises_an_alert(desk: Desk, ahead: int, is_told: bool) -> None:
    (lead,) = await desk.fill([1])
    desk.clock.at = lead.appointments[0].starts_at - timedelta(hours=ahead)
    desk.ghl.appointments.clear()

    report = await ticks(desk, 3)

    told = await conditions(
        desk.store,
        now=desk.clock.now(),
        policy=AlertPolicy(),
        breaker=desk.policy.breaker,
        planned=desk.policy.cadence,
    )
    kinds = {each.kind: each.size for each in told}
    assert report.disappeared_24h == int(is_told)
    assert kinds.get(ConditionKind.BOOKINGS_DISAPPEARED) == (1 if is_told else None)
