"""What is stored is read back whole: each field of each value, also one that is added later."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reconcile.domain.alert import Alert, Condition, Confirmation
from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.backfill.plan import BackfillPlan, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead
from reconcile.domain.backfill.undo import undone
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerScope
from reconcile.domain.ids import LeadId, ProviderName
from reconcile.domain.lead import Lead, LeadState, LeadStatus, Rollup
from reconcile.domain.planning.change import AppointmentChange, Change, Effect
from reconcile.domain.planning.outcome import ErrorSignature, Outcome
from reconcile.domain.run.cadence import CadenceOverride
from reconcile.domain.run.report import RunReport
from reconcile.ports import AppliedAnnotation, ChannelState, ItemMove, Store
from reconcile.store.leads.seed import seed
from tests.distinct_values import NOON, filled, names_of
from tests.stores import DEFAULT, RUN, W1, batch, lead_write, workspace
from tests.use_cases import document

PLAN = PlanId("plan-1")


def an_appointment(**facts: Any) -> Appointment:
    """Return one of which each field that is stored has a value."""
    given = {"provider": ProviderName.HIGHLEVEL, "status": AppointmentStatus.CANCELED, "created_at": None, **facts}
    return filled(Appointment, **given)


def a_rollup(**facts: Any) -> Rollup:
    return filled(Rollup, provider=ProviderName.HIGHLEVEL, status=AppointmentStatus.CANCELED, is_foreign=False, **facts)


async def entered(url: str) -> Lead:
    """Enter a lead of which each field has a value, but for what is remembered of it."""
    lead = filled(
        Lead,
        id=LeadId("lead-1"),
        workspace_id=W1,
        status=LeadStatus.MEETING_BOOKED,
        rollup=a_rollup(),
        appointments=(an_appointment(),),
        state=LeadState(),
        fault=None,
        has_usable_id=True,
    )
    await seed(url, mapping=DEFAULT, workspaces=[workspace(W1)], leads=[lead])
    return lead


async def test_an_alert_keeps_all_fields(store: Store) -> None:
    alert = filled(Alert, heard={"slack": filled(Confirmation), "email": filled(Confirmation, times=9)}, generation=1)
    # A row has one beginning and one end; what was spent is in its counts.
    condition = filled(Condition, spending=None, since=alert.since, over_at=alert.over_at)
    alert = replace(alert, condition=condition)
    await store.alerts.save([alert])

    assert list(await store.alerts.load(since=NOON)) == [alert]


async def test_an_alert_channel_keeps_all_fields(store: Store) -> None:
    state = filled(ChannelState)
    await store.alerts.save_channel(state)

    assert await store.alerts.channels() == {state.name: state}


@pytest.mark.parametrize("scope", list(BreakerScope))
async def test_a_breaker_keeps_all_fields(store: Store, scope: BreakerScope) -> None:
    breaker = filled(Breaker, key=BreakerKey(scope, "a-name"), generation=1)

    assert await store.breakers.save(breaker, expected_generation=0)
    assert await store.breakers.get(breaker.key) == breaker
    assert list(await store.breakers.load()) == [breaker]


async def test_a_cadence_override_and_an_applied_annotation_keep_all_fields(store: Store) -> None:
    override, row = filled(CadenceOverride), filled(AppliedAnnotation)
    await store.cadences.set(override)
    await store.applied_annotations.remember(row)

    assert await store.cadences.override() == override
    assert list(await store.applied_annotations.list_all()) == [row]


async def test_a_run_keeps_all_fields(store: Store) -> None:
    report = filled(RunReport, breakers=(), run_id=RUN)
    await store.ledger.begin_run(RUN, started_at=NOON, trigger="schedule", version="9.9")
    await store.ledger.finish_run(report, document(report))
    found = await store.ledger.run(RUN)

    assert found is not None
    assert (found.run_id, found.started_at, found.finished_at) == (RUN, NOON, report.timestamp)
    assert found.report == json.loads(json.dumps(document(report)))
    assert found.trigger == "schedule"


async def test_a_lead_and_its_state_keep_all_fields(store: Store, migrated_url: str) -> None:
    lead = await entered(migrated_url)
    before = await store.leads.lead(lead.id)
    state = filled(LeadState)
    await store.leads.write(batch([lead_write(lead, state=state)]))
    after = await store.leads.lead(lead.id)

    assert before == lead
    assert after == replace(lead, state=state)


async def test_a_change_its_follow_up_and_its_undo_keep_all_fields(store: Store, migrated_url: str) -> None:
    lead = await entered(migrated_url)
    new = an_appointment(id="another", replaces="one-before", status=AppointmentStatus.SHOWED)
    change = Change(
        lead=lead,
        outcome=Outcome.RESCHEDULED,
        rollup=replace(filled(Rollup, booking_id="other", is_foreign=False), provider=ProviderName.CALENDLY),
        status=LeadStatus.QUALIFIED,
        contact_id="another-contact",
        appointments=(AppointmentChange(before=None, after=new),),
        effects=(filled(Effect),),
    )
    await store.leads.write(batch([lead_write(lead, change=change, state=lead.state)]))
    after = await store.leads.lead(lead.id)
    (row,) = await store.ledger.changes(lead_id=lead.id)
    (effect,) = await store.outbox.pending(now=NOON.replace(year=2099), limit=5)

    assert after is not None
    assert (after.rollup, after.status, after.contact_id) == (change.rollup, change.status, change.contact_id)
    assert set(after.appointments) == {*lead.appointments, new}
    assert (row.run_id, row.workspace_id, row.lead_id, row.outcome) == (RUN, W1, lead.id, Outcome.RESCHEDULED)
    assert (effect.kind, effect.key, effect.appointment_id) == (
        change.effects[0].kind,
        change.effects[0].key,
        change.effects[0].appointment_id,
    )
    assert (effect.workspace_id, effect.lead_id, effect.run_id) == (W1, lead.id, RUN)
    back = undone(after, before=row.before, after=row.after)
    assert isinstance(back, Change)
    assert (back.rollup, back.status, back.contact_id) == (lead.rollup, lead.status, lead.contact_id)
    assert (back.removed, back.appointments) == ((new,), ())


async def test_a_failure_keeps_all_fields(store: Store, migrated_url: str) -> None:
    lead, signature = await entered(migrated_url), filled(ErrorSignature)
    await store.ledger.begin_run(RUN, started_at=NOON, trigger="manual", version="9.9")
    await store.leads.write(batch([lead_write(lead, outcome=Outcome.FAILED, signature=signature)]))
    (over_all,) = await store.ledger.signatures()
    (seen,) = await store.ledger.sightings(since=NOON.replace(year=2000))

    assert (over_all.signature, over_all.count, over_all.last_workspace_id) == (signature, 1, W1)
    assert (seen.signature, seen.version, seen.count, seen.runs) == (signature, "9.9", 1, 1)
    assert (seen.workspace_count, seen.workspaces) == (1, (W1,))


async def test_a_plan_and_its_leads_keep_all_fields(store: Store, migrated_url: str) -> None:
    lead = await entered(migrated_url)
    begun = BackfillPlan(id=PLAN, made_at=NOON, asked={"stale": "36h"})
    await store.backfills.begin(begun, Selection(workspaces=(W1,)))
    stored = await store.backfills.plan(PLAN)
    assert stored is not None
    plan = filled(BackfillPlan, id=PLAN, made_at=NOON, asked=begun.asked, selected=1)
    planned = filled(PlannedLead, lead_id=lead.id, workspace_id=W1, outcome=Outcome.BOOKED)
    move = ItemMove(lead_id=lead.id, state=ItemState.PLANNED, planned=planned)
    await store.backfills.record(PLAN, [move], run_id=RUN, leases=(), at=NOON)
    await store.backfills.save(plan, before=stored)
    (read,) = await store.backfills.planned(PLAN, W1, limit=5)
    (row,) = await store.backfills.items(PLAN)

    assert await store.backfills.plan(PLAN) == plan
    assert {name: getattr(read, name) for name in names_of(PlannedLead)} == {
        name: getattr(planned, name) for name in names_of(PlannedLead)
    }
    assert (row.state, row.outcome, row.planned) == (ItemState.PLANNED, Outcome.BOOKED, planned)
