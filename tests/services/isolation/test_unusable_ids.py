"""Rows whose own ids cannot be read, seen from the runs: others are served each minute, whatever the limits."""

import sqlite3
from datetime import timedelta

import pytest

from reconcile.domain.ids import WorkspaceId
from tests.services.fakes import START
from tests.services.run_harness import RunHarness

ODD = ["x'00ff'", "CAST(x'c328' AS TEXT)", "CAST(x'610062' AS TEXT)"]
RUNS = 14


@pytest.fixture(params=ODD)
async def odd(request: pytest.FixtureRequest, harness: RunHarness) -> str:
    """Give an id that cannot be read, beside two workspaces of three leads each."""
    if not harness.url.startswith("sqlite"):
        pytest.skip("PostgreSQL refuses it")
    await harness.fill([3, 3])
    value: str = request.param
    return value


def execute(harness: RunHarness, statement: str) -> None:
    with sqlite3.connect(harness.url.removeprefix("sqlite:///")) as file:
        file.execute(statement)


async def test_a_lead_with_an_unusable_id_takes_no_slot_and_is_quarantined_in_the_end(
    harness: RunHarness, odd: str
) -> None:
    execute(harness, f"INSERT INTO lead (id, workspace_id, in_sequence) VALUES ({odd}, 'ws-0', true)")  # noqa: S608 - a test's own

    reports = [await harness.run(leads_per_workspace=1, then=timedelta(hours=7)) for _ in range(RUNS)]

    assert [report.no_change for report in reports] == [2] * RUNS
    assert (sum(report.errors for report in reports), reports[-1].errors) == (10, 0)
    assert sum(report.quarantined for report in reports) == 1
    (signature,) = {each.key for report in reports for each in report.top_signatures}
    assert signature.startswith("database/read/unreadable_row: lead.id has")


async def test_a_workspace_with_only_unusable_ids_moves_to_the_back_of_the_queue(harness: RunHarness, odd: str) -> None:
    execute(harness, f"INSERT INTO lead (id, workspace_id, in_sequence) VALUES ({odd}, 'ws-0', true)")  # noqa: S608 - a test's own
    execute(harness, "UPDATE lead SET in_sequence = false, booking_id = NULL WHERE id LIKE 'ws-0%'")

    reports = [await harness.run(workspace_limit=1) for _ in range(RUNS)]

    assert sum(report.no_change > 0 for report in reports) >= RUNS // 2 - 1


async def test_a_workspace_with_an_unusable_id_takes_no_place_in_a_run(harness: RunHarness, odd: str) -> None:
    execute(harness, f"INSERT INTO workspace (id) VALUES ({odd})")  # noqa: S608 - a test's own
    execute(harness, f"INSERT INTO lead (id, workspace_id, in_sequence) VALUES ('far', {odd}, true)")  # noqa: S608 - a test's own

    reports = [await harness.run(workspace_limit=1) for _ in range(4)]

    assert [report.no_change for report in reports] == [3] * 4
    assert [report.eligible_but_unvisited for report in reports] == [2] * 4
    visited = [await harness.store.leads.workspace(WorkspaceId(f"ws-{n}")) for n in range(2)]
    assert all(each and each.visited_at and each.visited_at > START for each in visited)


async def test_a_dry_run_over_all_leads_passes_each_lead_once(harness: RunHarness, odd: str) -> None:
    execute(harness, f"INSERT INTO lead (id, workspace_id, in_sequence) VALUES ({odd}, 'ws-0', true)")  # noqa: S608 - a test's own

    report = await harness.run(whole_set=True, dry_run=True, leads_per_workspace=2)

    assert (report.no_change, report.errors, len(harness.ghl.asked)) == (6, 1, 6)
