"""The settings of alerts: channels, thresholds, reminders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

from reconcile.domain.alert import AlertPolicy
from reconcile.settings.declared import declare
from reconcile.settings.kinds import Number, Secret, Text, WebUrl, Whole, split
from reconcile.wire.signing import signing_key

_ADDRESS = re.compile(r"[^@\s<>,;:\"\\]+@[A-Za-z0-9.-]+", re.ASCII)
_MOST_ADDRESSES = 20
_PREFIX = "RECONCILE_ALERT_"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server: smtps:// uses TLS from the start, smtp:// STARTTLS."""

    is_secret: ClassVar[bool] = True

    @property
    def metavar(self) -> str:
        return "URL"

    def read(self, text: str) -> str:
        parts = split(text, example="smtp://USER:PASSWORD@host:587")
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("must be a URL like smtp://USER:PASSWORD@host:587 or smtps://USER:PASSWORD@host:465")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("must end after host and port")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("must hold both a user and a password, or neither; write %40 for an @ in one of them")
        for each in (parts.username, parts.password):
            if each is not None and not (unquote(each).isprintable() and unquote(each)):
                raise ValueError("must hold a user and a password of printable characters")
        return text


@dataclass(frozen=True, slots=True)
class MailAddresses:
    """Mail addresses, separated by commas; they are personal data, so they are not printed."""

    is_secret: ClassVar[bool] = True
    most: int = _MOST_ADDRESSES

    @property
    def metavar(self) -> str:
        return "ADDRESS" if self.most == 1 else "ADDRESSES"

    def read(self, text: str) -> tuple[str, ...]:
        addresses = tuple(each.strip() for each in text.split(",") if each.strip())
        if not 1 <= len(addresses) <= self.most or not all(_ADDRESS.fullmatch(each) for each in addresses):
            many = "" if self.most == 1 else f", or up to {self.most} of them separated by commas"
            raise ValueError(f"must be an address like alerts@example.com{many}")
        return addresses


@dataclass(frozen=True, slots=True)
class SigningKey(Secret):
    """A key that may be base64, and then must be valid to its end and long enough."""

    def read(self, text: str) -> str:
        key = Secret.read(self, text)
        signing_key(key)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """The settings of alerts."""

    alert_slack_url: str | None = declare(None, "URL of Slack's incoming webhook for alerts.", kind=WebUrl())
    alert_webhook_url: str | None = declare(None, "URL to which alerts are delivered as JSON.", kind=WebUrl())
    alert_webhook_secret: str | None = declare(None, "Key that signs those deliveries.", kind=SigningKey(16))
    alert_pagerduty_key: str | None = declare(
        None, "Integration key of a PagerDuty service (Events API v2).", kind=Secret(16)
    )
    alert_pagerduty_url: str = declare(
        "https://events.pagerduty.com", "Base URL of PagerDuty's Events API.", kind=WebUrl(is_origin=True)
    )
    alert_email_to: tuple[str, ...] | None = declare(
        None, "Recipients of alerts by e-mail, separated by commas.", kind=MailAddresses()
    )
    alert_email_from: tuple[str, ...] | None = declare(None, "Sender of these e-mails.", kind=MailAddresses(1))
    alert_smtp_url: str | None = declare(
        None, "Mail server: smtp://USER:PASSWORD@HOST:587 with STARTTLS, or smtps://… with TLS.", kind=MailServer()
    )
    alert_resend_key: str | None = declare(None, "API key of Resend, instead of a mail server.", kind=Secret(8))
    alert_resend_url: str = declare("https://api.resend.com", "Base URL of Resend's API.", kind=WebUrl(is_origin=True))
    alert_source: str = declare("appointment-reconciler", "Name of this installation in alerts.", kind=Text())
    alert_runbook_url: str | None = declare(
        None,
        "URL of the published docs/runbook.md; alerts and the page link to its headings.",
        kind=WebUrl(is_page=True),
    )
    alert_silence_minutes: float = declare(
        10,
        "Minutes without a successful run that raise an alert; at least two periods of the schedule.",
        kind=Number(1, 10_080),
    )
    alert_at_risk: int = declare(
        5,
        "Number of meetings of the next 24 h, not verified within the last hour, that raises an alert.",
        kind=Whole(1, 1_000_000),
    )
    alert_quarantined: int = declare(
        10, "Number of leads quarantined within an hour that raises an alert.", kind=Whole(1, 1_000_000)
    )
    alert_reminder_hours: float = declare(
        6, "Hours between reminders of an active alert.", kind=Number(0, 720, above=True)
    )

    def alert_policy(self) -> AlertPolicy:
        """Return the thresholds of alert conditions."""
        return AlertPolicy(
            silence=timedelta(minutes=self.alert_silence_minutes),
            at_risk=self.alert_at_risk,
            quarantined=self.alert_quarantined,
            reminder=timedelta(hours=self.alert_reminder_hours),
        )


def alert_contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return contradictions between valid settings of alerts."""

    def has(name: str) -> bool:
        return values[f"alert_{name}"] is not None

    faults = []
    if has("webhook_url") != has("webhook_secret"):
        given, other = ("URL", "SECRET") if has("webhook_url") else ("SECRET", "URL")
        faults.append(f"{_PREFIX}WEBHOOK_{given} is set without {_PREFIX}WEBHOOK_{other}; set both or neither")
    if has("smtp_url") and has("resend_key"):
        faults.append(f"{_PREFIX}SMTP_URL and {_PREFIX}RESEND_KEY are both set; unset one of them")
    way = "SMTP_URL" if has("smtp_url") else "RESEND_KEY" if has("resend_key") else None
    missing = [name.upper() for name in ("email_to", "email_from") if not has(name)]
    if way is not None and missing:
        faults.append(f"{_PREFIX}{way} is set without {_PREFIX}{missing[0]}; set both or neither")
    if way is None and len(missing) < 2:  # noqa: PLR2004 - of two
        faults.append(
            f"{_PREFIX}EMAIL_TO or {_PREFIX}EMAIL_FROM is set without a mail server; "
            f"set {_PREFIX}SMTP_URL or {_PREFIX}RESEND_KEY"
        )
    return faults
