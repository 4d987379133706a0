"""A value that the customer's database does not take, seen from the run."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import LeadId
from reconcile.domain.run.report import Health
from reconcile.ports import BatchReceipt, BatchWrite
from reconcile.store.db.database import Database
from tests.services.fakes import START
from tests.services.run_harness import RunHarness, Wrapped

BAD = LeadId("ws-0-lead-000")
CLAUSE = "the database refuses a value: CheckViolationError (23514) at lead/lead_status_check"


async def test_a_refused_write_is_one_leads_failure_and_no_drift(harness: RunHarness) -> None:
    await harness.fill([3])

    async def refusing(batch: BatchWrite) -> BatchReceipt:
        receipt = await harness.store.leads.write(batch)
        return replace(receipt, drifted=frozenset({BAD}), refused={BAD: CLAUSE})

    report = await harness.run(store=replace(harness.store, leads=Wrapped(harness.store.leads, write=refusing)))

    assert (report.errors, report.no_change, report.deferred) == (1, 2, 0)
    assert report.health is Health.DEGRADED
    (signature,) = report.top_signatures
    assert signature.key == f"ghl/appointment/refused_write: {CLAUSE}"


async def test_ledger_and_report_have_the_same_failure_for_a_refused_write(harness: RunHarness) -> None:
    """By a database that does refuse: a trigger of its owner's."""
    (one, *_) = await harness.fill([3])
    (booked,) = one.appointments
    harness.ghl.appointments[booked.id] = replace(booked, status=AppointmentStatus.CANCELED)
    database = Database(harness.url)
    for statement in _refusing(harness.url):
        await database.change(text(statement))
    await database.close()
    report = await harness.run()
    (told,) = report.top_signatures
    (kind,), (seen,) = await harness.store.ledger.signatures(), await harness.store.ledger.sightings(since=START)

    assert report.errors == 1
    assert told.key.startswith("ghl/appointment/refused_write: the database refuses a value")
    assert kind.signature.key == seen.signature.key == told.key
    assert (kind.count, seen.count, seen.workspaces) == (1, 1, (one.workspace_id,))


def _refusing(url: str) -> Sequence[str]:
    if url.startswith("sqlite"):
        return [
            f"""CREATE TRIGGER closed BEFORE UPDATE ON lead WHEN NEW.id = '{BAD}'
            BEGIN SELECT RAISE(ABORT, 'closed'); END"""
        ]
    body = f"BEGIN IF NEW.id = '{BAD}' THEN RAISE EXCEPTION 'closed'; END IF; RETURN NEW; END"
    return [
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        "CREATE TRIGGER closed BEFORE UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION refuse()",
    ]
