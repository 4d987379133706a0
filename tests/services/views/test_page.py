"""What a page is given to show, and what it is never given."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, Rollup
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.views.page import OverallStatus, PageFacts
from reconcile.errors import ErrorClass
from reconcile.ports import ChangeRow, ScheduledRun
from tests.services.stub_store import LEAD, NOW, WORKSPACE, Stub, healthy, run_row
from tests.use_cases import REPAIRS_SHOWN, TROUBLES_SHOWN, page_facts

HOUR = timedelta(hours=1)
RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text()
MEETING = Lead(
    id=LEAD,
    workspace_id=WORKSPACE,
    email="somebody@example.org",
    contact_id="contact-1",
    rollup=Rollup(booking_id="A1", starts_at=NOW + HOUR),
    state=LeadState(verified_at=NOW - 2 * HOUR),
)


def tripped(key: BreakerKey) -> Breaker:
    trip = Trip(reason=BreakerReason.ERROR_RATE, fault=ErrorClass.TIMEOUT, run_id=RunId("run-9"))
    return Breaker(key=key).trip(NOW - HOUR, trip, policy=BreakerPolicy())


def parked(count: int) -> dict[BreakerKey, Breaker]:
    keys = [BreakerKey(BreakerScope.WORKSPACE, f"ws-{number}") for number in range(count)]
    return {key: tripped(key) for key in keys}


def change(**after: Any) -> ChangeRow:
    return ChangeRow(
        run_id=RunId("run-1"),
        workspace_id=WORKSPACE,
        lead_id=LEAD,
        outcome=Outcome.UPDATED,
        at=NOW,
        before=dict.fromkeys(after),
        after=after,
    )


async def facts(stub: Stub) -> PageFacts:
    return await page_facts(stub.store(), now=NOW, span=24 * HOUR, due=DuePolicy(), breaker=BreakerPolicy())


async def test_an_empty_ledger_shows_how_to_start() -> None:
    found = await facts(Stub())

    assert (found.standing, found.headline) == (OverallStatus.ATTENTION, "No run yet.")
    assert [step.command for step in found.steps] == ["reconcile run"]


async def test_a_healthy_state_is_shown_with_figures() -> None:
    scheduled_run = ScheduledRun(
        run_id=RunId("run-1"), started_at=NOW - HOUR, ended_at=NOW - HOUR, checks=1200, errors=2, repaired=7
    )
    found = await facts(Stub(runs=[run_row("run-1", report=healthy())], ticks=[scheduled_run]))

    assert found.standing is OverallStatus.WELL
    assert found.headline == ("1,200 checks, all but 2 successful, and no meeting of the next 24 hours is unverified.")
    assert [step.command for step in found.steps] == ["reconcile status"]
    assert (found.checks, found.errors, found.repaired, found.runs) == (1200, 2, 7, 1)


async def test_an_unverified_meeting_is_shown_although_runs_are_healthy() -> None:
    found = await facts(Stub(runs=[run_row("run-1", report=healthy())], at_risk=[MEETING]))

    assert found.standing is OverallStatus.ATTENTION
    assert found.headline == "Runs are healthy, but 1 meeting of the next 24 hours were not verified for an hour."
    assert [step.command for step in found.steps] == ["reconcile run"]
    assert (found.at_risk[0].lead_id, found.at_risk[0].starts_at) == (LEAD, NOW + HOUR)


async def test_a_stop_is_shown_with_a_command() -> None:
    key = BreakerKey(BreakerScope.PROVIDER, "ghl")
    found = await facts(Stub(breakers={key: tripped(key)}, runs=[run_row("run-9", report=healthy())]))

    assert (found.standing, found.headline) == (
        OverallStatus.TROUBLE,
        "Stopped: GoHighLevel: no response in time.",
    )
    assert [step.command for step in found.steps] == ["reconcile explain run run-9"]
    assert [(band.breaker, band.is_current) for band in found.bands] == [("provider:ghl", True)]


async def test_a_missing_run_is_reported() -> None:
    found = await facts(Stub(runs=[run_row("run-1", minutes_ago=90, report=healthy())]))

    assert found.headline == "No run for more than an hour: check whether the schedule is suspended."
    assert [step.command for step in found.steps] == ["reconcile explain run run-1"]


NEWEST = run_row("run-9", report=healthy())
GHL = BreakerKey(BreakerScope.PROVIDER, "ghl")
WS_0 = BreakerKey(BreakerScope.WORKSPACE, "ws-0")


@pytest.mark.parametrize(
    ("stub", "since", "blame", "coming", "runbook"),
    [
        (
            {"breakers": {GHL: tripped(GHL)}, "runs": [NEWEST]},
            NOW - HOUR,
            "GoHighLevel: no response in time",
            "the next run sends 3 probes",
            "`circuit_broken`: a provider's breaker is open",
        ),
        (
            {"breakers": {WS_0: tripped(WS_0)}, "runs": [NEWEST]},
            NOW - HOUR,
            "workspace ws-0: no response in time",
            "the next run sends one probe",
            "A workspace is parked",
        ),
        (
            {"runs": [run_row("run-9", minutes_ago=90, report=healthy())]},
            NOW - 1.5 * HOUR,
            "the schedule, which has not started a run",
            "the next run that starts checks all that has become due",
            "No run succeeds",
        ),
        (
            {"runs": [run_row("run-9")]},
            NOW - timedelta(minutes=1),
            "the run's own process",
            "the next run continues",
            "A run was killed",
        ),
        (
            {"runs": [run_row("run-9", report=healthy(health="unhealthy"))]},
            None,
            "no party as a whole",
            "failed leads are tried again later",
            "`unhealthy`, and nothing is open",
        ),
        (
            {"runs": [NEWEST], "at_risk": [MEETING]},
            None,
            "no party: runs are healthy",
            "the next run checks these leads first",
            "Meetings are at risk",
        ),
    ],
)
async def test_the_first_screen_answers_what_is_asked_first(
    stub: dict[str, Any], since: datetime | None, blame: str, coming: str, runbook: str
) -> None:
    found = (await facts(Stub(**stub))).situation

    assert found is not None
    assert found.since == since
    assert found.blame.startswith(blame)
    assert found.next.startswith(coming)
    assert "changes no booking" in found.intact or "is complete" in found.intact
    assert f"\n## {found.runbook}\n" in RUNBOOK
    assert found.runbook == runbook


async def test_other_workspaces_are_said_to_be_served_only_where_most_are() -> None:
    few = (await facts(Stub(breakers=parked(1), runs=[NEWEST], workspace_count=100))).situation
    most = (await facts(Stub(breakers=parked(1), runs=[NEWEST], workspace_count=1))).situation

    assert few is not None
    assert most is not None
    assert ("other workspaces are served" in few.intact, "other workspaces" in most.intact) == (True, False)


async def test_a_long_silence_counts_from_the_last_run_and_a_late_run_from_its_tick() -> None:
    ticks = tuple(NOW - timedelta(minutes=minutes) for minutes in range(3))

    async def since(minutes_ago: int) -> datetime | None:
        stub = Stub(runs=[run_row("run-9", minutes_ago=minutes_ago, report=healthy())])
        planned = PlannedCadence(schedule="* * * * *", past_ticks=ticks)
        breaker = BreakerPolicy()
        found = await page_facts(
            stub.store(), now=NOW, span=24 * HOUR, due=DuePolicy(), breaker=breaker, planned=planned
        )
        assert found.situation is not None
        return found.situation.since

    assert await since(2) == NOW - timedelta(minutes=1)
    assert await since(51) == NOW - timedelta(minutes=51)


async def test_where_all_is_well_or_nothing_has_begun_there_is_nothing_to_answer() -> None:
    assert (await facts(Stub(runs=[NEWEST]))).situation is None
    assert (await facts(Stub())).situation is None


async def test_the_error_rate_of_now_is_the_last_runs() -> None:
    last = run_row("run-9", report=healthy(leadsChecked=40, errors=10))
    found = await facts(Stub(runs=[run_row("run-10"), last, NEWEST]))

    assert (found.last_checks, found.last_errors) == (40, 10)


async def test_a_young_database_fills_its_charts() -> None:
    first = ScheduledRun(
        run_id=RunId("run-1"), started_at=NOW - HOUR, ended_at=NOW - HOUR, checks=1, errors=0, repaired=0
    )
    young = await facts(Stub(ticks=[first]))
    newborn = await facts(Stub(ticks=[replace(first, ended_at=NOW)]))
    old = await facts(Stub(ticks=[replace(first, ended_at=NOW - 30 * HOUR)]))

    assert young.since == NOW - HOUR - timedelta(minutes=1)
    assert newborn.since == NOW - timedelta(minutes=10)
    assert old.since == NOW - 24 * HOUR


async def test_many_parked_workspaces_are_one_command_and_a_few_lines() -> None:
    found = await facts(Stub(breakers=parked(40), runs=[run_row("run-9", report=healthy())]))

    assert [step.command for step in found.steps] == ["reconcile breaker show"]
    assert (found.troubles, found.more_troubles) == ((), 0)
    assert [each.count for each in found.parked_causes] == [40]
    assert found.more_breakers == 40 - len(found.band_rows)


async def test_ten_parked_workspaces_are_among_the_troubles() -> None:
    found = await facts(Stub(breakers=parked(10), runs=[run_row("run-9", report=healthy())]))

    assert [step.command for step in found.steps] == ["reconcile explain workspace ws-0", "reconcile breaker show"]
    assert (len(found.troubles), found.more_troubles) == (TROUBLES_SHOWN, 10 - TROUBLES_SHOWN)
    assert found.parked_causes == ()


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (
            {"booking_status": "no_show", "booking_starts_at": "2026-03-04T18:00:00.000000+00:00"},
            "no show, 04 Mar 18:00",
        ),
        ({"booking_starts_at": "soon", "booking_status": "showed"}, "showed"),
        ({"booking_ends_at": "2026-03-04T19:00:00Z", "contact_id": "c-secret"}, "same, with another end, contact id"),
        ({"appointments": [{"id": "A1"}]}, "same, with another set of appointments"),
    ],
)
async def test_a_change_shows_only_status_and_start(after: dict[str, Any], told: str) -> None:
    (repair,) = (await facts(Stub(changes=[change(**after)]))).repairs

    assert repair.became == told


async def test_no_person_is_named() -> None:
    """Whatever stands in leads and changes: e-mails and contacts do not get as far as the page."""
    row = change(contact_id="contact-1", email="somebody@example.org", name="Some Body")
    found = await facts(Stub(at_risk=[MEETING], changes=[row]))

    assert "somebody" not in repr(found).lower()
    assert "contact-1" not in repr(found)
    assert "Some Body" not in repr(found)


async def test_the_page_does_not_grow_with_a_thousand_of_everything() -> None:
    many = [replace(MEETING, id=LeadId(f"l{n}"), workspace_id=WorkspaceId(f"w{n}")) for n in range(1000)]
    found = await facts(Stub(at_risk=many, breakers=parked(1000), changes=[change()] * REPAIRS_SHOWN))

    assert found.at_risk_count == 1000
    assert max(len(found.at_risk), len(found.troubles), len(found.band_rows), len(found.steps)) <= 10
