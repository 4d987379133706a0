"""Commands with every setting at another value than its default, and what their wiring hands to the use cases."""

import asyncio
import importlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from reconcile import bootstrap, telemetry
from reconcile.alerts.smtp import Smtp
from reconcile.domain.ids import RunId
from reconcile.domain.run.report import RunReport
from reconcile.errors import AlertNotDelivered, ProviderError, RequestError
from reconcile.kube.mirror import KubeMirror
from reconcile.kube.object_reference import ObjectReference
from reconcile.kube.pod_logs import PodLogs
from reconcile.page.documents import Sources
from reconcile.page.server import serve
from reconcile.ports import HeartbeatSignal, OutboxRow
from reconcile.providers.http.client import AiohttpTransport
from reconcile.store.doctor.check import check_schema
from reconcile.store.doctor.survey import survey
from reconcile_cli.main import cli
from reconcile_cli.sections import MODULES
from tests.alerts.messages import a_message
from tests.cli.command import Done
from tests.distinct_values import filled
from tests.domain.factories import a_lead
from tests.provider_lookup import ask
from tests.services.fakes import a_workspace
from tests.services.memory_ports import MemoryMirror
from tests.services.notifications import FakeChannel
from tests.substitution import substitute_in_test
from tests.use_cases import (
    Dependencies,
    RunPolicy,
    RunRequest,
    act,
    advice,
    alerts_view,
    backfill,
    cadence_view,
    explain_lead,
    explain_workspace,
    lease_held_report,
    list_breakers,
    notify,
    overview,
    page_facts,
    readiness,
    replay_breakers,
    run,
    test_channels,
)

PROVIDERS = ("ghl.example", "calendly.example")
"""Hosts that take a request and never answer it."""
LEFT = timedelta(seconds=9)
"""How much of its run a call has left: less than an attempt gets by default."""
_SEAMS: Sequence[tuple[Callable[..., Any], Mapping[str, str]]] = (
    (overview, {"due": "due", "breaker": "breaker", "planned": "planned"}),
    (explain_lead, {"policy": "due", "breaker": "breaker"}),
    (explain_workspace, {"policy": "due", "breaker": "breaker"}),
    (act, {"policy": "breaker"}),
    (replay_breakers, {"1": "replay"}),
    (advice, {"policy": "breaker"}),
    (list_breakers, {"policy": "breaker"}),
    (cadence_view, {"planned": "planned"}),
    (readiness, {"policy": "due", "has_webhook": "has_webhook"}),
    (survey, {"0": "url"}),
    (check_schema, {"0": "checked_url", "mapping": "checked_mapping"}),
    (alerts_view, {"notifier": "notifier"}),
    (notify, {"0": "notifier"}),
    (test_channels, {"0": "notifier"}),
    (backfill.begin, {"0": "wanted"}),
    (backfill.complete, {"caps": "caps"}),
    (backfill.work_off, {"shard": "shard"}),
    (bootstrap.migrate_url, {"0": "url", "mapping": "mapping"}),
    (telemetry.configure, {"level": "log_level", "as_json": "log_as_json"}),
)
"""Functions that are called as they are, and by which name each of their arguments is remembered."""


@dataclass
class Seen:
    """What one command handed on: values by name, requests that were sent, calls that failed, and its end."""

    values: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    requests: list[httpx.Request] = field(default_factory=list)
    failures: list[ProviderError] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    """By provider: where its first request went."""
    done: Done | None = None

    def __getitem__(self, name: str) -> Any:
        """Return the value of that name, the same wherever it was handed to."""
        values = self.values[name]
        assert values, f"nothing was handed on as {name}; the command said: {self.done}"
        assert all(each == values[0] for each in values), f"{name} differs: {values}"
        return values[0]

    def to(self, host: str) -> httpx.Request:
        """Return a request to *host*."""
        found = [each for each in self.requests if each.url.host == host]
        assert found, f"nothing was sent to {host}: {[str(each.url) for each in self.requests]}"
        return found[0]


def seen_of(arguments: Sequence[str], env: Mapping[str, str], *, bare: Mapping[str, str] | None = None) -> Seen:
    """Run one command with the settings *env* (variables without prefix) and return what its wiring handed on.

    No run is made: in its place each of its parts is tried once. *bare* are variables that are no settings.
    """
    seen = Seen()
    for name in MODULES.values():
        importlib.import_module(name)
    with pytest.MonkeyPatch.context() as patch, _recorded(patch, seen):
        given = {f"RECONCILE_{name.upper()}": text for name, text in env.items()}
        result = CliRunner().invoke(cli, list(arguments), obj={**given, **(bare or {})})
        seen.done = Done(code=result.exit_code, out=result.stdout, err=result.stderr)
    return seen


@contextmanager
def _recorded(patch: pytest.MonkeyPatch, seen: Seen) -> Iterator[None]:
    for original, names in _SEAMS:
        substitute_in_test(patch, original, _noting(original, names, seen))
    substitute_in_test(patch, page_facts, _stopped_at_the_page(seen))
    substitute_in_test(patch, bootstrap.open_database_url, _opened(bootstrap.open_database_url, seen))
    substitute_in_test(patch, run, _tried(seen))
    substitute_in_test(patch, serve, _served(seen))
    substitute_in_test(patch, AiohttpTransport, lambda: _Wire(seen))
    substitute_in_test(patch, KubeMirror, _targeted(seen, _NamedMirror))
    substitute_in_test(patch, PodLogs, _targeted(seen, _NoLogs))
    substitute_in_test(patch, Smtp, _mailed(seen))
    yield


def _noting(original: Callable[..., Any], names: Mapping[str, str], seen: Seen) -> Callable[..., Any]:
    def call(*arguments: Any, **keywords: Any) -> Any:
        given = {**{str(place): value for place, value in enumerate(arguments)}, **keywords}
        for name, remembered in names.items():
            if name in given:
                seen.values[remembered].append(given[name])
        return original(*arguments, **keywords)

    return call


def _stopped_at_the_page(seen: Seen) -> Callable[..., Any]:
    async def call(_store: object, *, span: timedelta, **facts: Any) -> None:
        for name in ("due", "breaker", "planned"):
            seen.values[name].append(replace(facts[name], next_at=None) if name == "planned" else facts[name])
        seen.values["span"].append(span)
        raise RequestError("nothing is drawn here")

    return call


def _opened(original: Callable[..., Any], seen: Seen) -> Callable[..., Any]:
    @asynccontextmanager
    async def call(url: str, *, mapping: str, tokens: Any = None, **facts: Any) -> AsyncIterator[Any]:
        seen.values["url"].append(url)
        seen.values["mapping"].append(mapping)
        seen.values["credentials_dir"].append(tokens.path if tokens else None)
        async with original(url, mapping=mapping, tokens=tokens, **facts) as store:
            yield store

    return call


def _tried(seen: Seen) -> Callable[..., Any]:
    """Try each part of a run once, in place of the run."""

    async def call(request: RunRequest, *, run_id: RunId, policy: RunPolicy, deps: Dependencies) -> RunReport:
        facts = {"request": request, "policy": policy, "notifier": deps.notifier, "has_mirror": deps.mirror is not None}
        for name, value in facts.items():
            seen.values[name].append(value)
        started = deps.clock.monotonic()
        workspace = a_workspace("ws-0", *deps.providers)
        for provider in deps.providers.values():
            try:
                deadline = deps.clock.monotonic() + LEFT.total_seconds()
                await ask(provider, a_lead(email="ann@example.com"), workspace, deadline=deadline)
            except ProviderError as error:
                seen.failures.append(error)
            url = seen.requests[-1].url
            seen.origins[provider.name] = f"{url.scheme}://{url.host}"
        deadline = deps.clock.monotonic() + LEFT.total_seconds()
        if deps.sink is not None:
            await deps.sink.deliver(filled(OutboxRow), deadline=deadline)
        if deps.heartbeat is not None:
            await deps.heartbeat.monitor.send(HeartbeatSignal.START, run_id=run_id, deadline=deadline)
        for channel in deps.notifier.channels if deps.notifier else ():
            with suppress(AlertNotDelivered):
                await channel.deliver(a_message(), deadline=deadline)
        report = lease_held_report(request, run_id=run_id, clock=deps.clock, started=started)
        return replace(report, stopped="sigterm")

    return call


def _served(seen: Seen) -> Callable[..., Any]:
    async def call(door: Any, *, port: int, sources: Sources, **_: object) -> None:
        seen.values["page_token"].append(door.token)
        seen.values["page_address"].append((door.host, port))
        await sources.page(timedelta(days=1))

    return call


class _Wire(httpx.AsyncBaseTransport):
    """Remembers requests; providers never answer, all others take what they get."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen.requests.append(request)
        if request.url.host in PROVIDERS:
            await asyncio.Event().wait()
        return httpx.Response(202, stream=httpx.ByteStream(b'{"status":"success","id":"1"}'))


def _targeted(seen: Seen, make: Callable[[], Any]) -> Callable[..., Any]:
    def call(target: ObjectReference, **_: object) -> Any:
        seen.values["target"].append(target)
        return make()

    return call


class _NamedMirror(MemoryMirror):
    source = "cronjob/breakers"


class _NoLogs:
    def entries(self) -> Iterator[Any]:
        return iter(())


def _mailed(seen: Seen) -> Callable[..., Any]:
    def call(url: str, *, sender: str, recipients: Sequence[str], **_: object) -> FakeChannel:
        seen.values["mail"].append((url, sender, tuple(recipients)))
        return FakeChannel(name="email")

    return call


def minutes_since_1970(at: datetime) -> int:
    """Return what a CronJob's controller puts behind the name of a Job for that minute."""
    return int(at.astimezone(UTC).timestamp()) // 60
