"""Where one question to the database fails, the run says so: it takes no failure for an empty answer."""

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from reconcile.domain.run.report import RunReport, Trigger
from reconcile.errors import ErrorClass, StoreUnavailable
from reconcile.ports import Store
from tests.services.backfilling import cancel
from tests.services.fakes import FakeSink, failure
from tests.services.notifications import FakeChannel, an_alarm
from tests.services.run_harness import RunHarness

RAISES = [
    "cadences.override",
    "ledger.begin_run",
    "ledger.runs",
    "ledger.finish_run",
    "leases.acquire",
    "breakers.load",
    "leads.due_workspaces",
    "leads.due_leads",
    "leads.write",
    "leads.freshness",
    "leads.at_risk_count",
    "budgets.reserve",
    "budgets.settle",
    "outbox.pending",
    "outbox.mark_delivered",
    "outbox.pending_count",
]
"""Without these a run is none: it raises, and the next one begins anew."""
SURVIVED = {
    "leases.release": "lease.not_released",
    "breakers.save": "breaker.not_saved",
    "leases.held": "alerts.not_told",
    "backfills.plans": "alerts.not_told",
    "alerts.load": "alerts.not_told",
    "alerts.channels": "alerts.not_told",
    "alerts.save_channel": "alerts.not_told",
    "change_holds.load": "alerts.not_told",
    "day_quotas.load": "day_quota.not_saved",
    "day_quotas.save": "day_quota.not_saved",
    "day_quotas.short": "alerts.not_told",
}
"""What a run goes on without, and the warning by which it says so."""
WRITTEN_BEFORE = {
    "ledger.finish_run",
    "leads.freshness",
    "leads.at_risk_count",
    "outbox.pending",
    "outbox.mark_delivered",
    "outbox.pending_count",
}
"""Questions before which the leads' rows are written: these stay."""


class _Port:
    """A port that tells of its calls, and fails in one of them."""

    def __init__(self, name: str, port: object, calls: Counter[str], failing: str | None) -> None:
        self._name = name
        self._port = port
        self._calls = calls
        self._failing = failing

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._port, name)
        label = f"{self._name}.{name}"
        if not inspect.iscoroutinefunction(method):
            return method

        async def called(*args: Any, **kwargs: Any) -> Any:
            self._calls[label] += 1
            if label == self._failing:
                raise StoreUnavailable(f"the database does not answer {label}")
            return await method(*args, **kwargs)

        return called


def _watched(store: Store, calls: Counter[str], *, failing: str | None = None) -> Store:
    ports = {each.name: _Port(each.name, getattr(store, each.name), calls, failing) for each in fields(Store)}
    return replace(store, **ports)


async def _company(harness: RunHarness) -> None:
    """Enter leads of which two are to be repaired, and somebody who takes follow-ups and alerts."""
    leads = await harness.fill([2, 2])
    cancel(harness, [each.id for each in leads[:2]])
    told = harness.ghl.usage
    harness.ghl.usage = lambda workspace: replace(told(workspace), remaining=9)  # type: ignore[method-assign]
    harness.ghl.day_limit = 1_000
    harness.sink = FakeSink()
    harness.notifier = an_alarm(FakeChannel())


async def _run(harness: RunHarness, calls: Counter[str], *, failing: str | None = None) -> RunReport:
    return await harness.run(store=_watched(harness.store, calls, failing=failing), trigger=Trigger.SCHEDULE)


async def test_every_store_call_of_a_run_is_listed_in_a_table(harness: RunHarness) -> None:
    """One that is added later has to be entered above."""
    await _company(harness)
    calls: Counter[str] = Counter()
    await _run(harness, calls)

    assert set(calls) | {"breakers.save"} == {*RAISES, *SURVIVED}


@pytest.mark.parametrize("question", RAISES)
async def test_an_unavailable_store_call_ends_the_run_with_an_error(harness: RunHarness, question: str) -> None:
    await _company(harness)
    before = await harness.dump()

    with pytest.raises(StoreUnavailable, match=question):
        await _run(harness, Counter(), failing=question)

    after = await harness.dump()
    assert [row for row in await harness.store.ledger.runs() if row.report is not None] == []
    for table in ("lead", "appointment", "reconcile_change", "reconcile_outbox", "reconcile_lead_state"):
        assert (after[table] == before[table]) is (question not in WRITTEN_BEFORE), table


@pytest.mark.parametrize("question", SURVIVED)
async def test_an_optional_store_call_that_fails_is_a_warning(harness: RunHarness, question: str) -> None:
    await _company(harness)
    is_of_breakers = question == "breakers.save"
    if is_of_breakers:
        harness.ghl.always = failure(ErrorClass.CONTRACT)

    report = await _run(harness, Counter(), failing=question)

    assert SURVIVED[question] in harness.ear.events
    assert report.circuit_broken is is_of_breakers
    assert report.canceled_found == (0 if is_of_breakers else 2)
    assert (await harness.store.ledger.runs())[0].report is not None
