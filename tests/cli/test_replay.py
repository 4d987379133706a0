"""``reconcile breaker replay``: text in 80 columns, and JSON with the same figures."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.ids import RunId
from reconcile.errors import ErrorClass
from tests.cli.command import Done, here
from tests.contracts.test_ledger import REPORT
from tests.domain.breaker_games import MINUTE, Game
from tests.domain.factories import NOW
from tests.postgres import in_thread
from tests.stores import sqlite_copy

SHADOW = BreakerPolicy(is_enforced=False)


async def _entered(url: str, game: Game) -> None:
    async with bootstrap.open_database_url(url) as store:
        for number, record in enumerate(game.records):
            report = replace(REPORT, run_id=RunId(f"run-{number}"), timestamp=NOW + MINUTE * number)
            await store.ledger.finish_run(report, {}, record)


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give a ledger of five shadow runs in which a provider fails from the second on."""
    game = Game(
        seed=1,
        workspaces=4,
        leads=10,
        truth=lambda _, tick, __: ErrorClass.UNAVAILABLE if tick else None,
        policy=SHADOW,
    ).play(5)
    found = sqlite_copy(sqlite_template, tmp_path)
    in_thread(_entered(found, game))
    return found


def replay(url: str, *words: str, output: str) -> Done:
    return here("breaker", "replay", "--since", "2026-03-02", *words, database_url=url, output=output)


def test_json_holds_all_figures(url: str) -> None:
    found = replay(url, "--min-checks", "10", output="json").json

    assert found["thresholds"] == {
        "errorRate": 0.5,
        "minChecks": 10,
        "minWorkspaces": 2,
        "contractFaults": 3,
        "cooldownSeconds": 45,
    }
    assert found["inForce"]["minChecks"] == 5
    totals = found["totals"]
    assert (totals["runs"], totals["shadowRuns"], totals["calls"], totals["errors"]) == (5, 5, 200, 160)
    assert totals["savedErrors"] == sum(each["savedErrors"] for each in found["breakers"]) > 100
    assert {each["runId"] for each in found["replayed"]} == {"run-1"}
    assert (totals["unknownCalls"], totals["unknownRuns"], totals["lostChecks"]) == (0, 0, 0)


def test_text_fits_80_columns_and_says_the_same(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    figures = replay(url, output="json").json["totals"]

    done = replay(url, output="text")

    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("5 runs replayed, 2026-03-02 00:00 to ")
    assert "5 runs in shadow mode: nothing was refused" in lines
    errors = next(line for line in lines if line.startswith("errors"))
    left, saved = figures["errors"] - figures["savedErrors"], figures["savedErrors"]
    assert errors.split() == ["errors", "160", str(left), str(saved)]
    assert any(line.startswith("  02 Mar 12:01:00  provider:ghl  call ") for line in lines)


def test_a_breaker_that_is_named_is_shown_alone(url: str) -> None:
    found = replay(url, "provider:calendly", output="json").json

    assert (found["breakers"], found["replayed"], found["totals"]["savedCalls"]) == ([], [], 0)
