"""Databases with a story, for pages: what an owner may meet, from nothing at all to a thousand workspaces."""

import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile import bootstrap
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.domain.run.report import Freshness, Health, ProviderCounts, RunReport, SignatureCount, Trigger
from reconcile.drill import incident as drills
from reconcile.drill.clock import DrillClock
from reconcile.drill.company import lead_of, workspace_of
from reconcile.errors import ErrorClass
from reconcile.ports import Store
from reconcile.simulator import World, WorldSize, simulate
from reconcile.store.db.database import Database
from reconcile.store.schema.tables import run
from tests.stores import appointment, batch, booking, lead, lead_write, state, workspace
from tests.use_cases import document

NOW = datetime(2026, 3, 9, 10, 0, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DEAD = ErrorSignature(
    provider="ghl",
    operation="contact_search",
    error_class=ErrorClass.CREDENTIAL,
    message="GHL answered 401: the token is refused",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """When a story ends, and over which time a page tells it."""

    now: datetime
    span: timedelta


Story = Callable[[str], Coroutine[Any, Any, Told]]


def report(number: int, *, at: datetime, checks: int, errors: int = 0, **facts: Any) -> RunReport:
    repaired = checks // 40
    given: dict[str, Any] = {
        "run_id": RunId(f"{at:%Y%m%dT%H%M%SZ}-{number:08x}"),
        "trigger": Trigger.SCHEDULE,
        "dry_run": False,
        "success": True,
        "timestamp": at,
        "duration": timedelta(seconds=9),
        "health": Health.HEALTHY if not errors else Health.DEGRADED if errors < 5 else Health.UNHEALTHY,
        "health_reasons": () if not errors else (f"errors: {errors} of {checks} checks",),
        "circuit_broken": False,
        "workspaces_processed": 10,
        "leads_checked": checks,
        "errors": errors,
        "booked_found": repaired,
        "no_change": checks - errors - repaired,
        "provider_calls": checks + 3,
        "by_provider": {ProviderName.HIGHLEVEL: ProviderCounts(checked=checks, booked=repaired, errors=errors)},
        "appointments_at_risk_24h": 0,
        "freshness": Freshness(oldest=DAY * 3, median=HOUR * 5, measured_at=at),
        "effects_pending": 0,
    }
    return RunReport(**given | facts)


async def keep(url: str, reports: Sequence[RunReport]) -> None:
    """Put runs into the ledger, many at a time."""
    database = Database(url)
    rows = [
        {
            "id": each.run_id,
            "started_at": each.timestamp - each.duration,
            "finished_at": each.timestamp,
            "trigger": each.trigger.value,
            "version": "0.1.0",
            "report": document(each),
        }
        for each in reports
    ]
    async with database.write_connection() as connection:
        for first in range(0, len(rows), 500):
            await connection.execute(run.insert(), rows[first : first + 500])
    await database.close()


async def fill(store: Store, url: str, *, workspaces: Mapping[str, Sequence[timedelta | None]]) -> Sequence[Lead]:
    """Give each workspace bookings whose verification is so old, None: never."""
    chances = random.Random(1)
    leads, writes = [], []
    for name, ages in workspaces.items():
        for number, age in enumerate(ages):
            meets = NOW + DAY + HOUR * chances.randint(2, 200)
            rollup = Rollup(
                booking_id=f"A-{name}-{number}",
                provider=ProviderName.HIGHLEVEL,
                status=AppointmentStatus.CONFIRMED,
                starts_at=meets,
            )
            one = lead(f"{name}-lead-{number:03}", workspace_id=name, rollup=rollup)
            leads.append(one)
            if age is not None:
                writes.append(lead_write(one, state=state(attempted_at=NOW - MINUTE, verified_at=NOW - age)))
    await bootstrap.seed_url(url, workspaces=[workspace(name) for name in workspaces], leads=leads)
    for first in range(0, len(writes), 1000):
        await store.leads.write(batch(writes[first : first + 1000], at=NOW - MINUTE))
    return leads


def healthy_reports(*, days: int) -> Iterator[RunReport]:
    """Give a run a minute, busy in office hours, with a failure now and then."""
    chances = random.Random(2)
    for number in range(days * 1440):
        at = NOW - MINUTE * (days * 1440 - number) + timedelta(seconds=20)
        busy = 90 if 7 <= at.hour < 19 and at.weekday() < 5 else 25
        checks = max(0, int(chances.gauss(busy, busy / 6)))
        failed = checks > 0 and chances.random() < 0.01
        yield report(number, at=at, checks=checks, errors=int(failed))


def ages_of(chances: random.Random, *, bookings: int, late: float = 0.0) -> list[timedelta | None]:
    """Return ages as they are where runs happen, *late* of them a week and more."""
    found: list[timedelta | None] = []
    for _ in range(bookings):
        drawn = chances.random()
        if drawn < late:
            found.append(None if chances.random() < 0.3 else DAY * chances.randint(8, 20))
        elif drawn < late + 0.25:
            found.append(MINUTE * chances.randint(1, 59))
        else:
            found.append(HOUR * chances.randint(1, 140))
    return found


async def healthy_week(url: str) -> Told:
    """Tell of a week of runs, a minute apart, in eight workspaces."""
    chances = random.Random(3)
    async with bootstrap.open_database_url(url) as store:
        names = [f"ws-{word}" for word in ("ahorn", "birke", "eibe", "erle", "esche", "fichte", "hasel", "kiefer")]
        leads = await fill(
            store, url, workspaces={name: ages_of(chances, bookings=chances.randint(8, 60)) for name in names}
        )
        for number, one in enumerate(leads[:30:2]):
            after = appointment(f"N{number}", starts_at=NOW + DAY + HOUR * number, ends_at=NOW + DAY + HOUR * number)
            change = booking(one, after, outcome=[Outcome.BOOKED, Outcome.RESCHEDULED][number % 2])
            await store.leads.write(batch([lead_write(one, change=change, at=NOW - MINUTE * (40 - number))]))
    await keep(url, list(healthy_reports(days=7)))
    return Told(now=NOW, span=DAY * 7)


async def parked_workspace(url: str) -> Told:
    """Tell of one workspace whose token has died, among eleven that are well."""
    chances = random.Random(4)
    since = NOW - HOUR * 5
    key = BreakerKey(BreakerScope.WORKSPACE, "ws-linde")
    async with bootstrap.open_database_url(url) as store:
        names = [f"ws-{number:02}" for number in range(11)]
        workspaces = {name: ages_of(chances, bookings=chances.randint(8, 40)) for name in names}
        await fill(store, url, workspaces=workspaces | {"ws-linde": ages_of(chances, bookings=24, late=0.9)})
        soon = [
            replace(
                lead(f"ws-linde-lead-9{n}", workspace_id="ws-linde"),
                rollup=Rollup(
                    booking_id=f"S{n}", status=AppointmentStatus.CONFIRMED, starts_at=NOW + HOUR * 3 * n + MINUTE * 30
                ),
            )
            for n in range(4)
        ]
        await bootstrap.seed_url(url, workspaces=[], leads=soon)
        at = NOW - MINUTE
        failing = [
            lead_write(each, outcome=Outcome.FAILED, signature=DEAD, state=state(attempted_at=at)) for each in soon
        ]
        await store.leads.write(batch(failing, at=at))
        trip = Trip(
            reason=BreakerReason.ERROR_RATE, checks=6, errors=6, fault=ErrorClass.CREDENTIAL, run_id=RunId("run-9")
        )
        breaker = Breaker(key=key).trip(since, trip, policy=BreakerPolicy())
        breaker = replace(breaker, next_probe_at=NOW + MINUTE * 9, cooldown=MINUTE * 15)
        await store.breakers.save(breaker, expected_generation=0)
    reports = list(healthy_reports(days=1))
    await keep(
        url,
        [
            replace(
                each,
                errors=6 if since <= each.timestamp < since + MINUTE else each.errors,
                health=Health.DEGRADED,
                health_reasons=("a workspace is parked",),
                breakers=(breaker,),
                appointments_at_risk_24h=min(4, int((each.timestamp - since) / HOUR)),
            )
            if each.timestamp >= since
            else each
            for each in reports
        ],
    )
    return Told(now=NOW, span=DAY)


async def nothing(url: str) -> Told:
    """Leave the database as it is once migrated."""
    del url
    return Told(now=NOW, span=DAY)


async def thousand_workspaces(url: str) -> Told:
    """Tell of a thousand workspaces, 300 of them parked for a while, 40 of them now."""
    chances = random.Random(5)
    async with bootstrap.open_database_url(url) as store:
        workspaces = {
            f"workspace-{number:04}": ages_of(
                chances, bookings=chances.randint(1, 20), late=0.4 if number < 60 else 0.02
            )
            for number in range(1000)
        }
        await fill(store, url, workspaces=workspaces)
        keys = [BreakerKey(BreakerScope.WORKSPACE, f"workspace-{number:04}") for number in range(300)]
        trip = Trip(
            reason=BreakerReason.ERROR_RATE, checks=9, errors=8, fault=ErrorClass.TIMEOUT, run_id=RunId("run-9")
        )
        open_ones = []
        for number, key in enumerate(keys):
            open_ones.append(Breaker(key=key).trip(NOW - HOUR * 20 + MINUTE * number, trip, policy=BreakerPolicy()))
            await store.breakers.save(open_ones[-1], expected_generation=0)
            if number >= 40:
                over = open_ones[-1].close(NOW - HOUR * 19 + MINUTE * number, reason=BreakerReason.RECOVERED)
                await store.breakers.save(over, expected_generation=open_ones[-1].generation)
    reports = []
    for number, each in enumerate(healthy_reports(days=1)):
        told = tuple(
            breaker
            for place, breaker in enumerate(open_ones)
            if breaker.since
            and each.timestamp >= breaker.since
            and (place < 40 or each.timestamp < breaker.since + HOUR)
        )
        broken = Health.DEGRADED if told else each.health
        reports.append(
            replace(
                each,
                leads_checked=each.leads_checked * 60,
                errors=len(told) + number % 7,
                breakers=told,
                health=broken,
                parked_workspaces=(),
                top_signatures=(
                    SignatureCount(key="ghl/appointment/timeout: GHL did not answer", count=9, workspaces=3),
                ),
            )
        )
    await keep(url, reports)
    return Told(now=NOW, span=DAY)


async def the_incident(url: str) -> Told:
    """Play the real thing: a provider loses its ids for a quarter of an hour, and the runs are the program's own."""
    plan = drills.DrillPlan(workspaces=6, leads_per_workspace=12, ticks=30, breaks_at=8, latency=timedelta(0))
    clock = DrillClock(NOW - MINUTE * 30)
    world = World.generate(
        seed=plan.seed,
        now=clock.now,
        size=WorldSize(workspaces=6, leads_per_workspace=12, calendly_share=0.0, mix=drills._MIX),
    )
    truths = {LeadId(each.id): each.truth for each in world.leads}
    async with simulate(world) as simulator, bootstrap.open_database_url(url) as store:
        await bootstrap.seed_url(
            url,
            workspaces=[workspace_of(each) for each in world.workspaces.values()],
            leads=[lead_of(each) for each in world.leads],
        )
        ticks = drills._simulate_minutes(plan, clock=clock, simulator=simulator, store=store, truths=truths)
        async for tick in ticks:
            if tick.number == 18:  # in the middle of it
                break
        await ticks.aclose()
    return Told(now=clock.now(), span=HOUR)


STORIES: Mapping[str, Story] = {
    "healthy-week": healthy_week,
    "incident": the_incident,
    "parked-workspace": parked_workspace,
    "empty": nothing,
    "thousand-workspaces": thousand_workspaces,
}
