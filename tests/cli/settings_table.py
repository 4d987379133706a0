"""A value for each setting, none its default, and what is to be seen where that value arrives."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import ProviderName
from reconcile.domain.run.report import Trigger
from reconcile.errors import ProviderUnavailable
from reconcile.wire.signing import signature_headers
from tests.cli.wiring import Seen, minutes_since_1970

STARTED = datetime.now(UTC)
JOB = f"nightly-{minutes_since_1970(STARTED)}"
TICK = datetime.fromtimestamp(minutes_since_1970(STARTED) * 60, UTC)
HOOK, OTHER_HOOK = "hook.example", "alerts.example"
KEYS = {name: f"key-of-{name}-0123456789" for name in ("webhook", "alerts", "page", "pager", "resend")}

VALUES: Mapping[str, str] = {
    "database_url": "sqlite:///{folder}/company.db",
    "schema_mapping": "{folder}/own.toml",
    "credentials_dir": "{folder}/credentials",
    "ghl_base_url": "https://ghl.example",
    "calendly_base_url": "https://calendly.example",
    "workspace_limit": "3",
    "leads_per_workspace": "17",
    "stale_days": "11",
    "hot_minutes": "13",
    "workspace_concurrency": "5",
    "lead_concurrency": "6",
    "run_budget_seconds": "77",
    "attempt_timeout_seconds": "0.1",
    "quarantine_after": "19",
    "circuit_breaker_error_rate": "0.35",
    "circuit_breaker_min_checks": "23",
    "circuit_breaker_min_workspaces": "7",
    "circuit_breaker_cooldown_seconds": "91",
    "circuit_breaker_mode": "metrics_only",
    "run_max_changes": "4321",
    "run_max_percent": "62",
    "run_max_canceled_percent": "14",
    "run_min_changes": "27",
    "backfill_rate_share": "0.25",
    "backfill_max_changes": "1234",
    "backfill_max_percent": "61",
    "backfill_max_canceled_percent": "12",
    "webhook_url": f"https://{HOOK}/followups",
    "webhook_secret": KEYS["webhook"],
    "follow_ups": "all",
    "follow_up_expiry_hours": "21",
    "heartbeat_url": "https://beat.example/ping",
    "page_token": KEYS["page"],
    "trigger": "schedule",
    "shards": "3",
    "shard": "1/3",
    "state_object": "cronjob/breakers",
    "namespace": "calendars",
    "service_account_dir": "{folder}/account",
    "job_name": JOB,
    "cronjob": "night-watch",
    "schedule": "7 3 * * *",
    "applied_settings": '{"RECONCILE_WORKSPACE_LIMIT": "4711"}',
    "time_zone": "Asia/Tokyo",
    "cadence_auto": "on",
    "log_level": "error",
    "log_format": "text",
    "output": "text",
    "alert_slack_url": "https://slack.example/services/T0",
    "alert_webhook_url": f"https://{OTHER_HOOK}/alerts",
    "alert_webhook_secret": KEYS["alerts"],
    "alert_pagerduty_key": KEYS["pager"],
    "alert_pagerduty_url": "https://pager.example",
    "alert_email_to": "ann@example.com,bob@example.com",
    "alert_email_from": "program@example.com",
    "alert_smtp_url": "smtp://user:password@mail.example:587",
    "alert_resend_key": KEYS["resend"],
    "alert_resend_url": "https://resend.example",
    "alert_source": "calendars/prod",
    "alert_runbook_url": "https://wiki.example/runbook",
    "alert_silence_minutes": "29",
    "alert_at_risk": "31",
    "alert_quarantined": "37",
    "alert_reminder_hours": "41",
}
"""By setting: a value that is not the default, and no other setting's."""


# --- what is looked at -------------------------------------------------------------------------------------------

Row = tuple[Callable[[Seen], Any], Any]
Rows = Mapping[str, Row]


def at(name: str, attribute: str) -> Callable[[Seen], Any]:
    """Look at an attribute of what was handed on by that name."""
    return lambda seen: getattr(seen[name], attribute)


COMMON: Rows = {
    "database_url": (lambda seen: seen["url"], "sqlite:///{folder}/company.db"),
    "schema_mapping": (lambda seen: seen["mapping"], "{folder}/own.toml"),
    "log_level": (lambda seen: str(seen["log_level"]), "error"),
    "log_format": (lambda seen: seen["log_as_json"], False),
    "output": (lambda seen: seen.done is not None and not seen.done.out.startswith(("{", "[")), True),
}
TOKENS: Rows = {"credentials_dir": (lambda seen: str(seen["credentials_dir"]), "{folder}/credentials")}


def due(name: str = "due", of: Callable[[Any], Any] = lambda value: value) -> Rows:
    """Return the rows of when leads are due, as they are handed on by that name."""
    return {
        "stale_days": (lambda seen: of(seen[name]).stale, timedelta(days=11)),
        "hot_minutes": (lambda seen: of(seen[name]).hot, timedelta(minutes=13, seconds=-10)),
    }


def breaker(name: str = "breaker", of: Callable[[Any], Any] = lambda value: value) -> Rows:
    """Return the rows of how breakers trip and recover."""
    return {
        "circuit_breaker_error_rate": (lambda seen: of(seen[name]).error_rate, 0.35),
        "circuit_breaker_min_checks": (lambda seen: of(seen[name]).min_checks, 23),
        "circuit_breaker_min_workspaces": (lambda seen: of(seen[name]).min_workspaces, 7),
        "circuit_breaker_cooldown_seconds": (lambda seen: of(seen[name]).cooldown, timedelta(seconds=91)),
        "circuit_breaker_mode": (lambda seen: of(seen[name]).is_enforced, False),
    }


def planned(name: str = "planned", of: Callable[[Any], Any] = lambda value: value) -> Rows:
    """Return the rows of the planned cadence."""
    return {
        "schedule": (lambda seen: of(seen[name]).schedule, "7 3 * * *"),
        "time_zone": (lambda seen: of(seen[name]).time_zone, "Asia/Tokyo"),
        "cadence_auto": (lambda seen: of(seen[name]).is_automatic, True),
    }


RUN_CAPS: Rows = {
    "run_max_changes": (lambda seen: seen["policy"].caps.changes, 4321),
    "run_max_percent": (lambda seen: seen["policy"].caps.percent, 62),
    "run_max_canceled_percent": (lambda seen: seen["policy"].caps.canceled_percent, 14),
    "run_min_changes": (lambda seen: seen["policy"].caps.least, 27),
}
"""Caps on the changes of runs; a backfill's plan has its own."""
POLICY: Rows = {
    **due("policy", lambda policy: policy.due),
    **breaker("policy", lambda policy: policy.breaker),
    **planned("policy", lambda policy: policy.cadence),
    "workspace_concurrency": (at("policy", "workspace_concurrency"), 5),
    "lead_concurrency": (at("policy", "lead_concurrency"), 6),
    "follow_ups": (lambda seen: str(seen["policy"].follow_ups.mode), "all"),
    "follow_up_expiry_hours": (lambda seen: seen["policy"].follow_ups.expiry, timedelta(hours=21)),
    "quarantine_after": (lambda seen: seen["policy"].backoff.quarantine_after, 19),
    "applied_settings": (lambda seen: ["4711" in each for each in seen["policy"].disagreements][:1], [True]),
}
BUDGET: Rows = {"run_budget_seconds": (at("policy", "budget"), timedelta(seconds=77))}
CALLS: Rows = {
    "ghl_base_url": (lambda seen: seen.origins["ghl"], "https://ghl.example"),
    "calendly_base_url": (lambda seen: seen.origins["calendly"], "https://calendly.example"),
    "attempt_timeout_seconds": (
        lambda seen: [(each.provider, type(each)) for each in seen.failures],
        [(each.value, ProviderUnavailable) for each in ProviderName],
    ),
}
REQUEST: Rows = {
    "workspace_limit": (at("request", "workspace_limit"), 3),
    "leads_per_workspace": (at("request", "leads_per_workspace"), 17),
}
OF_A_JOB: Rows = {
    "job_name": (lambda seen: (seen["request"].trigger, seen["request"].scheduled_at), (Trigger.SCHEDULE, TICK)),
    "shard": (at("request", "shard"), Shard(1, 3)),
}
OF_HAND: Rows = {
    "trigger": (lambda seen: (seen["request"].trigger, seen["request"].scheduled_at), (Trigger.SCHEDULE, None)),
    "shards": (at("request", "shard"), Shard(2, 3)),
}


def is_signed(host: str, key: str) -> Callable[[Seen], bool]:
    """Tell whether what was sent to *host* is signed with *key*."""

    def look(seen: Seen) -> bool:
        request = seen.to(host)
        message_id = request.headers["webhook-id"]
        at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        again = signature_headers(message_id, request.content, key=key.encode(), at=at)
        return again["webhook-signature"] == request.headers["webhook-signature"]

    return look


def sent(host: str) -> Callable[[Seen], Any]:
    return lambda seen: json.loads(seen.to(host).content)


SINK: Rows = {
    "webhook_url": (lambda seen: str(seen.to(HOOK).url), f"https://{HOOK}/followups"),
    "webhook_secret": (is_signed(HOOK, KEYS["webhook"]), True),
}
BEAT: Rows = {"heartbeat_url": (lambda seen: seen.to("beat.example").url.path, "/ping/start")}
PLACE: Rows = {
    "state_object": (lambda seen: (seen["target"].kind, seen["target"].name), ("cronjob", "breakers")),
    "namespace": (at("target", "namespace"), "calendars"),
    "service_account_dir": (lambda seen: str(seen["target"].account_dir), "{folder}/account"),
}
CHANNELS: Rows = {
    "alert_slack_url": (lambda seen: str(seen.to("slack.example").url), "https://slack.example/services/T0"),
    "alert_webhook_url": (lambda seen: str(seen.to(OTHER_HOOK).url), f"https://{OTHER_HOOK}/alerts"),
    "alert_webhook_secret": (is_signed(OTHER_HOOK, KEYS["alerts"]), True),
    "alert_pagerduty_url": (lambda seen: seen.to("pager.example").url.path, "/v2/enqueue"),
    "alert_pagerduty_key": (lambda seen: sent("pager.example")(seen)["routing_key"], KEYS["pager"]),
}
MAILED: Rows = {
    "alert_smtp_url": (lambda seen: seen["mail"][0], "smtp://user:password@mail.example:587"),
    "alert_email_from": (lambda seen: seen["mail"][1], "program@example.com"),
    "alert_email_to": (lambda seen: seen["mail"][2], ("ann@example.com", "bob@example.com")),
}
RESENT: Rows = {
    "alert_resend_url": (lambda seen: seen.to("resend.example").url.path, "/emails"),
    "alert_resend_key": (
        lambda seen: seen.to("resend.example").headers["authorization"],
        f"Bearer {KEYS['resend']}",
    ),
    "alert_email_from": (lambda seen: sent("resend.example")(seen)["from"], "program@example.com"),
    "alert_email_to": (lambda seen: sent("resend.example")(seen)["to"], ["ann@example.com", "bob@example.com"]),
}
TOLD: Rows = {
    "alert_source": (at("notifier", "source"), "calendars/prod"),
    "alert_runbook_url": (at("notifier", "runbook"), "https://wiki.example/runbook"),
    "alert_silence_minutes": (lambda seen: seen["notifier"].policy.silence, timedelta(minutes=29)),
    "alert_at_risk": (lambda seen: seen["notifier"].policy.at_risk, 31),
    "alert_quarantined": (lambda seen: seen["notifier"].policy.quarantined, 37),
    "alert_reminder_hours": (lambda seen: seen["notifier"].policy.reminder, timedelta(hours=41)),
}
OF_ALARM: Rows = {
    **breaker("notifier", lambda notifier: notifier.breaker),
    **planned("notifier", lambda notifier: notifier.planned),
}
CAPS: Rows = {
    "backfill_max_changes": (at("caps", "changes"), 1234),
    "backfill_max_percent": (at("caps", "percent"), 61),
    "backfill_max_canceled_percent": (at("caps", "canceled_percent"), 12),
}
