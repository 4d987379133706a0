"""Messages as a tick would make them, and a clock for those who deliver."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconcile.domain.alert import Alert, Condition, ConditionKind, Message, News, Notice

AT = datetime(2026, 11, 24, 9, 17, tzinfo=UTC)
SINCE = AT - timedelta(minutes=15)
RUNBOOK = "https://wiki.example.com/runbook"
TRIPPED = Alert(
    condition=Condition(
        kind=ConditionKind.PROVIDER_BREAKER,
        subject="ghl",
        since=SINCE,
        text="GoHighLevel: responses lack a field <that> this version needs",
        coming="no calls, then 3 probes, each in another workspace",
        commands=("reconcile explain run tick-03", "reconcile breaker reset provider:ghl --reason '...'"),
        level="contract",
    ),
    since=SINCE,
    seen_at=AT,
    saved_calls=5_955,
)
PARKED = Alert(
    condition=Condition(
        kind=ConditionKind.PARKED_WORKSPACE, subject="ws-7", since=SINCE, text="workspace ws-7: the token is refused"
    ),
    since=SINCE,
    seen_at=AT,
)
OVER = replace(TRIPPED, over_at=AT)


def a_notice(alert: Alert = TRIPPED, news: News = News.NEW) -> Notice:
    return Notice(news=news, alert=alert, key=f"{alert.key}@t/{news}/0")


def a_message(*notices: Notice, runbook: str = RUNBOOK) -> Message:
    return Message(key="alert-1", source="calendars/prod", runbook=runbook, at=AT, notices=notices or (a_notice(),))


class RealClock:
    """Real monotonic time on a fixed day."""

    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError
