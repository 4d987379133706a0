"""SIGTERM that comes when a run has reported still ends a command that makes several runs."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile import bootstrap
from reconcile.bootstrap import backfill as backfill_wiring
from reconcile.bootstrap.verify import means_of
from reconcile.domain.backfill.plan import PlanId, Selection
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.report_document import receipt_text
from reconcile.settings import Settings
from tests.stores import lead, sqlite_copy, workspace
from tests.substitution import substitute_in_test
from tests.use_cases import BackfillRequest, RunRequest

pytestmark = pytest.mark.integration


@pytest.fixture
async def settings(sqlite_template: Path, tmp_path: Path) -> Settings:
    """Give a company of one workspace without a token: its leads are skipped, and no provider is asked."""
    url = sqlite_copy(sqlite_template, tmp_path)
    leads: list[Lead] = [lead("l1")]
    await bootstrap.seed_url(url, workspaces=[workspace(token=None)], leads=leads)
    return Settings.from_env({"RECONCILE_DATABASE_URL": url})


@pytest.fixture
def sigterm_after_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SIGTERM come when the first report is complete."""
    has_come = False

    def receipt(report: RunReport) -> str:
        nonlocal has_come
        if not has_come:
            has_come = True
            os.kill(os.getpid(), signal.SIGTERM)
        return receipt_text(report)

    substitute_in_test(monkeypatch, receipt_text, receipt)


@pytest.mark.usefixtures("sigterm_after_the_report")
async def test_a_stopped_step_of_a_checklist_reports_it(settings: Settings) -> None:
    request = RunRequest(workspace_limit=1, leads_per_workspace=1, dry_run=True)

    async with means_of(settings, needs_store=False) as means:
        reports = [await means.run(request), await means.run(request)]

    assert [each.stopped for each in reports] == ["sigterm", None]


@pytest.mark.usefixtures("sigterm_after_the_report")
async def test_a_backfill_begins_no_other_round(settings: Settings) -> None:
    request = BackfillRequest(
        name=PlanId("p"),
        selection=Selection(workspaces=(WorkspaceId("w1"),)),
        asked={},
        within=timedelta(hours=1),
        share=1,
    )

    plan, trouble = await asyncio.wait_for(backfill_wiring.plan(settings, request), timeout=30)

    assert plan.selected == 1
    assert trouble is not None
    assert trouble.stopped == "sigterm"
