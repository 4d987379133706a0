"""The answers on the page's first screen: the link to the runbook, and what comes next."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconcile.bootstrap.page import facts
from reconcile.domain.views.page import OverallStatus, PageFacts, Situation, UpcomingRun
from reconcile.page.render import page
from reconcile.settings import Settings
from tests.test_docs import anchors

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
HEADINGS = re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.MULTILINE)


def trouble(heading: str) -> PageFacts:
    answers = Situation(blame="nobody", intact="all", next="nothing", runbook=heading)
    since = NOW - timedelta(hours=1)
    return PageFacts(now=NOW, since=since, standing=OverallStatus.TROUBLE, headline="Trouble.", situation=answers)


@pytest.mark.parametrize("heading", HEADINGS)
def test_where_the_runbook_is_published_the_page_links_to_the_section(heading: str) -> None:
    shown = page(replace(trouble(heading), runbook_url="https://wiki.example.com/runbook?a=1&b=2"))

    (anchor,) = re.findall(r'<a href="https://wiki\.example\.com/runbook\?a=1&amp;b=2#([^"]*)"', shown)
    assert anchor in anchors(RUNBOOK)


def test_elsewhere_it_names_file_and_section() -> None:
    assert re.search(r"<dd>\s*A run was killed \(docs/runbook\.md\)</dd>", page(trouble("A run was killed")))


def test_where_all_is_well_the_page_says_when_the_next_run_is_due() -> None:
    upcoming = UpcomingRun(text="a run checks what is due", at=NOW + timedelta(minutes=1))
    well = replace(trouble("A run was killed"), standing=OverallStatus.WELL, situation=None, upcoming=upcoming)

    assert "<dt>Next</dt><dd>at 09:01:00 UTC a run checks what is due</dd>" in page(well)


async def test_the_url_is_the_one_of_the_alerts(migrated_url: str) -> None:
    settings = Settings(database_url=migrated_url, alert_runbook_url="https://wiki.example.com/runbook")

    assert (await facts(settings, span=timedelta(hours=1))).runbook_url == "https://wiki.example.com/runbook"
