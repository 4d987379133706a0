"""What operators are told of: a condition from its first moment to its end, and what each channel has yet to hear."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.ids import RunId


class ConditionKind(StrEnum):
    """What is worth waking somebody for."""

    RUN_BREAKER = "run_breaker"
    PROVIDER_BREAKER = "provider_breaker"
    PARKED_WORKSPACE = "parked_workspace"
    UNHEALTHY_RUN = "unhealthy_run"
    NO_SUCCESSFUL_RUN = "no_successful_run"
    APPOINTMENTS_AT_RISK = "appointments_at_risk"
    BOOKINGS_DISAPPEARED = "bookings_disappeared"
    QUARANTINE_GROWTH = "quarantine_growth"
    HELD_BACKFILL = "held_backfill"
    TEST = "test"
    """Nothing: somebody tries the channels."""


class Severity(StrEnum):
    """Whether it may wait until the morning."""

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
    ConditionKind.TEST: Severity.WARNING,
}

_QUIET: Mapping[ConditionKind, timedelta] = {
    ConditionKind.UNHEALTHY_RUN: timedelta(minutes=5),
    ConditionKind.APPOINTMENTS_AT_RISK: timedelta(minutes=5),
    ConditionKind.BOOKINGS_DISAPPEARED: timedelta(minutes=5),
}
"""How long it must have been away before it is over; a breaker has its own recovery and needs none."""
_TWICE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """From when on something is worth an alert, and how often it is told again while it stands."""

    silence: timedelta = timedelta(minutes=10)
    """Without a successful run."""
    at_risk: int = 5
    """Meetings of the next 24 h that were not verified lately."""
    quarantined: int = 10
    """Leads set aside within an hour."""
    reminder: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The provider calls of one run, beside those of a usual one: the difference was saved by stopping."""

    run_id: RunId
    calls: int
    usual_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is true at one instant; *subject* tells those of one kind apart.

    *text* says what and whose fault, *coming* what happens by itself. A change of *level* is news, and so is twice the
    *size*. With *over_at* it is over already, and nobody was there to see it stand.
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
        """What it is remembered by."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind.value

    @property
    def severity(self) -> Severity:
        """Whether it may wait until the morning."""
        return SEVERITIES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a channel has confirmed last of an alert: of the episode that began at *since*, for the *times*th time."""

    since: datetime
    is_over: bool
    level: str
    size: int
    at: datetime
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition as it is remembered, from *since* to *over_at*, and what each channel has heard of it.

    Who stores it compares *generation* with the stored one less one.
    """

    condition: Condition
    since: datetime
    seen_at: datetime
    over_at: datetime | None = None
    usual_calls: int = 0
    saved_calls: int = 0
    counted_run: RunId | None = None
    heard: Mapping[str, Heard] = field(default_factory=dict)
    generation: int = 1

    @property
    def key(self) -> str:
        """The condition's."""
        return self.condition.key

    @property
    def is_standing(self) -> bool:
        """Whether it is not over."""
        return self.over_at is None

    def lasted(self, now: datetime) -> timedelta:
        """Return for how long it has stood, or stood."""
        return max((self.over_at or now) - self.since, timedelta(0))

    def confirmed(self, channel: str, at: datetime) -> "Alert":
        """Note that *channel* has been told of it as it is now."""
        before = self.heard.get(channel)
        told = Heard(
            since=self.since,
            is_over=not self.is_standing,
            level=self.condition.level,
            size=self.condition.size,
            at=at,
            times=before.times + 1 if before is not None and before.since == self.since else 1,
        )
        return replace(self, heard={**self.heard, channel: told}, generation=self.generation + 1)


class News(StrEnum):
    """Why a channel is told."""

    NEW = "new"
    CHANGED = "changed"
    REMINDER = "reminder"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell one channel; told twice, after a crash, its *key* is the same."""

    news: News
    alert: Alert
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The notices of one tick for one channel, the gravest first; *key* is the same for the same notices."""

    key: str
    source: str
    runbook: str
    at: datetime
    notices: tuple[Notice, ...]


def observed(remembered: Mapping[str, Alert], conditions: Iterable[Condition], *, now: datetime) -> list[Alert]:
    """Return the alerts that differ from what is remembered, given all that is true at *now*."""
    true = {condition.key: condition for condition in conditions}
    moved = [_met(remembered.get(key), condition, now) for key, condition in true.items()]
    moved += [_missed(alert, now) for key, alert in remembered.items() if key not in true]
    return [alert for alert in moved if alert is not None]


def notice(alert: Alert, channel: str, *, now: datetime, policy: AlertPolicy, known_since: datetime) -> Notice | None:
    """Return what *channel* has yet to hear of *alert*; what was over before the channel was known, it never hears."""
    told = alert.heard.get(channel)
    has_heard = told is not None and told.since == alert.since
    news = _news(alert, told if has_heard else None, now=now, policy=policy, known_since=known_since)
    if news is None:
        return None
    times = told.times if told is not None and has_heard else 0
    return Notice(news=news, alert=alert, key=f"{alert.key}@{alert.since:%Y%m%dT%H%M%S.%fZ}/{news}/{times}")


def gravest_first(alert: Alert) -> tuple[bool, int, int, str]:
    """Return by what alerts are sorted: those that stand first, then by severity and kind."""
    condition = alert.condition
    order: Callable[[type[StrEnum], StrEnum], int] = lambda kinds, each: list(kinds).index(each)  # noqa: E731
    return (
        not alert.is_standing,
        order(Severity, condition.severity),
        order(ConditionKind, condition.kind),
        condition.subject,
    )


def _met(alert: Alert | None, condition: Condition, now: datetime) -> Alert | None:
    """Return the alert of a condition that is true, or was while nobody looked."""
    if alert and alert.over_at and condition.over_at and alert.over_at >= condition.since:
        return None
    spending = condition.spending
    if alert is not None and alert.is_standing and _is_as_before(alert, condition):
        return None
    if alert is None or not alert.is_standing:
        # A new episode never begins before the last one has ended: each is known by its beginning.
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
    """Tell whether there is nothing to note: what is parked for days is not written each minute."""
    before = replace(alert.condition, since=condition.since, spending=condition.spending)
    return before == condition and condition.spending is None and condition.kind not in _QUIET


def _missed(alert: Alert, now: datetime) -> Alert | None:
    """Return the alert of a condition that is not true, where it is over by that."""
    if not alert.is_standing or now - alert.seen_at < _QUIET.get(alert.condition.kind, timedelta(0)):
        return None
    return replace(alert, over_at=now, generation=alert.generation + 1)


def _news(
    alert: Alert, told: Heard | None, *, now: datetime, policy: AlertPolicy, known_since: datetime
) -> News | None:
    if alert.over_at is not None:
        is_owed = not told.is_over if told is not None else alert.over_at >= known_since
        return News.RECOVERED if is_owed else None
    if told is None or told.is_over:
        return News.NEW
    if told.level != alert.condition.level or alert.condition.size >= _TWICE * max(told.size, 1):
        return News.CHANGED
    return News.REMINDER if now - told.at >= policy.reminder else None
