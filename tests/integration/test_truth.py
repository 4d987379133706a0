"""Whatever has happened in a generated world: after a few runs the database says what the providers know."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from reconcile.domain.appointment import CANCELED_STATUSES, AppointmentStatus
from reconcile.domain.evidence.booking_reference import refers_to
from reconcile.domain.ids import AppointmentId, LeadId
from reconcile.domain.lead import Lead, LeadStatus
from reconcile.domain.planning.change import EffectKind
from reconcile.simulator import Booking, Fault, FaultKind, GeneratedLead, WorldSize, incident
from tests import samples
from tests.integration.provider_events import ProviderEvents
from tests.integration.simulated_company import SimulatedCompany, start_company
from tests.samples import WHOLE

SIZE = WorldSize(workspaces=3, leads_per_workspace=24)
SETTLING_TICKS = 3
FAR = timedelta(days=3650)
VARIANTS = {
    "as documented": (),
    "other envelope and spelling": (
        Fault(kind=FaultKind.ENVELOPE, value="appointment"),
        Fault(kind=FaultKind.STATUS_SPELLING, value="typo"),
        Fault(kind=FaultKind.STATUS_STYLE, value="camel"),
        Fault(kind=FaultKind.EXTRA_FIELDS),
    ),
    "flat, naive times": (
        Fault(kind=FaultKind.ENVELOPE, value="flat"),
        Fault(kind=FaultKind.TIME_FORMAT, value="naive"),
        Fault(kind=FaultKind.STATUS_SPELLING, value="both"),
        Fault(kind=FaultKind.FRACTION, value="none"),
    ),
    "unknown ids are answered 400, lists leave out what was deleted": (
        Fault(kind=FaultKind.UNKNOWN_ID, value="400"),
        Fault(kind=FaultKind.LIST_HIDES, value="deleted"),
        Fault(kind=FaultKind.URI_ORIGIN),
    ),
    "old paging, odd origins": (
        Fault(kind=FaultKind.PAGE_KEYS, value="legacy"),
        Fault(kind=FaultKind.STATUS_STYLE, value="upper"),
        Fault(kind=FaultKind.TIME_FORMAT, value="utc"),
    ),
}
"""Ways in which the same facts are told; none may change what is written."""

pytestmark = pytest.mark.integration


def deviation(generated: GeneratedLead, lead: Lead, truth: Booking | None) -> str | None:
    """Return in what a lead's row is not the provider's *truth*, None where it is."""
    rollup = lead.rollup
    if truth is None or truth.status == "canceled":
        is_true = rollup.status is None or rollup.status in CANCELED_STATUSES
    else:
        is_true = (
            rollup.booking_id is not None
            and refers_to(rollup.booking_id, AppointmentId(truth.id))
            and rollup.status == truth.status
            and rollup.starts_at == truth.starts_at
            and rollup.ends_at == truth.ends_at
        )
    if rollup.status is AppointmentStatus.CONFIRMED or rollup.status in CANCELED_STATUSES:
        is_booked = rollup.status is AppointmentStatus.CONFIRMED
        is_true = is_true and (lead.status is LeadStatus.MEETING_BOOKED) == is_booked
    return None if is_true else f"{generated.scenario} at {generated.api}: {lead} is not {truth}"


def expected_effects(generated: GeneratedLead, company: SimulatedCompany) -> set[EffectKind]:
    """Return the follow-ups that what was found of a lead has to cause."""
    before, truth = generated.stored, generated.truth
    if before is None:
        is_ahead = truth is not None and truth.status == "confirmed" and truth.starts_at > company.clock.now()
        return {EffectKind.START_POST_BOOKING_SEQUENCE} if is_ahead else set()
    if truth is None or truth.status == "canceled":
        return {EffectKind.OPEN_CANCELLATION_TASK}
    return set()


@samples.cells(2)
@pytest.mark.parametrize(("seed", "variant"), list(enumerate(VARIANTS)))
async def test_the_database_converges_to_the_providers_records(migrated_url: str, seed: int, variant: str) -> None:
    async with start_company(migrated_url, seed=seed, size=SIZE) as company:
        company.simulator.faults.add(*VARIANTS[variant])
        for _ in range(SETTLING_TICKS):
            await company.tick()
        leads = await company.leads()
        effects = await company.store.outbox.pending(now=company.clock.now() + FAR, limit=10_000)
        after = await company.tick(then=timedelta(hours=2))
        later = await company.tick()

        wrong = {
            each.id: why for each in company.world.leads if (why := deviation(each, leads[LeadId(each.id)], each.truth))
        }
        assert wrong == {}
        found = Counter((effect.lead_id, effect.kind) for effect in effects)
        assert found == {(LeadId(g.id), kind): 1 for g in company.world.leads for kind in expected_effects(g, company)}
        assert [report.errors for report in company.reports] == [0] * len(company.reports)
        for report in (after, later):
            assert await company.store.ledger.changes(run_id=report.run_id) == []
        assert {
            i: (each.rollup, each.status, set(each.appointments)) for i, each in (await company.leads()).items()
        } == {i: (each.rollup, each.status, set(each.appointments)) for i, each in leads.items()}
        assert AppointmentStatus.UNKNOWN not in {each.rollup.status for each in leads.values()}


@samples.cells(1)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=WHOLE), pytest.param(2, marks=WHOLE)])
async def test_the_database_follows_ongoing_changes_through_an_incident(migrated_url: str, seed: int) -> None:
    async with start_company(migrated_url, seed=100 + seed, size=SIZE) as company:
        provider_events = ProviderEvents(company.world, random.Random(seed))
        for tick in range(16):
            provider_events.step(0.1)
            if tick == 4:
                company.simulator.faults.add(*incident())
            if tick == 8:
                company.simulator.faults.clear()
            await company.tick()
        for _ in range(4):
            await company.tick()
        leads = await company.leads()
        effects = await company.store.outbox.pending(now=company.clock.now() + FAR, limit=10_000)
        last = await company.tick()

        assert {
            each.id: why
            for each in company.world.leads
            if (why := deviation(each, leads[LeadId(each.id)], provider_events.truths[each.id]))
        } == {}
        assert await company.store.ledger.changes(run_id=last.run_id) == []
        assert (last.errors, last.breakers) == (0, ())
        assert len({(each.kind, each.lead_id, each.appointment_id) for each in effects}) == len(effects)
