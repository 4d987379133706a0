"""A prefix for a command, which then goes by a wrong clock, or breaks a promise: a suite is worth what it notices.

``python -m tests.faults.altered_command SECONDS BROKEN``; ``BROKEN`` is the name of one of ``BREAKS``, or ``nothing``.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile import bootstrap
from reconcile.domain.planning import follow_ups
from reconcile.ports import BatchWrite, OutboxRow
from reconcile.providers.webhook import WebhookSink
from reconcile.store.coordination.leases import Fence
from reconcile.store.leads import lead_write
from reconcile.store.leads.batch_rows import BatchRows
from reconcile_cli.main import cli

NOTHING = "nothing"
_OWN = 6
"""Words before the command's own: this program, its two, and whom it stands in for."""
_WRITER: Any = lead_write.LeadWriter
_insert, _write = _WRITER._insert_checked, _WRITER.write
_deliver, _effect = WebhookSink.deliver, follow_ups._effect


def forget_the_drift_guard() -> None:
    """Overwrite what others wrote between our reading and our writing."""
    lead_write._drifted = lambda writes, found: frozenset()


def forget_the_fence() -> None:
    """Write whoever holds the leases."""
    Fence.check = lambda self, leases, found: None  # type: ignore[method-assign]


def ask_for_follow_ups_early() -> None:
    """Commit follow-ups before the change that they follow."""

    async def insert(self: Any, connection: object, rows: BatchRows, batch: BatchWrite, **how: Any) -> Any:
        await _apart(self, rows, batch)
        return await _insert(self, connection, rows, batch, **how)

    _WRITER._insert_checked = insert


def ask_for_follow_ups_late() -> None:
    """Commit follow-ups after the change that they follow."""
    taken = BatchRows()

    async def insert(self: Any, connection: object, rows: BatchRows, batch: BatchWrite, **how: Any) -> Any:
        taken.effects += rows.effects
        rows.effects = []
        return await _insert(self, connection, rows, batch, **how)

    async def write(self: Any, batch: BatchWrite) -> Any:
        receipt = await _write(self, batch)
        await _apart(self, taken, batch)
        return receipt

    _WRITER._insert_checked, _WRITER.write = insert, write


def name_follow_ups_by_the_process() -> None:
    """Give what follows from the same cause another key in each process."""
    follow_ups._effect = lambda *cause: replace(made := _effect(*cause), key=f"{made.key}-{os.getpid()}")


def name_deliveries_by_the_process() -> None:
    """Deliver the same follow-up under another key in each process."""

    async def deliver(self: WebhookSink, row: OutboxRow, *, deadline: float) -> None:
        await _deliver(self, replace(row, key=f"{row.key}-{os.getpid()}"), deadline=deadline)

    WebhookSink.deliver = deliver  # type: ignore[method-assign]


BREAKS: Mapping[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        forget_the_drift_guard,
        forget_the_fence,
        ask_for_follow_ups_early,
        ask_for_follow_ups_late,
        name_follow_ups_by_the_process,
        name_deliveries_by_the_process,
    )
}


async def _apart(self: Any, rows: BatchRows, batch: BatchWrite) -> None:
    """Write the follow-ups in a transaction of their own."""
    if rows.effects:
        async with self._database.write_connection() as connection:
            await _insert(self, connection, BatchRows(effects=rows.effects), replace(batch, leases=(), gives_up=()))
    rows.effects = []


def main(words: Sequence[str]) -> None:
    """Run the command with its clock wrong by so many seconds, and *words[2]* broken."""
    skew = timedelta(seconds=float(words[1]))

    class Skewed(bootstrap.SystemClock):
        def now(self) -> datetime:
            return datetime.now(UTC) + skew

    bootstrap.SystemClock = Skewed  # type: ignore[misc]
    if words[2] != NOTHING:
        BREAKS[words[2]]()
    cli(list(words[_OWN:]), prog_name="reconcile")


if __name__ == "__main__":
    main(sys.argv)
