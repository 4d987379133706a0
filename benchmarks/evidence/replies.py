"""Scripts: responses that replace those of the provider's records."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeAlias

import orjson

from benchmarks.evidence.company import Member, Reply, Script, Topic

Json: TypeAlias = dict[str, Any]
_PAGE = b"<!DOCTYPE html><html><body><h1>It works</h1></body></html>"
EVERYTHING = frozenset(Topic)


def refusal(text: str, *, status: int = 404) -> Reply:
    """Return an error with *text* as its message, in GHL's form."""
    return Reply(status=status, body=orjson.dumps({"statusCode": status, "message": text}))


def always(reply: Reply, topics: Collection[Topic] = EVERYTHING) -> Script:
    """Answer every request about *topics* alike."""
    return lambda _member, topic, _body: reply if topic in topics else None


EMPTY_OBJECT_404 = Reply(status=404, body=b"{}")
PLAIN_404 = Reply(status=404, body=b"default backend - 404", content_type="text/plain")
PAGE_200 = Reply(status=200, body=_PAGE, content_type="text/html; charset=utf-8")
EMPTY_BODY_200 = Reply(status=200, body=b"")
EMPTY_OBJECT_200 = Reply(status=200, body=b"{}")


def empty_list(topic: Topic) -> Reply | None:
    """Return an empty list of either provider; None if the topic is not a list."""
    if topic not in {Topic.CONTACT, Topic.SEARCH, Topic.LIST}:
        return None
    nothing = {"events": [], "contacts": [], "total": 0, "calendars": []}
    pages = {"collection": [], "pagination": {"count": 0, "next_page": None, "next_page_token": None}}
    return Reply(status=200, body=orjson.dumps(nothing | pages), is_complete=True)


def lists_are_empty(_member: Member, topic: Topic, _body: bytes) -> Reply | None:
    """Respond to every list and search with an empty list, and to single resources as usual."""
    return empty_list(topic)


def lists_hide(_member: Member, topic: Topic, _body: bytes) -> Reply | None:
    """Do the same, in a world where a control can detect that the lists are incomplete."""
    found = empty_list(topic)
    return replace(found, is_complete=False) if found else None


def first_of(*scripts: Script) -> Script:
    """Take the answer of the first script that has one."""

    def script(member: Member, topic: Topic, body: bytes) -> Reply | None:
        return next((found for each in scripts if (found := each(member, topic, body))), None)

    return script


def altered(**fields: object) -> Script:
    """Respond with the provider's record of the booking with *fields* replaced, or left out if None."""
    return _rewritten(lambda record: {key: value for key, value in {**record, **fields}.items() if value is not None})


def without(*names: str) -> Script:
    """Answer with the provider's own record of the booking, without the fields of these *names*."""
    script = _rewritten(lambda record: {key: value for key, value in record.items() if key not in names})

    def sight(member: Member, topic: Topic, body: bytes) -> Reply | None:
        found = script(member, topic, body)
        return replace(found, is_sight=True, is_complete=True) if found else None

    return sight


def _rewritten(rewrite: Callable[[Json], Json]) -> Script:
    def script(member: Member, _topic: Topic, body: bytes) -> Reply | None:
        if (member.event or member.booking).encode() not in body:
            return None
        return Reply(status=200, body=orjson.dumps(_replaced(orjson.loads(body), member, rewrite)), is_edited=True)

    return script


def _replaced(node: object, member: Member, rewrite: Callable[[Json], Json]) -> object:
    """Return *node* with each record of the member's booking rewritten."""
    if isinstance(node, list):
        return [_replaced(each, member, rewrite) for each in node]
    if not isinstance(node, dict):
        return node
    is_own = node.get("id") == member.booking or (member.event and member.event in str(node.get("uri", "")))
    found = {key: _replaced(value, member, rewrite) for key, value in node.items()}
    return rewrite(found) if is_own else found


def truncate(topics: Collection[Topic]) -> Script:
    """Respond with the first half of the body."""
    return lambda _member, topic, body: Reply(status=200, body=body[: len(body) // 2]) if topic in topics else None
