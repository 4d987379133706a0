"""A company in which there is everything to write, over ports that note each call."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerState
from reconcile.domain.coordination.annotation import PREFIX
from reconcile.domain.evidence.bulk_listing import SweepCost
from reconcile.domain.ids import LeadId, ProviderName, RunId
from reconcile.domain.planning.change import Answer
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.errors import ErrorClass
from reconcile.ports import Store
from reconcile.store.session import open_store
from tests.domain.factories import an_appointment
from tests.services.backfilling import Backfilling, cancel
from tests.services.fakes import START, Ear, FakeSink, a_workspace, failure
from tests.services.memory_ports import MemoryMirror
from tests.services.notifications import FakeChannel, an_alarm
from tests.services.port_methods import Recorder
from tests.services.run_harness import RunHarness, unbooked
from tests.stores import DEFAULT
from tests.use_cases import Dependencies, Mirror, RunRequest, Stop, run

CALENDLY = ProviderName.CALENDLY


@dataclass
class Company:
    """A harness whose ports note each call; *run_id* is a run that has changed leads."""

    harness: RunHarness
    store: Store
    recorder: Recorder
    run_id: RunId
    sink: FakeSink = field(default_factory=FakeSink)
    channel: FakeChannel = field(default_factory=FakeChannel)
    ear: Ear = field(default_factory=Ear)
    mirror: MemoryMirror = field(
        default_factory=lambda: MemoryMirror({f"{PREFIX}hold": "reason=outage actor=ada for=2h breaker=provider:ghl"})
    )

    @property
    def facts(self) -> dict[str, Any]:
        """The arguments that most views take."""
        return {"now": self.harness.clock.now(), "breaker": BreakerPolicy()}

    def parts(self) -> Dependencies:
        """Return all that a run may use, with nothing left out."""
        record, clock = self.recorder.wrap, self.harness.clock
        mirror = record("StateMirror", self.mirror)
        return Dependencies(
            store=self.store,
            providers={name: record("Provider", each) for name, each in self.harness.providers.items()},
            clock=clock,
            random=random.Random(1),
            telemetry=self.ear,
            sink=record("EffectSink", self.sink),
            notifier=an_alarm(record("AlertChannel", self.channel)),
            mirror=Mirror(port=mirror, clock=clock, random=random.Random(1), telemetry=Ear()),
            stop=Stop(),
        )

    async def run(self, **asked: Any) -> RunReport:
        """Make a run; it is dry unless it is *asked* otherwise."""
        wanted = {"workspace_limit": 100, "leads_per_workspace": 50, "dry_run": True, **asked}
        return await run(RunRequest(**wanted), run_id=RunId("dry-run"), policy=self.harness.policy, deps=self.parts())


@asynccontextmanager
async def a_company(harness: RunHarness) -> AsyncIterator[Company]:
    """Give a company with changes to plan and to take back, follow-ups and alerts that wait, and a breaker to probe."""
    asking = [unbooked(f"cal-{n}-lead-{m}", f"cal-{n}") for n in range(3) for m in range(4)]
    await harness.fill([8, 4, 4])
    await harness.seed([a_workspace(f"cal-{n}", CALENDLY) for n in range(3)], asking)
    await harness.seed([], [unbooked("new-lead", "ws-1")])
    cancel(harness, ["ws-0-lead-000"])
    booked = an_appointment("appt-new", starts_at=START + timedelta(days=3))
    harness.ghl.verdicts[LeadId("new-lead")] = Answer(appointments=(booked,))
    harness.providers[CALENDLY].always = failure(ErrorClass.CONTRACT, provider=CALENDLY)
    report = await harness.run(then=timedelta(minutes=3), trigger=Trigger.SCHEDULE)
    cancel(harness, ["ws-1-lead-000"])
    planning = Backfilling(harness)
    await planning.plan()
    await planning.apply()
    harness.clock.advance(timedelta(minutes=10))
    override = CadenceOverride(
        every=timedelta(hours=1),
        reason="quota",
        actor="ada",
        set_at=harness.clock.now(),
        expires_at=harness.clock.now() + timedelta(hours=2),
    )
    await harness.store.cadences.set(override)
    cancel(harness, ["ws-0-lead-001"])
    harness.ghl.verdicts[LeadId("ws-1-lead-001")] = failure(ErrorClass.REJECTED)
    harness.providers[CALENDLY].always = None
    harness.ghl.cost = SweepCost(fixed=3, lookup=1, past_lookup=1)
    assert await harness.store.outbox.pending_count()
    assert [b for b in await harness.store.breakers.load() if b.state is BreakerState.OPEN]
    async with open_store(harness.url, mapping=DEFAULT) as store:
        recorder = Recorder()
        yield Company(harness=harness, store=recorder.wrap_store(store), recorder=recorder, run_id=report.run_id)
