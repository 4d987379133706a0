"""What a message says: what, since when, whose fault, what was saved, what to type, and where to read."""

import re
from pathlib import Path

import pytest

from reconcile.alerts import slack
from reconcile.alerts.text import HEADINGS, TITLES, plain, subject
from reconcile.domain.alert import ConditionKind, News
from tests.alerts.messages import OVER, PARKED, a_message, a_notice
from tests.test_docs import anchors

DOCS = Path(__file__).parents[2] / "docs"


def test_a_message_has_problem_start_party_saved_calls_and_commands() -> None:
    assert plain(a_message()) == (
        "CRITICAL  Calls to a provider are stopped: GoHighLevel: responses lack a field <that> this version needs\n"
        "  since:   2026-11-24 09:02 UTC, for 15 min\n"
        "  saved:   about 5,955 provider calls not made\n"
        "  next:    no calls, then 3 probes, each in another workspace\n"
        "  type:    reconcile explain run tick-03\n"
        "  type:    reconcile breaker reset provider:ghl --reason '...'\n"
        "  runbook: https://wiki.example.com/runbook#circuit_broken-a-providers-breaker-is-open\n"
    )


def test_the_end_of_an_alert_has_its_duration_and_no_command() -> None:
    message = a_message(a_notice(OVER, News.RECOVERED))

    assert subject(message).startswith("[calendars/prod] Recovered after 15 min: Calls to a provider are stopped: ")
    assert "2026-11-24 09:02 UTC, until 09:17" in plain(message)
    assert "type:" not in plain(message)
    assert "next:" not in plain(message)


def test_several_are_counted_in_one_line() -> None:
    notices = (a_notice(), a_notice(PARKED), a_notice(OVER, News.RECOVERED))

    assert subject(a_message(*notices)).startswith("[calendars/prod] 2 new, 1 recovered: Calls to a provider")


@pytest.mark.parametrize("news", [News.CHANGED, News.REMINDER])
def test_a_reminder_says_that_it_is_one(news: News) -> None:
    assert subject(a_message(a_notice(news=news))).startswith(f"[calendars/prod] {news.capitalize()}: ")


def test_a_mail_with_a_thousand_notices_is_short() -> None:
    text = plain(a_message(*(a_notice(PARKED) for _ in range(1000))))

    assert text.count("workspace ws-7") == 100
    assert text.endswith("and 900 more: reconcile alerts list\n")


def test_a_thousand_notices_are_a_message_are_a_message_that_slack_takes() -> None:
    document = slack.document(a_message(*(a_notice(PARKED) for _ in range(1000))))

    assert len(document["blocks"]) <= 50
    assert "and 960 more" in document["blocks"][-1]["elements"][0]["text"]
    assert all(len(block["text"]["text"]) <= 3000 for block in document["blocks"] if "text" in block)
    assert len(document["blocks"][0]["text"]["text"]) <= 150


@pytest.mark.parametrize("kind", ConditionKind)
def test_each_kind_has_its_title_and_its_heading_in_the_runbook(kind: ConditionKind) -> None:
    assert TITLES[kind]
    assert HEADINGS[kind] in anchors(DOCS / "runbook.md")


def test_the_kinds_are_documented() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "alerts.md").read_text(), re.MULTILINE))

    assert set(ConditionKind) <= told
