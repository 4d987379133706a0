"""What a person reads: durations, instants, foreign text, and the pictures made of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.backfill.undo import Left
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerReason, BreakerScope, Trip
from reconcile.domain.formatting import ago, keys, span
from reconcile.domain.ids import LeadId, RunId
from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.domain.views.parked import ParkedCause
from reconcile.drill.incident import DrillPlan
from reconcile.errors import ErrorClass
from reconcile.ports import GivenUpFollowUp
from reconcile_cli.control import breaker_text, follow_ups_text
from reconcile_cli.repair import progress, undo_text
from reconcile_cli.setup import demo as demo_command
from reconcile_cli.setup import demo_text, doctor_text
from reconcile_cli.terminal import ahead, lasting, safe
from reconcile_cli.views import leads_text
from tests.services.stub_store import LEAD, NOW, WORKSPACE
from tests.use_cases import BreakerList, LeadLine, Progress, Undoing, UnrevertedLead, advice


@pytest.mark.parametrize(
    ("duration", "told"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=0.6), "1 s"),
        (timedelta(seconds=59.7), "1 min"),
        (timedelta(minutes=3, seconds=20), "3 min 20 s"),
        (timedelta(hours=1, seconds=5), "1 h"),
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
    ],
)
def test_a_duration_is_shown_by_its_two_largest_units(duration: timedelta, told: str) -> None:
    assert span(duration) == told


def test_instants_are_shown_relative_to_now() -> None:
    assert ago(None, NOW) == "never"
    assert ago(NOW, NOW) == "just now"
    assert ago(NOW - timedelta(minutes=5, seconds=3), NOW) == "5 min 3 s ago"
    assert ago(NOW - timedelta(minutes=5, seconds=3), NOW, units=1) == "5 min ago"
    assert ahead(NOW + timedelta(seconds=45), NOW) == "in 45 s (12:00:45 UTC)"
    assert ahead(NOW, NOW) == "now"
    assert ahead(None, NOW) == ""
    assert lasting(NOW - timedelta(hours=2), NOW) == "for 2 h"


def test_foreign_text_steers_no_terminal() -> None:
    assert safe("a\x1b[2J\r\nb\u202e[red]").plain == r"a\x1b[2J\r\nb\u202e[red]"
    assert safe("Zoë 会议").plain == "Zoë 会议"


def test_the_keys_of_a_body_are_shortened() -> None:
    assert keys(["appointment", "appointment.startTime", "traceId"]) == (
        "keys present: appointment, traceId, and 1 inside"
    )


def test_a_breaker_is_shown_with_party_next_step_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    key, policy = BreakerKey(BreakerScope.WORKSPACE, "ws\x1b[31m"), BreakerPolicy()
    trip = Trip(reason=BreakerReason.ERROR_RATE, fault=ErrorClass.CREDENTIAL)
    tripped = Breaker(key=key).trip(NOW, trip, policy=policy)

    breaker_text.show(BreakerList(shown=(advice(tripped, now=NOW, policy=policy),)), now=NOW)
    out = capsys.readouterr().out

    assert r"● workspace:ws\x1b[31m  open  for 0 s  ErrorRateExceeded" in out
    assert "the token is refused" in out
    assert "in 45 s (12:00:45 UTC): no calls, then one probe" in out
    assert "\x1b" not in out


def test_many_parked_workspaces_are_a_line_for_each_cause(capsys: pytest.CaptureFixture[str]) -> None:
    cause = ParkedCause(
        cause="Calendly: no response in time",
        count=9_999,
        since=NOW - timedelta(hours=3),
        next_probe_at=NOW + timedelta(seconds=45),
        example="workspace:ws-1/calendly",
    )

    breaker_text.show(BreakerList(hidden_count=9_999, parked_count=9_999, causes=(cause,) * 12), now=NOW)
    out = capsys.readouterr().out

    assert "parked workspaces, by cause (9,999 breakers; --all shows each)" in out
    assert out.count("9,999  3 h ago  12:00:45") == 10
    assert "and 2 more causes" in out


def test_a_state_without_problems_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    breaker_text.show(BreakerList())
    leads_text.show([], title="quarantined", empty="no quarantined leads", hint="")

    assert capsys.readouterr().out == "all breakers are closed\nno quarantined leads\n"


def test_a_list_of_leads_ends_with_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    line = LeadLine(
        lead_id=LEAD,
        workspace_id=WORKSPACE,
        since=NOW - timedelta(hours=1),
        provider=None,
        booking_status=None,
        starts_at=None,
        failure_count=10,
        reason="ghl/appointment/timeout: no answer",
        mismatch=None,
    )

    leads_text.show([line], title="quarantined", empty="", hint="reconcile quarantine release LEAD_ID", now=NOW)
    out = capsys.readouterr().out

    assert "1 h ago" in out
    assert "lead-1" in out
    assert out.rstrip().endswith("reconcile quarantine release LEAD_ID")


@pytest.mark.parametrize(
    ("verdict", "closing"),
    [
        (FindingStatus.FINE, "ready: reconcile run"),
        (FindingStatus.WARNING, "ready: reconcile run"),
        (FindingStatus.AWAY, "try again in a minute"),
        (FindingStatus.FAULT, "fix this first"),
    ],
)
def test_findings_end_with_whether_a_run_can_be_made(
    verdict: FindingStatus, closing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = Finding(subject="settings", verdict=FindingStatus.FINE, text="all can be read")

    doctor_text.show([fine, Finding(subject="database", verdict=verdict, text="so it is", remedy="do this")])
    out = capsys.readouterr().out

    assert "→ do this" in out
    assert closing in out.splitlines()[-1]


def test_without_a_terminal_no_progress_bar_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar() as advance:
        advance(Progress(workspaces_done=1, workspaces_planned=2, leads_done=10, errors=0))

    assert capsys.readouterr() == ("", "")


@pytest.mark.integration
async def test_the_demo_shows_the_incident_minute_by_minute(capsys: pytest.CaptureFixture[str]) -> None:
    plan = DrillPlan(workspaces=4, leads_per_workspace=5, ticks=7, breaks_at=2, broken_ticks=2, latency=timedelta(0))

    guarded, unguarded = await demo_command.play(plan, replace(plan, is_guarded=False))
    demo_text.closing(guarded, unguarded)
    out = capsys.readouterr().out

    lines = [line for line in out.splitlines() if line[:1].isdigit()]
    assert [line.split()[1] for line in lines[1:]] == [
        "well",
        "broken",
        "broken",
        "healed",
        "healed",
        "healed",
        "healed",
    ]
    assert "open: stopped" in lines[2]
    assert "GHL appointment response missing required ID field" in " ".join(out.split())
    assert f"{guarded.errors} errors" in out
    assert f"{unguarded.errors} errors" in out
    assert unguarded.errors > guarded.errors


def test_leads_that_an_undo_left_are_listed_up_to_a_screenful(capsys: pytest.CaptureFixture[str]) -> None:
    left = tuple(
        UnrevertedLead(lead_id=LeadId(f"lead-{n:02}"), workspace_id=WORKSPACE, reason=Left.CHANGED_SINCE)
        for n in range(25)
    )
    done = Undoing(undone_run=RunId("r"), undone_plan=None, run_id=None, dry_run=False, reverted=(LEAD,), left=left)
    undo_text.show(done)
    undo_text.show(replace(done, left=left[:1]))
    told = capsys.readouterr().out

    assert "1 lead reverted, 25 left as they are" in told
    assert "lead-19" in told
    assert "lead-20" not in told
    assert "and 5 more leads: --output json lists all" in told
    assert "1 lead reverted, 1 left as it is" in told


def test_a_list_of_dead_letters_ends_with_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    row = GivenUpFollowUp(
        key="start:A1",
        kind="start_post_booking_sequence",
        workspace_id=WORKSPACE,
        lead_id=LEAD,
        attempts=20,
        created_at=NOW - timedelta(days=1),
        given_up_at=NOW - timedelta(hours=2),
        reason="rejected: the webhook answered 422",
    )
    follow_ups_text.show([row], limit=1, now=NOW)
    follow_ups_text.show([], limit=1, now=NOW)
    told = " ".join(capsys.readouterr().out.split())

    assert "2 h ago" in told
    assert "reconcile follow-ups retry KEY" in told
    assert "there may be more: raise --limit" in told
    assert told.endswith("no follow-up was given up")
