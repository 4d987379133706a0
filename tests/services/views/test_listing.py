"""Lists of what waits for a person, and the worst of what a doctor finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.lead import Lead, LeadState, MismatchKind, Rollup
from reconcile.domain.views.finding import Finding, FindingStatus, worst
from reconcile.ports import Store
from tests.services.stub_store import GHL, LEAD, NOW, WORKSPACE
from tests.use_cases import mismatched, quarantined

WAITING = Lead(
    id=LEAD,
    workspace_id=WORKSPACE,
    email="canary@example.com",
    rollup=Rollup(booking_id="abc", provider=GHL, status=AppointmentStatus.CONFIRMED),
    state=LeadState(
        failure_count=10,
        reason="no answer",
        quarantined_at=NOW,
        mismatch=MismatchKind.DIFFERS,
        mismatch_at=NOW,
    ),
)


@dataclass
class Asked:
    """Answers both questions with one lead, and keeps what was asked."""

    given: list[dict[str, Any]]

    async def quarantined(self, **asked: object) -> Sequence[Lead]:
        self.given.append(asked)
        return [WAITING]

    mismatched = quarantined


@pytest.mark.parametrize("listing", [quarantined, mismatched])
async def test_a_listed_lead_is_a_line_without_personal_data(listing: Any) -> None:
    asked = Asked([])
    store = cast("Store", type("Stub", (), {"leads": asked}))

    (line,) = await listing(store, workspace_id=WorkspaceId("ws-1"), limit=5)

    assert asked.given == [{"workspace_id": "ws-1", "limit": 5}]
    assert (line.lead_id, line.since, line.failure_count, line.reason) == (LEAD, NOW, 10, "no answer")
    assert line.mismatch is MismatchKind.DIFFERS
    assert "canary" not in repr(line)


def test_the_worst_finding_decides() -> None:
    found = [
        Finding(subject="clock", verdict=verdict, text="so it is")
        for verdict in (FindingStatus.AWAY, FindingStatus.WARNING)
    ]

    assert worst(found) is FindingStatus.AWAY
    assert worst([]) is FindingStatus.FINE
