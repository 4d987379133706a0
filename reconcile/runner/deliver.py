"""Follow-ups on their way out: at least once, oldest first, never longer than the run has time."""

import asyncio
from datetime import timedelta

from reconcile.errors import ProviderError
from reconcile.ports import EffectSink, OutboxRow
from reconcile.runner.context import Run

_BATCH = 100
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


async def deliver(run: Run) -> None:
    """Hand due follow-ups to the sink; a receiver that fails is left alone after its first failure in a run."""
    sink, outbox, clock = run.parts.sink, run.parts.store.outbox, run.parts.clock
    if sink is None or not run.takes_work():
        return
    rows = await outbox.pending(now=clock.now(), limit=_BATCH)
    delivered: list[str] = []
    failed: OutboxRow | None = None
    try:
        for row in rows:
            if not run.takes_work():
                break
            try:
                if not await _handed_over(row, sink, run=run):
                    break
            except ProviderError as error:
                failed = row
                run.warn("effect.not_delivered", error_class=str(error.error_class), status=error.status)
                break
            delivered.append(row.key)
    finally:
        if delivered:
            await outbox.delivered(delivered, at=clock.now())
            run.counts.delivered += len(delivered)
        if failed is not None:
            await outbox.postponed([failed.key], until=clock.now() + _pause(failed.attempts))


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
