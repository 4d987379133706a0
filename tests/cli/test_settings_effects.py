"""Settings of a run by what they do: `reconcile run` over a real database, with a provider that fails as it is told."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from reconcile import bootstrap
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead
from reconcile.errors import ErrorClass
from reconcile.store.leads.seed import seed
from tests.cli.command import here
from tests.postgres import in_thread
from tests.services.fakes import FakeClock, FakeProvider, a_workspace, failure
from tests.services.run_harness import booked
from tests.stores import DEFAULT, sqlite_copy
from tests.substitution import substitute_in_test

GHL = ProviderName.HIGHLEVEL
LEADS = [booked(f"ws-{number}-lead-{each}", f"ws-{number}") for number in range(4) for each in range(8)]
"""Of four workspaces, and due."""
ONE_BY_ONE = {"workspace_concurrency": "1", "lead_concurrency": "1", "run_budget_seconds": "3600"}


class _MachineClock(FakeClock):
    """The machine's time, of which the deadlines of a run are."""

    def monotonic(self) -> float:
        return bootstrap.SystemClock().monotonic()


@dataclass
class Company:
    """A database, and a provider beside it that fails for the leads whose ids begin with one of *failing*."""

    url: str
    failing: Sequence[str]

    def run(self, **settings: str) -> Any:
        """Run once, one lead after the other, and return the report."""
        with pytest.MonkeyPatch.context() as patch:
            substitute_in_test(patch, bootstrap.providers_at, self._providers)
            done = here("run", database_url=self.url, **{**ONE_BY_ONE, **settings})
        assert done.code == 0, done.err
        return done.json

    @asynccontextmanager
    async def _providers(self, **_: object) -> AsyncIterator[Mapping[ProviderName, FakeProvider]]:
        provider = FakeProvider(GHL, clock=_MachineClock())
        provider.appointments = {a.id: a for each in LEADS for a in each.appointments}
        provider.verdicts = {each.id: failure(ErrorClass.UNAVAILABLE) for each in LEADS if self._fails(each)}
        yield {GHL: provider}

    def _fails(self, lead: Lead) -> bool:
        return lead.id.startswith(tuple(self.failing))


def is_open(breaker: str) -> Callable[[Any], bool]:
    """Tell of a report whether *breaker* is open in it."""
    return lambda report: {each["breaker"]: each["state"] for each in report["breakers"]}.get(breaker) == "open"


def cooldown(report: Any) -> int:
    """Return for how many seconds the provider's breaker stays open."""
    (found,) = [each for each in report["breakers"] if each["breaker"] == "provider:ghl"]
    since, probe = (datetime.fromisoformat(found[name]) for name in ("since", "nextProbeAt"))
    return round((probe - since).total_seconds())


ALL, THREE, ONE = ("ws-",), ("ws-0", "ws-1", "ws-2"), ("ws-0",)
HALF = tuple(f"ws-0-lead-{each}" for each in (1, 3, 5, 7))
Effect = tuple[str, Sequence[str], Mapping[str, Any], Callable[[Any], Any]]
EFFECTS: Sequence[Effect] = (
    ("workspace_limit", (), {"1": 1, "3": 3}, lambda report: report["workspacesProcessed"]),
    ("leads_per_workspace", (), {"2": 8, "5": 20}, lambda report: report["leadsChecked"]),
    ("circuit_breaker_min_workspaces", THREE, {"3": True, "4": False}, is_open("provider:ghl")),
    ("circuit_breaker_error_rate", HALF, {"0.4": True, "0.8": False}, is_open("workspace:ws-0/ghl")),
    ("circuit_breaker_min_checks", ONE, {"5": True, "9": False}, is_open("workspace:ws-0/ghl")),
    ("circuit_breaker_mode", ALL, {"enforce": True, "metrics_only": False}, is_open("provider:ghl")),
    ("circuit_breaker_cooldown_seconds", ALL, {"30": 30, "600": 600}, cooldown),
    ("quarantine_after", ("ws-0-lead-3",), {"1": True, "2": False}, lambda report: report["quarantined"] > 0),
)
"""Setting, which leads fail, and by its value what is seen in the report."""


@pytest.fixture
def company(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], Company]:
    """Give companies that have never been visited."""

    def make(failing: Sequence[str]) -> Company:
        url = sqlite_copy(sqlite_template, tmp_path_factory.mktemp("company"))
        workspaces = [a_workspace(f"ws-{number}") for number in range(4)]
        in_thread(seed(url, mapping=DEFAULT, workspaces=workspaces, leads=LEADS))
        return Company(url, failing)

    return make


@pytest.mark.parametrize(("name", "failing", "expected", "look"), EFFECTS, ids=[each[0] for each in EFFECTS])
def test_a_setting_does_what_it_is_for(
    company: Callable[[Sequence[str]], Company],
    name: str,
    failing: Sequence[str],
    expected: Mapping[str, Any],
    look: Callable[[Any], Any],
) -> None:
    seen = {text: look(company(failing).run(**{name: text})) for text in expected}

    assert seen == expected


@pytest.mark.parametrize(("text", "count"), [("0", 32), ("60", 0)])
def test_a_lead_is_not_asked_about_twice_within_the_minutes_that_are_set(
    company: Callable[[Sequence[str]], Company], text: str, count: int
) -> None:
    same = company(())
    reports = [same.run(hot_minutes=text) for _ in range(2)]

    assert [each["leadsChecked"] for each in reports] == [32, count]
