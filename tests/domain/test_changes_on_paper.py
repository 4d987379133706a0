"""A change that is written down, carried out or taken back keeps every field of every appointment."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.backfill.planned_change import facts_of, read_back, written_down
from reconcile.domain.backfill.undo import Left, undone
from reconcile.domain.ids import AppointmentId, ProviderName
from reconcile.domain.lead import Lead, LeadState, LeadStatus, Rollup
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.plan import plan
from reconcile.store.leads.change_documents import change_documents
from tests.domain.factories import DAY, NOW, a_booked_lead, an_appointment, applied
from tests.domain.random_leads import SEEDS, lead_and_answer

OTHER_APPOINTMENT: Mapping[str, Any] = {
    "id": AppointmentId("other"),
    "provider": ProviderName.CALENDLY,
    "status": AppointmentStatus.SHOWED,
    "starts_at": NOW + 9 * DAY,
    "ends_at": NOW + 9 * DAY,
    "canceled_at": NOW,
    "replaces": AppointmentId("another"),
    "created_at": NOW,
}
OTHER_ROLLUP: Mapping[str, Any] = {
    "booking_id": "other",
    "provider": ProviderName.CALENDLY,
    "status": AppointmentStatus.SHOWED,
    "starts_at": NOW + 9 * DAY,
    "ends_at": NOW + 9 * DAY,
    "canceled_at": NOW,
    "is_foreign": True,
}
OTHER_LEAD: Mapping[str, Any] = {
    "id": "other",
    "workspace_id": "other",
    "email": "other@example.com",
    "contact_id": "other",
    "status": LeadStatus.KEPT,
    "rollup": Rollup(),
    "appointments": (),
    "in_sequence": True,
    "last_inbound_at": NOW,
    "state": LeadState(verified_at=NOW),
    "fault": "other",
    "has_usable_id": False,
}
NO_FACTS = {"id", "in_sequence", "last_inbound_at", "state", "fault", "has_usable_id"}
"""What a plan may be made from is what it would write, and by what the lead was looked up: not these."""


def _change(seed: int) -> Change | None:
    lead, answer = lead_and_answer(seed)
    return plan(lead, answer, now=NOW).change


@settings(max_examples=100)
@given(seed=SEEDS)
def test_a_stored_change_is_read_back_unchanged(seed) -> None:
    """But for rows to be deleted, which only an undo has and nobody writes down."""
    change = _change(seed)
    if change is None:
        return
    document = json.loads(json.dumps(written_down(change)))

    back = read_back(document, change.lead, outcome=change.outcome)

    assert [each.name for each in fields(Change) if getattr(back, each.name) != getattr(change, each.name)] == []


@settings(max_examples=100)
@given(seed=SEEDS)
def test_an_undone_change_restores_the_lead_and_is_undone_once(seed) -> None:
    change = _change(seed)
    if change is None or (change.lead.status is LeadStatus.OTHER and change.status is not LeadStatus.OTHER):
        return
    before, after = (json.loads(json.dumps(each)) for each in change_documents(change))
    found = undone(applied(change), before=before, after=after)

    assert isinstance(found, Change)
    restored = applied(found)
    assert restored.same_facts(change.lead)
    assert undone(restored, before=before, after=after) is Left.CHANGED_SINCE


def _differing(kind: type, others: Mapping[str, Any]) -> list[tuple[str, Lead]]:
    """Return a booked lead once for each field of *kind*, with another value in it."""
    assert set(others) == {each.name for each in fields(kind)}
    lead = a_booked_lead(email="ann@example.com")
    if kind is Appointment:
        return [
            (name, replace(lead, appointments=(an_appointment(**{"appointment_id": "appt-1", name: value}),)))
            for name, value in others.items()
            if name != "id"
        ]
    if kind is Rollup:
        return [(name, replace(lead, rollup=replace(lead.rollup, **{name: value}))) for name, value in others.items()]
    return [(name, replace(lead, **{name: value})) for name, value in others.items()]


@pytest.mark.parametrize(
    ("kind", "others", "not_facts"),
    [(Appointment, OTHER_APPOINTMENT, {"created_at"}), (Rollup, OTHER_ROLLUP, set()), (Lead, OTHER_LEAD, NO_FACTS)],
)
def test_a_lead_that_differs_in_any_fact_does_not_match_its_plan(
    kind: type, others: Mapping[str, Any], not_facts: set[str]
) -> None:
    """In memory and by its digest; a field that is added later has to be entered above."""
    lead = a_booked_lead(email="ann@example.com")
    for name, other in _differing(kind, others):
        is_same_digest = facts_of(other, salt="plan") == facts_of(lead, salt="plan")

        assert is_same_digest is (name in not_facts), name
        assert other.same_facts(lead) is (name in not_facts - {"created_at", "fault"}), name
