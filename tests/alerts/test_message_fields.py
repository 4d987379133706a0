"""What is known of a trouble reaches operators: each field of a condition, an alert and a message, on each channel."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from reconcile.alerts import pagerduty, slack, webhook
from reconcile.alerts.text import plain, subject
from reconcile.domain.alert import (
    Alert,
    Condition,
    ConditionKind,
    Confirmation,
    Message,
    News,
    Notice,
    Spending,
    observed,
)
from reconcile.domain.alert import notice as notice_of
from tests.distinct_values import NOON, filled, names_of, with_another
from tests.services.notifications import FakeChannel, an_alarm

LATER = NOON + timedelta(days=2)
CONDITION = filled(Condition, over_at=None, kind=ConditionKind.PROVIDER_BREAKER)
ALERT = filled(Alert, condition=CONDITION, over_at=None, since=NOON)
NOTICE = filled(Notice, alert=ALERT, news=News.NEW)
MESSAGE = filled(Message, notices=(NOTICE,), at=LATER, runbook="https://wiki.example/runbook")


def of_webhook(message: Message) -> Any:
    return json.loads(orjson.dumps(webhook.document(message)))


CHANNELS: Mapping[str, Callable[[Message], Any]] = {
    "webhook": of_webhook,
    "slack": slack.document,
    "pagerduty": pagerduty.document,
    "mail": lambda message: (subject(message), plain(message)),
}
OF_CONDITION = {"kind", "text", "coming", "commands"}
TOLD: Mapping[str, Mapping[str, set[str]]] = {
    "webhook": {
        "condition": {*OF_CONDITION, "subject"},
        "alert": {"condition", "since", "over_at", "saved_calls"},
        "notice": {"news", "alert", "key"},
        "message": {"key", "source", "runbook", "at", "notices"},
    },
    "slack": {
        "condition": OF_CONDITION,
        "alert": {"condition", "since", "over_at", "saved_calls"},
        "notice": {"news", "alert"},
        "message": {"source", "runbook", "at", "notices"},
    },
    "pagerduty": {
        "condition": {*OF_CONDITION, "subject"},
        "alert": {"condition", "since", "over_at", "saved_calls"},
        "notice": {"news", "alert"},
        "message": {"source", "runbook", "at", "notices"},
    },
    "mail": {
        "condition": OF_CONDITION,
        "alert": {"condition", "since", "over_at", "saved_calls"},
        "notice": {"news", "alert"},
        "message": {"source", "runbook", "at", "notices"},
    },
}
"""By channel: the fields that it tells of. The others are for remembering, and a change of them is not told."""
INSTEAD: Mapping[str, Any] = {"kind": ConditionKind.RUN_BREAKER, "news": News.CHANGED, "at": LATER + timedelta(days=1)}


def moved(value: Any, name: str) -> Any:
    return with_another(value, name, instead=INSTEAD[name]) if name in INSTEAD else with_another(value, name)


def messages(part: str, name: str) -> Message:
    """Return the message in which one field of one part is another."""
    if part == "message":
        return moved(MESSAGE, name) if name != "notices" else replace(MESSAGE, notices=(NOTICE, NOTICE))
    if part == "notice":
        return replace(MESSAGE, notices=(moved(NOTICE, name),))
    alert = moved(ALERT, name) if part == "alert" else replace(ALERT, condition=moved(CONDITION, name))
    return replace(MESSAGE, notices=(replace(NOTICE, alert=alert),))


PARTS: Mapping[str, type] = {"condition": Condition, "alert": Alert, "notice": Notice, "message": Message}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("part", PARTS)
def test_each_field_for_operators_is_in_the_message(channel: str, part: str) -> None:
    document = CHANNELS[channel]
    names = [each for each in names_of(PARTS[part]) if (channel, part, each) != ("pagerduty", "message", "notices")]
    moves = {name for name in names if document(messages(part, name)) != document(MESSAGE)}

    assert moves == TOLD[channel][part] & set(names)


def test_the_webhook_has_each_field_under_its_own_name() -> None:
    told = of_webhook(MESSAGE)
    (notice,) = told.pop("notices")

    assert told == {"id": MESSAGE.key, "type": "alerts", "source": MESSAGE.source, "at": MESSAGE.at.isoformat()}
    assert notice == {
        "id": NOTICE.key,
        "news": "new",
        "alert": ALERT.key,
        "kind": CONDITION.kind.value,
        "subject": CONDITION.subject,
        "severity": CONDITION.severity.value,
        "text": CONDITION.text,
        "next": CONDITION.coming,
        "since": ALERT.since.isoformat(),
        "overAt": None,
        "lastedSeconds": 2 * 86_400,
        "savedCalls": ALERT.saved_calls,
        "commands": list(CONDITION.commands),
        "runbook": "https://wiki.example/runbook#circuit_broken-a-providers-breaker-is-open",
    }


# --- from a condition to a message -------------------------------------------------------------------------------


def test_a_new_condition_is_stored_with_all_fields() -> None:
    (alert,) = observed({}, [CONDITION], now=LATER)
    spending = CONDITION.spending
    assert spending is not None

    assert alert == Alert(
        condition=CONDITION,
        since=CONDITION.since,
        seen_at=LATER,
        usual_calls=spending.usual_calls,
        saved_calls=max(spending.usual_calls - spending.calls, 0),
        counted_run=spending.run_id,
        generation=1,
    )


@pytest.mark.parametrize("name", names_of(Condition, without=["kind", "subject", "over_at", "since"]))
def test_a_condition_that_has_changed_takes_the_place_of_the_one_before(name: str) -> None:
    spending = Spending(run_id=filled(Spending).run_id, calls=5, usual_calls=9)
    before = replace(CONDITION, spending=spending)
    (alert,) = observed({}, [before], now=NOON)
    after = moved(before, name)
    (again,) = observed({alert.key: alert}, [after], now=LATER)

    assert getattr(again.condition, name) == getattr(after, name)
    assert (again.seen_at, again.since, again.generation) == (LATER, before.since, alert.generation + 1)


def test_a_confirmation_is_stored_as_it_was_sent() -> None:
    told = ALERT.confirmed("slack", LATER).heard["slack"]

    assert told == Confirmation(
        since=ALERT.since, is_over=False, level=CONDITION.level, size=CONDITION.size, at=LATER, times=1
    )
    assert replace(ALERT, over_at=LATER).confirmed("slack", LATER).heard["slack"].is_over


def test_a_notice_has_its_alert() -> None:
    notifier = an_alarm(FakeChannel("slack"))
    found = notice_of(ALERT, "slack", now=LATER, policy=notifier.policy, known_since=NOON)

    assert found is not None
    assert (found.news, found.alert) == (News.NEW, ALERT)
    assert found.key == f"{ALERT.key}@20260301T120000.000000Z/new/0"


def test_a_message_is_of_the_alarm_that_sends_it() -> None:
    notifier = an_alarm(FakeChannel("slack"))
    message = notifier.message([NOTICE], at=LATER)

    assert (message.source, message.runbook, message.at) == (notifier.source, notifier.runbook, LATER)
    assert message.notices == (NOTICE,)
    assert notifier.message([NOTICE], at=LATER + timedelta(days=1)).key == message.key
    assert notifier.message([replace(NOTICE, key="another")], at=LATER).key != message.key
