"""A day's calls that will not suffice are forecast in time, and the advised cadence makes them suffice."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconcile.domain.alert import Condition, ConditionKind, News
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.run.cadence import CadenceOverride, PlannedCadence
from reconcile.domain.run.report import RunReport, Trigger
from reconcile.domain.views.page import OverallStatus
from tests.services.fakes import START, a_workspace
from tests.services.notifications import FakeChannel, an_alarm
from tests.services.run_harness import RunHarness
from tests.use_cases import Overview, budget_key, conditions, overview

EVERY = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
LEADS = 6
"""Calls of a run: each lead is due in each."""
KEY = budget_key(a_workspace("w"), ProviderName.HIGHLEVEL)
MIDNIGHT = datetime.combine(START.date() + timedelta(days=1), START.timetz().replace(hour=0))


@pytest.fixture
async def planned(harness: RunHarness, channel: FakeChannel) -> PlannedCadence:
    """Give the cadence of a company with one account and a channel that was told nothing."""
    planned = PlannedCadence(schedule="*/15 * * * *", interval=EVERY)
    harness.policy = replace(harness.policy, cadence=planned)
    harness.notifier = replace(an_alarm(channel), planned=planned)
    return planned


@pytest.fixture
async def channel(harness: RunHarness) -> FakeChannel:
    await harness.fill({"w": LEADS})
    return FakeChannel()


async def status(harness: RunHarness, planned: PlannedCadence) -> Overview:
    """Return the status right after the last run."""
    return await overview(
        harness.store, now=harness.clock.now(), due=DuePolicy(), breaker=harness.policy.breaker, planned=planned
    )


async def tick(harness: RunHarness, *, then: timedelta = EVERY) -> RunReport:
    return await harness.run(trigger=Trigger.SCHEDULE, then=then)


async def test_a_days_calls_are_used_up_when_it_was_forecast(
    harness: RunHarness, channel: FakeChannel, planned: PlannedCadence
) -> None:
    harness.ghl.day_limit = 80
    forecasts: list[datetime] = []
    while harness.ghl.calls_left("w"):
        now = harness.clock.now()
        await tick(harness, then=timedelta(0))
        if harness.ghl.calls_left("w"):
            forecasts += [each.accounts[0].used_up_at for each in (await status(harness, planned)).short_days]
        harness.clock.at = now + EVERY
    used_up_at = harness.clock.now() - EVERY

    assert len(forecasts) == (used_up_at - START) // EVERY - 2  # measured for half an hour
    assert all(abs(each - used_up_at) <= EVERY for each in forecasts)
    assert channel.told == [(News.NEW, "day_budget:ghl"), (News.CHANGED, "day_budget:ghl")]
    assert channel.messages[0].at == START + 2 * EVERY
    assert channel.messages[1].notices[0].alert.condition.text == (
        "the day's calls of GoHighLevel (workspace w) are used up until 00:00 UTC"
    )


async def test_with_the_advised_cadence_the_day_suffices_and_the_alert_ends_once(
    harness: RunHarness, channel: FakeChannel, planned: PlannedCadence
) -> None:
    harness.ghl.day_limit = 140
    for _ in range(5):
        await tick(harness)
    now = harness.clock.now()
    view = await status(harness, planned)
    (short,) = view.short_days
    assert short.fitting_cadence is not None
    advised = short.fitting_cadence
    await harness.store.cadences.set(
        CadenceOverride(every=advised, reason="daily limit", actor="ada", set_at=now, expires_at=MIDNIGHT)
    )
    while harness.clock.now() < MIDNIGHT:
        report = await tick(harness, then=advised)
        assert report.errors == report.deferred == 0

    assert advised == 46 * MINUTE
    assert short.commands == ("reconcile cadence set --every 46m --for 13h45m --reason 'daily limit'",)
    assert (view.standing, view.verdict) == (OverallStatus.ATTENTION, short.text)
    assert short.text == (
        "at this rate the day's calls of GoHighLevel (workspace w) are used up at 14:35 UTC; a cadence of 46m fits"
    )
    assert channel.told == [(News.NEW, "day_budget:ghl"), (News.RECOVERED, "day_budget:ghl")]


async def test_an_alert_stays_when_the_day_is_renewed_and_the_rate_is_the_same(
    harness: RunHarness, channel: FakeChannel, planned: PlannedCadence
) -> None:
    """It says that the calls were used up, and that they are back; it does not recover and begin again each day."""
    harness.ghl.day_limit = 400
    harness.clock.at = MIDNIGHT - 3 * timedelta(hours=1)
    harness.ghl.spend("w", 360)  # by another program
    while harness.clock.now() < MIDNIGHT + timedelta(hours=2):
        await tick(harness)

    assert [news for news, _ in channel.told] == [News.NEW, News.CHANGED, News.CHANGED]
    assert channel.messages[-1].at == MIDNIGHT
    assert (await status(harness, planned)).short_days[0].accounts[0].left > 0


async def test_calls_of_other_programs_leave_no_cadence_that_fits(harness: RunHarness, planned: PlannedCadence) -> None:
    harness.ghl.day_limit = 800
    for _ in range(5):
        harness.ghl.spend("w", 20)
        await tick(harness)
    (short,) = (await status(harness, planned)).short_days

    assert short.fitting_cadence is None
    assert short.text.endswith("; no cadence fits")
    assert short.commands == ("reconcile cadence show",)


@pytest.mark.parametrize("limit", [None, 400], ids=["no headers of the day", "enough"])
async def test_no_alert_where_the_day_suffices_or_nothing_is_known(
    harness: RunHarness, channel: FakeChannel, planned: PlannedCadence, limit: int | None
) -> None:
    harness.ghl.day_limit = limit
    for _ in range(5):
        await tick(harness)

    assert (await status(harness, planned)).short_days == ()
    assert channel.messages == []


async def test_one_alert_names_the_first_account_and_counts_the_others(
    harness: RunHarness, planned: PlannedCadence
) -> None:
    await harness.fill({f"more-{number}": number + 1 for number in range(5)})
    harness.ghl.day_limit = 15
    for _ in range(4):
        await tick(harness)
    (found,) = [each for each in await true_now(harness, planned) if each.kind is ConditionKind.DAY_BUDGET]
    (short,) = (await status(harness, planned)).short_days

    assert (found.subject, found.size, short.count, len(short.accounts)) == ("ghl", 6, 6, 3)
    assert "(workspace w and 5 other accounts)" in found.text


async def true_now(harness: RunHarness, planned: PlannedCadence) -> tuple[Condition, ...]:
    assert harness.notifier is not None
    return await conditions(
        harness.store,
        now=harness.clock.now(),
        policy=harness.notifier.policy,
        breaker=harness.policy.breaker,
        planned=planned,
    )


async def test_a_dry_run_and_a_run_of_one_workspace_count_as_other_calls(
    harness: RunHarness, planned: PlannedCadence
) -> None:
    harness.ghl.day_limit = 1_000
    await tick(harness)
    before = await harness.store.day_quotas.load([KEY])
    await harness.run(dry_run=True, then=timedelta(0))
    unchanged = await harness.store.day_quotas.load([KEY])
    await harness.run(workspace=WorkspaceId("w"))
    (after,) = await harness.store.day_quotas.load([KEY])

    assert before == unchanged
    assert (after.hour.calls, after.hour.own_calls) == (2 * LEADS, 0)
