"""Refusals that do not name the appointment write nothing, however often they come and however few leads there are."""

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.simulator import ApiOperation, Fault, FaultKind, Scenario, WorldSize
from tests import samples
from tests.integration.simulated_company import TICK, start_company
from tests.use_cases import RunPolicy

STANDING = {Scenario.CONFIRMED: 1}
SIZES = [(1, 1), (1, 4), (2, 2), (3, 1), (4, 1)]
NAMELESS = ["version", "location", "token", "calendar", "contact", "route", "backend", "nothing"]
"""What is missing in place of the appointment; ``nothing`` is an empty object."""
HOUR = 60 * TICK


@samples.cells(1)
@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("status", ["404", "400"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_refusals_of_ghl_that_name_something_else_write_and_verify_nothing(
    migrated_url: str, size: tuple[int, int], status: str
) -> None:
    """Each at two looks a minute apart: to every call, and to that for the appointment alone. Then all is well.

    No breaker is enforced: what keeps the bookings are the guards of evidence alone.
    """
    world = WorldSize(workspaces=size[0], leads_per_workspace=size[1], calendly_share=0)
    async with start_company(migrated_url, seed=3, size=world, mix=STANDING) as company:
        company.sweeps = False
        company.policy = RunPolicy(breaker=BreakerPolicy(is_enforced=False))
        await company.tick()
        before = await company.leads()
        assert all(each.rollup.booking_id and each.state.verified_at for each in before.values())
        for missing in NAMELESS:
            for operation in (None, ApiOperation.GHL_APPOINTMENT):
                place = f"{missing} {operation or 'everywhere'}"
                verified = {i: each.state.verified_at for i, each in (await company.leads()).items()}
                company.simulator.faults.add(Fault(kind=FaultKind.MISSING, value=missing, operation=operation))
                company.simulator.faults.add(Fault(kind=FaultKind.MISSING_STATUS, value=status, operation=operation))
                asked = []
                for then in (TICK, HOUR):
                    await company.tick(then=then)
                    asked.append(company.simulator.requests.count())

                after = await company.leads()
                assert min(asked), f"{place}: nothing was asked"
                assert not any(each.state.absent_since for each in after.values()), place
                assert {i: each.state.verified_at for i, each in after.items()} == verified, place
                company.simulator.faults.clear()
                await company.tick(then=HOUR)

        after = await company.leads()
        assert {i: (each.rollup, each.status) for i, each in after.items()} == {
            i: (each.rollup, each.status) for i, each in before.items()
        }
        changes = [await company.store.ledger.changes(run_id=each.run_id) for each in company.reports[1:]]
        assert not any(changes)
        assert await company.store.outbox.pending_count() == 0
