"""The annotation that acknowledges operators' commands, and what becomes of a command's own annotation.

A command is applied once for each write of its annotation. Afterwards the annotation states what is in force: a
duration (``for=2h``) becomes the time at which it ends (``until=…``), and a command without a lasting effect, or with
one that is over, is removed. So the same command can be written again and is seen again.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconcile.domain.coordination.annotation import ACKNOWLEDGED, ORDERS, PREFIX, VERSION, instant, read_pairs


class OrderOutcome(StrEnum):
    """What became of a command."""

    APPLIED = "applied"
    ENDED = "ended"
    """It was applied, and its effect is over: by its end, by its removal or by another command."""
    REFUSED = "refused"
    """It was not understood, or could not be applied; the Event says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What the program did about the annotation whose text has this *digest*."""

    digest: str
    at: str
    outcome: OrderOutcome
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate:
    """What becomes of one command's annotation on the object, if its text still is *seen* (None: it is absent).

    *text* None removes it.
    """

    seen: str | None
    text: str | None
    acknowledgement: Acknowledgement


def digest(text: str) -> str:
    """Return a short hash of an annotation's text, which may name a person."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def with_end(text: str, until: datetime) -> str:
    """Return a valid command's text with the time at which it ends in place of a duration."""
    pairs = {name: value for name, value in read_pairs(text).items() if name != "for"}
    pairs["until"] = instant(until) or ""
    if text.lstrip().startswith("{"):
        return json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in pairs.items())


def read_acknowledgements(annotations: Mapping[str, str]) -> dict[str, Acknowledgement]:
    """Return the acknowledgement of each command's annotation; none where the text is not ours."""
    try:
        read = json.loads(annotations.get(ACKNOWLEDGED, "{}"))
        orders = {f"{PREFIX}{word}": fields for word, fields in read["orders"].items()}
        return {
            key: Acknowledgement(
                digest=str(fields["hash"]),
                at=str(fields["at"]),
                outcome=OrderOutcome(fields["outcome"]),
                until=str(fields["until"]) if fields.get("until") else None,
            )
            for key, fields in orders.items()
            if key in ORDERS
        }
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}


def updated_annotations(updates: Mapping[str, OrderUpdate], annotations: Mapping[str, str]) -> dict[str, str | None]:
    """Return what to write of *updates* on the object that has these *annotations* now.

    A command that was written meanwhile is left to the next run.
    """
    current = {key: each for key, each in updates.items() if annotations.get(key) == each.seen}
    if not current:
        return {}
    known = read_acknowledgements(annotations) | {key: each.acknowledgement for key, each in current.items()}
    orders = {
        key.removeprefix(PREFIX): {"hash": each.digest, "at": each.at, "outcome": each.outcome.value}
        | ({"until": each.until} if each.until else {})
        for key, each in sorted(known.items())
    }
    written: dict[str, str | None] = {key: each.text for key, each in current.items() if each.text != each.seen}
    return written | {ACKNOWLEDGED: json.dumps({"version": VERSION, "orders": orders}, separators=(",", ":"))}
