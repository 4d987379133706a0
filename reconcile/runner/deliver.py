"""Follow-ups on their way out: at least once, oldest first, never longer than the run has time."""

from datetime import timedelta

from reconcile.errors import ProviderError
from reconcile.ports import OutboxRow
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
                await sink.deliver(row, deadline=run.deadline)
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


def _pause(attempts: int) -> timedelta:
    return min(_FIRST_PAUSE * float(2 ** min(attempts, 16)), _LONGEST_PAUSE)
