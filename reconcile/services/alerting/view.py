"""The active alerts, and their pending notifications."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconcile.domain.alert import Alert, Condition, ConditionKind, Severity, gravest_first, observed
from reconcile.ports import Store
from reconcile.services.alerting.notify import Notifier, pending_notices

_RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """One alert; *owed* names the channels with a pending notification."""

    alert: str
    kind: ConditionKind
    severity: Severity
    text: str
    since: datetime
    over_at: datetime | None
    saved_calls: int
    commands: tuple[str, ...]
    owed: tuple[str, ...]

    @classmethod
    def of(cls, alert: Alert, *, owed_to: tuple[str, ...]) -> "AlertLine":
        """Return the view of an alert."""
        condition = alert.condition
        return cls(
            alert=alert.key,
            kind=condition.kind,
            severity=condition.severity,
            text=condition.text,
            since=alert.since,
            over_at=alert.over_at,
            saved_calls=alert.saved_calls,
            commands=condition.commands,
            owed=owed_to,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLine:
    """One configured channel; *fault* is why it fails."""

    channel: str
    owed: int
    fault: str | None
    failing_since: datetime | None
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsView:
    """All active alerts, the most severe first, then those that ended within a day."""

    now: datetime
    alerts: tuple[AlertLine, ...]
    channels: tuple[ChannelLine, ...]

    @property
    def is_pending(self) -> bool:
        """Whether any channel has a pending notification."""
        return any(channel.owed for channel in self.channels)


async def alerts_view(
    store: Store, *, notifier: Notifier | None, conditions: Sequence[Condition], now: datetime
) -> AlertsView:
    """Return the alerts at *now*: the stored ones, updated by *conditions*.

    Nothing is stored. Without *notifier* no channel is configured.
    """
    stored = {each.key: each for each in await store.alerts.load(since=now - _RECENT)}
    remembered = list((stored | {each.key: each for each in observed(stored, conditions, now=now)}).values())
    states = await store.alerts.channels()
    debts = pending_notices(notifier, remembered, states, now=now) if notifier else {}
    owed_to: dict[str, list[str]] = {}
    for channel, notices in debts.items():
        for notice in notices:
            owed_to.setdefault(notice.alert.key, []).append(channel)
    counts = Counter({channel: len(notices) for channel, notices in debts.items()})
    return AlertsView(
        now=now,
        alerts=tuple(
            AlertLine.of(alert, owed_to=tuple(owed_to.get(alert.key, ())))
            for alert in sorted(remembered, key=gravest_first)
        ),
        channels=tuple(
            ChannelLine(
                channel=name,
                owed=counts[name],
                fault=state.fault if (state := states.get(name)) else None,
                failing_since=state.failing_since if state else None,
                not_before=state.not_before if state else None,
            )
            for name in debts
        ),
    )
