"""A kind of failure in the ledger: first and last time, count, versions, workspaces."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

from reconcile.errors import RequestError
from reconcile.ports import SightingRow, Store

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHistory:
    """The kinds of failure that contain a text, by version of the program, the most frequent first."""

    sightings: tuple[SightingRow, ...]
    commands: tuple[str, ...]


async def explain_failure(text: str, *, store: Store) -> FailureHistory:
    """Return the failures that contain *text*; raise RequestError if there are none."""
    found = [row for row in await store.ledger.sightings(since=_EVER) if text in row.signature.key]
    if not found or not text:
        raise RequestError(f"no recorded failure contains {text[:60]!a}; `reconcile status` lists the last kinds")
    command = f"reconcile verify --signature {shlex.quote(found[0].signature.message)} --gone --since TIME"
    return FailureHistory(sightings=tuple(found), commands=(command,))
