"""A lead's story as a person reads it."""

import re
from datetime import UTC, datetime

import pytest

from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.lead import LeadState
from reconcile_cli.views import explain_text
from tests.use_cases import LeadExplanation

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("has_booking", "told"), [(False, "none is stored"), (True, "unknown provider, status unknown")]
)
def test_a_lead_without_a_booking_is_said_to_have_none(
    has_booking: bool, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    story = LeadExplanation(
        lead_id=LeadId("a"),
        workspace_id=WorkspaceId("w"),
        verdict="due",
        why="",
        next_at=None,
        provider=None,
        has_booking=has_booking,
        booking_status=None,
        starts_at=None,
        state=LeadState(),
        breakers=(),
        changes=(),
        commands=(),
    )
    explain_text.show(story, now=NOW)

    assert re.search(rf"booking +{told}\n", re.sub(" +\n", "\n", capsys.readouterr().out))
