"""A lead whose booking was not seen is not verified, and everything that an operator looks at says so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.alert import AlertPolicy, ConditionKind
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.change import Answer, Unverified
from reconcile.domain.due import DuePolicy
from reconcile.domain.lead import Lead, MismatchKind
from tests.services.desk import TICK, Desk
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
async def test_a_booking_that_was_not_seen_counts_where_operators_look(
    desk: Desk, reason: Unverified, ahead: timedelta
) -> None:
    """It was verified an hour ago; now the run is answered, and the answer proves nothing."""
    lead, _seen = await desk.fill([2])
    desk.clock.at = lead.appointments[0].starts_at - ahead - HOURS
    await desk.run(then=HOURS + TICK)
    verified_at = (await desk.state(lead.id)).verified_at
    desk.ghl.verdicts[lead.id] = REASONS[reason](lead)

    report = await desk.run(then=timedelta(0))

    now = desk.clock.now()
    after = await desk.lead(lead.id)
    story = await explain_lead(lead.id, store=desk.store, now=now, policy=POLICY, breaker=BreakerPolicy())
    freshness = await desk.store.leads.freshness(now=now, policy=POLICY)
    at_risk = await desk.store.leads.at_risk(now=now, policy=POLICY, limit=9)
    unverified, _total = await desk.store.leads.unverified_count(since=now - HOURS)
    told = await conditions(
        desk.store, now=now, policy=AlertPolicy(), breaker=desk.policy.breaker, planned=desk.policy.cadence
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
