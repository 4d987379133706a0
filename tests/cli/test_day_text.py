"""What a person and a program read of an account whose day's calls will not suffice."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.day_quota import CallRate, DayReading, DayUse
from reconcile.domain.credential import Credential, Token
from reconcile.domain.due import DuePolicy
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.plain_json import plain
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.workspace import Workspace
from reconcile_cli.views import explain_text, status_text
from tests.services.stub_store import NOW, Stub, healthy, run_row
from tests.use_cases import Overview, budget_key, explain_workspace, overview, page_facts

GHL = ProviderName.HIGHLEVEL
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
EACH_MINUTE = PlannedCadence(schedule="* * * * *", interval=timedelta(minutes=1))
SENTENCE = (
    "at this rate the day's calls of GoHighLevel (workspace ws-0 and 4 other accounts) are used up at 16:40 UTC; "
    "a cadence of 3m fits"
)
COMMAND = "reconcile cadence set --every 3m --for 12h --reason 'daily limit'"


def short(number: int) -> DayUse:
    return DayUse(
        key=f"ghl:{number}",
        provider=GHL,
        workspace_id=WorkspaceId(f"ws-{number}"),
        reading=DayReading(at=NOW, left=1_400 + number, ends_at=MIDNIGHT),
        hour=CallRate(lasted=timedelta(minutes=30), calls=150, own_calls=150),
    )


async def a_stub() -> Stub:
    stub = Stub(runs=[run_row("run-1", report=healthy())])
    await stub.day_quotas.save([short(number) for number in range(5)])
    return stub


@pytest.fixture
def view() -> Overview:
    async def looked_at() -> Overview:
        stub = await a_stub()
        return await overview(stub.store(), now=NOW, due=DuePolicy(), breaker=BreakerPolicy(), planned=EACH_MINUTE)

    return asyncio.run(looked_at())


def test_the_status_begins_with_the_sentence_and_gives_the_command(
    view: Overview, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    status_text.show(view)
    out = capsys.readouterr().out

    assert out.startswith(f"● {SENTENCE}")
    assert out.count(SENTENCE) == 1
    assert f"the day's calls of GoHighLevel will not suffice  {COMMAND}" in out
    assert "used up first     workspace ws-0 at 16:40 UTC; calls left: 1,400 (just now)" in out
    assert "workspace ws-2 at 16:40 UTC" in out
    assert "and 2 other accounts" in out
    assert "ws-3" not in out


def test_the_status_as_json_has_the_same_figures(view: Overview) -> None:
    (found,) = plain(view)["shortDays"]

    assert {name: found[name] for name in ("provider", "count", "text", "commands")} == {
        "provider": "ghl",
        "count": 5,
        "text": SENTENCE,
        "commands": [COMMAND],
    }
    assert found["accounts"][0]["usedUpAt"] == "2026-03-01T16:40:00Z"
    assert found["accounts"][0]["workspaceId"] == "ws-0"
    assert len(found["accounts"]) == 3


async def test_the_page_begins_with_the_sentence_and_gives_the_command() -> None:
    stub = await a_stub()
    facts = await page_facts(
        stub.store(),
        now=NOW,
        span=timedelta(hours=2),
        due=DuePolicy(),
        breaker=BreakerPolicy(),
        planned=EACH_MINUTE,
    )

    assert facts.headline == f"A{SENTENCE[1:]}."
    assert COMMAND in [each.command for each in facts.steps]


async def test_an_explained_workspace_shows_what_is_left_of_its_day(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    credential = Credential(provider=GHL, token=Token("t"), account="a")
    workspace = Workspace(id=WorkspaceId("ws-0"), credentials={GHL: credential})
    stub = Stub(workspaces=[workspace])
    await stub.day_quotas.save([replace(short(0), key=budget_key(workspace, GHL))])
    story = await explain_workspace(
        workspace.id, store=stub.store(), now=NOW, policy=DuePolicy(), breaker=BreakerPolicy()
    )
    explain_text.show(story, now=NOW)

    assert (
        "day at ghl         1,400 left just now, renewed in 12 h (00:00:00 UTC); an hour: 300, by scheduled runs 300; "
        "used up in 4 h 40 min (16:40:00 UTC)"
    ) in capsys.readouterr().out
