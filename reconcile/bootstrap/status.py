"""The status over the database of the settings."""

from dataclasses import replace

from reconcile.bootstrap import open_database
from reconcile.services.views.parked import list_breakers
from reconcile.services.views.status import Overview, overview
from reconcile.settings import Settings


async def status(settings: Settings, *, is_complete: bool = False) -> Overview:
    """Return the current status; if *is_complete*, with each breaker of many parked workspaces."""
    async with open_database(settings) as database:
        now = database.clock.now()
        policy = settings.breaker_policy()
        view = await overview(
            database.store,
            now=now,
            due=settings.due_policy(),
            breaker=policy,
            planned=settings.planned_cadence(now),
        )
        if not is_complete:
            return view
        found = await list_breakers(database.store, now=now, policy=policy, is_complete=True)
        return replace(view, breakers=found.shown, hidden_count=0)
