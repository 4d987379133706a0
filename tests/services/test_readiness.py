"""What doctor says of the work itself."""

from reconcile import bootstrap
from reconcile.domain.due import DuePolicy
from reconcile.domain.finding import FindingStatus
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.workspace import Workspace
from tests.domain.factories import NOW, a_lead
from tests.use_cases import readiness


async def test_a_due_workspace_without_a_credential_is_named(database_url: str) -> None:
    leads = [a_lead(in_sequence=True)]
    await bootstrap.migrate_url(database_url)
    await bootstrap.seed_url(database_url, workspaces=[Workspace(id=WorkspaceId("ws-1"))], leads=leads)
    async with bootstrap.open_database_url(database_url) as store:
        (finding,) = await readiness(store, now=NOW, policy=DuePolicy(), has_webhook=False)

    assert finding.verdict is FindingStatus.WARNING
    assert "1 workspaces are due, 1 of them without a usable credential: ws-1" in finding.text
