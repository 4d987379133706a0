"""What the stories come to, on both databases."""

import pytest

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.due import DuePolicy
from reconcile.domain.views.page import OverallStatus
from tests import samples
from tests.page.conftest import Told
from tests.page.worlds import DAY, HOUR, parked_workspace
from tests.use_cases import page_facts


async def test_both_databases_tell_the_same(migrated_url: str, story: Told) -> None:
    told = await parked_workspace(migrated_url)
    async with bootstrap.open_database_url(migrated_url) as store:
        facts = await page_facts(store, now=told.now, span=told.span, due=DuePolicy(), breaker=BreakerPolicy())

    assert facts == story("parked-workspace")


def test_a_parked_workspace_is_the_worst_and_has_one_band(story: Told) -> None:
    facts = story("parked-workspace")
    (band,) = facts.bands

    headline = "Parked: 1 of 12 workspaces; others are served."
    assert (facts.standing, facts.headline) == (OverallStatus.ATTENTION, headline)
    assert facts.ages.worst[0].workspace_id == "ws-linde"
    assert (band.breaker, band.state, band.is_current) == ("workspace:ws-linde", "open", True)
    assert band.end - band.start == 5 * HOUR
    assert (facts.at_risk_count, len(facts.at_risk)) == (4, 4)


@samples.WHOLE
def test_a_week_of_runs_is_told_by_two_hours(story: Told) -> None:
    facts = story("healthy-week")

    assert (facts.standing, facts.runs, len(facts.moments)) == (OverallStatus.WELL, 10_080, 85)
    assert facts.now - facts.since == 7 * DAY
    assert facts.bands == ()


def test_the_incident_is_told_with_its_stop_its_blame_and_its_signature(story: Told) -> None:
    facts = story("incident")
    (failure,) = facts.failures

    assert facts.headline == "Stopped: GoHighLevel: responses lack a required field."
    assert {band.breaker for band in facts.bands} == {"provider:ghl"}
    assert "GHL appointment response missing required ID field" in failure.signature
    assert failure.count == facts.errors
    assert max(bucket.worst for bucket in facts.moments) == pytest.approx(1.0)


@samples.WHOLE
def test_the_incident_is_told_under_other_thresholds_too(story: Told) -> None:
    facts = story("incident")
    (in_force,) = [each for each in facts.trials if each.is_in_force]

    assert [(each.error_rate, each.min_checks) for each in facts.trials] == [(0.25, 5), (0.5, 5), (0.75, 5), (0.5, 20)]
    assert (in_force.errors, in_force.lost_checks, in_force.unknown_calls) == (facts.errors, 0, 0)
    assert in_force.trips > 0


def test_where_no_call_is_on_record_the_page_says_so(story: Told) -> None:
    facts = story("parked-workspace")

    assert facts.trials == ()
    assert "has a record of its calls" in facts.trials_note


@samples.WHOLE
def test_a_thousand_workspaces_are_twenty_and_the_rest(story: Told) -> None:
    facts = story("thousand-workspaces")

    assert (len(facts.ages.worst), facts.ages.workspace_count) == (20, 1000)
    assert len(facts.band_rows) + facts.more_breakers == 300
    assert sum(facts.ages.counts) > 5000
