"""Delivery of follow-ups to the webhook: at least once each, and only within the run's time budget."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from reconcile.domain.coordination.delivery import is_last, pause
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.planning.follow_ups import FollowUpMode
from reconcile.errors import ErrorClass, ProviderError, RateLimited
from reconcile.ports import EffectSink, OutboxRow
from reconcile.redaction import bug_named
from reconcile.services.run.context import RunContext
from reconcile.services.run.counts import RunTotals

_BATCH = 100
_MOST_REJECTED = 5
"""After so many refused follow-ups of one workspace, a run tries no more of them: the receiver seems to refuse all."""
_MOST_FAILING = 5
"""After failures for so many workspaces and no success, the receiver is taken to be down."""


@dataclass(frozen=True, slots=True)
class _FailedDelivery:
    """A follow-up that was not confirmed; *reason* holds no personal data."""

    row: OutboxRow
    reason: str
    is_rejected: bool = False
    retry_after: timedelta = timedelta(0)

    @property
    def pause(self) -> timedelta:
        return max(pause(self.row.attempts), self.retry_after)


@dataclass(slots=True)
class _DeliveryRound:
    """The results of one run's deliveries, by workspace."""

    confirmed: list[str] = field(default_factory=list)
    failures: list[_FailedDelivery] = field(default_factory=list)
    rejections: Counter[WorkspaceId] = field(default_factory=Counter)
    failing: dict[WorkspaceId, timedelta] = field(default_factory=dict)
    """How long deliveries pause for each workspace whose delivery failed."""

    def accepts(self, workspace_id: WorkspaceId) -> bool:
        """Return whether a follow-up of this workspace may be delivered."""
        return workspace_id not in self.failing and self.rejections[workspace_id] < _MOST_REJECTED

    @property
    def is_over(self) -> bool:
        """Whether the receiver seems to be down."""
        return not self.confirmed and len(self.failing) >= _MOST_FAILING

    def add(self, failure: _FailedDelivery) -> None:
        """Record *failure*: a rejection concerns that follow-up, any other failure pauses its workspace."""
        self.failures.append(failure)
        if failure.is_rejected:
            self.rejections[failure.row.workspace_id] += 1
        else:
            self.failing[failure.row.workspace_id] = failure.pause


async def deliver(totals: RunTotals, *, context: RunContext) -> None:
    """Deliver due follow-ups to the sink; a workspace whose delivery fails pauses, others continue.

    Confirmed deliveries are added to *totals* once they are stored, so that a run that is cut off reports them too.
    """
    sink, outbox, clock = context.deps.sink, context.store.outbox, context.clock
    if context.request.dry_run:
        return
    totals.dropped += await _drop(context)
    if sink is None or context.policy.follow_ups.mode is FollowUpMode.OFF or not context.time.may_deliver():
        return
    results = _DeliveryRound()
    try:
        for row in await outbox.pending(now=clock.now(), limit=_BATCH):
            if results.is_over or not context.time.may_deliver():
                break
            if results.accepts(row.workspace_id) and not await _deliver_one(row, sink, results, context=context):
                break
    finally:
        await _store_results(results, totals, context=context)


async def _drop(context: RunContext) -> int:
    """Give up follow-ups that are too old, and those that were created while no webhook was configured."""
    policy, outbox, now = context.policy.follow_ups, context.store.outbox, context.clock.now()
    dropped = 0
    if policy.expiry is not None:
        dropped += await outbox.expire(before=now - policy.expiry, at=now)
    if policy.needs_webhook and context.deps.sink is None:
        dropped += await outbox.set_aside(context.id, at=now)
    return dropped


async def _store_results(results: _DeliveryRound, totals: RunTotals, *, context: RunContext) -> None:
    outbox, now = context.store.outbox, context.clock.now()
    if results.confirmed:
        await outbox.mark_delivered(results.confirmed, at=now)
        totals.delivered += len(results.confirmed)
    for failure in results.failures:
        if is_last(failure.row.attempts):
            await outbox.give_up(failure.row.key, at=now, reason=failure.reason)
            context.warnings.warn("effect.given_up", reason=failure.reason)
        else:
            await outbox.postpone([failure.row.key], until=now + failure.pause, reason=failure.reason)
    for workspace_id, length in results.failing.items():
        await outbox.hold_back(workspace_id, until=now + length)


async def _deliver_one(row: OutboxRow, sink: EffectSink, results: _DeliveryRound, *, context: RunContext) -> bool:
    """Deliver one follow-up; return False if the call was canceled after SIGTERM."""
    call = asyncio.create_task(sink.deliver(row, deadline=context.time.deadline))
    try:
        with context.in_flight.track(call):
            await asyncio.wait([call])
    finally:
        call.cancel()
    if call.cancelled():
        return False
    try:
        call.result()
    except ProviderError as error:
        context.warnings.warn("effect.not_delivered", error_class=str(error.error_class), status=error.status)
        wait = error.retry_after if isinstance(error, RateLimited) else timedelta(0)
        is_rejected = error.error_class is ErrorClass.REJECTED
        results.add(_FailedDelivery(row, f"{error.error_class}: {error}", is_rejected=is_rejected, retry_after=wait))
    except Exception as error:  # noqa: BLE001 - one follow-up must not hold up those of all others: decision 0004
        where = bug_named(error)
        context.warnings.warn("internal_error", where=where)
        results.add(_FailedDelivery(row, f"{ErrorClass.INTERNAL}: {where}", is_rejected=True))
    else:
        results.confirmed.append(row.key)
    return True
