"""Groups runs by time, so that a week is shown with as many bars as an hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconcile.domain.views.page import TimeBucket
from reconcile.ports import ScheduledRun

_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440))
_MOST = 100
"""Maximum number of bars that are wide enough to distinguish."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def step(span: timedelta) -> timedelta:
    """Return the length of a bucket, a round one that divides *span* into at most a hundred."""
    whole_days = -(-span // (_MOST * _STEPS[-1]))
    return next((each for each in _STEPS if span / each <= _MOST), whole_days * _STEPS[-1])


class TimeBuckets:
    """The period from *since* to *now* in buckets that start at round times; some have no runs."""

    def __init__(self, *, since: datetime, now: datetime) -> None:
        length = step(now - since)
        start = since - (since - _EPOCH) % length
        count = max(1, -(-(now - start) // length))
        self._buckets = [TimeBucket(start=start + n * length, end=start + (n + 1) * length) for n in range(count)]
        self._start, self._length = start, length

    def add(self, scheduled_run: ScheduledRun) -> None:
        """Count a run in the bucket in which it ended."""
        place = (scheduled_run.ended_at - self._start) // self._length
        place = min(max(place, 0), len(self._buckets) - 1)
        self._buckets[place] = _with(self._buckets[place], scheduled_run)

    @property
    def buckets(self) -> tuple[TimeBucket, ...]:
        """The counts so far."""
        return tuple(self._buckets)


def _with(bucket: TimeBucket, scheduled_run: ScheduledRun) -> TimeBucket:
    at_risk = [count for count in (bucket.at_risk, scheduled_run.at_risk) if count is not None]
    return replace(
        bucket,
        runs=bucket.runs + 1,
        checks=bucket.checks + scheduled_run.checks,
        errors=bucket.errors + scheduled_run.errors,
        repaired=bucket.repaired + scheduled_run.repaired,
        worst=max(bucket.worst, scheduled_run.errors / max(1, scheduled_run.checks)),
        at_risk=max(at_risk, default=None),
    )
