"""The text of notices, the same on every channel: problem, since when, party at fault, saved calls, commands."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from reconcile.domain.alert import Alert, ConditionKind, Message, News, Notice
from reconcile.domain.formatting import span, visible

TITLES: Mapping[ConditionKind, str] = {
    ConditionKind.RUN_BREAKER: "All checks are stopped",
    ConditionKind.PROVIDER_BREAKER: "Calls to a provider are stopped",
    ConditionKind.PARKED_WORKSPACE: "A workspace is parked",
    ConditionKind.UNHEALTHY_RUN: "A run was unhealthy",
    ConditionKind.NO_SUCCESSFUL_RUN: "No run succeeds",
    ConditionKind.APPOINTMENTS_AT_RISK: "Meetings are at risk",
    ConditionKind.BOOKINGS_DISAPPEARED: "Bookings have disappeared",
    ConditionKind.QUARANTINE_GROWTH: "Leads are quarantined",
    ConditionKind.HELD_BACKFILL: "A backfill is held",
    ConditionKind.HELD_CHANGES: "Changes are held",
    ConditionKind.DAY_BUDGET: "A daily limit will not suffice",
    ConditionKind.TEST: "A test",
}
HEADINGS: Mapping[ConditionKind, str] = {
    ConditionKind.RUN_BREAKER: "circuit_broken-the-runs-breaker-is-open",
    ConditionKind.PROVIDER_BREAKER: "circuit_broken-a-providers-breaker-is-open",
    ConditionKind.PARKED_WORKSPACE: "a-workspace-is-parked",
    ConditionKind.UNHEALTHY_RUN: "unhealthy-and-nothing-is-open",
    ConditionKind.NO_SUCCESSFUL_RUN: "no-run-succeeds",
    ConditionKind.APPOINTMENTS_AT_RISK: "meetings-are-at-risk",
    ConditionKind.BOOKINGS_DISAPPEARED: "bookings-have-disappeared",
    ConditionKind.QUARANTINE_GROWTH: "the-quarantine-grows",
    ConditionKind.HELD_BACKFILL: "a-backfill-is-held",
    ConditionKind.HELD_CHANGES: "changes-are-held",
    ConditionKind.DAY_BUDGET: "a-daily-limit-will-not-suffice",
    ConditionKind.TEST: "a-test-of-the-alerts",
}
"""Anchors of headings in docs/runbook.md."""
_MOST_NOTICES = 100
"""Maximum number of notices in one mail."""


def subject(message: Message) -> str:
    """Return the message in one line."""
    if len(message.notices) == 1:
        return f"[{message.source}] {headline(message.notices[0])}"
    counts = Counter(each.news for each in message.notices)
    text = ", ".join(f"{counts[news]} {news}" for news in News if counts[news])
    return f"[{message.source}] {text}: {headline(message.notices[0])} …"


def headline(notice: Notice) -> str:
    """Return a notice in one line."""
    alert = notice.alert
    title = f"{TITLES[alert.condition.kind]}: {visible(alert.condition.text)}"
    match notice.news:
        case News.NEW:
            return title
        case News.RECOVERED:
            return f"Recovered after {span(alert.lasted(alert.over_at or alert.seen_at))}: {title}"
        case _:
            return f"{notice.news.capitalize()}: {title}"


def details(notice: Notice, message: Message) -> list[tuple[str, str]]:
    """Return the facts of a notice as pairs of label and sentence."""
    alert, condition = notice.alert, notice.alert.condition
    lines = [("since", _since(alert, message.at))]
    if alert.saved_calls:
        lines.append(("saved", f"about {alert.saved_calls:,} provider calls not made"))
    if alert.is_standing:
        if condition.coming:
            lines.append(("next", condition.coming))
        lines += [("type", visible(command)) for command in condition.commands[:2]]
    lines.append(("runbook", runbook(condition.kind, message)))
    return lines


def plain(message: Message) -> str:
    """Return the whole message as lines of text."""
    parts = []
    for notice in message.notices[:_MOST_NOTICES]:
        text = "\n".join(f"  {word + ':':9}{sentence}" for word, sentence in details(notice, message))
        parts.append(f"{notice.alert.condition.severity.upper()}  {headline(notice)}\n{text}\n")
    if (more := len(message.notices) - _MOST_NOTICES) > 0:
        parts.append(f"and {more} more: reconcile alerts list\n")
    return "\n".join(parts)


def runbook(kind: ConditionKind, message: Message) -> str:
    """Return the link to the runbook's section."""
    return f"{message.runbook}#{HEADINGS[kind]}"


def _since(alert: Alert, at: datetime) -> str:
    if alert.over_at is not None:
        return f"{alert.since:%Y-%m-%d %H:%M} UTC, until {alert.over_at:%H:%M}"
    return f"{alert.since:%Y-%m-%d %H:%M} UTC, for {span(alert.lasted(at))}"
