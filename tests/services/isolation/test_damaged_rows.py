"""Damaged rows of our own tables: a run goes on without what they held."""

import sqlite3
from datetime import UTC, datetime

import asyncpg
import pytest

from reconcile.domain.ids import LeadId
from reconcile.store.doctor.check import check_schema
from tests.services.fakes import START
from tests.services.notifications import FakeChannel
from tests.services.run_harness import RunHarness, open_harness
from tests.stores import DEFAULT

WRONG_SHAPES = ("[]", '"text"', "7", "null", '{"freshness": 7}', '{"freshness": {"measuredAt": "2025-01-01"}}')
DAMAGE = {
    **{f"a report that is {each}": f"UPDATE reconcile_run SET report = '{each}'" for each in WRONG_SHAPES},  # noqa: S608 - a test's own
    "a run of another age": "UPDATE reconcile_run SET started_at = 'infinity'",
    "counts of another shape": "UPDATE reconcile_batch SET counts = '[]'",
    "a workspace's visit": "UPDATE reconcile_workspace_state SET visited_at = 'infinity'",
    "a lead's attempt": "UPDATE reconcile_lead_state SET absent_since = '-infinity', next_attempt_at = NULL",
    "a cadence without end": "INSERT INTO reconcile_cadence VALUES ('run', 1e300, '', '', 'command', {now}, {now})",
    "a cadence of no instant": (
        "INSERT INTO reconcile_cadence VALUES ('run', 60, '', '', 'command', 'infinity', 'infinity')"
    ),
    "an annotation of no instant": "INSERT INTO reconcile_order VALUES ('k', '=v', 'infinity', NULL, 'infinity')",
    "an alert of another shape": (
        "INSERT INTO reconcile_alert VALUES ('k', 'provider_breaker', 'ghl', {now}, {now}, NULL, '', '',"
        " '7', '', 0, 0, 0,"
        " NULL, '[]', 1)"
    ),
}
OF_SQLITE = {
    "a report that is no JSON": "UPDATE reconcile_run SET report = '{'",
    "a report of bytes": "UPDATE reconcile_run SET report = x'ff'",
    "a count of failures": "UPDATE reconcile_lead_state SET failure_count = 'many'",
    "a lead's reason": "UPDATE reconcile_lead_state SET reason = x'ff', mismatch = x'ff'",
    "a cadence of words": "INSERT INTO reconcile_cadence VALUES ('run', 'often', '', '', 'command', 'x', 'x')",
    "an alert's JSON": (
        "INSERT INTO reconcile_alert VALUES ('k', 'provider_breaker', 'ghl', {now}, {now}, NULL, '', '',"
        " '{', '', 0, 0, 0,"
        " NULL, '{', 1)"
    ),
}


async def execute(harness: RunHarness, statement: str) -> None:
    statement = statement.replace("{now}", "'2026-03-02 09:00:00+00:00'")
    if harness.url.startswith("sqlite"):
        with sqlite3.connect(harness.url.removeprefix("sqlite:///")) as file:
            file.execute(statement)
        return
    connection = await asyncpg.connect(harness.url)
    await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize("kind", sorted({**DAMAGE, **OF_SQLITE}))
async def test_a_run_continues_with_a_damaged_row_of_our_own_tables(harness: RunHarness, kind: str) -> None:
    if kind in OF_SQLITE and not harness.url.startswith("sqlite"):
        pytest.skip("PostgreSQL refuses it")
    await harness.fill([2, 2])
    await harness.run()
    await execute(harness, {**DAMAGE, **OF_SQLITE}[kind])

    report = await harness.run()

    assert report.success
    assert report.leads_checked + report.skipped == 4
    assert await harness.store.leads.lead(LeadId("ws-0-lead-000")) is not None
    assert await harness.store.alerts.load(since=START) == []
    assert await harness.store.cadences.override() is None
    await harness.store.applied_annotations.list_all()


KINDS = {
    "reconcile_alert": DAMAGE["an alert of another shape"],
    "reconcile_cadence": "INSERT INTO reconcile_cadence VALUES ('run', 1e300, '', '', 'command', {now}, {now})",
    "reconcile_order": "INSERT INTO reconcile_order VALUES ('k', '=v', {none}, NULL, NULL)",
    "reconcile_run": DAMAGE["a report that is []"],
}


@pytest.mark.parametrize("table", KINDS)
async def test_a_damaged_row_is_one_warning_with_its_table_and_count_and_doctor_lists_it(
    harness: RunHarness, channel: FakeChannel, table: str
) -> None:
    """Alerts are read after the report is made: of them the log alone tells. A scheduled run reads the others."""
    del channel
    no_instant = "'soon'" if harness.url.startswith("sqlite") else "'infinity'"
    await execute(harness, KINDS[table].replace("{none}", no_instant))

    async with open_harness(harness.url) as opened:
        opened.notifier, opened.clock.at, opened.reports = harness.notifier, harness.clock.at, harness.reports
        await opened.store.applied_annotations.list_all()
        await opened.store.cadences.override()
        report = await opened.run()
    findings = await check_schema(harness.url, mapping=DEFAULT, now=datetime.now(UTC))

    assert [each for each in report.health_reasons if "damaged" in each] == [
        f"damaged rows of {table} were left out: 1; `reconcile doctor` says what to do"
    ] * (table != "reconcile_alert")
    assert opened.ear.events.count("row.damaged") == 1
    assert [each.text for each in findings if each.subject == "own rows"] == [
        f"rows of {table} that cannot be read and are left out: 1"
    ]
