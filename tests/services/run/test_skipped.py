"""A report says why leads were skipped: what is missing, and where."""

from dataclasses import replace

import pytest

from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.run.unconfigured import MissingSetting, missing_setting
from reconcile.domain.workspace import Workspace
from tests.domain.factories import a_lead
from tests.services.fakes import a_workspace
from tests.services.run_harness import RunHarness, booked, unbooked
from tests.use_cases import document

CALENDLY_ID = "https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/BBBBBBBBBBBBBBBB"


def without_location() -> Workspace:
    workspace = a_workspace("ws-2")
    credential = workspace.credentials[ProviderName.HIGHLEVEL]
    return replace(workspace, credentials={ProviderName.HIGHLEVEL: replace(credential, account=None)})


async def test_a_workspace_without_any_token_is_named_with_its_leads(harness: RunHarness) -> None:
    leads = [booked(f"{ws}-lead-{n}", ws) for ws in ("ws-0", "ws-1") for n in range(2)]
    await harness.seed([Workspace(id=WorkspaceId(ws)) for ws in ("ws-0", "ws-1")], leads)

    report = await harness.run()

    told = f"skipped 4 leads: {MissingSetting.NO_TOKEN} (ws-0 and 1 more)"
    assert report.skip_reasons == {SkipReason.NOT_CONFIGURED: 4}
    assert told in report.health_reasons
    assert told in document(report)["healthReasons"]


@pytest.mark.parametrize(
    ("booking_id", "workspace", "missing"),
    [
        (None, Workspace(id=WorkspaceId("ws-0")), MissingSetting.NO_TOKEN),
        (CALENDLY_ID, without_location(), MissingSetting.NO_CALENDLY_TOKEN),
        (None, without_location(), MissingSetting.NO_LOCATION),
    ],
)
def test_what_is_missing_is_told_apart(booking_id: str | None, workspace: Workspace, missing: MissingSetting) -> None:
    lead = a_lead()
    lead = replace(lead, rollup=replace(lead.rollup, booking_id=booking_id))

    assert missing_setting(lead, workspace) is missing


async def test_what_is_skipped_for_another_reason_is_counted_by_it(harness: RunHarness) -> None:
    await harness.seed([a_workspace("ws-0")], [unbooked("lead-0", "ws-0", email=None)])

    report = await harness.run()

    assert report.skip_reasons == {SkipReason.NO_IDENTITY: 1}
    assert not any(each.startswith("skipped") for each in report.health_reasons)
