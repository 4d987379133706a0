"""Slack's incoming webhook, in Block Kit."""

from typing import Any

import orjson

from reconcile.alerts.post import Post
from reconcile.alerts.text import details, headline, subject
from reconcile.domain.alert import Message, News, Notice, Severity

_MOST_NOTICES = 40
"""Slack's limit is fifty blocks a message."""
_LONGEST_HEADER, _LONGEST_SECTION = 150, 2900
_MARKS = {Severity.CRITICAL: ":red_circle:", Severity.WARNING: ":large_yellow_circle:"}


class Slack:
    """One incoming webhook; its URL is a secret."""

    name = "slack"
    takes_many = True

    def __init__(self, url: str, *, post: Post) -> None:
        self._url = url
        self._post = post

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Post *message*; Slack confirms with the word "ok"."""
        answer = await self._post.send(self._url, orjson.dumps(document(message)), deadline=deadline)
        if answer.body.strip() != b"ok":
            raise self._post.unconfirmed(answer)


def document(message: Message) -> dict[str, Any]:
    """Return *message* as Slack blocks."""
    title = _cut(subject(message), _LONGEST_HEADER)
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": title}}]
    notices = message.notices[:_MOST_NOTICES]
    blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": _section(each, message)}} for each in notices]
    if (more := len(message.notices) - _MOST_NOTICES) > 0:
        text = f"and {more} more: `reconcile alerts list`"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": text}]})
    return {"text": _escaped(title), "blocks": blocks, "unfurl_links": False}


def _section(notice: Notice, message: Message) -> str:
    mark = ":large_green_circle:" if notice.news is News.RECOVERED else _MARKS[notice.alert.condition.severity]
    lines = [f"{mark} *{_escaped(headline(notice))}*"]
    for word, sentence in details(notice, message):
        match word:
            case "type":
                lines.append(f"`{_escaped(sentence)}`")
            case "runbook" if "://" in sentence:
                lines.append(f"<{_escaped(sentence)}|runbook>")
            case _:
                lines.append(f"{word}: {_escaped(sentence)}")
    return _cut("\n".join(lines), _LONGEST_SECTION)


def _escaped(text: str) -> str:
    """Return *text* escaped for Slack, so that an operator's reason cannot mention a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
