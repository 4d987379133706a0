"""What doctor says of the work itself."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconcile import bootstrap
from reconcile.domain.credential import Credential, Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import ProviderName, RunId, WorkspaceId
from reconcile.domain.planning.outcome import ErrorSignature
from reconcile.domain.run.report import Health, RunReport, Trigger
from reconcile.domain.run.report_document import document
from reconcile.domain.views.finding import FindingStatus
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.ports import SignatureRow, Store
from tests.domain.factories import NOW, a_lead
from tests.use_cases import provider_findings, readiness


async def test_a_due_workspace_without_a_credential_is_named(database_url: str) -> None:
    leads = [a_lead(in_sequence=True)]
    await bootstrap.migrate_url(database_url)
    await bootstrap.seed_url(database_url, workspaces=[Workspace(id=WorkspaceId("ws-1"))], leads=leads)
    async with bootstrap.open_database_url(database_url) as store:
        (finding,) = await readiness(store, now=NOW, policy=DuePolicy(), has_webhook=False)

    assert finding.verdict is FindingStatus.WARNING
    assert "1 workspaces are due, 1 of them without a usable credential: ws-1" in finding.text


async def test_a_token_without_its_location_is_named(database_url: str) -> None:
    token = Credential(provider=ProviderName.HIGHLEVEL, token=Token("a-token-of-some-length"))
    workspace = Workspace(id=WorkspaceId("ws-1"), credentials={ProviderName.HIGHLEVEL: token})
    await bootstrap.migrate_url(database_url)
    await bootstrap.seed_url(database_url, workspaces=[workspace], leads=[a_lead(in_sequence=True)])
    async with bootstrap.open_database_url(database_url) as store:
        findings = await readiness(store, now=NOW, policy=DuePolicy(), has_webhook=False)

    assert [each.verdict for each in findings] == [FindingStatus.FINE, FindingStatus.WARNING]
    assert "no location id" in findings[1].text
    assert findings[1].text.endswith(": ws-1")


A_DAY = timedelta(days=1)


@pytest.mark.parametrize(("age", "is_told"), [(timedelta(minutes=5), True), (A_DAY + timedelta(minutes=5), False)])
async def test_faults_of_the_last_days_runs_are_reported(database_url: str, age: timedelta, is_told: bool) -> None:
    """A scope that a token lacks, and a time zone that is not the location's; no provider is called."""
    zone = "workspace ws-1: its mapped time zone Europe/Berlin is not its GoHighLevel location's, UTC, which is used"
    await bootstrap.migrate_url(database_url)
    async with bootstrap.open_database_url(database_url) as store:
        for number in range(2):
            report = RunReport(
                run_id=RunId(f"run-{number}"),
                trigger=Trigger.SCHEDULE,
                dry_run=False,
                success=True,
                timestamp=NOW - age,
                duration=timedelta(seconds=1),
                health=Health.HEALTHY,
                health_reasons=("workspaces parked: 1", zone),
                circuit_broken=False,
            )
            await store.ledger.begin_run(report.run_id, started_at=NOW - age, trigger="schedule", version="1")
            await store.ledger.finish_run(report, document(report))
        findings = await readiness(store, now=NOW, policy=DuePolicy(), has_webhook=False)

    told = [each for each in findings if each.subject == "time zones"]
    assert [(each.verdict, each.text) for each in told] == ([(FindingStatus.WARNING, zone)] if is_told else [])


SCOPE = "ghl answered 401 to location: the token lacks the scope locations.readonly"


@pytest.mark.parametrize(
    ("message", "error_class", "is_told"),
    [
        (SCOPE, ErrorClass.CREDENTIAL, True),
        ("ghl answered 401 to location", ErrorClass.CREDENTIAL, False),
        (SCOPE, ErrorClass.INTERNAL, False),
    ],
)
async def test_a_missing_scope_is_named(message: str, error_class: ErrorClass, is_told: bool) -> None:
    """With the workspace that met it last."""
    signature = ErrorSignature(provider="ghl", operation="location", error_class=error_class, message=message)
    row = SignatureRow(
        signature=signature, first_seen_at=NOW, last_seen_at=NOW, count=3, last_workspace_id=WorkspaceId("ws-7")
    )

    class Ledger:
        async def signatures(self, **_: Any) -> list[SignatureRow]:
            return [row]

        async def runs(self, **_: Any) -> list[Any]:
            return []

    findings = await provider_findings(cast("Store", SimpleNamespace(ledger=Ledger())), now=NOW)

    expected = [("scopes", FindingStatus.WARNING, f"{SCOPE}; last in workspace ws-7")] if is_told else []
    assert [(each.subject, each.verdict, each.text) for each in findings] == expected
