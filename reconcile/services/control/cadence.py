"""The effective cadence: the schedule's, or an override until it expires."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.domain.breaker.breaker import RUN_KEY
from reconcile.domain.run.cadence import LONGEST, SLOWEST, CadenceOverride, NotYet, PlannedCadence, not_yet, spelled
from reconcile.domain.run.punctuality import Punctuality, ScheduleState, schedule_state, ticks_every
from reconcile.domain.run.report import Trigger
from reconcile.domain.run.request import RunRequest
from reconcile.errors import RequestError
from reconcile.ports import Store
from reconcile.services.control.breaker_overrides import note

_SEARCHED = 50
"""Number of recent runs in which the schedule's last run is searched; manual runs are among them."""


async def lower(override: CadenceOverride, *, store: Store) -> CadenceOverride:
    """Store *override*, or raise RequestError."""
    if not timedelta(0) < override.every <= SLOWEST:
        raise RequestError(f"a cadence must be above zero and at most {spelled(SLOWEST)}")
    lasts = override.expires_at - override.set_at
    if not timedelta(0) < lasts <= LONGEST:
        raise RequestError(f"an override must last above zero and at most {spelled(LONGEST)}")
    if override.every > lasts:
        raise RequestError(
            f"a cadence of {spelled(override.every)} outlasts its override of {spelled(lasts)}: lengthen the second"
        )
    override = replace(override, reason=note(override.reason, what="reason"), actor=note(override.actor, what="actor"))
    await store.cadences.set(override)
    return override


async def wait_for(
    request: RunRequest, *, store: Store, now: datetime, is_automatic: bool, follows_override: bool = True
) -> NotYet | None:
    """Return why this run is not due yet, or None; manual runs are always due.

    If not *follows_override*, the cadence override is another release's.
    """
    if request.trigger is not Trigger.SCHEDULE or request.dry_run:
        return None
    breaker = await store.breakers.get(RUN_KEY) if is_automatic else None
    override = await store.cadences.override() if follows_override else None
    last_at = None
    if override is not None and override.is_in_force(now):
        # Shards of one tick start after it and are not each other's last run.
        tick = request.scheduled_at or now
        rows = await store.ledger.runs(limit=_SEARCHED, of_all=True)
        starts = (row.started_at for row in rows if row.trigger == Trigger.SCHEDULE)
        last_at = next((at for at in starts if at < tick), None)
    return not_yet(now, last_at=last_at, override=override, run_breaker=breaker)


class CadenceCause(StrEnum):
    """The inputs of the effective cadence."""

    PLANNED = "planned"
    OVERRIDE = "override"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceView:
    """The scheduled and the effective cadence; *every* is None if the schedule is unknown.

    *until* is when the schedule applies again, *resumed_at* when it last did: earlier ticks were skipped intentionally.
    """

    planned: PlannedCadence
    cause: CadenceCause
    every: timedelta | None
    until: datetime | None = None
    override: CadenceOverride | None = None
    resumed_at: datetime | None = None

    def schedule_state(self, last_started_at: datetime, *, now: datetime) -> ScheduleState:
        """Return whether runs start on time; *last_started_at* is the start of the newest run."""
        match self.cause:
            case CadenceCause.BREAKER:
                return ScheduleState(punctuality=Punctuality.ON_TIME)
            case CadenceCause.OVERRIDE if self.every is not None:
                ticks = ticks_every(self.every, since=last_started_at, now=now)
            case _:
                ticks = self.planned.past_ticks
        since = max(last_started_at, self.resumed_at or last_started_at)
        return schedule_state(since, ticks, now=now)

    def next_run_at(self, last_started_at: datetime | None, *, now: datetime) -> datetime | None:
        """Return when the next run is due; None if the schedule is unknown, or the run is overdue.

        While the cadence is lowered, runs start with the first tick of the schedule after it.
        """
        match self.cause:
            case CadenceCause.BREAKER:
                at = self.until
            case CadenceCause.OVERRIDE if self.every is not None and self.until is not None and last_started_at:
                at = min(last_started_at + self.every, self.until)
            case _:
                at = self.planned.next_at
        return at if at is not None and at > now else None


async def cadence_view(store: Store, *, now: datetime, planned: PlannedCadence) -> CadenceView:
    """Return the cadence as scheduled and as effective now."""
    stored = await store.cadences.override()
    override = stored if stored is not None and stored.is_in_force(now) else None
    breaker = await store.breakers.get(RUN_KEY) if planned.is_automatic else None
    waiting = not_yet(now, last_at=None, override=None, run_breaker=breaker)
    cause, every, until = CadenceCause.PLANNED, planned.interval, None
    if waiting is not None and breaker is not None:
        cause, every, until = CadenceCause.BREAKER, breaker.cooldown, waiting.due_at
    elif override is not None:
        cause, every, until = CadenceCause.OVERRIDE, override.every, override.expires_at
    ends = [stored.expires_at if stored else None, breaker.next_probe_at if breaker else None]
    resumed_at = max((each for each in ends if each is not None and each <= now), default=None)
    return CadenceView(planned=planned, cause=cause, every=every, until=until, override=override, resumed_at=resumed_at)
