"""PagerDuty's Events API v2: one incident for each alert, resolved when the alert ends."""

import hashlib
from contextlib import suppress
from typing import Any

import orjson

from reconcile.alerts.post import Post
from reconcile.alerts.text import details, headline, runbook
from reconcile.domain.alert import Message, News

_LONGEST_SUMMARY, _LONGEST_KEY = 1024, 255


class PagerDuty:
    """One integration key. An event names one incident, so each message has one notice."""

    name = "pagerduty"
    takes_many = False

    def __init__(self, url: str, *, key: str, post: Post) -> None:
        self._url = f"{url}/v2/enqueue"
        self._key = key
        self._post = post

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Trigger or resolve; PagerDuty confirms with a document with the status "success"."""
        content = orjson.dumps({"routing_key": self._key, **document(message)})
        answer = await self._post.send(self._url, content, deadline=deadline)
        reply: object = None
        with suppress(orjson.JSONDecodeError):
            reply = orjson.loads(answer.body)
        if not isinstance(reply, dict) or reply.get("status") != "success":
            raise self._post.unconfirmed(answer)


def document(message: Message) -> dict[str, Any]:
    """Return the event for the message's one notice, without the integration key."""
    (notice,) = message.notices
    alert, condition = notice.alert, notice.alert.condition
    event: dict[str, Any] = {
        "event_action": "resolve" if notice.news is News.RECOVERED else "trigger",
        "dedup_key": _dedup_key(f"{message.source}/{alert.key}"),
    }
    if notice.news is News.RECOVERED:
        return event
    link = runbook(condition.kind, message)
    links = [{"href": link, "text": "runbook"}] if "://" in link else []
    return event | {
        "payload": {
            "summary": headline(notice)[:_LONGEST_SUMMARY],
            "source": message.source,
            "severity": condition.severity.value,
            "timestamp": alert.since.isoformat(),
            "class": condition.kind.value,
            "component": condition.subject or condition.kind.value,
            "custom_details": dict(reversed(details(notice, message))),
        },
        "links": links,
    }


def _dedup_key(text: str) -> str:
    """Return *text*, or a digest of it if it is too long, so that an incident always has the same key."""
    return text if len(text) <= _LONGEST_KEY else hashlib.sha256(text.encode()).hexdigest()
