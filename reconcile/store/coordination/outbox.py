"""The port ``Outbox``: follow-ups that wait to be delivered."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update

from reconcile.domain.change import EffectKind
from reconcile.ports import OutboxRow
from reconcile.store.db.database import Database
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.types import TEXT
from reconcile.store.mapping.row_mapper import word
from reconcile.store.schema.tables import outbox


class SqlOutbox:
    """The outbox in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = Rows("keys", {"key": TEXT}, dialect=database.dialect)
        self._is_named = outbox.c.key.in_(select(self._keys["key"]).select_from(self._keys.table))

    async def pending(self, *, now: datetime, limit: int) -> Sequence[OutboxRow]:
        """Return rows that are due for delivery, oldest first."""
        is_due = or_(outbox.c.next_attempt_at.is_(None), outbox.c.next_attempt_at <= now)
        statement = (
            select(outbox)
            .where(outbox.c.delivered_at.is_(None), is_due)
            .order_by(outbox.c.created_at, outbox.c.key)
            .limit(limit)
        )
        return [
            OutboxRow(
                key=row["key"],
                kind=kind,
                workspace_id=row["workspace_id"],
                lead_id=row["lead_id"],
                appointment_id=row["appointment_id"],
                run_id=row["run_id"],
                created_at=row["created_at"],
                attempts=row["attempts"],
            )
            for row in await self._database.rows(statement)
            if (kind := word(EffectKind, row["kind"]))
        ]

    async def mark_delivered(self, keys: Sequence[str], *, at: datetime) -> None:
        """Note that the receiver has confirmed these."""
        if keys:
            statement = update(outbox).where(self._is_named, outbox.c.delivered_at.is_(None)).values(delivered_at=at)
            await self._database.change(statement, self._named(keys))

    async def postpone(self, keys: Sequence[str], *, until: datetime) -> None:
        """Note a failed delivery: one attempt more, and not again before *until*."""
        if keys:
            statement = update(outbox).where(self._is_named, outbox.c.delivered_at.is_(None))
            values = {"attempts": outbox.c.attempts + 1, "next_attempt_at": until}
            await self._database.change(statement.values(values), self._named(keys))

    async def pending_count(self) -> int:
        """Return how many rows are not delivered yet."""
        row = await self._database.row(select(func.count().label("rows")).where(outbox.c.delivered_at.is_(None)))
        return int(row["rows"]) if row else 0

    def _named(self, keys: Sequence[str]) -> dict[str, str]:
        return self._keys.parameter([{"key": key} for key in keys])
