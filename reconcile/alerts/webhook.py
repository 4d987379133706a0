"""A webhook for alerts: JSON, signed as in the Standard Webhooks specification."""

from typing import Any

import orjson

from reconcile.alerts.post import Post
from reconcile.alerts.text import runbook
from reconcile.domain.alert import Message, Notice
from reconcile.wire.signing import signature_headers


class Webhook:
    """One URL; any 2xx confirms. A repeated notice, after a crash, has the same ``id``."""

    name = "webhook"
    takes_many = True

    def __init__(self, url: str, *, key: bytes, post: Post) -> None:
        self._url = url
        self._key = key
        self._post = post

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Post *message* with its signature headers."""
        content = orjson.dumps(document(message))
        headers = {
            "Idempotency-Key": message.key,
            **signature_headers(message.key, content, key=self._key, at=self._post.clock.now()),
        }
        await self._post.send(self._url, content, deadline=deadline, headers=headers)


def document(message: Message) -> dict[str, Any]:
    """Return *message* in plain JSON types, as described in docs/alerts.md."""
    return {
        "id": message.key,
        "type": "alerts",
        "source": message.source,
        "at": message.at,
        "notices": [_notice(each, message) for each in message.notices],
    }


def _notice(notice: Notice, message: Message) -> dict[str, Any]:
    alert, condition = notice.alert, notice.alert.condition
    return {
        "id": notice.key,
        "news": notice.news.value,
        "alert": alert.key,
        "kind": condition.kind.value,
        "subject": condition.subject or None,
        "severity": condition.severity.value,
        "text": condition.text,
        "next": condition.coming or None,
        "since": alert.since,
        "overAt": alert.over_at,
        "lastedSeconds": int(alert.lasted(message.at).total_seconds()),
        "savedCalls": alert.saved_calls,
        "commands": list(condition.commands),
        "runbook": runbook(condition.kind, message),
    }
