"""Leads that fail: left alone for longer each time, set aside in the end, and taken up again by an order."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.ids import LeadId
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.domain.run.report import Health
from reconcile.errors import ErrorClass
from tests import samples
from tests.services.fakes import failure
from tests.services.run_harness import RunHarness
from tests.use_cases import RunPolicy

BASE = timedelta(minutes=1)
POISON = "ws-0-lead-000"


@pytest.fixture
async def poisoned(harness: RunHarness) -> RunHarness:
    """Give two workspaces, of whose leads the first always fails."""
    await harness.fill([6, 6])
    harness.policy = RunPolicy(backoff=BackoffPolicy(base=BASE, quarantine_after=4))
    harness.ghl.verdicts[LeadId(POISON)] = failure(ErrorClass.REJECTED)
    return harness


async def test_the_pauses_between_attempts_double(poisoned: RunHarness) -> None:
    tries: list[datetime] = []
    for _ in range(30):
        asked, at = poisoned.ghl.asked.count(LeadId(POISON)), poisoned.clock.now()
        await poisoned.run(then=timedelta(seconds=60))
        if poisoned.ghl.asked.count(LeadId(POISON)) > asked:
            tries.append(at)

    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(tries) == 4
    for number, pause in enumerate(pauses):
        full = BASE * 2**number
        assert full / 2 <= pause <= full + timedelta(minutes=1)


async def test_after_the_configured_failures_a_lead_is_quarantined_with_its_reason(poisoned: RunHarness) -> None:
    reports = [await poisoned.run() for _ in range(20)]

    assert sum(each.errors for each in reports) == 4
    assert sum(each.quarantined for each in reports) == 1
    (aside,) = await poisoned.store.leads.quarantined()
    assert (aside.id, aside.state.reason) == (POISON, "ghl/appointment/rejected: ghl failed")
    assert reports[-1].health is Health.HEALTHY
    assert reports[-1].leads_checked == 11


async def test_a_released_lead_is_due_again_and_a_success_clears_its_failures(poisoned: RunHarness) -> None:
    for _ in range(20):
        await poisoned.run()
    poisoned.ghl.verdicts.clear()
    still = await poisoned.run()
    assert await poisoned.store.leads.release([LeadId(POISON)]) == 1

    report = await poisoned.run()

    assert (still.leads_checked, report.leads_checked) == (11, 12)
    state = await poisoned.state(POISON)
    assert (state.failure_count, state.quarantined_at, state.reason) == (0, None, None)


@samples.cells(1)
@pytest.mark.parametrize("kind", [ErrorClass.UNAVAILABLE, ErrorClass.CREDENTIAL, ErrorClass.CONTRACT])
async def test_an_outage_quarantines_no_lead(harness: RunHarness, kind: ErrorClass) -> None:
    """However long it lasts: a breaker takes the blame, and all leads are back when it is over."""
    await harness.fill([6, 6, 6])
    harness.policy = RunPolicy(backoff=BackoffPolicy(base=BASE, quarantine_after=3))
    harness.ghl.always = failure(kind)
    for _ in range(30):
        await harness.run()
    assert not await harness.store.leads.quarantined()

    harness.ghl.always = None
    for _ in range(3):
        await harness.run()
    back = await harness.run()
    assert (back.leads_checked, back.errors) == (18, 0)


async def test_with_breakers_off_a_failure_is_still_the_leads_own(harness: RunHarness) -> None:
    await harness.fill([2])
    harness.policy = replace(
        RunPolicy(), breaker=BreakerPolicy(is_enforced=False), backoff=BackoffPolicy(base=BASE, quarantine_after=2)
    )
    harness.ghl.always = failure(ErrorClass.UNAVAILABLE)

    for _ in range(5):
        await harness.run()

    assert len(await harness.store.leads.quarantined()) == 2
