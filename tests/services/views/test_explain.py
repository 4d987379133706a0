"""Why a lead, a workspace or a run came to what it came to."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    Trip,
)
from reconcile.domain.credential import Credential, Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead, LeadState, Rollup
from reconcile.domain.workspace import Workspace
from reconcile.errors import RequestError
from tests.services.stub_store import GHL, LEAD, NOW, WORKSPACE, Stub, healthy, run_row
from tests.use_cases import LeadExplanation, explain_lead, explain_run, explain_workspace

POLICY = DuePolicy()
BREAKERS = BreakerPolicy()
HOUR = timedelta(hours=1)
SERVED = Workspace(id=WORKSPACE, credentials={GHL: Credential(provider=GHL, token=Token.parse("t", where="here"))})


def lead(*, starts_at: datetime | None = None, in_sequence: bool = False, **state: Any) -> Lead:
    return Lead(
        id=LEAD,
        workspace_id=WORKSPACE,
        email="canary@example.com",
        in_sequence=in_sequence,
        last_inbound_at=NOW - 24 * HOUR,
        rollup=Rollup(booking_id="abc", provider=GHL, status=AppointmentStatus.CONFIRMED, starts_at=starts_at),
        state=LeadState(**state),
    )


async def explained(
    subject: Lead, *, workspace: Workspace = SERVED, breakers: dict[BreakerKey, Breaker] | None = None
) -> LeadExplanation:
    stub = Stub(leads=[subject], workspaces=[workspace], breakers=breakers or {})
    return await explain_lead(LEAD, store=stub.store(), now=NOW, policy=POLICY, breaker=BREAKERS)


def tripped(scope: BreakerScope, name: str) -> dict[BreakerKey, Breaker]:
    key = BreakerKey(scope, name)
    return {key: Breaker(key=key).trip(NOW, Trip(reason=BreakerReason.ERROR_RATE), policy=BREAKERS)}


@pytest.mark.parametrize(
    ("subject", "verdict", "next_at"),
    [
        (lead(), "warm", None),
        (lead(in_sequence=True), "hot", None),
        (lead(next_attempt_at=NOW + HOUR, reason="timeout"), "backing_off", NOW + HOUR),
        (lead(quarantined_at=NOW, reason="timeout"), "quarantined", None),
        (lead(attempted_at=NOW), "attempted_recently", NOW + POLICY.hot),
        (lead(verified_at=NOW - HOUR), "fresh", NOW - HOUR + POLICY.stale),
        (lead(verified_at=NOW - HOUR, starts_at=NOW + 30 * HOUR), "fresh", NOW + 6 * HOUR),
        (replace(lead(), last_inbound_at=None), "unverified", None),
        (replace(lead(starts_at=NOW + 30 * HOUR), last_inbound_at=None), "unverified", NOW + 6 * HOUR),
        (replace(lead(), last_inbound_at=None, rollup=Rollup()), "never_engaged", None),
    ],
)
async def test_an_explanation_has_the_domains_due_reason_and_the_next_time(
    subject: Lead, verdict: str, next_at: datetime | None
) -> None:
    story = await explained(subject)

    assert (story.verdict, story.next_at) == (verdict, next_at)


async def test_a_never_verified_booking_is_explained_with_a_command() -> None:
    story = await explained(replace(lead(), last_inbound_at=None))

    assert story.why.startswith("has a booking that was never verified")
    assert story.commands[0] == f"reconcile backfill plan --workspace {WORKSPACE} --stale-booked"


async def test_a_booking_without_a_status_is_a_reason_of_its_own() -> None:
    story = await explained(replace(lead(verified_at=NOW - HOUR), rollup=Rollup(booking_id="abc", provider=GHL)))

    assert (story.verdict, story.why) == ("warm", "due: it has a booking without a status")


async def test_a_lead_waits_for_its_workspace_at_most_until_its_own_time() -> None:
    waiting = replace(SERVED, not_before=NOW + HOUR)

    assert (await explained(replace(lead(), last_inbound_at=None), workspace=waiting)).next_at is None


async def test_a_failing_lead_is_explained_with_failure_and_release_command() -> None:
    story = await explained(lead(quarantined_at=NOW, failure_count=10, reason="ghl/appointment/timeout: no answer"))

    assert story.why.endswith("until it is released: ghl/appointment/timeout: no answer")
    assert story.commands[0] == "reconcile quarantine release lead-1"


async def test_a_due_lead_behind_a_breaker_names_it() -> None:
    story = await explained(lead(), breakers=tripped(BreakerScope.PROVIDER, "ghl/appointment"))

    assert story.why.endswith("; but the breaker provider:ghl/appointment is open")


async def test_only_breakers_on_its_path_are_listed_widest_first() -> None:
    breakers = (
        tripped(BreakerScope.WORKSPACE, WORKSPACE)
        | tripped(BreakerScope.WORKSPACE, "ws-2")
        | tripped(BreakerScope.PROVIDER, "ghl")
        | tripped(BreakerScope.PROVIDER, "calendly")
        | tripped(BreakerScope.RUN, RUN_KEY.name)
    )

    story = await explained(lead(), breakers=breakers)

    assert [each.breaker for each in story.breakers] == ["run", "provider:ghl", "workspace:ws-1"]


async def test_a_waiting_workspace_delays_its_leads() -> None:
    story = await explained(lead(), workspace=replace(SERVED, not_before=NOW + HOUR))

    assert story.why.endswith("; but its workspace's rate budget is used up for now")
    assert story.next_at == NOW + HOUR


async def test_a_missing_credential_explains_missing_calls() -> None:
    story = await explained(lead(), workspace=Workspace(id=WORKSPACE))

    assert story.why.endswith("; but its workspace has no usable credential")


async def test_an_explanation_has_no_personal_data() -> None:
    assert "canary" not in repr(await explained(lead()))


async def test_a_workspace_is_explained_with_whether_it_is_visited() -> None:
    workspace = replace(SERVED, not_before=NOW - HOUR, faults=("credential file x is empty",))
    stub = Stub(
        workspaces=[workspace], due=[lead()], quarantined=[lead()], breakers=tripped(BreakerScope.WORKSPACE, WORKSPACE)
    )

    story = await explain_workspace(WORKSPACE, store=stub.store(), now=NOW, policy=POLICY, breaker=BREAKERS)

    assert story.providers == (GHL,)
    assert story.faults == ("credential file x is empty",)
    assert story.not_before is None
    assert (story.due_count, story.quarantined_count) == (1, 1)
    assert [each.breaker for each in story.breakers] == ["workspace:ws-1"]
    assert story.commands == ("reconcile run --workspace ws-1 --dry-run", "reconcile quarantine list --workspace ws-1")
    assert "Token(***)" not in repr(story)


async def test_a_run_is_explained_by_its_report_or_its_absence() -> None:
    stub = Stub(runs=[run_row("run-2"), run_row("run-1", report=healthy())])

    killed = await explain_run(RunId("run-2"), store=stub.store())
    finished = await explain_run(RunId("run-1"), store=stub.store())

    assert (killed.run.health, killed.report) == ("killed", None)
    assert (finished.run.health, finished.report) == ("healthy", healthy())


async def test_a_missing_subject_is_reported_with_a_way_to_find_it() -> None:
    store = Stub().store()
    with pytest.raises(RequestError, match="no lead with this id"):
        await explain_lead(LeadId("joe@example.com"), store=store, now=NOW, policy=POLICY, breaker=BREAKERS)
    with pytest.raises(RequestError, match="no workspace 'ws-9'"):
        await explain_workspace(WorkspaceId("ws-9"), store=store, now=NOW, policy=POLICY, breaker=BREAKERS)
    with pytest.raises(RequestError, match="no run 'run-9'; `reconcile status`"):
        await explain_run(RunId("run-9"), store=store)
