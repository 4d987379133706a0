"""The alert channels that settings name, each created when its first message is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconcile.bootstrap.threads import DaemonThreads
from reconcile.domain.alert import Message
from reconcile.ports import AlertChannel, Clock
from reconcile.services.alerting.notify import Notifier
from reconcile.settings import Settings

if TYPE_CHECKING:
    from reconcile.bootstrap.alert_channels import ChannelFactory

RUNBOOK = "docs/runbook.md"
"""The default link target: a file of this project."""


@asynccontextmanager
async def open_notifier(settings: Settings, *, clock: Clock) -> AsyncIterator[Notifier | None]:
    """Yield the notifier, or None if no channel is configured."""
    async with AsyncExitStack() as stack:

        def factory() -> "ChannelFactory":
            from reconcile.bootstrap.alert_channels import ChannelFactory  # noqa: PLC0415 - only for a notification

            return ChannelFactory(settings=settings, clock=clock, stack=stack)

        channels = _channels(settings, factory)
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
    """A channel that is created, with its libraries, for its first message."""

    name: str
    make: Callable[[], AlertChannel]
    takes_many: bool = True
    _made: AlertChannel | None = None

    async def deliver(self, message: Message, *, deadline: float) -> None:
        self._made = self._made or self.make()
        await self._made.deliver(message, deadline=deadline)


def _channels(settings: Settings, factory: "Callable[[], ChannelFactory]") -> Sequence[AlertChannel]:
    """Return the channels; the settings were checked for contradictions when they were read."""
    channels: list[AlertChannel] = []
    if settings.alert_slack_url is not None:
        channels.append(_LazyChannel(name="slack", make=lambda: factory().slack()))
    if settings.alert_smtp_url is not None:
        channels.append(_LazyChannel(name="email", make=lambda: factory().smtp()))
    if settings.alert_resend_key is not None:
        channels.append(_LazyChannel(name="email", make=lambda: factory().resend()))
    if settings.alert_webhook_url is not None:
        channels.append(_LazyChannel(name="webhook", make=lambda: factory().webhook()))
    if settings.alert_pagerduty_key is not None:
        channels.append(_LazyChannel(name="pagerduty", make=lambda: factory().pagerduty(), takes_many=False))
    return channels
