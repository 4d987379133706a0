"""What is left of the days of a workspace's accounts, and sentences about those that will not suffice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.day_quota import CallRate, DayReading, DayUse
from reconcile.domain.credential import Credential, Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.run.cadence import CadenceOverride, PlannedCadence
from reconcile.domain.workspace import Workspace
from tests.services.memory_ports import MemoryCadences
from tests.services.stub_store import NOW, Stub
from tests.use_cases import AccountDay, ShortDay, budget_key, explain_workspace, overview

GHL = ProviderName.HIGHLEVEL
MINUTE = timedelta(minutes=1)
MIDNIGHT = NOW + timedelta(hours=12)
WORKSPACE = Workspace(
    id=WorkspaceId("w"), credentials={GHL: Credential(provider=GHL, token=Token("t"), account="a person's address")}
)


def use(left: int, *, own: int = 300, calls: int = 300, ends_at: datetime = MIDNIGHT) -> DayUse:
    return DayUse(
        key=budget_key(WORKSPACE, GHL),
        provider=GHL,
        workspace_id=WORKSPACE.id,
        reading=DayReading(at=NOW, left=left, ends_at=ends_at),
        hour=CallRate(lasted=30 * MINUTE, calls=calls // 2, own_calls=own // 2),
    )


async def explained(stored: DayUse | None) -> Sequence[AccountDay]:
    stub = Stub(workspaces=[WORKSPACE])
    await stub.day_quotas.save([stored] if stored else [])
    story = await explain_workspace(
        WORKSPACE.id, store=stub.store(), now=NOW, policy=DuePolicy(), breaker=BreakerPolicy()
    )
    return story.days


async def short(stored: DayUse, *, every: timedelta | None = MINUTE, override: timedelta | None = None) -> ShortDay:
    cadences = MemoryCadences()
    if override is not None:
        cadences.stored = CadenceOverride(every=override, reason="", actor="", set_at=NOW, expires_at=MIDNIGHT)
    stub = Stub(cadences=cadences)
    await stub.day_quotas.save([stored])
    planned = PlannedCadence(schedule="* * * * *" if every else None, interval=every)
    view = await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=BreakerPolicy(), planned=planned)
    (found,) = view.short_days
    return found


async def test_an_explained_workspace_has_what_is_left_of_its_day() -> None:
    (day,) = await explained(use(400, own=120))

    assert day == AccountDay(
        provider=GHL,
        left=400,
        read_at=NOW,
        renewed_at=MIDNIGHT,
        calls_per_hour=300,
        own_calls_per_hour=120,
        used_up_at=NOW + timedelta(minutes=80),
    )


async def test_a_day_without_a_measured_rate_has_none() -> None:
    (day,) = await explained(replace(use(400), hour=CallRate()))

    assert (day.left, day.calls_per_hour, day.own_calls_per_hour, day.used_up_at) == (400, None, None, None)


@pytest.mark.parametrize("stored", [None, use(400, ends_at=NOW)], ids=["never read", "renewed since"])
async def test_an_unknown_day_is_not_shown(stored: DayUse | None) -> None:
    assert await explained(stored) == ()


@pytest.mark.parametrize(
    ("every", "override", "advice"),
    [
        (MINUTE, None, "; a cadence of 3m fits"),
        (MINUTE, 5 * MINUTE, "; a cadence of 13m fits"),
        (None, 5 * MINUTE, "; a cadence of 13m fits"),
        (None, None, ""),
    ],
)
async def test_the_advice_is_about_the_cadence_in_force(
    every: timedelta | None, override: timedelta | None, advice: str
) -> None:
    found = await short(use(1_400), every=every, override=override)

    assert found.text == f"at this rate the day's calls of GoHighLevel (workspace w) are used up at 16:40 UTC{advice}"
    assert found.next == "without calls, leads are deferred until 00:00 UTC"


async def test_a_used_up_day_says_until_when() -> None:
    found = await short(use(0))

    assert found.text == "the day's calls of GoHighLevel (workspace w) are used up until 00:00 UTC"
    assert found.summary == "the day's calls of GoHighLevel are used up"
    assert found.commands == ("reconcile cadence show",)


async def test_no_text_has_the_accounts_own_name() -> None:
    found = await short(use(1_400))

    assert "person" not in repr(found)
