"""Creates the adapters from settings and runs the use cases; the only package that imports adapters."""

import asyncio
import random as chances
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import reconcile
from reconcile.bootstrap import termination_log
from reconcile.bootstrap.alerts import open_notifier
from reconcile.bootstrap.heartbeat import heartbeat_of
from reconcile.bootstrap.state_object import mirror_of, state_findings
from reconcile.bootstrap.telemetry import telemetry_findings, telemetry_of
from reconcile.credentials import CredentialDirectory
from reconcile.domain.credential import Token
from reconcile.domain.ids import ProviderName, RunId
from reconcile.domain.lead import Lead
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.report_document import receipt_text
from reconcile.domain.run.request import OnChange, OnProgress, RunRequest
from reconcile.domain.views.finding import Finding, FindingStatus, worst
from reconcile.domain.workspace import Workspace
from reconcile.errors import SettingsError, StoreUnavailable
from reconcile.ports import Clock, EffectSink, NoopTelemetry, Provider, Store, Telemetry
from reconcile.providers.lazy import LazyProviders
from reconcile.redaction import bug_named
from reconcile.services.lookup.limits.time_budget import Stop
from reconcile.services.maintenance.readiness import readiness
from reconcile.services.run.context import Dependencies, RunPolicy
from reconcile.services.run.report_builder import unstarted_report
from reconcile.services.run.run import run as run_once
from reconcile.services.run.shutdown import stop_on_sigterm
from reconcile.settings import Settings
from reconcile.store.mapping.mapping import load_mapping
from reconcile.telemetry import LoggingTelemetry


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        await asyncio.sleep(duration.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDatabase:
    """What commands for status and control need."""

    store: Store
    clock: Clock


@asynccontextmanager
async def open_database(settings: Settings, *, now: datetime | None = None) -> AsyncIterator[OpenDatabase]:
    """Open the database of *settings*; raise SettingsError or StoreUnavailable.

    Given *now*, this machine's time, also check that it is close to the database's, before anything is written.
    """
    tokens = CredentialDirectory(settings.credentials_dir) if settings.credentials_dir else None
    async with open_database_url(
        settings.database_url, mapping=settings.schema_mapping, tokens=tokens, now=now
    ) as store:
        yield OpenDatabase(store=store, clock=SystemClock())


@asynccontextmanager
async def open_database_url(
    url: str, *, mapping: str = "default", tokens: CredentialDirectory | None = None, now: datetime | None = None
) -> AsyncIterator[Store]:
    """Open one database by its URL."""
    from reconcile.store.session import open_store  # noqa: PLC0415 - `--help` must not load a database library

    async with open_store(url, mapping=load_mapping(mapping), tokens=tokens, now=now) as store:
        yield store


async def migrate(settings: Settings) -> Sequence[str]:
    """Migrate our tables to this version's schema; return the versions that are now applied."""
    return await migrate_url(settings.database_url, mapping=settings.schema_mapping)


async def migrate_url(url: str, *, mapping: str = "default") -> Sequence[str]:
    """Migrate one database's tables to this version's schema."""
    from reconcile.store.schema.migrate import migrate as migrate_store  # noqa: PLC0415

    return await migrate_store(url, mapping=load_mapping(mapping))


async def seed_url(
    url: str, *, mapping: str = "default", workspaces: Iterable[Workspace], leads: Iterable[Lead]
) -> None:
    """Insert workspaces and leads into one database, for demo, tests and benchmarks."""
    from reconcile.store.leads.seed import seed  # noqa: PLC0415

    await seed(url, mapping=load_mapping(mapping), workspaces=workspaces, leads=leads)


async def doctor(settings: Settings) -> Sequence[Finding]:
    """Check everything that a run needs; nothing is changed and no provider is called."""
    from reconcile.store.doctor.check import check_schema  # noqa: PLC0415

    clock = SystemClock()
    try:
        mapping = load_mapping(settings.schema_mapping)
    except SettingsError as error:
        return [Finding(subject="mapping", verdict=FindingStatus.FAULT, text=fault) for fault in error.faults]
    findings = list(await check_schema(settings.database_url, mapping=mapping, now=clock.now()))
    findings += await state_findings(settings)
    findings += telemetry_findings()
    if settings.credentials_dir:
        faults = CredentialDirectory(settings.credentials_dir).faults()
        findings += [Finding(subject="credentials", verdict=FindingStatus.FAULT, text=fault) for fault in faults]
    if worst(findings) in {FindingStatus.FINE, FindingStatus.WARNING}:
        async with open_database(settings) as database:
            findings += await readiness(
                database.store,
                now=clock.now(),
                policy=settings.due_policy(),
                has_webhook=settings.webhook_url is not None,
            )
    return findings


@asynccontextmanager
async def providers_at(  # noqa: PLR0913 - what all calls of a run share
    *,
    ghl_url: str,
    calendly_url: str,
    clock: Clock,
    random: Random,
    attempt_timeout: timedelta = timedelta(seconds=10),
    telemetry: Telemetry | None = None,
) -> AsyncIterator[Mapping[ProviderName, Provider]]:
    """Yield both providers at these addresses, over one connection pool."""
    providers = LazyProviders(
        urls={ProviderName.HIGHLEVEL: ghl_url, ProviderName.CALENDLY: calendly_url},
        timeout=attempt_timeout,
        clock=clock,
        random=random,
        observe=(telemetry or NoopTelemetry()).record_attempt,
    )
    try:
        yield providers
    finally:
        await providers.aclose()


Adapt = Callable[[Dependencies, RunPolicy], tuple[Dependencies, RunPolicy]]


async def run(  # noqa: PLR0913 - the ways to watch and change a run
    settings: Settings,
    request: RunRequest,
    *,
    on_progress: OnProgress | None = None,
    on_change: OnChange | None = None,
    adapt: Adapt | None = None,
    stop: Stop | None = None,
    is_failed: Callable[[RunReport], bool] = lambda report: not report.success,
) -> RunReport:
    """Run once and return the report; SIGTERM ends the run early and in order.

    *on_change* is called with each change that a dry run plans. *adapt* changes the dependencies of the run, which is
    then not written to the state object. *stop* also records a SIGTERM that came after the report was complete.
    *is_failed* is what the heartbeat calls a failure.
    """
    clock, stop = SystemClock(), stop or Stop()
    run_id, started = new_run_id(clock.now()), clock.monotonic()
    request = request.of_job(settings.job_name, now=clock.now())
    report: RunReport | None = None
    asyncio.get_running_loop().set_exception_handler(_log_stray_error)
    with stop_on_sigterm(stop), telemetry_of(run_id, stop=stop) as telemetry:
        watched = None if adapt else settings
        async with heartbeat_of(watched, request, is_failed, run_id=run_id, clock=clock, telemetry=telemetry) as beat:
            try:
                async with (
                    mirror_of(None if request.dry_run else watched, clock=clock, telemetry=telemetry) as mirror,
                    _dependencies(settings, clock=clock, stop=stop, telemetry=telemetry, on_progress=on_progress) as d,
                ):
                    deps = replace(d, mirror=mirror, heartbeat=beat.sender, on_change=on_change)
                    await _refuse_unknown_workspace(request, deps.store)
                    policy = replace(run_policy(settings), disagreements=settings.disagreements(request.scheduled_at))
                    if adapt is not None:
                        deps, policy = adapt(deps, policy)
                    report = await run_once(request, run_id=run_id, policy=policy, deps=deps)
            except asyncio.CancelledError:
                if not stop.takes_back_cancellation():
                    raise
            except StoreUnavailable:
                if not stop.is_terminated:
                    raise
            report = report or unstarted_report(request, run_id=run_id, clock=clock, started=started)
            termination_log.leave(receipt_text(report))
            beat.report = report
    return report


async def run_of_several(
    settings: Settings, request: RunRequest, *, on_progress: OnProgress | None = None, adapt: Adapt | None = None
) -> RunReport:
    """Run once of several times in this process; a SIGTERM after the last work is in the report as well."""
    stop = Stop()
    report = await run(settings, request, on_progress=on_progress, adapt=adapt, stop=stop)
    await asyncio.sleep(0)  # let the handler of a last signal run
    return replace(report, stopped="sigterm") if stop.is_terminated else report


async def _refuse_unknown_workspace(request: RunRequest, store: Store) -> None:
    if request.workspace is not None:
        from reconcile.services.views.explain import known_workspace  # noqa: PLC0415 - for a person only

        await known_workspace(request.workspace, store=store)


@asynccontextmanager
async def _dependencies(
    settings: Settings, *, clock: Clock, stop: Stop, telemetry: Telemetry, on_progress: OnProgress | None
) -> AsyncIterator[Dependencies]:
    """Open the adapters that a run uses."""
    random = chances.Random()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings, now=clock.now()))
        providers = await stack.enter_async_context(
            providers_at(
                ghl_url=settings.ghl_base_url,
                calendly_url=settings.calendly_base_url,
                clock=clock,
                random=random,
                attempt_timeout=timedelta(seconds=settings.attempt_timeout_seconds),
                telemetry=telemetry,
            )
        )
        sink = await stack.enter_async_context(_sink(settings, clock=clock))
        notifier = await stack.enter_async_context(open_notifier(settings, clock=clock))
        yield Dependencies(
            store=database.store,
            providers=providers,
            clock=clock,
            random=random,
            telemetry=telemetry,
            sink=sink,
            notifier=notifier,
            version=reconcile.__version__,
            stop=stop,
            on_progress=on_progress,
        )


def run_policy(settings: Settings) -> RunPolicy:
    """Return the limits and other numbers of a run."""
    return RunPolicy(
        due=settings.due_policy(),
        breaker=settings.breaker_policy(),
        backoff=settings.backoff_policy(),
        cadence=settings.planned_cadence(),
        caps=settings.run_caps(),
        follow_ups=settings.follow_up_policy(),
        budget=timedelta(seconds=settings.run_budget_seconds),
        workspace_concurrency=settings.workspace_concurrency,
        lead_concurrency=settings.lead_concurrency,
    )


def new_run_id(now: datetime) -> RunId:
    """Return a unique id that sorts by time."""
    return RunId(f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}")


def _log_stray_error(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Log an unhandled asyncio error by type and place: asyncio would print its text, which may hold personal data."""
    error = context.get("exception")
    LoggingTelemetry().event("stray_error", what=context["message"], where=bug_named(error) if error else None)


@asynccontextmanager
async def _sink(settings: Settings, *, clock: Clock) -> AsyncIterator[EffectSink | None]:
    if settings.webhook_url is None or settings.webhook_secret is None:
        yield None
        return
    from reconcile.providers.http.client import AiohttpTransport  # noqa: PLC0415
    from reconcile.providers.webhook import WebhookSink  # noqa: PLC0415

    async with AiohttpTransport() as transport:
        secret = Token.parse(settings.webhook_secret, where="RECONCILE_WEBHOOK_SECRET")
        yield WebhookSink(settings.webhook_url, secret=secret, transport=transport, clock=clock)
