"""The annotations of the state object: those that the program writes, and operators' commands."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from reconcile.domain.breaker.breaker import RUN_KEY, Breaker, BreakerScope, BreakerState
from reconcile.domain.run.cadence import read_duration

PREFIX = "appointment-reconciler.io/"
BREAKER = PREFIX + "breaker"
BREAKER_STATE = PREFIX + "breaker-state"
"""The state as one word, for ``kubectl wait``."""
LAST_RUN = PREFIX + "last-run"
ACKNOWLEDGED = PREFIX + "acknowledged"
"""What became of operators' commands (``acknowledgement.py``)."""
WRITTEN = (BREAKER, BREAKER_STATE, LAST_RUN, ACKNOWLEDGED)
VERSION = 1
MAX_BYTES = 4096
MAX_ORDER_BYTES = 4096
_MAX_WORD = 80
_SEVERITY = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


class OrderWord(StrEnum):
    """The commands that operators give by annotation; the key is the word after the prefix."""

    HOLD = "hold"
    RESET = "reset"
    TRIP = "trip"
    CADENCE = "cadence-override"
    APPROVE = "approve"

    @property
    def key(self) -> str:
        """The annotation's key."""
        return PREFIX + self.value


ORDERS = tuple(word.key for word in OrderWord)
_FIELDS = ("reason", "actor", "breaker", "until", "for", "every", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderText:
    """A parsed command: *until* and *lasts* exclude each other, *every* is used by the cadence only."""

    word: OrderWord
    reason: str
    actor: str
    breaker: str = str(RUN_KEY)
    until: datetime | None = None
    lasts: timedelta | None = None
    every: timedelta | None = None
    hash: str = ""
    """Of the held changes that are approved."""

    @property
    def subject(self) -> str:
        """What the command is about: a breaker, the cadence, or held changes; one about the same replaces it."""
        return self.hash or ("cadence" if self.word is OrderWord.CADENCE else self.breaker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misunderstood:
    """An annotation that was not understood: *fault* is a clause with the reason and the likely spelling."""

    fault: str


# Annotations that the program writes.


def breaker_annotations(breakers: Iterable[Breaker], *, now: datetime) -> dict[str, str]:
    """Return the mirror of the breakers of the run and of providers, and the number of parked workspaces.

    The top-level fields describe the breaker that refuses most. It contains no name of a person or workspace.
    """
    known = list(breakers)
    wide = sorted((b for b in known if b.key.scope is not BreakerScope.WORKSPACE), key=lambda b: _rank(b, now))
    parked = len({b.key.workspace_id for b in known if b.effective_state(now) is BreakerState.OPEN} - {None})
    if RUN_KEY not in {b.key for b in wide}:
        wide.append(Breaker(key=RUN_KEY))
        wide.sort(key=lambda b: _rank(b, now))
    head = _plain(wide[0], now)
    inner = [_plain(each, now) for each in wide]
    while True:
        text = _compact({"version": VERSION, **head, "parkedWorkspaces": parked, "breakers": inner})
        if len(text) <= MAX_BYTES or not inner:
            return {BREAKER: text, BREAKER_STATE: head["state"]}
        inner.pop()


def is_of_the_future(annotations: Mapping[str, str]) -> bool:
    """Return whether a later version of this program wrote the mirror, which is then not changed."""
    return any(_version(annotations.get(key)) > VERSION for key in (BREAKER, LAST_RUN))


def instant(at: datetime | None) -> str | None:
    """Return *at* in UTC to the second, as Kubernetes writes it."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _version(text: str | None) -> int:
    try:
        read = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return 0
    version = read.get("version") if isinstance(read, dict) else None
    return version if isinstance(version, int) else 0


def _rank(breaker: Breaker, now: datetime) -> tuple[bool, int, bool, str]:
    key = breaker.key
    return key.is_of_sweeps, _SEVERITY.index(breaker.effective_state(now)), key.scope is not BreakerScope.RUN, key.name


def _plain(breaker: Breaker, now: datetime) -> dict[str, Any]:
    # an operator's reason may name a person: only the override's kind and end are shown
    state = breaker.effective_state(now)
    held = breaker.override_kind(now)
    fault = breaker.fault if breaker.fault and breaker.fault.isidentifier() else None
    return {
        "breaker": str(breaker.key)[:_MAX_WORD],
        "state": state.value,
        "reason": breaker.reason.value,
        "since": instant(breaker.since),
        "nextProbeAt": instant(breaker.next_probe_at) if state is BreakerState.OPEN and not held else None,
        "heldUntil": instant(breaker.override.expires_at) if held and breaker.override else None,
        "checks": breaker.checks,
        "errors": breaker.errors,
        "fault": fault and fault[:_MAX_WORD],
        "generation": breaker.generation,
    }


def _compact(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, separators=(",", ":"))


# --- what operators write ----------------------------------------------------------------------------------------


def read_orders(annotations: Mapping[str, str]) -> dict[str, OrderText | Misunderstood]:
    """Return the command of each annotation with our prefix, except those that the program writes."""
    ours = {key: text for key, text in annotations.items() if key.startswith(PREFIX) and key not in WRITTEN}
    return {key: _read(key, text) for key, text in sorted(ours.items())}


def _read(key: str, text: str) -> OrderText | Misunderstood:
    if key not in ORDERS:
        perhaps = _perhaps(key.removeprefix(PREFIX), list(OrderWord), prefix=PREFIX)
        return Misunderstood(fault=f"is not an annotation of this program{perhaps}")
    if len(text.encode("utf-8", "replace")) > MAX_ORDER_BYTES:
        return Misunderstood(fault=f"is longer than {MAX_ORDER_BYTES} bytes")
    try:
        return _order(OrderWord(key.removeprefix(PREFIX)), read_pairs(text))
    except ValueError as error:
        return Misunderstood(fault=str(error))


def read_pairs(text: str) -> dict[str, str]:
    """Parse a JSON object, or words of the form ``name=value`` (quoted if a value has blanks); raises ValueError."""
    if text.lstrip().startswith("{"):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("is not valid JSON") from None
        if not all(isinstance(value, str) for value in read.values()):
            raise ValueError("must be a JSON object whose values are all text")
        return dict(read)
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("has a quotation mark that is not closed") from None
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in pairs:
            raise ValueError("must be a JSON object, or words like reason='vendor outage' for=2h, each name once")
        pairs[name] = value
    return pairs


def _order(word: OrderWord, pairs: Mapping[str, str]) -> OrderText:
    for name in pairs:
        if name not in _FIELDS:
            raise ValueError(f"has a field {name[:_MAX_WORD]!a} that is unknown{_perhaps(name, _FIELDS)}")
    if "until" in pairs and "for" in pairs:
        raise ValueError("has both until and for: give one of them")
    if (word is OrderWord.CADENCE) is not ("every" in pairs):
        raise ValueError("needs every=, like every=10m" if word is OrderWord.CADENCE else "does not take every=")
    if word is OrderWord.CADENCE and "breaker" in pairs:
        raise ValueError("does not take breaker=")
    if word is OrderWord.CADENCE and not {"until", "for"} & set(pairs):
        raise ValueError("needs an end: for=2h, or until=2026-03-01T12:00:00Z")
    if (word is OrderWord.APPROVE) is not ("hash" in pairs):
        raise ValueError("needs hash=, as the report shows it" if word is OrderWord.APPROVE else "does not take hash=")
    if word is OrderWord.APPROVE and "breaker" in pairs:
        raise ValueError("does not take breaker=")
    if not pairs.get("reason", "").strip():
        raise ValueError("needs reason=, shown to other operators")
    return OrderText(
        word=word,
        reason=pairs["reason"],
        actor=pairs.get("actor", "annotation"),
        breaker=pairs.get("breaker", str(RUN_KEY)),
        until=_instant(pairs["until"]) if "until" in pairs else None,
        lasts=_duration("for", pairs["for"]) if "for" in pairs else None,
        every=_duration("every", pairs["every"]) if "every" in pairs else None,
        hash=pairs.get("hash", ""),
    )


def _instant(text: str) -> datetime:
    fault = "says until=, which must be a time with its zone, like 2026-03-01T12:00:00Z"
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: in UTC it is before the first year, or after the last
        raise ValueError(fault) from None
    raise ValueError(fault)


def _duration(name: str, text: str) -> timedelta:
    try:
        duration = read_duration(text)
    except ValueError as error:
        raise ValueError(f"says {name}=, which {error}") from None
    if duration <= timedelta(0):
        raise ValueError(f"says {name}=, which must be above zero")
    return duration


def _perhaps(word: str, known: Sequence[str], *, prefix: str = "") -> str:
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {prefix}{near[0]}?" if near else f"; there are {', '.join(prefix + each for each in known)}"
