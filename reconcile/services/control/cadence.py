"""The cadence that counts: lowered for a while, and back by itself."""

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
"""Runs of all that is due among which the schedule's last is looked for; more by hand since then let a tick pass."""


async def lower(override: CadenceOverride, *, store: Store) -> CadenceOverride:
    """Store *override* as it is recorded, or raise RequestError."""
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
    """Return why this run is not due yet, or None: whoever starts one by hand gets it at once.

    Not *follows_override*: it was asked for of another release.
    """
    if request.trigger is not Trigger.SCHEDULE or request.dry_run:
        return None
    breaker = await store.breakers.get(RUN_KEY) if is_automatic else None
    override = await store.cadences.override() if follows_override else None
    last_at = None
    if override is not None and override.is_in_force(now):
        # Shards of one tick begin after it and are not each other's last run.
        tick = request.scheduled_at or now
        rows = await store.ledger.runs(limit=_SEARCHED, of_all=True)
        starts = (row.started_at for row in rows if row.trigger == Trigger.SCHEDULE)
        last_at = next((at for at in starts if at < tick), None)
    return not_yet(now, last_at=last_at, override=override, run_breaker=breaker)


class CadenceCause(StrEnum):
    """What the cadence that counts comes from."""

    PLANNED = "planned"
    OVERRIDE = "override"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceView:
    """The planned cadence and the one that counts; *every* is None where nobody tells this process of a schedule.

    *until* is when the planned one counts again, *resumed_at* when it last began to: ticks before that were left out on
    purpose.
    """

    planned: PlannedCadence
    cause: CadenceCause
    every: timedelta | None
    until: datetime | None = None
    override: CadenceOverride | None = None
    resumed_at: datetime | None = None

    def schedule_state(self, last_started_at: datetime, *, now: datetime) -> ScheduleState:
        """Return whether runs start as they should; *last_started_at* is when the newest run did."""
        match self.cause:
            case CadenceCause.BREAKER:
                return ScheduleState(punctuality=Punctuality.ON_TIME)
            case CadenceCause.OVERRIDE if self.every is not None:
                ticks = ticks_every(self.every, since=last_started_at, now=now)
            case _:
                ticks = self.planned.past_ticks
        since = max(last_started_at, self.resumed_at or last_started_at)
        return schedule_state(since, ticks, now=now)


async def cadence_view(store: Store, *, now: datetime, planned: PlannedCadence) -> CadenceView:
    """Return how often runs happen, as planned and now."""
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
