"""Where all is well, the page says what happens next and when."""

from datetime import datetime, timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.due import DuePolicy
from reconcile.domain.run.cadence import CadenceOverride, PlannedCadence
from reconcile.domain.views.page import OverallStatus
from tests.services.stub_store import NOW, Stub, healthy, run_row
from tests.services.views.test_page import MEETING
from tests.use_cases import page_facts

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
EACH_MINUTE = PlannedCadence(
    schedule="* * * * *", interval=MINUTE, next_at=NOW + MINUTE, past_ticks=tuple(NOW - n * MINUTE for n in range(3))
)
SLOWER = CadenceOverride(every=10 * MINUTE, reason="quiet", actor="ann", set_at=NOW - 2 * MINUTE, expires_at=NOW + HOUR)


@pytest.mark.parametrize(
    ("planned", "override", "text", "at"),
    [
        (EACH_MINUTE, None, "a run checks the leads that are due by then; due now: ", NOW + MINUTE),
        (EACH_MINUTE, SLOWER, "a run checks the leads that are due by then; due now: ", NOW + 9 * MINUTE),
        (PlannedCadence(), None, "a run, when something starts it: ", None),
    ],
    ids=["by-schedule", "lowered", "unknown"],
)
async def test_where_all_is_well_the_page_says_when_the_next_run_is_due(
    planned: PlannedCadence, override: CadenceOverride | None, text: str, at: datetime | None
) -> None:
    stub = Stub(runs=[run_row("run-9", minutes_ago=1, report=healthy())])
    if override:
        await stub.cadences.set(override)
    found = await page_facts(
        stub.store(), now=NOW, span=24 * HOUR, due=DuePolicy(), breaker=BreakerPolicy(), planned=planned
    )

    assert (found.standing, found.situation) == (OverallStatus.WELL, None)
    assert found.upcoming is not None
    assert (found.upcoming.text[: len(text)], found.upcoming.at) == (text, at)


async def test_of_meetings_at_risk_the_page_says_when_the_next_run_is_due() -> None:
    stub = Stub(runs=[run_row("run-9", minutes_ago=1, report=healthy())], at_risk=[MEETING])
    found = await page_facts(
        stub.store(), now=NOW, span=24 * HOUR, due=DuePolicy(), breaker=BreakerPolicy(), planned=EACH_MINUTE
    )

    assert found.upcoming is None
    assert found.situation is not None
    assert found.situation.next_at == NOW + MINUTE
