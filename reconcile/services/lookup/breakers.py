"""Keeps the run's breakers in step with the stored ones: saves changes, adopts those of other processes."""

import asyncio

from reconcile.domain.breaker.breaker import Breaker, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.errors import StoreUnavailable
from reconcile.ports import Breakers, Clock, Telemetry
from reconcile.services.control.mirror import Mirror
from reconcile.services.lookup.warnings import RunWarnings


class RunBreakers:
    """The breaker registry of one run; saves its changes."""

    def __init__(  # noqa: PLR0913 - the registry, and where each change is stored, logged and mirrored
        self,
        registry: BreakerRegistry,
        *,
        stored: Breakers,
        clock: Clock,
        telemetry: Telemetry,
        warnings: RunWarnings,
        mirror: Mirror | None,
    ) -> None:
        self.registry = registry
        self._stored = stored
        self._clock = clock
        self._telemetry = telemetry
        self._warnings = warnings
        self._mirror = mirror
        self._saving = asyncio.Lock()

    async def save(self) -> None:
        """Store changed breakers. If the database fails, the run continues with its own breakers."""
        if not self.registry.unsaved():
            return
        async with self._saving:
            for breaker, expected in self.registry.unsaved():
                try:
                    await self._save(breaker, expected)
                except StoreUnavailable as error:
                    self._warnings.warn("breaker.not_saved", error=str(error))
                    return

    async def _save(self, breaker: Breaker, expected_generation: int) -> None:
        if not await self._stored.save(breaker, expected_generation=expected_generation):
            theirs = await self._stored.get(breaker.key)
            if theirs is not None:
                self.registry.adopt(theirs, self._clock.now())
            return
        self.registry.mark_saved(breaker, self._clock.now())
        emit = self._telemetry.warning if breaker.state is BreakerState.OPEN else self._telemetry.event
        emit(
            "breaker.moved",
            breaker=str(breaker.key),
            state=str(breaker.state),
            reason=str(breaker.reason),
            generation=breaker.generation,
        )
        if self._mirror is not None:
            self._mirror.show_transition(breaker, self._stored)
