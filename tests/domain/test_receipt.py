"""The receipt fits into the smallest place that it goes to, whatever the run was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import RunId, WorkspaceId
from reconcile.domain.run.report import Health, RunReport, Trigger
from reconcile.domain.run.report_document import receipt_text

SMALLEST = 4096
"""Bytes that Kubernetes keeps of a termination message."""
LARGE = st.integers(0, 2**63)
BARE = RunReport(
    run_id=RunId("20260301T120000Z-0123abcd"),
    trigger=Trigger.SCHEDULE,
    dry_run=False,
    success=True,
    timestamp=datetime(2026, 3, 1, tzinfo=UTC),
    duration=timedelta(seconds=1),
    health=Health.CIRCUIT_BROKEN,
    health_reasons=(),
    circuit_broken=True,
    shard=Shard(999, 1000),
    scheduled_at=datetime(2026, 3, 1, tzinfo=UTC),
    lateness=timedelta(days=9999),
)


@given(LARGE, LARGE, LARGE, st.integers(0, 3000))
def test_the_receipt_is_small_and_has_no_personal_data(checked: int, booked: int, errors: int, parked: int) -> None:
    workspaces = tuple(WorkspaceId(f"a person's name {n}") for n in range(parked))
    text = receipt_text(
        replace(
            BARE,
            leads_checked=checked,
            workspaces_processed=checked,
            booked_found=booked,
            canceled_found=booked,
            deferred=booked,
            errors=errors,
            parked_workspaces=workspaces,
            health_reasons=("x" * 5000,),
        )
    )

    assert len(text.encode()) < SMALLEST
    assert "person" not in text
    assert f'"parkedWorkspaces":{parked}' in text
