"""New appointments are linked with the cancellations that they replace: the nearest in time, each at most once."""

import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.appointment import Appointment, AppointmentStatus
from reconcile.domain.ids import AppointmentId
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.plan import plan
from reconcile.domain.planning.reschedules import RESCHEDULE_WINDOW
from tests.domain.factories import DAY, NOW, a_lead, an_appointment

HOURS = st.integers(0, 20)


def links(answer: Answer) -> dict[AppointmentId, AppointmentId]:
    """Return which new appointment replaces which canceled one."""
    change = plan(a_lead(), answer, now=NOW).change
    rows = change.appointments if change is not None else ()
    return {row.after.id: row.after.replaces for row in rows if row.after.replaces is not None}


def nearest_by_comparing_all(appointments: list[Appointment]) -> dict[AppointmentId, AppointmentId]:
    """Return the same by the definition: by start, each takes the nearest that is left, the least id of two."""
    left = {a.id: a.canceled_at for a in appointments if a.canceled_at is not None}
    found: dict[AppointmentId, AppointmentId] = {}
    dated = [(a, a.created_at) for a in appointments if a.id not in left and a.created_at is not None]
    for new, created_at in sorted(dated, key=lambda pair: (pair[0].starts_at, pair[0].id)):
        distances = [(abs(created_at - instant), each) for each, instant in left.items()]
        if distances and min(distances)[0] <= RESCHEDULE_WINDOW:
            found[new.id] = min(distances)[1]
            del left[found[new.id]]
    return found


@given(canceled=st.lists(HOURS, max_size=8), created=st.lists(st.tuples(HOURS, HOURS), max_size=8))
def test_each_new_appointment_replaces_the_nearest_cancellation_that_is_left(
    canceled: list[int], created: list[tuple[int, int]]
) -> None:
    appointments = [
        an_appointment(f"old-{n}", status=AppointmentStatus.CANCELED, canceled_at=NOW + timedelta(hours=hour))
        for n, hour in enumerate(canceled)
    ] + [
        an_appointment(f"new-{n}", created_at=NOW + timedelta(hours=hour), starts_at=NOW + DAY + timedelta(hours=start))
        for n, (hour, start) in enumerate(created)
    ]

    assert links(Answer(appointments=tuple(appointments))) == nearest_by_comparing_all(appointments)


CANCELED_LONG_AGO = {"status": AppointmentStatus.CANCELED, "starts_at": NOW - 300 * DAY, "ends_at": None}
CANCELED_AHEAD = {"status": AppointmentStatus.CANCELED, "starts_at": NOW + DAY, "ends_at": None}


@pytest.mark.parametrize(
    ("old", "new", "is_linked"),
    [
        (CANCELED_AHEAD | {"canceled_at": NOW}, {"created_at": NOW}, True),
        (CANCELED_LONG_AGO | {"canceled_at": None}, {"created_at": None}, False),
        (CANCELED_AHEAD | {"canceled_at": None}, {"created_at": None}, False),
        (CANCELED_AHEAD | {"canceled_at": None}, {"created_at": NOW}, False),
        (CANCELED_AHEAD | {"canceled_at": NOW}, {"created_at": None}, False),
        (CANCELED_LONG_AGO | {"canceled_at": NOW}, {"created_at": NOW}, False),
    ],
    ids=["both dated", "neither, long ago", "neither", "no cancellation", "no creation", "edited long after"],
)
def test_only_known_instants_link_two_appointments(old: dict[str, Any], new: dict[str, Any], is_linked: bool) -> None:
    """A record without dates, or one that somebody edited long after its meeting, is no half of a reschedule."""
    appointments = (an_appointment("old", **old), an_appointment("new", starts_at=NOW + 2 * DAY, **new))
    answer = Answer(appointments=appointments)

    assert links(answer) == ({"new": "old"} if is_linked else {})
    change = plan(a_lead(), answer, now=NOW).change
    assert change is not None
    statuses: dict[str, AppointmentStatus] = {row.after.id: row.after.status for row in change.appointments}
    assert statuses["old"] is (AppointmentStatus.RESCHEDULED if is_linked else AppointmentStatus.CANCELED)


def instructions(call: Callable[[], object]) -> int:
    """Count the bytecode instructions that *call* executes: a measure of work that no machine's speed changes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_planning_takes_work_in_proportion_to_the_number_of_new_appointments() -> None:
    def work(size: int) -> int:
        canceled = [
            an_appointment(f"old-{n}", status=AppointmentStatus.CANCELED, canceled_at=NOW + timedelta(minutes=n))
            for n in range(size)
        ]
        new = [an_appointment(f"new-{n}", created_at=NOW + timedelta(minutes=n)) for n in range(size)]
        return instructions(lambda: plan(a_lead(), Answer(appointments=(*canceled, *new)), now=NOW))

    assert work(400) < 2.5 * work(200)
