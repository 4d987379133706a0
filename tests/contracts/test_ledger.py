"""What every ``Ledger`` promises."""

from dataclasses import replace
from datetime import timedelta

from reconcile.domain.ids import RunId
from reconcile.domain.outcome import Outcome
from reconcile.domain.report import Health, RunReport, Trigger
from reconcile.ports import Store
from reconcile.store.seed import seed
from tests.stores import DEFAULT, NOW, RUN, W1, W2, appointment, batch, booking, lead, lead_write, workspace

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


async def test_a_run_that_was_killed_can_be_seen(store: Store) -> None:
    await store.ledger.begin(RUN, started_at=NOW, trigger="schedule", version="1.2")

    found = await store.ledger.run(RUN)
    assert found is not None
    assert (found.started_at, found.finished_at, found.report) == (NOW, None, None)


async def test_a_report_is_read_back(store: Store) -> None:
    document = {"success": True, "health": "healthy", "a": {"b": [1, None, "ü"]}}
    await store.ledger.begin(RUN, started_at=NOW - timedelta(seconds=9), trigger="schedule", version="1.2")
    await store.ledger.finish(REPORT, document)

    found = await store.ledger.run(RUN)
    assert found is not None
    assert found.report == document
    assert list(found.report) == list(document)
    assert (found.started_at, found.finished_at) == (NOW - timedelta(seconds=9), NOW)


async def test_a_report_is_stored_also_where_its_beginning_was_not(store: Store) -> None:
    await store.ledger.finish(REPORT, {"success": True})

    found = await store.ledger.run(RUN)
    assert found is not None
    assert (found.started_at, found.report) == (NOW - timedelta(seconds=3), {"success": True})


async def test_the_last_runs_come_first(store: Store) -> None:
    for n in range(4):
        at = NOW + timedelta(minutes=n)
        await store.ledger.begin(RunId(f"run-{n}"), started_at=at, trigger="schedule", version="1.2")

    assert [row.run_id for row in await store.ledger.runs(limit=2)] == ["run-3", "run-2"]
    assert await store.ledger.run(RunId("nobody")) is None


async def test_batches_are_found_by_run_and_by_workspace(store: Store, migrated_url: str) -> None:
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1), workspace(W2)], leads=[lead()])
    await store.leads.write(batch([lead_write(lead())]))
    await store.leads.write(batch([], workspace_id=W2, run_id=RunId("other")))

    by_run, by_workspace = await store.ledger.batches(run_id=RUN), await store.ledger.batches(workspace_id=W2)
    assert [(row.workspace_id, dict(row.counts)) for row in by_run] == [(W1, {Outcome.UNCHANGED: 1})]
    assert [row.run_id for row in by_workspace] == ["other"]
    assert [row.run_id for row in await store.ledger.batches(limit=1)] == ["other"]


async def test_changes_tell_before_and_after_without_personal_data(store: Store, migrated_url: str) -> None:
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


async def test_ticks_are_what_a_timeline_needs_of_the_reports_oldest_first(store: Store) -> None:
    breaker = {"breaker": "provider:ghl", "state": "open", "since": "2025-03-03T12:00:01Z"}
    document = {"leadsChecked": 9, "errors": 2, "bookedFound": 1, "updated": 3, "breakers": [breaker]}
    for n in range(3):
        at = NOW + timedelta(minutes=n)
        await store.ledger.begin(RunId(f"run-{n}"), started_at=at, trigger="schedule", version="1.2")
        if n:
            report = replace(REPORT, run_id=RunId(f"run-{n}"), timestamp=at + timedelta(seconds=5))
            await store.ledger.finish(report, document | {"appointmentsAtRisk24h": n - 1 or None})
    found = await store.ledger.ticks(since=NOW)

    assert [(row.run_id, row.at_risk) for row in found] == [("run-1", None), ("run-2", 1)]
    assert (found[0].checks, found[0].errors, found[0].repaired) == (9, 2, 4)
    assert found[0].ended_at == NOW + timedelta(seconds=65)
    assert found[0].breakers == (breaker,)
    assert [row.run_id for row in await store.ledger.ticks(since=NOW, limit=1)] == ["run-2"]
    assert await store.ledger.ticks(since=NOW + timedelta(minutes=3)) == []
