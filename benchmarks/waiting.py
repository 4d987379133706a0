"""One whole run in virtual time: how long it waits for the provider, and how close it comes to the published limits.

The product's adapters call the simulator in the same process. Only latency and rate budgets take time, so the seconds
do not depend on the machine.
"""

import argparse
import asyncio
import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from benchmarks.attribution.memory import memory_store
from benchmarks.virtual_time import START, VirtualClock, run_virtually
from reconcile.domain.coordination.rate_limit import Grant, RateLimit, RateLimiter
from reconcile.domain.ids import ProviderName, RunId
from reconcile.domain.run.report import RunReport
from reconcile.drill.company import lead_of, workspace_of
from reconcile.ports import Clock, NoopTelemetry, Provider
from reconcile.providers.calendly.lookup import Calendly
from reconcile.providers.ghl.lookup import Ghl
from reconcile.providers.http.client import BaseUrl, Gateway
from reconcile.simulator import Scenario, World, WorldSize
from reconcile.simulator.limits import Limits
from reconcile.simulator.records import SubscriptionPlan
from reconcile.simulator.router import Router
from reconcile.simulator.wire import Api, Request
from tests.use_cases import Dependencies, LocalBudgets, RunPolicy, RunRequest, run

_APIS = {ProviderName.HIGHLEVEL: Api.GHL, ProviderName.CALENDLY: Api.CALENDLY}
_WINDOWS = {ProviderName.HIGHLEVEL: timedelta(seconds=10), ProviderName.CALENDLY: timedelta(minutes=1)}
_TOO_MANY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is simulated; accounts with a free plan exist at Calendly only."""

    provider: ProviderName = ProviderName.CALENDLY
    workspaces: int = 100
    leads: int = 50
    latency: timedelta = timedelta(milliseconds=50)
    workspace_concurrency: int = 8
    lead_concurrency: int = 4
    free_share: float = 0
    scenarios: tuple[Scenario, ...] = (Scenario.CONFIRMED,)
    knows_truth: bool = True
    """Whether the database holds each lead's true booking; else what it held before the last change."""


@dataclass(slots=True, kw_only=True)
class Waited:
    """The result of a run; *most_in_window* is the highest number of calls of an account in any window of its limit."""

    seconds: float
    report: RunReport
    calls: Counter[str]
    too_many: int
    most_in_window: int

    def figures(self) -> dict[str, Any]:
        """Return the figures that are printed."""
        return {
            "seconds": round(self.seconds, 2),
            "leads_checked": self.report.leads_checked,
            "deferred": self.report.deferred,
            "calls": self.calls.total(),
            "calls_per_lead": round(self.calls.total() / max(1, self.report.leads_checked), 3),
            "answered_429": self.too_many,
            "most_calls_in_window": self.most_in_window,
        }


class MemoryBudgets(LocalBudgets):
    """Rate limiters in memory that refuse a call as the database's do, where those of a dry run sleep."""

    async def reserve(self, key: str, *, wanted: int, limit: RateLimit, share: float = 1) -> Grant:
        """Reserve up to *wanted* calls."""
        now = self._clock.now()
        limiter = self._limiters.get(key, RateLimiter(now))
        self._limiters[key], grant = limiter.take(wanted, now=now, limit=self._limit(key, limit).below(share))
        return grant


@dataclass(slots=True, kw_only=True)
class SimulatorTransport(httpx.AsyncBaseTransport):
    """The simulator without a network; keeps the instants of each account's calls."""

    router: Router
    api: Api
    latency: timedelta
    clock: Clock
    calls: Counter[str] = field(default_factory=Counter)
    instants: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    too_many: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer after the latency."""
        path, _, query = request.extensions["target"].decode("ascii").partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.instants[headers["authorization"]].append(self.clock.now())
        await asyncio.sleep(self.latency.total_seconds())
        delivery = self.router.respond(
            self.api,
            Request(method=request.method, path=path, query_string=query, headers=headers, body=request.content),
        )
        first, *lines = delivery.head.decode("latin-1").strip().split("\r\n")
        status = int(first.split()[1])
        self.too_many += status == _TOO_MANY
        self.calls[self.router.log.recent[-1].operation] += 1
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return httpx.Response(status, headers=fields, stream=httpx.ByteStream(delivery.body))

    def most_in_window(self, window: timedelta) -> int:
        """Return the highest number of calls of an account in any *window*, by the instants at which they were sent."""
        return max((_most(instants, window) for instants in self.instants.values()), default=0)


def _most(instants: list[datetime], window: timedelta) -> int:
    first, most = 0, 0
    for last, instant in enumerate(instants):
        while instants[first] <= instant - window:
            first += 1
        most = max(most, last - first + 1)
    return most


async def wait_through(size: Size, *, runs: int = 1, seed: int = 1) -> list[Waited]:
    """Make *runs* runs a minute apart, each over all leads, and return what each took."""
    clock = VirtualClock()
    world = World.generate(
        seed=seed,
        now=clock.now,
        anchor=START,
        size=WorldSize(
            workspaces=size.workspaces,
            leads_per_workspace=size.leads,
            calendly_share=1.0 if size.provider is ProviderName.CALENDLY else 0.0,
            mix=dict.fromkeys(size.scenarios, 1.0),
        ),
    )
    users = world.calendly.by_token
    for token in list(users)[: round(size.free_share * size.workspaces)]:
        users[token] = replace(users[token], plan=SubscriptionPlan.FREE)
    leads = [replace(each, stored=each.truth) if size.knows_truth else each for each in world.leads]
    store = memory_store(
        [_at_one(workspace_of(each), size.provider) for each in world.workspaces.values()],
        [lead_of(each) for each in leads],
        clock,
    )
    store = replace(store, budgets=MemoryBudgets(clock))
    router = Router(world=world, limits=Limits(enforced=True))
    results = []
    for number in range(runs):
        began = clock.monotonic()
        transport = SimulatorTransport(router=router, api=_APIS[size.provider], latency=size.latency, clock=clock)
        report = await run(
            RunRequest(workspace_limit=size.workspaces, leads_per_workspace=size.leads),
            run_id=RunId(f"run-{number}"),
            policy=RunPolicy(workspace_concurrency=size.workspace_concurrency, lead_concurrency=size.lead_concurrency),
            deps=Dependencies(
                store=store,
                providers={size.provider: _provider(size.provider, transport, clock)},
                clock=clock,
                random=random.Random(seed),
                telemetry=NoopTelemetry(),
            ),
        )
        results.append(
            Waited(
                seconds=clock.monotonic() - began,
                report=report,
                calls=transport.calls,
                too_many=transport.too_many,
                most_in_window=transport.most_in_window(_WINDOWS[size.provider]),
            )
        )
        await clock.sleep(timedelta(minutes=1) - timedelta(seconds=(clock.monotonic() - began) % 60))
    return results


def _at_one(workspace: Any, provider: ProviderName) -> Any:  # noqa: ANN401
    return replace(workspace, credentials={provider: workspace.credentials[provider]})


def _provider(name: ProviderName, transport: httpx.AsyncBaseTransport, clock: Clock) -> Provider:
    base = BaseUrl.parse("https://provider.example.com", where="benchmark")
    gateway = Gateway(provider=name, base=base, transport=transport, clock=clock, random=random.Random(1).random)
    return Calendly(gateway) if name is ProviderName.CALENDLY else Ghl(gateway)


def main() -> None:
    """Print a table of runs, and their figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=100)
    parser.add_argument("--leads", type=int, default=50, help="leads per workspace")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--workspace-concurrency", type=int, default=8)
    parser.add_argument("--lead-concurrency", type=int, default=4)
    parser.add_argument("--only", help="cases with this text in their name")
    wanted = parser.parse_args()
    size = Size(
        workspaces=wanted.workspaces,
        leads=wanted.leads,
        latency=timedelta(milliseconds=wanted.latency_ms),
        workspace_concurrency=wanted.workspace_concurrency,
        lead_concurrency=wanted.lead_concurrency,
    )
    ghl = ProviderName.HIGHLEVEL
    over = (Scenario.SHOWED, Scenario.NO_SHOW, Scenario.CANCELED, Scenario.RESCHEDULED)
    cases = {
        "Calendly, standing": size,
        "Calendly, a tenth on the free plan": replace(size, free_share=0.1),
        "Calendly, over or canceled": replace(size, scenarios=over),
        "GHL, standing": replace(size, provider=ghl),
        "GHL, over or canceled": replace(size, provider=ghl, scenarios=over),
    }
    cases = {name: case for name, case in cases.items() if (wanted.only or "") in name}
    found = {
        name: [each.figures() for each in run_virtually(wait_through(case, runs=2))] for name, case in cases.items()
    }
    names = list(next(iter(found.values()))[0])
    print(f"{'':46}", *(f"{name:>20}" for name in names))
    for case, runs in found.items():
        for number, figures in enumerate(runs, 1):
            print(f"{case + f', run {number}':46}", *(f"{figures[name]:>20}" for name in names))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
