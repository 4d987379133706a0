"""A search of which a record could not be read verifies nothing, and what is known of it is written all the same."""

from datetime import timedelta

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName
from reconcile.domain.planning.change import Answer, Unverified
from reconcile.simulator import Fault, FaultKind, Scenario, WorldSize
from tests.domain.factories import an_appointment
from tests.evidence.test_absence import SQLITE
from tests.integration.simulated_company import start_company
from tests.services.fakes import START, a_workspace
from tests.services.run_harness import RunHarness, unbooked

CANCELED = an_appointment(
    "known", status=AppointmentStatus.CANCELED, starts_at=START + timedelta(days=3), canceled_at=START
)


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_known_cancellation_is_written_and_the_lead_is_not_verified(
    harness: RunHarness, is_known: bool
) -> None:
    lead = unbooked("lead-1", "ws-1")
    await harness.seed([a_workspace("ws-1")], [lead])
    found = (CANCELED,) if is_known else ()
    harness.ghl.verdicts[lead.id] = Answer(appointments=found, unverified=Unverified.INCOMPLETE)

    report = await harness.run()

    after = await harness.lead(lead.id)
    assert report.errors == 0
    assert after.rollup.booking_id == ("known" if is_known else None)
    assert (after.state.verified_at, after.state.reason) == (None, "incomplete_search")


@SQLITE
@pytest.mark.parametrize("partial", list(ProviderName))
async def test_both_possible_providers_must_answer_completely(harness: RunHarness, partial: ProviderName) -> None:
    lead = unbooked("lead-1", "ws-1")
    await harness.seed([a_workspace("ws-1", *ProviderName)], [lead])
    for name, provider in harness.providers.items():
        provider.verdicts[lead.id] = Answer(unverified=Unverified.INCOMPLETE if name is partial else None)

    await harness.run()

    assert (await harness.state(lead.id)).verified_at is None


@SQLITE
async def test_a_broken_record_is_reported_and_its_lead_is_not_verified(migrated_url: str) -> None:
    """Through the real adapter, in front of the simulator."""
    size = WorldSize(workspaces=1, leads_per_workspace=6)
    async with start_company(migrated_url, seed=3, size=size, mix={Scenario.UNBOOKED: 1}) as company:
        before = await company.leads()
        state = company.world.ghl
        lead = next(each for each in before.values() if each.contact_id in state.contacts)
        contact, tomorrow = lead.contact_id or "", company.clock.now() + timedelta(days=1)
        state.add_booking(contact, starts_at=tomorrow, status="cancelled")
        broken = state.add_booking(contact, starts_at=tomorrow)
        company.simulator.faults.add(Fault(kind=FaultKind.BROKEN_RECORD, value=broken.id))

        report = await company.tick()

        after = await company.lead(lead.id)
        assert after.rollup.status is AppointmentStatus.CANCELED
        assert (after.state.verified_at, after.state.reason) == (None, "incomplete_search")
        assert any(
            "missing required start time field; its other records were read" in each for each in report.health_reasons
        )
