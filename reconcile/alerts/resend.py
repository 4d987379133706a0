"""E-mail by Resend's HTTP API."""

from collections.abc import Sequence
from contextlib import suppress

import orjson

from reconcile.alerts.post import Post
from reconcile.alerts.text import plain, subject
from reconcile.domain.alert import Message


class Resend:
    """One API key; the idempotency key makes Resend send a repeated mail once within a day."""

    name = "email"
    takes_many = True

    def __init__(self, url: str, *, key: str, sender: str, recipients: Sequence[str], post: Post) -> None:
        self._url = f"{url}/emails"
        self._key = key
        self._sender = sender
        self._recipients = list(recipients)
        self._post = post

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Send one mail to all recipients; Resend confirms with its id."""
        mail = {"from": self._sender, "to": self._recipients, "subject": subject(message), "text": plain(message)}
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": message.key}
        answer = await self._post.send(self._url, orjson.dumps(mail), deadline=deadline, headers=headers)
        reply: object = None
        with suppress(orjson.JSONDecodeError):
            reply = orjson.loads(answer.body)
        if not isinstance(reply, dict) or not reply.get("id"):
            raise self._post.unconfirmed(answer)
