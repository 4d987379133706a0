"""A row of the customer's that cannot be read is one lead's failure, seen from the run."""

import sqlite3
from datetime import timedelta

import asyncpg
import pytest

from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.run.report import Health, RunReport
from tests.samples import covering
from tests.services.run_harness import RunHarness

BAD = LeadId("ws-0-lead-001")
DATE = "has no date of the years 1 to 9999"
POSTGRESQL = {
    "a year of five digits": ("UPDATE lead SET {column} = '20260-03-02 09:00+00'", DATE),
    "a year before Christ": ("UPDATE lead SET {column} = '0044-03-15 09:00+00 BC'", DATE),
    "infinity": ("UPDATE lead SET {column} = 'infinity'", DATE),
    "minus infinity": ("UPDATE lead SET {column} = '-infinity'", DATE),
}
SQLITE = {
    "words": ("UPDATE lead SET {column} = 'next Tuesday'", DATE),
    "a year of five digits": ("UPDATE lead SET {column} = '20260-03-02 09:00:00+00:00'", DATE),
    "a number out of range": ("UPDATE lead SET {column} = 9e99", DATE),
    "a BLOB": ("UPDATE lead SET {column} = x'00ff'", DATE),
}
COLUMNS = ("booking_starts_at", "booking_ends_at", "booking_canceled_at", "last_inbound_at")
TEXTS = {
    "a BLOB": ("UPDATE lead SET {column} = x'00ff'", "has bytes instead of text"),
    "no UTF-8": ("UPDATE lead SET {column} = CAST(x'c328' AS TEXT)", "has text that is not UTF-8"),
}
TEXT_COLUMNS = ("email", "contact_id", "booking_id", "status", "booking_provider", "booking_status")


def is_sqlite(harness: RunHarness) -> bool:
    return harness.url.startswith("sqlite")


async def execute(harness: RunHarness, statement: str) -> None:
    if is_sqlite(harness):
        with sqlite3.connect(harness.url.removeprefix("sqlite:///")) as file:
            file.execute(statement)
        return
    connection = await asyncpg.connect(harness.url)
    await connection.execute(statement)
    await connection.close()


async def assert_one_fails(harness: RunHarness, fault: str) -> None:
    """Run over two workspaces of three leads each, of which one lead cannot be read."""
    first = await harness.run()
    second = await harness.run(then=timedelta(minutes=2))
    one = await harness.store.leads.lead(BAD)

    assert one is not None
    assert_counted(first, fault)
    assert second.errors == 1
    assert (one.fault, one.state.failure_count) == (fault, 2)
    assert one.state.next_attempt_at is not None
    assert fault in (one.state.reason or "")


def assert_counted(report: RunReport, fault: str) -> None:
    assert (report.errors, report.no_change, report.workspaces_processed) == (1, 5, 2)
    assert report.health is Health.DEGRADED
    assert [each.key for each in report.top_signatures] == [f"database/read/unreadable_row: {fault}"]
    assert not report.circuit_broken
    assert report.parked_workspaces == ()


@covering(1, "migrated_url", "kind")
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", sorted({*POSTGRESQL, *SQLITE}))
async def test_a_date_that_cannot_be_read_fails_its_own_lead(harness: RunHarness, kind: str, column: str) -> None:
    kinds = SQLITE if is_sqlite(harness) else POSTGRESQL
    if kind not in kinds:
        pytest.skip("this database refuses it")
    await harness.fill([3, 3])
    statement, what = kinds[kind]
    await execute(harness, f"{statement.format(column=column)} WHERE id = '{BAD}'")

    await assert_one_fails(harness, f"lead.{column} {what}")


@covering(1, "migrated_url", "column")
@pytest.mark.parametrize("column", TEXT_COLUMNS)
@pytest.mark.parametrize("kind", TEXTS)
async def test_a_text_that_cannot_be_read_fails_its_own_lead(harness: RunHarness, kind: str, column: str) -> None:
    if not is_sqlite(harness):
        pytest.skip("PostgreSQL refuses it")
    await harness.fill([3, 3])
    statement, what = TEXTS[kind]
    await execute(harness, f"{statement.format(column=column)} WHERE id = '{BAD}'")

    await assert_one_fails(harness, f"lead.{column} {what}")


async def test_an_appointment_that_cannot_be_read_fails_its_lead(harness: RunHarness) -> None:
    await harness.fill([3, 3])
    odd = "9e99" if is_sqlite(harness) else "'infinity'"
    await execute(harness, f"UPDATE appointment SET starts_at = {odd} WHERE lead_id = '{BAD}'")  # noqa: S608 - a test's

    await assert_one_fails(harness, f"appointment.starts_at {DATE}")


@pytest.mark.parametrize("kind", TEXTS)
async def test_an_unreadable_token_is_its_workspaces_fault(harness: RunHarness, kind: str) -> None:
    if not is_sqlite(harness):
        pytest.skip("PostgreSQL refuses it")
    await harness.fill([3, 3])
    statement, what = TEXTS[kind]
    statement = statement.format(column="ghl_token").replace("UPDATE lead", "UPDATE workspace")
    await execute(harness, f"{statement} WHERE id = 'ws-0'")
    report = await harness.run()
    found = await harness.store.leads.workspace(WorkspaceId("ws-0"))

    assert found is not None
    assert (report.no_change, report.skipped, report.errors) == (3, 3, 0)
    assert found.faults == (f"workspace ws-0: workspace.ghl_token {what}; correct the value",)


@pytest.mark.parametrize("kind", TEXTS)
async def test_a_key_that_cannot_be_read_fails_its_own_lead(harness: RunHarness, kind: str) -> None:
    if not is_sqlite(harness):
        pytest.skip("PostgreSQL refuses it")
    await harness.fill([3, 3])
    statement, what = TEXTS[kind]
    await execute(harness, f"{statement.format(column='id')} WHERE id = '{BAD}'")
    report = await harness.run()

    assert (report.errors, report.no_change) == (1, 5)
    assert [each.key for each in report.top_signatures] == [f"database/read/unreadable_row: lead.id {what}"]
