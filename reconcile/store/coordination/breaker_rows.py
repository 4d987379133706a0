"""Reads a stored breaker from its row as text; a damaged row becomes a closed breaker with a reason."""

import json
import math
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from reconcile.domain.breaker.breaker import (
    Breaker,
    BreakerKey,
    BreakerReason,
    BreakerScope,
    BreakerState,
    Override,
    OverrideKind,
)
from reconcile.domain.ids import RunId
from reconcile.store.db.types import read_instant
from reconcile.store.mapping.row_mapper import word

GENERATIONS = 1 << 62
"""Generations are below this value, so that the next one fits the column."""
_YEARS = range(2000, 2200)
_LONGEST_COOLDOWN = 366 * 86_400.0
_MOST = 1 << 31
_TRUE, _FALSE = frozenset({"1", "true", "t"}), frozenset({"0", "false", "f"})


def read_breaker(row: RowMapping) -> Breaker | None:
    """Return the breaker; closed, with the reason ``Unreadable``, if a value is impossible.

    Returns None for an unknown scope, which belongs to another version of the program.
    """
    scope = word(BreakerScope, row["scope"])
    if scope is None:
        return None
    key = BreakerKey(scope, row["name"])
    try:
        generation = _number(row["generation"], least=1, below=GENERATIONS)
    except ValueError:
        return Breaker(key=key, reason=BreakerReason.UNREADABLE)
    try:
        return _whole(row, key, generation)
    except ValueError:
        return Breaker(key=key, generation=generation, reason=BreakerReason.UNREADABLE)


def _whole(row: RowMapping, key: BreakerKey, generation: int) -> Breaker:
    state = word(BreakerState, row["state"])
    if state is None:
        raise ValueError
    override = _override(row["override"])
    if _is_true(row["is_held"]) != (override is not None):
        raise ValueError
    return Breaker(
        key=key,
        state=state,
        generation=generation,
        reason=word(BreakerReason, row["reason"]) or BreakerReason.NEVER_TRIPPED,
        since=_instant(row["since"]),
        opened_at=_instant(row["opened_at"]),
        cooldown=_cooldown(row["cooldown_seconds"]),
        next_probe_at=_instant(row["next_probe_at"]),
        stage=_number(row["stage"]),
        checks=_number(row["checks"]),
        errors=_number(row["errors"]),
        fault=row["fault"],
        tripped_by=RunId(row["tripped_by"]) if row["tripped_by"] else None,
        override=override,
    )


def _number(text: str | None, *, least: int = 0, below: int = _MOST) -> int:
    number = int(text or "")
    if not least <= number < below:
        raise ValueError
    return number


def _is_true(text: str | None) -> bool:
    if text not in _TRUE | _FALSE:
        raise ValueError
    return text in _TRUE


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    instant = read_instant(text)
    if instant is None or instant.year not in _YEARS:
        raise ValueError
    return instant


def _cooldown(text: str | None) -> timedelta | None:
    if text is None:
        return None
    seconds = float(text)
    if not math.isfinite(seconds) or not 0 <= seconds <= _LONGEST_COOLDOWN:
        raise ValueError
    return timedelta(seconds=seconds)


def _override(text: str | None) -> Override | None:
    if text is None:
        return None
    plain = json.loads(text)
    if plain is None:
        return None
    if not isinstance(plain, dict) or not all(isinstance(each, str) for each in plain.values()):
        raise ValueError
    kind, expires_at = word(OverrideKind, plain.get("kind")), _instant(plain.get("expires_at"))
    if kind is None or expires_at is None:
        raise ValueError
    return Override(kind=kind, reason=plain.get("reason", ""), actor=plain.get("actor", ""), expires_at=expires_at)
