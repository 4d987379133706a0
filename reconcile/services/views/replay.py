"""The recorded runs of a span of time under other thresholds of the breakers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.breaker.breaker import BreakerKey, BreakerPolicy
from reconcile.domain.replay.replay import BreakerReplay
from reconcile.domain.replay.result import ReplayResult
from reconcile.domain.views.page import ThresholdTrial
from reconcile.errors import RequestError
from reconcile.ports import Ledger, RunCalls

MOST_CALLS_OF_A_TRIAL = 5000
"""Replaying a call takes about 0.1 ms, and a request for the page waits for it."""
_PAGE = 500
_RATES = (0.25, 0.5, 0.75)
_APART = 0.1
_MORE_CHECKS = 4


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


async def threshold_trials(
    ledger: Ledger, *, since: datetime, now: datetime, in_force: BreakerPolicy
) -> tuple[tuple[ThresholdTrial, ...], str]:
    """Return how the runs since then would have gone under a few thresholds, or none and a sentence that says why."""
    in_force = replace(in_force, is_enforced=True)
    rates = sorted({in_force.error_rate, *(rate for rate in _RATES if abs(rate - in_force.error_rate) >= _APART)})
    policies = [replace(in_force, error_rate=rate) for rate in rates]
    policies.append(replace(in_force, min_checks=_MORE_CHECKS * in_force.min_checks))
    found: list[ThresholdTrial] = []
    for policy in policies:
        request = ReplayRequest(since=since, until=now, policy=policy, in_force=in_force)
        try:
            totals = (await replay_breakers(ledger, request, most_calls=MOST_CALLS_OF_A_TRIAL)).totals
        except RequestError as error:
            return (), str(error)
        trial = ThresholdTrial(
            error_rate=policy.error_rate,
            min_checks=policy.min_checks,
            is_in_force=policy == in_force,
            trips=totals.trips_replayed,
            calls=totals.calls - totals.saved_calls,
            errors=totals.errors - totals.saved_errors,
            lost_checks=totals.lost_checks,
            unknown_calls=totals.unknown_calls,
        )
        found.append(trial)
    return tuple(found), ""


class TooManyCalls(RequestError):
    """A replay would take longer than a request may wait."""


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
