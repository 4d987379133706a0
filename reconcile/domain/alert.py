"""Alert conditions from start to end, and what each channel has confirmed of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.ids import RunId


class ConditionKind(StrEnum):
    """The kinds of alert conditions."""

    RUN_BREAKER = "run_breaker"
    PROVIDER_BREAKER = "provider_breaker"
    PARKED_WORKSPACE = "parked_workspace"
    UNHEALTHY_RUN = "unhealthy_run"
    NO_SUCCESSFUL_RUN = "no_successful_run"
    APPOINTMENTS_AT_RISK = "appointments_at_risk"
    BOOKINGS_DISAPPEARED = "bookings_disappeared"
    QUARANTINE_GROWTH = "quarantine_growth"
    HELD_BACKFILL = "held_backfill"
    HELD_CHANGES = "held_changes"
    DAY_BUDGET = "day_budget"
    TEST = "test"
    """A test of the channels."""


class Severity(StrEnum):
    """The severity: warning or critical."""

    CRITICAL = "critical"
    WARNING = "warning"


SEVERITIES: Mapping[ConditionKind, Severity] = {
    ConditionKind.RUN_BREAKER: Severity.CRITICAL,
    ConditionKind.PROVIDER_BREAKER: Severity.CRITICAL,
    ConditionKind.NO_SUCCESSFUL_RUN: Severity.CRITICAL,
    ConditionKind.PARKED_WORKSPACE: Severity.WARNING,
    ConditionKind.UNHEALTHY_RUN: Severity.WARNING,
    ConditionKind.APPOINTMENTS_AT_RISK: Severity.WARNING,
    ConditionKind.BOOKINGS_DISAPPEARED: Severity.WARNING,
    ConditionKind.QUARANTINE_GROWTH: Severity.WARNING,
    ConditionKind.HELD_BACKFILL: Severity.WARNING,
    ConditionKind.HELD_CHANGES: Severity.WARNING,
    ConditionKind.DAY_BUDGET: Severity.WARNING,
    ConditionKind.TEST: Severity.WARNING,
}

_QUIET: Mapping[ConditionKind, timedelta] = {
    ConditionKind.UNHEALTHY_RUN: timedelta(minutes=5),
    ConditionKind.APPOINTMENTS_AT_RISK: timedelta(minutes=5),
    ConditionKind.BOOKINGS_DISAPPEARED: timedelta(minutes=5),
    ConditionKind.DAY_BUDGET: timedelta(minutes=30),
}
"""How long a condition must be absent before it ends; a breaker has its own recovery, so zero."""
_TWICE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """Thresholds of alert conditions, and the time between reminders."""

    silence: timedelta = timedelta(minutes=10)
    """Time without a successful run."""
    at_risk: int = 5
    """Meetings of the next 24 h that were not verified within the last hour."""
    quarantined: int = 10
    """Leads that were quarantined within an hour."""
    reminder: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The provider calls of one run and of a usual one: the difference was saved by open breakers."""

    run_id: RunId
    calls: int
    usual_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that holds at one instant; *subject* distinguishes conditions of one kind.

    *text* says the problem and the party at fault, *coming* what happens next. A change of *level* is news, and so is a
    doubled size. With *over_at* the condition has ended already, without having been recorded.
    """

    kind: ConditionKind
    subject: str = ""
    since: datetime
    text: str
    coming: str = ""
    commands: tuple[str, ...] = ()
    level: str = ""
    size: int = 0
    over_at: datetime | None = None
    spending: Spending | None = None

    @property
    def key(self) -> str:
        """The key under which the alert is stored."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind.value

    @property
    def severity(self) -> Severity:
        """The severity: warning or critical."""
        return SEVERITIES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The last notification that a channel confirmed: number *times* of the episode since *since*."""

    since: datetime
    is_over: bool
    level: str
    size: int
    at: datetime
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A stored condition from *since* to *over_at*, and what each channel has confirmed of it.

    The store writes it only if the stored *generation* is one less.
    """

    condition: Condition
    since: datetime
    seen_at: datetime
    over_at: datetime | None = None
    usual_calls: int = 0
    saved_calls: int = 0
    counted_run: RunId | None = None
    heard: Mapping[str, Confirmation] = field(default_factory=dict)
    generation: int = 1

    @property
    def key(self) -> str:
        """The condition's key."""
        return self.condition.key

    @property
    def is_standing(self) -> bool:
        """Whether the alert is active."""
        return self.over_at is None

    def lasted(self, now: datetime) -> timedelta:
        """Return the duration up to *now* or to its end."""
        return max((self.over_at or now) - self.since, timedelta(0))

    def confirmed(self, channel: str, at: datetime) -> "Alert":
        """Record that *channel* has confirmed the alert's current state."""
        before = self.heard.get(channel)
        confirmed = Confirmation(
            since=self.since,
            is_over=not self.is_standing,
            level=self.condition.level,
            size=self.condition.size,
            at=at,
            times=before.times + 1 if before is not None and before.since == self.since else 1,
        )
        return replace(self, heard={**self.heard, channel: confirmed}, generation=self.generation + 1)


class News(StrEnum):
    """Why a channel is notified."""

    NEW = "new"
    CHANGED = "changed"
    REMINDER = "reminder"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notification for one channel; it keeps its *key* when it is sent again after a crash."""

    news: News
    alert: Alert
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The notices of one run for one channel, the most severe first; *key* depends on the notices only."""

    key: str
    source: str
    runbook: str
    at: datetime
    notices: tuple[Notice, ...]


def observed(remembered: Mapping[str, Alert], conditions: Iterable[Condition], *, now: datetime) -> list[Alert]:
    """Return the alerts that differ from the stored ones, given all conditions that hold at *now*."""
    true = {condition.key: condition for condition in conditions}
    moved = [_met(remembered.get(key), condition, now) for key, condition in true.items()]
    moved += [_missed(alert, now) for key, alert in remembered.items() if key not in true]
    return [alert for alert in moved if alert is not None]


def notice(alert: Alert, channel: str, *, now: datetime, policy: AlertPolicy, known_since: datetime) -> Notice | None:
    """Return the notice that *channel* has not confirmed; an alert that ended before the channel was added has none."""
    confirmed = alert.heard.get(channel)
    has_heard = confirmed is not None and confirmed.since == alert.since
    news = _news(alert, confirmed if has_heard else None, now=now, policy=policy, known_since=known_since)
    if news is None:
        return None
    times = confirmed.times if confirmed is not None and has_heard else 0
    return Notice(news=news, alert=alert, key=f"{alert.key}@{alert.since:%Y%m%dT%H%M%S.%fZ}/{news}/{times}")


def gravest_first(alert: Alert) -> tuple[bool, int, int, str]:
    """Return the sort key of alerts: active ones first, then by severity and kind."""
    condition = alert.condition
    order: Callable[[type[StrEnum], StrEnum], int] = lambda kinds, each: list(kinds).index(each)  # noqa: E731
    return (
        not alert.is_standing,
        order(Severity, condition.severity),
        order(ConditionKind, condition.kind),
        condition.subject,
    )


def _met(alert: Alert | None, condition: Condition, now: datetime) -> Alert | None:
    """Return the alert of a condition that holds, or that has started and ended unrecorded."""
    if alert and alert.over_at and condition.over_at and alert.over_at >= condition.since:
        return None
    spending = condition.spending
    if alert is not None and alert.is_standing and _is_as_before(alert, condition):
        return None
    if alert is None or not alert.is_standing:
        # A new episode starts after the end of the last one: its start identifies it.
        since = max(condition.since, alert.over_at) if alert is not None and alert.over_at else condition.since
        alert = Alert(
            condition=condition,
            since=since,
            seen_at=now,
            heard=alert.heard if alert else {},
            generation=alert.generation if alert else 0,
        )
    saved, usual, counted = alert.saved_calls, alert.usual_calls, alert.counted_run
    if spending is not None and spending.run_id != counted:
        usual = usual or spending.usual_calls
        saved, counted = saved + max(usual - spending.calls, 0), spending.run_id
    return replace(
        alert,
        condition=condition,
        seen_at=now,
        over_at=condition.over_at,
        usual_calls=usual,
        saved_calls=saved,
        counted_run=counted,
        generation=alert.generation + 1,
    )


def _is_as_before(alert: Alert, condition: Condition) -> bool:
    """Return whether the stored row stays valid, so that a long alert is not written each minute."""
    before = replace(alert.condition, since=condition.since, spending=condition.spending)
    return before == condition and condition.spending is None and condition.kind not in _QUIET


def _missed(alert: Alert, now: datetime) -> Alert | None:
    """Return the ended alert of a condition that does not hold, or None while it may come back."""
    if not alert.is_standing or now - alert.seen_at < _QUIET.get(alert.condition.kind, timedelta(0)):
        return None
    return replace(alert, over_at=now, generation=alert.generation + 1)


def _news(
    alert: Alert, confirmed: Confirmation | None, *, now: datetime, policy: AlertPolicy, known_since: datetime
) -> News | None:
    if alert.over_at is not None:
        is_pending = not confirmed.is_over if confirmed is not None else alert.over_at >= known_since
        return News.RECOVERED if is_pending else None
    if confirmed is None or confirmed.is_over:
        return News.NEW
    if confirmed.level != alert.condition.level or alert.condition.size >= _TWICE * max(confirmed.size, 1):
        return News.CHANGED
    return News.REMINDER if now - confirmed.at >= policy.reminder else None
