"""Sends a test alert to each channel."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.alert import Alert, Condition, ConditionKind, News, Notice
from reconcile.errors import AlertNotDelivered
from reconcile.ports import AlertChannel, Clock
from reconcile.services.alerting.notify import DELIVERY, Notifier


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTrial:
    """The result of a channel's test; *fault* is None if it confirmed."""

    channel: str
    fault: str | None
    took: timedelta


async def test_channels(notifier: Notifier, *, clock: Clock) -> Sequence[ChannelTrial]:
    """Send each channel a test alert and its recovery, within the time limit of a run; no incident stays open."""
    return await asyncio.gather(*(_test_channel(channel, notifier, clock=clock) for channel in notifier.channels))


async def _test_channel(channel: AlertChannel, notifier: Notifier, *, clock: Clock) -> ChannelTrial:
    began, fault = clock.monotonic(), None
    deadline = began + DELIVERY.total_seconds()
    notices = _notices(clock.now())
    try:
        for group in [notices] if channel.takes_many else [[each] for each in notices]:
            await channel.deliver(notifier.message(group, at=clock.now()), deadline=deadline)
    except AlertNotDelivered as error:
        fault = str(error)
    return ChannelTrial(channel=channel.name, fault=fault, took=timedelta(seconds=clock.monotonic() - began))


def _notices(now: datetime) -> Sequence[Notice]:
    condition = Condition(
        kind=ConditionKind.TEST,
        since=now,
        text="test of the alert channels; nothing is wrong",
        commands=("reconcile alerts list",),
    )
    alert = Alert(condition=condition, since=now, seen_at=now)
    over = replace(alert, over_at=now)
    return [
        Notice(news=news, alert=each, key=f"{each.key}@{now:%Y%m%dT%H%M%S.%fZ}/{news}")
        for news, each in ((News.NEW, alert), (News.RECOVERED, over))
    ]
