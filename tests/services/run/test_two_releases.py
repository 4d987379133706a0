"""Two releases on one database, run in turn: what each one's state object asks for, and what the other makes of it."""

import random
from dataclasses import dataclass, field

from reconcile.domain.breaker.breaker import BreakerState
from reconcile.domain.coordination.annotation import PREFIX
from reconcile.domain.run.report import RunReport
from tests.services.memory_ports import MemoryMirror
from tests.services.run_harness import RunHarness
from tests.use_cases import Mirror

ONE, TWO = "configmap/one -n prod", "configmap/two -n prod"
HOLD = f"{PREFIX}hold"
OUTAGE = "reason=outage for=2h actor=ada breaker=provider:ghl"


@dataclass
class Releases:
    """The state objects of two releases, whose runs work on the harness's database."""

    harness: RunHarness
    objects: dict[str, MemoryMirror] = field(default_factory=lambda: {ONE: MemoryMirror(), TWO: MemoryMirror()})

    async def run(self, source: str) -> RunReport:
        harness = self.harness
        harness.mirror = Mirror(
            port=self.objects[source],
            clock=harness.clock,
            random=random.Random(1),
            telemetry=harness.ear,
            source=source,
        )
        return await harness.run()

    async def breaker(self) -> BreakerState:
        found = [each for each in await self.harness.store.breakers.load() if str(each.key) == "provider:ghl"]
        return found[0].effective_state(self.harness.clock.now()) if found else BreakerState.CLOSED


async def test_a_hold_of_one_release_stands_through_the_runs_of_another_until_its_own_object_drops_it(
    harness: RunHarness,
) -> None:
    await harness.fill([2])
    releases = Releases(harness)
    releases.objects[ONE].annotations[HOLD] = OUTAGE
    during = [await releases.run(source) for source in (ONE, TWO, ONE, TWO)]
    held = await releases.breaker()
    del releases.objects[ONE].annotations[HOLD]
    after_the_other = await releases.run(TWO), await releases.breaker()
    after_its_own = await releases.run(ONE), await releases.breaker()

    assert [each.leads_checked for each in during] == [0, 0, 0, 0]
    assert (held, after_the_other[1], after_its_own[1]) == (BreakerState.OPEN, BreakerState.OPEN, BreakerState.CLOSED)
    assert after_its_own[0].leads_checked == 2


async def test_a_contrary_order_of_the_other_release_is_refused_in_its_report_and_changes_nothing(
    harness: RunHarness,
) -> None:
    await harness.fill([2])
    releases = Releases(harness)
    releases.objects[ONE].annotations[HOLD] = OUTAGE
    releases.objects[TWO].annotations[f"{PREFIX}reset"] = "reason=over actor=bob breaker=provider:ghl"
    await releases.run(ONE)
    refused = await releases.run(TWO)

    assert await releases.breaker() is BreakerState.OPEN
    assert refused.leads_checked == 0
    sentences = [each.text for each in releases.objects[TWO].announced]
    assert any(f"{ONE} asks for something else until" in each for each in sentences)
    assert not any("asks for something else" in each.text for each in releases.objects[ONE].announced)
