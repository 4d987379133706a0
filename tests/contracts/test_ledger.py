"""What every ``Ledger`` promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.lead import LeadState
from reconcile.domain.planning.outcome import Outcome
from reconcile.domain.run.report import Health, RunReport, Trigger
from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from reconcile.store.ledger.sightings import MOST_WORKSPACES
from tests.stores import (
    DEFAULT,
    NOW,
    RUN,
    W1,
    W2,
    appointment,
    batch,
    booking,
    lead,
    lead_write,
    signature,
    workspace,
)

REPORT = RunReport(
    run_id=RUN,
    trigger=Trigger.SCHEDULE,
    dry_run=False,
    success=True,
    timestamp=NOW,
    duration=timedelta(seconds=3),
    health=Health.HEALTHY,
    health_reasons=(),
    circuit_broken=False,
)


async def test_a_killed_run_is_listed_without_a_report(store: Store) -> None:
    await store.ledger.begin_run(RUN, started_at=NOW, trigger="schedule", version="1.2")

    found = await store.ledger.run(RUN)
    assert found is not None
    assert (found.started_at, found.finished_at, found.report) == (NOW, None, None)


async def test_a_report_is_read_back(store: Store) -> None:
    document = {"success": True, "health": "healthy", "a": {"b": [1, None, "ü"]}}
    await store.ledger.begin_run(RUN, started_at=NOW - timedelta(seconds=9), trigger="schedule", version="1.2")
    await store.ledger.finish_run(REPORT, document)

    found = await store.ledger.run(RUN)
    assert found is not None
    assert found.report == document
    assert list(found.report) == list(document)
    assert (found.started_at, found.finished_at) == (NOW - timedelta(seconds=9), NOW)


async def test_a_report_is_stored_without_a_stored_start(store: Store) -> None:
    await store.ledger.finish_run(REPORT, {"success": True})

    found = await store.ledger.run(RUN)
    assert found is not None
    assert (found.started_at, found.report) == (NOW - timedelta(seconds=3), {"success": True})


async def test_runs_are_listed_newest_first(store: Store) -> None:
    for n in range(4):
        at = NOW + timedelta(minutes=n)
        await store.ledger.begin_run(RunId(f"run-{n}"), started_at=at, trigger="schedule", version="1.2")

    assert [row.run_id for row in await store.ledger.runs(limit=2)] == ["run-3", "run-2"]
    assert await store.ledger.run(RunId("nobody")) is None


async def test_runs_over_all_due_leads_are_found_behind_any_number_of_others(store: Store) -> None:
    for n in range(30):
        trigger = (Trigger.BACKFILL, Trigger.UNDO, Trigger.MANUAL)[n % 3] if n else Trigger.SCHEDULE
        report = replace(REPORT, run_id=RunId(f"run-{n}"), trigger=trigger, timestamp=NOW + timedelta(minutes=n))
        await store.ledger.begin_run(report.run_id, started_at=report.timestamp, trigger=trigger.value, version="1.2")
        await store.ledger.finish_run(report, {"workspace": W1} if trigger is Trigger.MANUAL else {"workspace": None})
    for name, started_by in (("at-work", "schedule"), ("by-hand", "manual"), ("undoing", "undo")):
        await store.ledger.begin_run(
            RunId(name), started_at=NOW + timedelta(hours=1), trigger=started_by, version="1.2"
        )

    found = [row.run_id for row in await store.ledger.runs(limit=3, of_all=True)]
    assert found == ["by-hand", "at-work", "run-0"]


async def test_batches_are_found_by_run_and_by_workspace(store: Store, migrated_url: str) -> None:
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1), workspace(W2)], leads=[lead()])
    await store.leads.write(batch([lead_write(lead())]))
    await store.leads.write(batch([], workspace_id=W2, run_id=RunId("other")))

    by_run, by_workspace = await store.ledger.batches(run_id=RUN), await store.ledger.batches(workspace_id=W2)
    assert [(row.workspace_id, dict(row.counts)) for row in by_run] == [(W1, {Outcome.UNCHANGED: 1})]
    assert [row.run_id for row in by_workspace] == ["other"]
    assert [row.run_id for row in await store.ledger.batches(limit=1)] == ["other"]


async def test_changes_hold_before_and_after_without_personal_data(store: Store, migrated_url: str) -> None:
    one = lead(email="someone@example.org")
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[one])
    await store.leads.write(batch([lead_write(one, change=booking(one, appointment()))]))

    by_lead, by_run = await store.ledger.changes(lead_id=one.id), await store.ledger.changes(run_id=RUN)
    assert list(by_lead) == list(by_run)
    assert (by_lead[0].outcome, by_lead[0].at) == (Outcome.BOOKED, NOW)
    assert by_lead[0].before["booking_status"] is None
    assert by_lead[0].after["booking_status"] == "confirmed"
    assert [each["id"] for each in by_lead[0].after["appointments"]] == ["A1"]
    assert "someone" not in str(by_lead[0])


async def test_scheduled_runs_are_returned_oldest_first(store: Store) -> None:
    breaker = {"breaker": "provider:ghl", "state": "open", "since": "2025-03-03T12:00:01Z"}
    document = {"leadsChecked": 9, "errors": 2, "bookedFound": 1, "updated": 3, "breakers": [breaker]}
    for n in range(3):
        at = NOW + timedelta(minutes=n)
        await store.ledger.begin_run(RunId(f"run-{n}"), started_at=at, trigger="schedule", version="1.2")
        if n:
            report = replace(REPORT, run_id=RunId(f"run-{n}"), timestamp=at + timedelta(seconds=5))
            await store.ledger.finish_run(report, document | {"appointmentsAtRisk24h": n - 1 or None})
    found = await store.ledger.scheduled_runs(since=NOW)

    assert [(row.run_id, row.at_risk) for row in found] == [("run-1", None), ("run-2", 1)]
    assert (found[0].checks, found[0].errors, found[0].repaired) == (9, 2, 4)
    assert found[0].ended_at == NOW + timedelta(seconds=65)
    assert [(each.name, each.state, each.since) for each in found[0].breakers] == [
        ("provider:ghl", "open", datetime(2025, 3, 3, 12, 0, 1, tzinfo=UTC))
    ]
    assert [row.run_id for row in await store.ledger.scheduled_runs(since=NOW, limit=1)] == ["run-1"]
    assert [row.run_id for row in await store.ledger.scheduled_runs(since=NOW, after=found[0])] == ["run-2"]
    assert await store.ledger.scheduled_runs(since=NOW, after=found[1]) == []
    assert await store.ledger.scheduled_runs(since=NOW + timedelta(minutes=3)) == []


async def test_all_scheduled_runs_of_one_instant_are_returned(store: Store) -> None:
    """As shards begin together: reading on from one of them leaves none out and repeats none."""
    for name in "cab":
        await store.ledger.begin_run(RunId(name), started_at=NOW, trigger="schedule", version="1.2")
        await store.ledger.finish_run(replace(REPORT, run_id=RunId(name)), {})
    seen = [*await store.ledger.scheduled_runs(since=NOW, limit=1)]
    while ticks := await store.ledger.scheduled_runs(since=NOW, after=seen[-1], limit=1):
        seen += ticks

    assert [row.run_id for row in seen] == ["a", "b", "c"]


async def failed(store: Store, *, run: str, workspace_id: str, at: datetime, count: int = 1, message: str = "") -> None:
    """Write a batch whose leads all failed in the same way."""
    leads = [lead(f"{workspace_id}-{n}", workspace_id=workspace_id) for n in range(count)]
    seen = signature(message or "GHL answered 500")
    state = LeadState(attempted_at=at)
    writes = [lead_write(each, outcome=Outcome.FAILED, signature=seen, state=state) for each in leads]
    await store.leads.write(batch(writes, run_id=RunId(run), workspace_id=WorkspaceId(workspace_id), at=at))


async def test_failures_are_grouped_by_version_and_workspace_within_a_time_range(store: Store) -> None:
    for number, version in enumerate(["1.0", "1.0", "1.1"]):
        at = NOW + timedelta(minutes=number)
        await store.ledger.begin_run(RunId(f"run-{number}"), started_at=at, trigger="schedule", version=version)
        await failed(store, run=f"run-{number}", workspace_id=f"w{number}", at=at, count=number + 1)
    await failed(store, run="run-2", workspace_id="w1", at=NOW + timedelta(minutes=2), message="GHL answered 503")

    (old, new, other) = await store.ledger.sightings(since=NOW + timedelta(minutes=1))
    assert [(row.version, row.count, row.runs, row.workspace_count) for row in (old, new, other)] == [
        ("1.1", 3, 1, 1),
        ("1.0", 2, 1, 1),
        ("1.1", 1, 1, 1),
    ]
    assert other.signature.message == "GHL answered 503"
    (before,) = await store.ledger.sightings(since=NOW, until=NOW + timedelta(minutes=2))
    assert (before.count, before.runs, before.workspaces) == (3, 2, ("w1", "w0"))
    assert (before.first_seen_at, before.last_seen_at) == (NOW, NOW + timedelta(minutes=1))


async def test_a_workspace_visited_twice_in_a_run_counts_once(store: Store) -> None:
    await failed(store, run=RUN, workspace_id=W1, at=NOW, count=2)
    await failed(store, run=RUN, workspace_id=W1, at=NOW + timedelta(seconds=9))

    (found,) = await store.ledger.sightings(since=NOW)
    assert (found.count, found.workspace_count, found.workspaces) == (3, 1, (W1,))
    assert found.last_seen_at == NOW + timedelta(seconds=9)
    assert found.version == ""


async def test_all_failed_workspaces_are_counted_and_a_few_are_listed(store: Store) -> None:
    for number in range(MOST_WORKSPACES + 5):
        await failed(store, run=RUN, workspace_id=f"w{number:02}", at=NOW + timedelta(seconds=number))

    (found,) = await store.ledger.sightings(since=NOW)
    assert (found.workspace_count, len(found.workspaces)) == (MOST_WORKSPACES + 5, MOST_WORKSPACES)
    assert found.workspaces[0] == f"w{MOST_WORKSPACES + 4:02}"
