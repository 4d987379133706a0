"""Follow-ups on their way out: at least once, oldest first, never longer than the run has time."""

import asyncio
from datetime import timedelta

from reconcile.errors import ErrorClass, ProviderError
from reconcile.ports import EffectSink, OutboxRow
from reconcile.services.run.context import Run

_BATCH = 100
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
_MOST_REJECTED = 5
"""In one run: so many refused in a row look like a receiver that refuses everything."""


async def deliver(run: Run) -> None:
    """Hand due follow-ups to the sink; a receiver that fails is left alone after its first failure in a run.

    One that it *rejects* is that follow-up's fault: those behind it go on, or a few of them would hold up all others.
    """
    sink, outbox, clock = run.deps.sink, run.deps.store.outbox, run.deps.clock
    if sink is None or not run.may_deliver():
        return
    rows = await outbox.pending(now=clock.now(), limit=_BATCH)
    delivered: list[str] = []
    failed: list[OutboxRow] = []
    try:
        for row in rows:
            if not run.may_deliver():
                break
            try:
                if not await _handed_over(row, sink, run=run):
                    break
            except ProviderError as error:
                failed.append(row)
                run.warn("effect.not_delivered", error_class=str(error.error_class), status=error.status)
                if error.error_class is not ErrorClass.REJECTED or len(failed) == _MOST_REJECTED:
                    break
                continue
            delivered.append(row.key)
    finally:
        if delivered:
            await outbox.mark_delivered(delivered, at=clock.now())
            run.counts.delivered += len(delivered)
        for row in failed:
            await outbox.postpone([row.key], until=clock.now() + _pause(row.attempts))


async def _handed_over(row: OutboxRow, sink: EffectSink, *, run: Run) -> bool:
    """Deliver one follow-up as a call like those to providers: False if it was cut off after SIGTERM."""
    call = asyncio.create_task(sink.deliver(row, deadline=run.deadline))
    run.calls.add(call)
    try:
        await asyncio.wait([call])
    finally:
        run.calls.discard(call)
        call.cancel()
    if not call.cancelled():
        call.result()
        return True
    return False


def _pause(attempts: int) -> timedelta:
    return min(_FIRST_PAUSE * float(2 ** min(attempts, 16)), _LONGEST_PAUSE)
