"""A lead whose booking was not seen is not verified, and everything that an operator looks at says so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.alert import AlertPolicy, ConditionKind
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.due import DuePolicy
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.planning.change import Answer, Unverified
from tests.services.run_harness import TICK, RunHarness
from tests.use_cases import conditions, explain_lead

POLICY = DuePolicy()
HOURS = timedelta(hours=1)


def of_unknown_status(lead: Lead) -> Answer:
    return Answer(appointments=tuple(replace(each, status=AppointmentStatus.UNKNOWN) for each in lead.appointments))


REASONS = {
    Unverified.NOT_MENTIONED: lambda _lead: Answer(),
    Unverified.OTHER_PERSON: lambda _lead: Answer(unverified=Unverified.OTHER_PERSON),
    Unverified.INCOMPLETE: lambda _lead: Answer(unverified=Unverified.INCOMPLETE),
    Unverified.NOT_CONFIRMED: lambda lead: Answer(absent=frozenset(each.id for each in lead.appointments)),
    Unverified.UNKNOWN_STATUS: of_unknown_status,
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("ahead", [20 * HOURS, 30 * HOURS], ids=["within 24 h", "later"])
async def test_an_unseen_booking_is_counted_in_status_and_report(
    harness: RunHarness, reason: Unverified, ahead: timedelta
) -> None:
    """It was verified an hour ago; now the run is answered, and the answer proves nothing."""
    lead, _seen = await harness.fill([2])
    harness.clock.at = lead.appointments[0].starts_at - ahead - HOURS
    await harness.run(then=HOURS + TICK)
    verified_at = (await harness.state(lead.id)).verified_at
    harness.ghl.verdicts[lead.id] = REASONS[reason](lead)

    report = await harness.run(then=timedelta(0))

    now = harness.clock.now()
    after = await harness.lead(lead.id)
    story = await explain_lead(lead.id, store=harness.store, now=now, policy=POLICY, breaker=BreakerPolicy())
    freshness = await harness.store.leads.freshness(now=now, policy=POLICY)
    at_risk = await harness.store.leads.at_risk(now=now, policy=POLICY, limit=9)
    unverified, _total = await harness.store.leads.unverified_count(since=now - HOURS)
    told = await conditions(
        harness.store, now=now, policy=AlertPolicy(), breaker=harness.policy.breaker, planned=harness.policy.cadence
    )
    is_soon = ahead < 24 * HOURS
    is_flagged = after.state.mismatch in {MismatchKind.DISAPPEARED, MismatchKind.OTHER_PERSON}
    assert verified_at is not None
    assert (after.rollup, after.state.verified_at) == (lead.rollup, verified_at)
    assert story.state.reason == reason
    assert freshness.oldest == now - verified_at
    assert (report.appointments_at_risk_24h, [each.id for each in at_risk]) == (is_soon, [lead.id] * is_soon)
    assert unverified == 1
    assert is_flagged is (reason not in {Unverified.NOT_CONFIRMED, Unverified.UNKNOWN_STATUS})
    kinds = {each.kind for each in told}
    assert (ConditionKind.BOOKINGS_DISAPPEARED in kinds) is (is_soon and is_flagged)
