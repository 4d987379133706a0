"""Admits a call to a provider and records its result: all look-ups, sweeps and probes of half-open breakers.

Controls are not admitted here: they are made when a party is suspected, while its other calls wait (``control.py``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconcile.domain.breaker.events import Refusal
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.window import Fault
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import Operation
from reconcile.domain.planning.outcome import DeferReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass
from reconcile.services.lookup.breakers import RunBreakers
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.control import decide_suspects, wait_for_decision
from reconcile.services.lookup.control_pool import ControlPool
from reconcile.services.lookup.limits.bulkhead import Bulkhead
from reconcile.services.lookup.limits.concurrency import ProviderLimiters


@dataclass(slots=True, kw_only=True)
class AdmittedCall:
    """A call that may be made. The caller records its result; without one, the call says nothing about the provider."""

    number: int
    fault: Fault = None
    is_check: bool = False
    is_known: bool = False
    succeeded: bool | None = None
    """Whether the provider answered, None if unknown: it adapts the number of concurrent calls."""

    def answer(self, *, fault: Fault = None, is_check: bool = True) -> None:
        """Record that the provider answered; without *is_check*, the answer does not count in the error rate."""
        self.succeeded, self.fault, self.is_check = True, fault, is_check

    def fail(self, error_class: ErrorClass, *, is_known: bool = False) -> None:
        """Record a failure; *is_known*: the lead failed in this way in earlier runs."""
        self.succeeded, self.fault, self.is_check, self.is_known = False, error_class, True, is_known

    def fail_by_bug(self) -> None:
        """Record a bug of this program, which says nothing about the provider."""
        self.fault, self.is_check = ErrorClass.INTERNAL, True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAdmission:
    """What decides whether a call may be made, and records its result: one for each run."""

    breakers: RunBreakers
    limiters: ProviderLimiters
    bulkhead: Bulkhead
    pool: ControlPool

    @property
    def registry(self) -> BreakerRegistry:
        """The breakers in their current state."""
        return self.breakers.registry


@asynccontextmanager
async def admit(
    workspace: Workspace, lookup: Lookup, *, admission: CallAdmission, context: LookupContext
) -> AsyncIterator[AdmittedCall | DeferReason]:
    """Wait for a slot, ask the breakers, and yield a call to make, or the reason why there is none.

    On exit the call is recorded, however it ended, the slot is released, and suspected parties are decided on.
    """
    registry, clock, pool = admission.registry, context.clock, admission.pool
    limiter = admission.limiters.of(lookup.provider, for_sweeps=lookup.operation is Operation.SWEEP)
    slot = await limiter.acquire(on_early_release=lambda: admission.bulkhead.release_early(workspace.id))
    call: AdmittedCall | None = None
    try:
        if (reason := context.time.refusal()) is not None:
            context.time.stop.request(reason)
            yield DeferReason.DEADLINE
            return
        answer = registry.admit(workspace.id, lookup, clock.now())
        while isinstance(answer, Refusal) and answer.is_pending:
            await wait_for_decision(answer.key, pool)
            answer = registry.admit(workspace.id, lookup, clock.now())
        if isinstance(answer, Refusal):
            yield DeferReason.BREAKER
            return
        call = AdmittedCall(number=answer.number)
        limiter.begin(slot)
        try:
            yield call
        finally:
            registry.record(answer, call.fault, clock.now(), is_check=call.is_check, is_known=call.is_known)
    finally:
        limiter.release(slot, succeeded=None if call is None else _provider_success(call, workspace, lookup, registry))
    await decide_suspects(pool, registry=registry, context=context)
    await admission.breakers.save()


def _provider_success(
    call: AdmittedCall, workspace: Workspace, lookup: Lookup, registry: BreakerRegistry
) -> bool | None:
    """Return whether the provider answered; None if the call says nothing about it.

    A failure says nothing about the provider once controls have cleared it, or if later calls of others were answered.
    """
    is_caused_elsewhere = registry.is_cleared(lookup) or registry.is_unanswered(workspace.id, lookup)
    return None if call.succeeded is False and is_caused_elsewhere else call.succeeded
