"""All settings as one frozen tree; flags, documentation and the chart are derived from its fields."""

# ruff: noqa: RUF009 - each call declares a row of the table and returns something immutable

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.shard import MAX_SHARDS, Shard
from reconcile.domain.due import START_JITTER, DuePolicy
from reconcile.domain.planning.follow_ups import FollowUpMode, FollowUpPolicy
from reconcile.domain.retry_state import BackoffPolicy
from reconcile.domain.run.cadence import PlannedCadence
from reconcile.domain.run.change_hold import RunCaps
from reconcile.domain.run.punctuality import TICKS_NEEDED
from reconcile.domain.run.report import Trigger
from reconcile.errors import SettingsError
from reconcile.settings.alerts import AlertSettings, alert_contradictions
from reconcile.settings.applied import Applied, disagreements
from reconcile.settings.cluster import (
    Cron,
    Label,
    ObjectName,
    Share,
    Switch,
    Zone,
    is_tick,
    next_ticks,
    own_shard,
    past_ticks,
)
from reconcile.settings.declared import PREFIX, Setting, declare
from reconcile.settings.kinds import DatabaseUrl, Folder, Number, OneOf, Secret, Text, WebUrl, Whole
from reconcile.settings.sources import SettingSource


class BreakerMode(StrEnum):
    """Whether breakers refuse calls, or only report what they would have refused."""

    ENFORCE = "enforce"
    METRICS_ONLY = "metrics_only"


class LogLevel(StrEnum):
    """Lowest severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """Format of a log line."""

    JSON = "json"
    TEXT = "text"


class Output(StrEnum):
    """Output on stdout; auto is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(AlertSettings):
    """The values of one process. Each field is also an environment variable and a flag of the same name."""

    database_url: str = declare(
        "sqlite:///reconcile.db",
        "Database: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
        kind=DatabaseUrl(),
    )
    schema_mapping: str = declare(
        "default", "Mapping of that database's tables: default, prisma, or a file.", kind=Text()
    )
    credentials_dir: Path | None = declare(
        None, "Directory of mounted secrets, with files WORKSPACE.ghl and WORKSPACE.calendly.", kind=Folder()
    )
    ghl_base_url: str = declare(
        "https://services.leadconnectorhq.com", "Base URL of GoHighLevel's API.", kind=WebUrl(is_origin=True)
    )
    calendly_base_url: str = declare(
        "https://api.calendly.com", "Base URL of Calendly's API.", kind=WebUrl(is_origin=True)
    )

    workspace_limit: int = declare(10, "Maximum number of workspaces that one run visits.", kind=Whole(1, 100_000))
    leads_per_workspace: int = declare(
        50, "Maximum number of leads that one run checks per workspace.", kind=Whole(1, 10_000)
    )
    stale_days: float = declare(7, "Age in days after which a verified lead is due again.", kind=Number(0, 3650))
    hot_minutes: float = declare(1, "Minutes between two checks of an urgent lead.", kind=Number(0, 1440))
    workspace_concurrency: int = declare(8, "Workspaces reconciled at the same time.", kind=Whole(1, 64))
    lead_concurrency: int = declare(4, "Leads checked at the same time in each workspace.", kind=Whole(1, 64))
    run_budget_seconds: float = declare(50, "Time budget of a run in seconds.", kind=Number(1, 86_400))
    attempt_timeout_seconds: float = declare(10, "Timeout of one provider call in seconds.", kind=Number(0.1, 300))
    quarantine_after: int = declare(10, "Consecutive failures after which a lead is quarantined.", kind=Whole(1, 1000))

    circuit_breaker_error_rate: float = declare(
        0.5,
        "Share of failed checks at which a breaker opens.",
        kind=Number(0, 1, above=True),
    )
    circuit_breaker_min_checks: int = declare(5, "Minimum number of checks for an error rate.", kind=Whole(1, 100_000))
    circuit_breaker_min_workspaces: int = declare(
        2,
        "Number of workspaces that must fail in the same way before the provider's breaker may open.",
        kind=Whole(1, 1000),
    )
    circuit_breaker_cooldown_seconds: float = declare(
        45,
        "Seconds that a breaker stays open before it admits a probe; a workspace's doubles up to 15 minutes.",
        kind=Number(1, 86_400),
    )
    circuit_breaker_mode: BreakerMode = declare(
        BreakerMode.ENFORCE, "enforce, or metrics_only to report trips without refusing calls.", kind=OneOf(BreakerMode)
    )

    run_max_changes: int = declare(
        10_000,
        "Number of changes of one kind within an hour above which runs hold that kind until it is approved.",
        kind=Whole(0, 100_000_000),
    )
    run_max_percent: float = declare(
        50, "Percent of the leads checked within an hour above which changes of one kind are held.", kind=Number(0, 100)
    )
    run_max_canceled_percent: float = declare(
        10, "Percent of the leads checked within an hour above which cancellations are held.", kind=Number(0, 100)
    )
    run_min_changes: int = declare(
        20,
        "Number of changes of one kind within an hour that no percentage holds.",
        kind=Whole(0, 100_000_000),
    )

    backfill_rate_share: float = declare(
        0.5,
        "Share of each account's rate budget that a backfill may use; the rest is reserved for the schedule.",
        kind=Number(0.01, 1),
    )
    backfill_max_changes: int = declare(
        10_000, "Number of changes of one kind above which a backfill plan is held.", kind=Whole(0, 100_000_000)
    )
    backfill_max_percent: float = declare(
        50, "Percent of a plan's leads above which changes of one kind hold it.", kind=Number(0, 100)
    )
    backfill_max_canceled_percent: float = declare(
        10, "Percent of a plan's leads above which cancellations hold it.", kind=Number(0, 100)
    )

    webhook_url: str | None = declare(None, "URL to which follow-ups are delivered.", kind=WebUrl())
    webhook_secret: str | None = declare(None, "Key that signs those deliveries.", kind=Secret(16))

    follow_ups: FollowUpMode = declare(
        FollowUpMode.KNOWN,
        "Follow-ups: off, known (of leads that were verified before), or all.",
        kind=OneOf(FollowUpMode),
    )
    follow_up_expiry_hours: float = declare(
        24, "Age in hours from which a follow-up is not delivered any more.", kind=Number(0, 8760, above=True)
    )

    heartbeat_url: str | None = declare(
        None,
        "Ping URL of a monitor, as of healthchecks.io, that gets start, success and failure of runs.",
        kind=WebUrl(),
    )

    page_token: str | None = declare(
        None, "Token of the page of reconcile serve; browsers send it as the password.", kind=Secret(16)
    )

    trigger: Trigger = declare(Trigger.MANUAL, "Trigger of the run, as shown in the report.", kind=OneOf(Trigger))
    shards: int = declare(1, "Number of shards of the workspaces.", kind=Whole(1, MAX_SHARDS))
    shard: Shard | None = declare(
        None, "Shard of this process, from 0; in an Indexed Job the pod's index.", kind=Share()
    )
    state_object: str | None = declare(
        None,
        "Kubernetes object whose annotations mirror the breakers: configmap/NAME or cronjob/NAME.",
        kind=ObjectName(),
    )
    namespace: str | None = declare(None, "Namespace of that object, by default this pod's.", kind=Label())
    service_account_dir: Path = declare(
        Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        "Directory of the service account's token, ca.crt and namespace.",
        kind=Folder(),
    )
    job_name: str | None = declare(None, "Name of the Job that this process runs in.", kind=Label())
    cronjob: str | None = declare(
        None, "CronJob of this release; commands in the log of its Jobs name it.", kind=Label()
    )
    schedule: str | None = declare(None, "Schedule of the runs: five cron fields.", kind=Cron())
    applied_settings: tuple[tuple[str, str], ...] | None = declare(
        None,
        "Variables and values that the CronJob was created with; a run with other values reports it.",
        kind=Applied(),
    )
    time_zone: str | None = declare(None, "Time zone of the schedule; UTC if none is named.", kind=Zone())
    cadence_auto: Switch = declare(
        Switch.OFF, "on: while the run breaker is open, runs between its probes are not due.", kind=OneOf(Switch)
    )

    log_level: LogLevel = declare(
        LogLevel.INFO, "Lowest severity that is logged; warning on a terminal.", kind=OneOf(LogLevel)
    )
    log_format: LogFormat = declare(
        LogFormat.JSON, "Format of log lines on stderr; text on a terminal.", kind=OneOf(LogFormat)
    )
    output: Output = declare(
        Output.AUTO, "Output on stdout; auto is text on a terminal, JSON elsewhere.", kind=OneOf(Output)
    )

    unknown_variables: tuple[str, ...] = field(default=(), kw_only=True)
    """A sentence for each variable of a pod of the chart that is not a setting."""

    @classmethod
    def from_env(cls, env: Mapping[str, str], overrides: Mapping[str, object] | None = None) -> "Settings":
        """Read the settings; *overrides* (by field name, None: not given) take precedence over *env*.

        Raises one SettingsError with every fault. No fault contains a secret, or content of a file.
        """
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        source = SettingSource(env, prefix=PREFIX, known={setting.env for setting in SETTINGS})
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            if setting.name in given:
                source.forgive(setting.env)
                values[setting.name] = source.parsed(setting.flag, given[setting.name], kind=setting.kind)
            else:
                values[setting.name] = source.value(setting.env, kind=setting.kind, default=setting.default)
        values["shard"], of_shard = own_shard(values["shard"], values["shards"], env.get("JOB_COMPLETION_INDEX"))
        unknown = source.unknown()
        # In a pod of the chart a variable may be a key that somebody added to the ConfigMap: that ends no run.
        is_fault = () if values["applied_settings"] else unknown
        faults = [*source.faults(), *is_fault, *_contradictions(values), *alert_contradictions(values), *of_shard]
        if faults:
            raise SettingsError(faults)
        return cls(**values, unknown_variables=tuple(unknown))

    def breaker_policy(self) -> BreakerPolicy:
        """Return the thresholds of breakers."""
        cooldown = timedelta(seconds=self.circuit_breaker_cooldown_seconds)
        return BreakerPolicy(
            error_rate=self.circuit_breaker_error_rate,
            min_checks=self.circuit_breaker_min_checks,
            min_workspaces=self.circuit_breaker_min_workspaces,
            cooldown=cooldown,
            max_cooldown=max(BreakerPolicy().max_cooldown, cooldown),
            is_enforced=self.circuit_breaker_mode is BreakerMode.ENFORCE,
        )

    def run_caps(self) -> RunCaps:
        """Return the caps on the changes of runs."""
        return RunCaps(
            changes=self.run_max_changes,
            percent=self.run_max_percent,
            canceled_percent=self.run_max_canceled_percent,
            least=self.run_min_changes,
        )

    def follow_up_policy(self) -> FollowUpPolicy:
        """Return which follow-ups are created, and until when they are delivered."""
        return FollowUpPolicy(
            mode=self.follow_ups, expiry=timedelta(hours=self.follow_up_expiry_hours), needs_webhook=True
        )

    def due_policy(self) -> DuePolicy:
        """Return when a lead is due again."""
        hot = max(timedelta(0), timedelta(minutes=self.hot_minutes) - START_JITTER)
        return DuePolicy(hot=hot, stale=timedelta(days=self.stale_days))

    def planned_cadence(self, now: datetime | None = None) -> PlannedCadence:
        """Return the schedule; with *now* also the next tick."""
        next_at = interval = None
        past: tuple[datetime, ...] = ()
        if self.schedule is not None and now is not None:
            next_at, interval = next_ticks(self.schedule, time_zone=self.time_zone, now=now)
            past = past_ticks(self.schedule, time_zone=self.time_zone, now=now, count=TICKS_NEEDED)
        return PlannedCadence(
            schedule=self.schedule,
            time_zone=self.time_zone,
            interval=interval,
            next_at=next_at,
            past_ticks=past,
            is_automatic=self.cadence_auto is Switch.ON,
        )

    def disagreements(self, scheduled_at: datetime | None = None) -> tuple[str, ...]:
        """Return how these settings differ from the CronJob's, and whether this run's time is not in the schedule."""
        values = {setting.env: getattr(self, setting.name) for setting in SETTINGS}
        kinds = {setting.env: setting.kind for setting in SETTINGS}
        found = [
            *self.unknown_variables,
            *disagreements(self.applied_settings or (), values=values, kinds=kinds),
        ]
        if self.schedule is None or scheduled_at is None:
            return tuple(found)
        if not is_tick(self.schedule, time_zone=self.time_zone, at=scheduled_at):
            found.append(
                f"the CronJob has started this run for {scheduled_at:%Y-%m-%dT%H:%MZ}, which is not in "
                f"RECONCILE_SCHEDULE, {self.schedule!r}: run helm upgrade to make them equal"
            )
        return tuple(found)

    def backoff_policy(self) -> BackoffPolicy:
        """Return the backoff of failing leads."""
        return BackoffPolicy(quarantine_after=self.quarantine_after)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return contradictions between valid settings; an invalid one is not reported twice."""
    faults = []
    url, secret = values["webhook_url"], values["webhook_secret"]
    if url is None and isinstance(secret, str):
        faults.append("RECONCILE_WEBHOOK_SECRET is set without RECONCILE_WEBHOOK_URL; set both or neither")
    if isinstance(url, str) and secret is None:
        faults.append(
            "RECONCILE_WEBHOOK_URL is set without RECONCILE_WEBHOOK_SECRET; "
            "deliveries are always signed, so set both or neither"
        )
    attempt, budget = values["attempt_timeout_seconds"], values["run_budget_seconds"]
    if isinstance(attempt, int | float) and isinstance(budget, int | float) and attempt > budget:
        faults.append(
            f"RECONCILE_ATTEMPT_TIMEOUT_SECONDS ({attempt:g}) is above RECONCILE_RUN_BUDGET_SECONDS ({budget:g}); "
            "one call cannot outlast its run, so lower the first or raise the second"
        )
    return faults


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(
        name=each.name,
        kind=each.metadata["kind"],
        default=None if each.default is MISSING else each.default,
        help=each.metadata["help"],
    )
    for each in sorted(fields(Settings), key=lambda each: each.name in AlertSettings.__dataclass_fields__)
    if "kind" in each.metadata
)
"""All settings in the order of declaration, those of alerts last."""
