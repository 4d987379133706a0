"""How long a killed run keeps others out: no longer than one lease, whatever it held and whenever it died."""

import random
from datetime import UTC, datetime, timedelta
from typing import cast

from reconcile.domain.ids import RunId
from reconcile.domain.lease import Lease
from reconcile.ports import NoopTelemetry, Store
from reconcile.ports.telemetry import NoopSpan
from tests.use_cases import LEASE_MARGIN, BreakerRegistry, Bulkhead, Dependencies, Run, RunPolicy, RunRequest

BUDGET = timedelta(seconds=50)


class Clock:
    """Its monotonic seconds are set by hand."""

    seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError(f"nothing waits {duration}")


def test_the_lease_of_a_workspace_ends_with_that_of_its_run() -> None:
    clock, run_id, policy = Clock(), RunId("run-1"), RunPolicy(budget=BUDGET)
    run = Run(
        span=NoopSpan(),
        id=run_id,
        request=RunRequest(workspace_limit=1, leads_per_workspace=1),
        policy=policy,
        deps=Dependencies(
            store=cast("Store", None), providers={}, clock=clock, random=random.Random(1), telemetry=NoopTelemetry()
        ),
        registry=BreakerRegistry((), policy=policy.breaker, run_id=run_id, batch_size=1),
        lease=Lease(name="run", holder=run_id, token=1),
        started_at=clock.now(),
        started=clock.monotonic(),
        bulkhead=Bulkhead(1),
    )
    lengths = []
    for clock.seconds in (1000.0, 1040.0, 1050.0, 1070.0):
        lengths.append(run.lease_ttl)

    assert lengths == [BUDGET + LEASE_MARGIN, timedelta(seconds=20), LEASE_MARGIN, LEASE_MARGIN]
