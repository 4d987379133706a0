"""A run that comes later and finds what the one before has left writes nothing: whatever the hour."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId, LeadId, RunId
from reconcile.domain.lead import LeadState
from reconcile.domain.planning.change import Answer
from tests.domain.factories import an_appointment
from tests.services.backfilling import Backfilling, cancel, move
from tests.services.fakes import START, FakeSink
from tests.services.run_harness import RunHarness, unbooked
from tests.use_cases import Undo, undo

DAY = timedelta(days=1)
FINE = timedelta(microseconds=123_456)
"""Finer than a database keeps."""


async def _company(harness: RunHarness) -> None:
    """Enter a lead for each kind of change; of each, GHL leaves out what it may leave out."""
    await harness.fill([6])
    await harness.seed([], [unbooked("new", "ws-0"), unbooked("twice", "ws-0")])
    names = [f"ws-0-lead-{n:03}" for n in range(6)]
    move(harness, [names[0]], by=FINE)
    cancel(harness, [names[1]])
    canceled = harness.ghl.appointments[AppointmentId(f"appt-{names[2]}")]
    harness.ghl.appointments[canceled.id] = replace(canceled, status=AppointmentStatus.CANCELED, canceled_at=None)
    del harness.ghl.appointments[AppointmentId(f"appt-{names[3]}")]
    old, new = _moved(names[4])
    harness.ghl.verdicts[LeadId(names[4])] = Answer(appointments=(old, new), contact_id="theirs")
    harness.ghl.verdicts[LeadId("new")] = Answer(appointments=(_standing("n", 30),), contact_id="theirs")
    harness.ghl.verdicts[LeadId("twice")] = Answer(appointments=(_standing("t1", 30), _standing("t2", 31)))
    harness.sink = FakeSink()


def _standing(name: str, days: int) -> Appointment:
    return an_appointment(name, starts_at=START + days * DAY + FINE)


def _moved(lead_id: str) -> tuple[Appointment, Appointment]:
    """Return a canceled booking and another one; neither has a date, so neither replaces the other."""
    old = an_appointment(f"appt-{lead_id}", starts_at=START + 30 * DAY, status=AppointmentStatus.CANCELED)
    return old, replace(_standing(f"other-{lead_id}", 31), created_at=None)


async def _rows(harness: RunHarness) -> Mapping[str, Any]:
    """Return all facts of all leads, without what is remembered of looking at them; and the changes and follow-ups."""
    tables = await harness.dump()
    leads = [await harness.lead(row[0]) for row in tables["lead"]]
    facts = {lead.id: replace(lead, state=LeadState()) for lead in leads}
    return {"facts": facts, "changes": tables["reconcile_change"], "effects": tables["reconcile_outbox"]}


@pytest.mark.parametrize(
    "pauses",
    [[timedelta(minutes=1)] * 3, [timedelta(hours=7), 2 * DAY, 9 * DAY]],
    ids=["minute by minute", "over days"],
)
async def test_later_runs_write_no_change_and_no_follow_up(harness: RunHarness, pauses: list[timedelta]) -> None:
    await _company(harness)
    await harness.run(then=timedelta(minutes=5))
    await harness.run(then=timedelta(minutes=5))  # what has disappeared is believed at a second look
    rows = await _rows(harness)
    assert len(rows["changes"]) == 7
    assert len(rows["effects"]) == 6

    for pause in pauses:
        report = await harness.run(then=pause)

        assert await _rows(harness) == rows
        assert (report.booked_found, report.canceled_found, report.rescheduled, report.updated) == (0, 0, 0, 0)


async def test_a_backfill_that_is_applied_later_is_applied_once(harness: RunHarness) -> None:
    await harness.fill([4])
    move(harness, ["ws-0-lead-000"], by=DAY + FINE)
    cancel(harness, ["ws-0-lead-001"])
    work = Backfilling(harness)
    await work.plan()
    before = await _rows(harness)
    harness.clock.advance(timedelta(hours=3))
    await work.apply()
    rows = await _rows(harness)
    for _ in range(2):
        harness.clock.advance(timedelta(hours=3))
        await work.apply()
        report = await harness.run()

        assert await _rows(harness) == rows
        assert (report.canceled_found, report.rescheduled, report.updated) == (0, 0, 0)
    assert before["changes"] == []
    assert len(rows["changes"]) == 2


async def test_a_later_undo_restores_every_field_once(harness: RunHarness) -> None:
    await harness.fill([4])
    before = await _rows(harness)
    move(harness, ["ws-0-lead-000"], by=DAY + FINE)
    cancel(harness, ["ws-0-lead-001"])
    await harness.run(then=timedelta(hours=3))
    made = await undo(
        Undo(run_id=RunId("undo-1"), undone_run=RunId("run-001")), store=harness.store, clock=harness.clock
    )
    rows = await _rows(harness)
    harness.clock.advance(timedelta(hours=3))
    again = await undo(
        Undo(run_id=RunId("undo-2"), undone_run=RunId("run-001")), store=harness.store, clock=harness.clock
    )

    assert (len(made.reverted), len(again.reverted)) == (2, 0)
    assert rows["facts"] == before["facts"]
    assert await _rows(harness) == rows
