"""The recorded runs of a span of time under other thresholds of the breakers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from reconcile.domain.breaker.breaker import BreakerKey, BreakerPolicy
from reconcile.domain.replay.replay import BreakerReplay
from reconcile.domain.replay.result import ReplayResult
from reconcile.errors import RequestError
from reconcile.ports import Ledger, RunCalls

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """Which runs to replay and by which thresholds; *in_force* are those of the settings, *only* the breaker shown."""

    since: datetime
    until: datetime
    policy: BreakerPolicy
    in_force: BreakerPolicy
    only: BreakerKey | None = None


async def replay_breakers(ledger: Ledger, request: ReplayRequest, *, most_calls: int | None = None) -> ReplayResult:
    """Replay the runs begun since then.

    Raises RequestError where none is on record. More than *most_calls* calls to be replayed are not: that raises
    TooManyCalls.
    """
    replay = BreakerReplay(policy=request.policy)
    replayed_count = 0
    async for row in _all_runs(ledger, since=request.since):
        if not row.is_recorded:
            replay.add_unrecorded()
        elif replay.needs_calls(began_at=row.started_at, is_quiet=row.is_quiet):
            replayed_count += row.calls
            if most_calls is not None and replayed_count > most_calls:
                raise TooManyCalls(f"more than {most_calls:,} calls would have to be replayed")
            replay.add(row.run_id, await ledger.call_record(row.run_id) or {})
            await asyncio.sleep(0)  # a replay is much work, and others wait
        else:
            replay.add_quiet(calls=row.calls, checks=row.checks, errors=row.errors, is_shadow=row.is_shadow)
    if not replay.figures.runs:
        raise RequestError(_nothing(request.since, replay.figures.unrecorded_runs))
    return replay.result(since=request.since, until=request.until, in_force=request.in_force, only=request.only)


class TooManyCalls(RequestError):
    """A replay would take longer than whoever asked for it can wait."""


def _nothing(since: datetime, unrecorded_count: int) -> str:
    if not unrecorded_count:
        return f"there is no run since {since:%Y-%m-%d %H:%M} UTC; give an earlier --since"
    return (
        f"none of the {unrecorded_count:,} runs since {since:%Y-%m-%d %H:%M} UTC has a record of its calls: "
        "they are of an older version, or were killed; let this version run first"
    )


async def _all_runs(ledger: Ledger, *, since: datetime) -> AsyncIterator[RunCalls]:
    last: RunCalls | None = None
    while rows := await ledger.run_calls(since=since, after=last, limit=_PAGE):
        for row in rows:
            yield row
        last = rows[-1]
