"""A value that the customer's database does not take, seen from the run."""

from dataclasses import replace

from reconcile.domain.ids import LeadId
from reconcile.domain.report import Health
from reconcile.ports import BatchReceipt, BatchWrite
from tests.runner.desk import Desk, Wrapped

BAD = LeadId("ws-0-lead-000")
CLAUSE = "the database refuses a value: CheckViolationError (23514) at lead/lead_status_check"


async def test_it_is_one_leads_failure_by_its_own_name_and_no_drift(desk: Desk) -> None:
    await desk.fill([3])

    async def refusing(batch: BatchWrite) -> BatchReceipt:
        receipt = await desk.store.leads.write(batch)
        return replace(receipt, drifted=frozenset({BAD}), refused={BAD: CLAUSE})

    report = await desk.run(store=replace(desk.store, leads=Wrapped(desk.store.leads, write=refusing)))

    assert (report.errors, report.no_change, report.deferred) == (1, 2, 0)
    assert report.health is Health.DEGRADED
    (signature,) = report.top_signatures
    assert signature.key == f"ghl/appointment/refused_write: {CLAUSE}"
