"""The figures that a claim is compared with: out of the ledger, or out of a log."""

import asyncio
from datetime import datetime, timedelta

from reconcile.domain.verification.claim import Claim, Figures, Sightings
from reconcile.domain.verification.log_figures import ErrorsByUnit, LogTally, TooManyUnits
from reconcile.errors import QuestionError
from reconcile.ports import Store
from reconcile.ports.logs import LogSource
from reconcile.services.views.run_history import scheduled_runs

_LEAST_BEFORE = timedelta(hours=1)
_MOST_BEFORE = timedelta(days=7)
_BREATH = 1000


async def ledger_figures(claim: Claim, *, store: Store, now: datetime) -> Figures:
    """Return the ledger's figures since the claim's instant, and of an equally long time before it."""
    since = _instant(claim)
    start = since - min(max(now - since, _LEAST_BEFORE), _MOST_BEFORE)
    by_unit = ErrorsByUnit(claim=claim)
    checks = errors = checks_before = errors_before = 0
    found = await _sightings(claim, store=store, start=start)
    async for scheduled_run in scheduled_runs(store.ledger, since=start):
        if scheduled_run.ended_at < since:
            for each, broken_at in found:
                each.checks_before += (
                    scheduled_run.checks if broken_at is not None and scheduled_run.ended_at >= broken_at else 0
                )
            checks_before, errors_before = checks_before + scheduled_run.checks, errors_before + scheduled_run.errors
        else:
            checks, errors = checks + scheduled_run.checks, errors + scheduled_run.errors
            _count(by_unit, scheduled_run.ended_at, scheduled_run.errors)
    return Figures(
        since=since,
        until=max(now, since),
        checks=checks,
        errors=errors,
        worst_errors=by_unit.worst,
        checks_before=checks_before,
        errors_before=errors_before,
        sightings=[each for each, _ in found],
    )


async def log_figures(claim: Claim, source: LogSource, *, now: datetime | None = None) -> Figures:
    """Return the figures of a log since the claim's instant, until *now*, or (None) until its last line."""
    tally = LogTally(claim=claim)
    try:
        for number, entry in enumerate(source.entries()):
            tally.add(entry)
            if number % _BREATH == 0:
                await asyncio.sleep(0)  # so that a cancellation is noticed in the middle of a long log
    except TooManyUnits:
        raise _too_many(claim) from None
    return tally.figures(until=now)


async def _sightings(claim: Claim, *, store: Store, start: datetime) -> list[tuple[Sightings, datetime | None]]:
    """Return how often each text was seen, and when it was first seen before the claim's instant."""
    if not claim.signatures:
        return []
    since = _instant(claim)
    before = await store.ledger.sightings(since=start, until=since)
    after = await store.ledger.sightings(since=since)
    found: list[tuple[Sightings, datetime | None]] = []
    for text, expected in claim.signatures:
        each = Sightings(text, expected)
        rows = [row for row in before if text in row.signature.key]
        each.count_before = sum(row.count for row in rows)
        for row in after:
            if text in row.signature.key:
                each.add(row.first_seen_at, 0)
                each.add(row.last_seen_at, row.count)
                if row.version and row.version not in each.seen_in:
                    each.seen_in.append(row.version)
        found.append((each, min((row.first_seen_at for row in rows), default=None)))
    return found


def _instant(claim: Claim) -> datetime:
    if claim.since is None:
        raise QuestionError("--since is missing: when was the rollout done?")
    return claim.since


def _count(by_unit: ErrorsByUnit, at: datetime, errors: int) -> None:
    try:
        by_unit.add(at, errors)
    except TooManyUnits:
        raise _too_many(by_unit.claim) from None


def _too_many(claim: Claim) -> QuestionError:
    return QuestionError(
        f"there are errors in too many units of time to count each for {claim.max_error_rate}; "
        "ask for a later --since, or for a rate by the hour or day"
    )
