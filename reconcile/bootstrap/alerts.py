"""The alert channels that settings name, each imported when its first message is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from reconcile.bootstrap.threads import DaemonThreads
from reconcile.domain.alert import Message
from reconcile.ports import AlertChannel, Clock
from reconcile.services.alerting.notify import Notifier
from reconcile.settings import Settings
from reconcile.wire.signing import signing_key

if TYPE_CHECKING:
    from reconcile.alerts.post import Post

RUNBOOK = "docs/runbook.md"
"""The default link target: a file of this project."""


@asynccontextmanager
async def open_notifier(settings: Settings, *, clock: Clock) -> AsyncIterator[Notifier | None]:
    """Yield the notifier, or None if no channel is configured."""
    async with AsyncExitStack() as stack:
        channels = _channels(settings, _Wires(clock=clock, stack=stack))
        if not channels:
            yield None
            return
        asyncio.get_running_loop().set_default_executor(DaemonThreads())
        yield Notifier(
            channels=channels,
            source=settings.alert_source,
            runbook=settings.alert_runbook_url or RUNBOOK,
            policy=settings.alert_policy(),
            breaker=settings.breaker_policy(),
            planned=settings.planned_cadence(clock.now()),
        )


@dataclass(slots=True, kw_only=True)
class _LazyChannel:
    """A channel whose module and libraries are imported with its first message."""

    name: str
    make: Callable[[], AlertChannel]
    takes_many: bool = True
    _made: AlertChannel | None = None

    async def deliver(self, message: Message, *, deadline: float) -> None:
        self._made = self._made or self.make()
        await self._made.deliver(message, deadline=deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wires:
    """The HTTP transport of the channels; it is closed with *stack*."""

    clock: Clock
    stack: AsyncExitStack

    def post(self, name: str) -> "Post":
        """Return the transport to one service."""
        from reconcile.alerts.post import Post  # noqa: PLC0415 - only for a notification
        from reconcile.providers.http.transport import AiohttpTransport  # noqa: PLC0415

        transport = AiohttpTransport()
        self.stack.push_async_callback(transport.aclose)
        return Post(name=name, transport=transport, clock=self.clock)


def _channels(given: Settings, wires: _Wires) -> Sequence[AlertChannel]:
    """Return the channels; the settings were checked for contradictions when they were read."""
    made: list[AlertChannel] = []
    if (url := given.alert_slack_url) is not None:
        made.append(_LazyChannel(name="slack", make=partial(_slack, url, wires)))
    if (url := given.alert_smtp_url) is not None:
        made.append(_LazyChannel(name="email", make=partial(_smtp, url, given, wires)))
    if (key := given.alert_resend_key) is not None:
        made.append(_LazyChannel(name="email", make=partial(_resend, key, given, wires)))
    if (url := given.alert_webhook_url) is not None:
        made.append(_LazyChannel(name="webhook", make=partial(_webhook, url, given, wires)))
    if (key := given.alert_pagerduty_key) is not None:
        make = partial(_pagerduty, key, given.alert_pagerduty_url, wires)
        made.append(_LazyChannel(name="pagerduty", make=make, takes_many=False))
    return made


def _slack(url: str, wires: _Wires) -> AlertChannel:
    from reconcile.alerts.slack import Slack  # noqa: PLC0415

    return Slack(url, post=wires.post("slack"))


def _smtp(url: str, given: Settings, wires: _Wires) -> AlertChannel:
    from reconcile.alerts.smtp import Smtp  # noqa: PLC0415
    from reconcile.providers.http.transport import tls_context  # noqa: PLC0415

    sender, recipients = _mail(given)
    return Smtp(url, sender=sender, recipients=recipients, tls=tls_context, clock=wires.clock)


def _resend(key: str, given: Settings, wires: _Wires) -> AlertChannel:
    from reconcile.alerts.resend import Resend  # noqa: PLC0415

    sender, recipients = _mail(given)
    return Resend(given.alert_resend_url, key=key, sender=sender, recipients=recipients, post=wires.post("resend"))


def _webhook(url: str, given: Settings, wires: _Wires) -> AlertChannel:
    from reconcile.alerts.webhook import Webhook  # noqa: PLC0415

    return Webhook(url, key=signing_key(given.alert_webhook_secret or ""), post=wires.post("webhook"))


def _pagerduty(key: str, url: str, wires: _Wires) -> AlertChannel:
    from reconcile.alerts.pagerduty import PagerDuty  # noqa: PLC0415

    return PagerDuty(url, key=key, post=wires.post("pagerduty"))


def _mail(given: Settings) -> tuple[str, Sequence[str]]:
    (sender,) = given.alert_email_from or ("",)
    return sender, given.alert_email_to or ()
