"""A change on paper is the change: each field is written down and read back, and each fact is in the digest."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reconcile.domain.appointment import Appointment
from reconcile.domain.backfill.planned_change import PlannedLead, facts_of, read_back, written_down
from reconcile.domain.lead import Lead, LeadState, Rollup
from reconcile.domain.planning.change import AppointmentChange, Change, Effect
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.retry_state import BackoffPolicy, LeadAttempt, next_state
from tests.distinct_values import NOON, filled, names_of, with_another

LEAD = filled(Lead, fault=None, appointments=(filled(Appointment, created_at=None),))
ROLLUP = filled(Rollup, is_foreign=False)


def a_change(**facts: Any) -> Change:
    after = filled(Appointment, created_at=None)
    given = {
        "lead": LEAD,
        "rollup": with_another(ROLLUP, "booking_id"),
        "appointments": (AppointmentChange(before=None, after=with_another(after, "id")),),
        "effects": (filled(Effect),),
        "removed": (),
        **facts,
    }
    return filled(Change, **given)


def through_json(change: Change) -> Change:
    """Return the change as it is carried out later: from the text that planning has left."""
    return read_back(json.loads(json.dumps(written_down(change))), change.lead, outcome=change.outcome)


@pytest.mark.parametrize("name", names_of(Change, without=["lead", "removed"]))
def test_each_field_of_a_change_is_read_back(name: str) -> None:
    instead: dict[str, Any] = {
        "appointments": (AppointmentChange(before=None, after=filled(Appointment, id="other", created_at=None)),),
        "rollup": with_another(ROLLUP, "booking_id", instead="other"),
    }
    change = a_change()
    other = with_another(change, name, instead=instead[name]) if name in instead else with_another(change, name)

    assert through_json(change) == change
    assert through_json(other) == other


@pytest.mark.parametrize("name", names_of(Rollup, without=["is_foreign"]))
def test_each_field_of_a_rollup_is_read_back(name: str) -> None:
    change = a_change(rollup=with_another(ROLLUP, name))
    bare = a_change(rollup=with_another(ROLLUP, name, instead=None))

    assert through_json(change) == change
    assert through_json(bare) == bare


@pytest.mark.parametrize("name", names_of(Appointment, without=["created_at"]))
def test_each_field_of_an_appointment_is_read_back(name: str) -> None:
    after = with_another(filled(Appointment, created_at=None), name)
    change = a_change(appointments=(AppointmentChange(before=None, after=after),))

    assert through_json(change).appointments[0].after == after


def test_a_stored_appointment_is_updated_and_not_created_again() -> None:
    (known,) = LEAD.appointments
    change = a_change(appointments=(AppointmentChange(before=known, after=with_another(known, "starts_at")),))

    assert through_json(change) == change


def test_a_booking_id_that_stays_is_not_written_down_and_comes_from_the_lead() -> None:
    change = a_change(rollup=replace(ROLLUP, booking_id=LEAD.rollup.booking_id))

    assert str(LEAD.rollup.booking_id) not in json.dumps(written_down(change))
    assert through_json(change) == change


# --- the digest of what was planned from -------------------------------------------------------------------------


@pytest.mark.parametrize("name", names_of(Lead))
def test_the_digest_distinguishes_the_same_leads_as_a_write(name: str) -> None:
    other = with_another(LEAD, name)
    moves = facts_of(other, salt="s") != facts_of(LEAD, salt="s")

    assert moves is not LEAD.same_facts(other) or name == "id"
    assert moves is (name in {"workspace_id", "email", "contact_id", "status", "rollup", "appointments"})


@pytest.mark.parametrize("name", names_of(Rollup))
def test_each_field_of_a_rollup_is_in_the_digest(name: str) -> None:
    other = replace(LEAD, rollup=with_another(LEAD.rollup, name))

    assert facts_of(other, salt="s") != facts_of(LEAD, salt="s")


@pytest.mark.parametrize("name", names_of(Appointment, without=["created_at"]))
def test_each_field_of_an_appointment_is_in_the_digest(name: str) -> None:
    other = replace(LEAD, appointments=(with_another(LEAD.appointments[0], name),))

    assert facts_of(other, salt="s") != facts_of(LEAD, salt="s")


def test_the_digest_depends_on_the_plan() -> None:
    assert facts_of(LEAD, salt="a") != facts_of(LEAD, salt="b")


@pytest.mark.parametrize("name", names_of(PlannedLead))
def test_each_field_of_a_planned_lead_is_in_the_hash_of_its_plan(name: str) -> None:
    planned = filled(PlannedLead, change={"a": 1})
    other = with_another(planned, name, instead={"a": 2}) if name == "change" else with_another(planned, name)

    assert planned.line() != other.line()
    assert replace(planned).line() == planned.line()


# --- what a lead remembers of an attempt -------------------------------------------------------------------------

BEFORE = filled(LeadState, quarantined_at=None, failure_count=1)


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        (Outcome.DEFERRED, set(names_of(LeadState)) - {"attempted_at"}),
        (Outcome.SKIPPED, set(names_of(LeadState)) - {"attempted_at", "next_attempt_at", "reason"}),
        (Outcome.FAILED, {"verified_at", "absent_since", "mismatch", "mismatch_at", "quarantined_at", "occurrence"}),
    ],
)
def test_an_attempt_that_settles_nothing_leaves_all_else_as_it_was(outcome: Outcome, kept: set[str]) -> None:
    attempt = LeadAttempt(at=NOON.replace(year=2030), outcome=outcome, reason="why")
    after = next_state(BEFORE, attempt, policy=BackoffPolicy(), jitter=0.5)

    assert {name for name in names_of(LeadState) if getattr(after, name) == getattr(BEFORE, name)} == kept
