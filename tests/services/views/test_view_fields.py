"""Lines and views are read off rows: each field of a line is the one of the row that it is named for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconcile.domain.alert import Alert, Condition
from reconcile.domain.backfill.plan import BackfillPlan, ItemState
from reconcile.domain.breaker.breaker import Breaker, BreakerKey, BreakerPolicy, BreakerScope, BreakerState
from reconcile.domain.credential import Credential, Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, MismatchKind
from reconcile.domain.run.report import Freshness
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.ports import BatchRow, ChangeRow, ChannelState, ItemRow, RunRow, SightingRow, SignatureRow, Store
from tests.distinct_values import filled, names_of
from tests.services.notifications import FakeChannel, an_alarm
from tests.services.stub_store import NOW, Stub, healthy
from tests.use_cases import (
    LeadLine,
    advice,
    alerts_view,
    backfill_view,
    explain_lead,
    explain_run,
    explain_workspace,
    mismatched,
    overview,
    page_facts,
    quarantined,
)

POLICY: Mapping[str, Any] = {"policy": DuePolicy(), "breaker": BreakerPolicy()}
REPORT: Mapping[str, Any] = healthy(
    health="degraded", stopped="deadline", leadsChecked=11, errors=3, providerCalls=17, healthReasons=["a", "b"]
)
RUN = filled(RunRow, report=REPORT, trigger="manual", started_at=NOW - timedelta(minutes=1), finished_at=NOW)


def field_values(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names_of(type(value))}


def a_breaker() -> Breaker:
    key = BreakerKey(BreakerScope.WORKSPACE, "ws-1")
    return filled(Breaker, key=key, state=BreakerState.OPEN, fault=ErrorClass.TIMEOUT.value, override=None)


async def test_a_listed_lead_has_the_values_of_its_row() -> None:
    lead = filled(Lead)
    store = Stub(quarantined=[lead]).store()
    cast("Any", store.leads).mismatched = _answer([lead])
    (aside,) = await quarantined(store, workspace_id=None, limit=5)
    (differing,) = await mismatched(store, workspace_id=None, limit=5)
    line = LeadLine(
        lead_id=lead.id,
        workspace_id=lead.workspace_id,
        since=lead.state.quarantined_at,
        provider=lead.rollup.provider,
        booking_status=lead.rollup.status,
        starts_at=lead.rollup.starts_at,
        failure_count=lead.state.failure_count,
        reason=lead.state.reason,
        mismatch=lead.state.mismatch,
    )

    assert aside == line
    assert differing == replace(line, since=lead.state.mismatch_at)


async def test_a_run_has_the_values_of_its_report() -> None:
    batches, changes = [filled(BatchRow)], [filled(ChangeRow)]
    story = await explain_run(RUN.run_id, store=Stub(runs=[RUN], batches=batches, changes=changes).store())

    assert field_values(story.run) == {
        "run_id": RUN.run_id,
        "started_at": RUN.started_at,
        "finished_at": RUN.finished_at,
        "health": "degraded",
        "stopped": "deadline",
        "leads_checked": 11,
        "errors": 3,
        "provider_calls": 17,
        "health_reasons": ("a", "b"),
    }
    assert (story.report, story.batches, story.changes) == (RUN.report, tuple(batches), tuple(changes))
    assert (story.has_more_batches, story.has_more_changes) == (False, False)


@pytest.mark.parametrize(("limit", "has_more"), [(3, False), (2, True)])
async def test_a_run_says_how_many_entries_are_not_listed(limit: int, has_more: bool) -> None:
    stub = Stub(runs=[RUN], batches=[filled(BatchRow)] * 3, changes=[filled(ChangeRow)] * 3)
    story = await explain_run(RUN.run_id, store=stub.store(), limit=limit)

    assert (len(story.batches), len(story.changes)) == (limit, limit)
    assert (story.has_more_batches, story.has_more_changes) == (has_more, has_more)


async def test_an_explained_lead_has_the_values_of_its_row() -> None:
    lead, changes, breaker = filled(Lead, workspace_id=WorkspaceId("ws-1")), [filled(ChangeRow)], a_breaker()
    stub = Stub(leads=[lead], changes=changes, breakers={breaker.key: breaker})
    story = field_values(await explain_lead(lead.id, store=stub.store(), now=NOW, **POLICY))
    del story["verdict"], story["why"], story["next_at"], story["commands"]

    assert story == {
        "lead_id": lead.id,
        "workspace_id": lead.workspace_id,
        "provider": lead.rollup.provider,
        "has_booking": True,
        "booking_status": lead.rollup.status,
        "starts_at": lead.rollup.starts_at,
        "state": lead.state,
        "breakers": (advice(breaker, now=NOW, policy=BreakerPolicy()),),
        "changes": tuple(changes),
    }


async def test_an_explained_workspace_has_the_values_of_its_row() -> None:
    credential = Credential(provider=ProviderName.CALENDLY, token=Token("t"), account="a")
    workspace = filled(
        Workspace,
        id=WorkspaceId("ws-1"),
        credentials={ProviderName.CALENDLY: credential},
        not_before=NOW + timedelta(hours=1),
    )
    leads, batches, breaker = [filled(Lead), filled(Lead)], [filled(BatchRow)], a_breaker()
    stub = Stub(
        workspaces=[workspace],
        due=leads,
        quarantined=[replace(leads[0], workspace_id=workspace.id)],
        batches=batches,
        breakers={breaker.key: breaker},
    )
    story = field_values(await explain_workspace(workspace.id, store=stub.store(), now=NOW, **POLICY))
    del story["commands"], story["due_limit"], story["days"]

    assert story == {
        "workspace_id": workspace.id,
        "providers": (ProviderName.CALENDLY,),
        "faults": workspace.faults,
        "timezone": workspace.timezone,
        "preferred_provider": workspace.preferred,
        "visited_at": workspace.visited_at,
        "not_before": workspace.not_before,
        "due_count": 2,
        "quarantined_count": 1,
        "breakers": (advice(breaker, now=NOW, policy=BreakerPolicy()),),
        "batches": tuple(batches),
    }


def test_advice_has_the_breakers_values() -> None:
    breaker = a_breaker()
    found = field_values(advice(breaker, now=NOW, policy=BreakerPolicy()))
    del found["blame"], found["next"], found["commands"]

    assert found == {
        "breaker": "workspace:ws-1",
        "scope": breaker.key.scope,
        "state": breaker.state,
        "reason": breaker.reason,
        "since": breaker.opened_at,
        "next_at": breaker.next_probe_at,
        "checks": breaker.checks,
        "errors": breaker.errors,
        "override": None,
    }


async def test_a_status_has_the_stored_values() -> None:
    stub = Stub(
        freshness=filled(Freshness),
        at_risk=[filled(Lead)] * 3,
        quarantined=[filled(Lead)] * 2,
        mismatches={MismatchKind.DIFFERS: 4},
        pending=5,
        given_up=6,
        signatures=[filled(SignatureRow)],
        runs=[RUN],
    )
    view = await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=BreakerPolicy())

    assert (view.now, view.freshness, view.at_risk_count) == (NOW, stub.freshness, 3)
    assert (view.quarantined_count, view.mismatches, view.pending_effects) == (2, stub.mismatches, 5)
    assert view.given_up_effects == 6
    assert "dead letters after 20 failed deliveries: 6 follow-ups" in view.chores[-1].text
    assert (view.signatures, view.last_success_at) == (tuple(stub.signatures), RUN.finished_at)


async def test_a_page_has_the_stored_values() -> None:
    failure, change, lead, breaker = filled(SightingRow), filled(ChangeRow), filled(Lead), a_breaker()
    stub = Stub(sightings=[failure], changes=[change], at_risk=[lead], breakers={breaker.key: breaker}, runs=[RUN])
    facts = await page_facts(
        stub.store(), now=NOW, span=timedelta(hours=2), due=DuePolicy(), breaker=BreakerPolicy(error_rate=0.25)
    )
    said = advice(breaker, now=NOW, policy=BreakerPolicy())
    repair = field_values(facts.repairs[0])
    del repair["was"], repair["became"]

    assert field_values(facts.failures[0]) == {
        "signature": failure.signature.key,
        "shape": failure.signature.shape,
        "version": failure.version,
        "count": failure.count,
        "workspaces": failure.workspace_count,
        "first_seen_at": failure.first_seen_at,
        "last_seen_at": failure.last_seen_at,
    }
    assert repair == {name: getattr(change, name) for name in repair}
    assert field_values(facts.at_risk[0]) == {
        "workspace_id": lead.workspace_id,
        "lead_id": lead.id,
        "starts_at": lead.rollup.starts_at,
        "verified_at": lead.state.verified_at,
    }
    assert field_values(facts.troubles[0]) == {name: getattr(said, name) for name in names_of(type(facts.troubles[0]))}
    assert (facts.now, facts.since, facts.trip_rate) == (NOW, NOW - timedelta(hours=2), 0.25)
    assert (facts.last_run_at, facts.last_success_at, facts.notes) == (RUN.finished_at, RUN.finished_at, ("a", "b"))
    fresh = stub.freshness
    assert (facts.at_risk_count, facts.median_age, facts.never_verified) == (1, fresh.median, fresh.never_verified)


async def test_a_listed_alert_has_the_stored_values() -> None:
    alert = filled(Alert, heard={}, over_at=None)
    channel = filled(ChannelState, name="slack", known_since=NOW - timedelta(days=900))
    alerts = SimpleNamespace(load=_answer([alert]), channels=_answer({"slack": channel}))
    notifier = an_alarm(FakeChannel("slack"))
    view = await alerts_view(
        cast("Store", SimpleNamespace(alerts=alerts)),
        notifier=notifier,
        conditions=[replace(alert.condition, over_at=None, spending=None)],
        now=NOW,
    )
    condition: Condition = alert.condition

    assert field_values(view.alerts[0]) == {
        "alert": alert.key,
        "kind": condition.kind,
        "severity": condition.severity,
        "text": condition.text,
        "since": alert.since,
        "over_at": None,
        "saved_calls": alert.saved_calls,
        "commands": condition.commands,
        "owed": ("slack",),
    }
    assert field_values(view.channels[0]) == {
        "channel": "slack",
        "owed": 1,
        "fault": channel.fault,
        "failing_since": channel.failing_since,
        "not_before": channel.not_before,
    }


async def test_a_shown_plan_has_the_values_of_its_row() -> None:
    plan = filled(BackfillPlan, summary={"outcomes": {"booked": 3}}, applied_at=None)
    counts, row = {ItemState.PLANNED: 30, ItemState.APPLIED: 2}, filled(ItemRow)
    backfills = SimpleNamespace(counts=_answer(counts), moved=_answer(6), items=_answer([row]))
    view = field_values(await backfill_view(plan, backfills=cast("Any", backfills), now=NOW))
    (left,) = view.pop("left_alone")

    assert view == {
        "plan": plan.id,
        "state": "held",
        "made_at": plan.made_at,
        "asked": plan.asked,
        "selected": plan.selected,
        "counts": counts,
        "summary": plan.summary,
        "held": plan.held,
        "hash": plan.hash,
        "per_minute": 6,
        "eta": None,
        "next": f"reconcile backfill apply {plan.id} --approve {plan.hash}",
        "undo": f"reconcile undo --plan {plan.id} --dry-run",
    }
    assert field_values(left) == {"lead_id": row.lead_id, "state": row.state, "reason": row.reason}


def _answer(value: Any) -> Any:
    async def answer(*_: object, **__: object) -> Any:
        return value

    return answer
