"""Stores what a run has read of the days of its accounts, from which forecasts are made."""

from reconcile.domain.run.cadence import PlannedCadence, spelled
from reconcile.errors import StoreUnavailable
from reconcile.services.lookup.context import LookupContext


async def record_days(context: LookupContext, *, planned: PlannedCadence, is_own: bool) -> None:
    """Store the readings of this run; *is_own* if its calls are those of the schedule.

    A failure is a warning: the next run stores its own readings.
    """
    readings = context.day_readings
    if not readings.keys:
        return
    try:
        override = await context.store.cadences.override()
        is_lowered = override is not None and override.is_in_force(context.clock.now())
        cadence = f"every {spelled(override.every)}" if override and is_lowered else planned.schedule
        stored = {each.key: each for each in await context.store.day_quotas.load(readings.keys)}
        await context.store.day_quotas.save(readings.uses(stored, cadence=cadence if is_own else None, is_own=is_own))
    except StoreUnavailable as error:
        context.telemetry.warning("day_quota.not_saved", error=str(error))
