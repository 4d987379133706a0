"""Implements the port ``Outbox``: follow-ups until their delivery."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Update, and_, case, cast, func, or_, select, update

from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.planning.change import EffectKind
from reconcile.ports import GivenUpFollowUp, OutboxRow
from reconcile.store.db.database import Database
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.own_rows import each_readable
from reconcile.store.db.types import TEXT
from reconcile.store.schema.tables import outbox

_KINDS = tuple(kind.value for kind in EffectKind)
_IS_OPEN = outbox.c.delivered_at.is_(None) & outbox.c.given_up_at.is_(None)

_IS_GIVEN_UP = outbox.c.delivered_at.is_(None) & outbox.c.given_up_at.is_not(None)


EXPIRED = "expired: it was not delivered in time"
WITHOUT_WEBHOOK = "no webhook was configured when it was created"


class SqlOutbox:
    """The outbox in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = Rows("keys", {"key": TEXT}, dialect=database.dialect)
        self._is_named = outbox.c.key.in_(select(self._keys["key"]).select_from(self._keys.table))

    async def pending(self, *, now: datetime, limit: int) -> Sequence[OutboxRow]:
        """Return due rows, the oldest of each workspace first, workspaces with fewer failed attempts before others.

        Rows of an unknown kind belong to another version of the program and are left out.
        """
        is_due = or_(outbox.c.next_attempt_at.is_(None), outbox.c.next_attempt_at <= now)
        order = (case((is_due, 0), else_=1), outbox.c.created_at, outbox.c.key)
        place = func.row_number().over(partition_by=outbox.c.workspace_id, order_by=order)
        failures = func.max(outbox.c.attempts).over(partition_by=outbox.c.workspace_id)
        waiting = (
            select(
                *(each for each in outbox.c if each is not outbox.c.attempts),
                cast(outbox.c.attempts, Integer).label("attempts"),
                is_due.label("is_due"),
                place.label("place"),
                failures.label("failures"),
            )
            .where(_IS_OPEN, outbox.c.kind.in_(_KINDS), outbox.c.created_at.is_not(None))
            .subquery()
        )
        statement = (
            select(waiting)
            .where(waiting.c.is_due)
            .order_by(waiting.c.place, waiting.c.failures, waiting.c.created_at, waiting.c.key)
            .limit(limit)
        )
        return [
            OutboxRow(
                key=row["key"],
                kind=EffectKind(row["kind"]),
                workspace_id=WorkspaceId(row["workspace_id"]),
                lead_id=LeadId(row["lead_id"]),
                appointment_id=AppointmentId(row["appointment_id"]),
                run_id=RunId(row["run_id"]),
                created_at=row["created_at"],
                attempts=row["attempts"],
            )
            for row in await self._database.rows(statement)
        ]

    async def mark_delivered(self, keys: Sequence[str], *, at: datetime) -> None:
        """Mark rows as confirmed by the receiver."""
        if keys:
            statement = update(outbox).where(self._is_named, outbox.c.delivered_at.is_(None)).values(delivered_at=at)
            await self._database.change(statement, self._named(keys))

    async def postpone(self, keys: Sequence[str], *, until: datetime, reason: str | None = None) -> None:
        """Count a failed attempt; the next one is at *until* or later."""
        if keys:
            await self._database.change(self._failed(next_attempt_at=until, reason=reason), self._named(keys))

    async def hold_back(self, workspace_id: WorkspaceId, *, until: datetime) -> None:
        """Delay all rows of a workspace until *until*."""
        is_earlier = or_(outbox.c.next_attempt_at.is_(None), outbox.c.next_attempt_at < until)
        statement = update(outbox).where(_IS_OPEN, outbox.c.workspace_id == workspace_id, is_earlier)
        await self._database.change(statement.values(next_attempt_at=until))

    async def give_up(self, key: str, *, at: datetime, reason: str) -> None:
        """Mark a row as a dead letter after its last failed attempt."""
        await self._database.change(self._failed(given_up_at=at, reason=reason), self._named([key]))

    async def given_up(
        self, *, workspace_id: WorkspaceId | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[GivenUpFollowUp]:
        """Return dead letters, most recent first, of a workspace and since an instant if given."""
        statement = (
            select(*(outbox.c[name] for name in GivenUpFollowUp.__dataclass_fields__))
            .where(_given_up(workspace_id, since))
            .order_by(outbox.c.given_up_at.desc(), outbox.c.key)
            .limit(limit)
        )
        rows = await self._database.rows(statement)
        return each_readable(rows, lambda row: GivenUpFollowUp(**row), table=outbox, damaged=self._database.damaged)

    async def retry(
        self,
        keys: Sequence[str] | None,
        *,
        workspace_id: WorkspaceId | None = None,
        since: datetime | None = None,
        at: datetime | None = None,
    ) -> int:
        """Make dead letters with these *keys* (None: all of ``given_up``) due again; return their number."""
        statement = update(outbox).where(_given_up(workspace_id, since))
        if keys is not None:
            statement = statement.where(self._is_named)
        fresh: dict[str, Any] = {"given_up_at": None, "next_attempt_at": None, "attempts": 0, "reason": None}
        fresh |= {"created_at": at} if at else {}
        return await self._database.change(statement.values(fresh), self._named(keys) if keys is not None else None)

    async def expire(self, *, before: datetime, at: datetime) -> int:
        """Give up the pending rows that are older than *before*, and return how many."""
        statement = update(outbox).where(_IS_OPEN, outbox.c.created_at < before)
        return await self._database.change(statement.values(given_up_at=at, reason=EXPIRED))

    async def set_aside(self, run_id: RunId, *, at: datetime) -> int:
        """Give up the pending rows of a run that had no webhook, and return how many."""
        statement = update(outbox).where(_IS_OPEN, outbox.c.run_id == run_id)
        return await self._database.change(statement.values(given_up_at=at, reason=WITHOUT_WEBHOOK))

    async def pending_count(self, *, only_tried: bool = False) -> int:
        """Return the number of pending rows; with *only_tried*, of those with a failed attempt."""
        return await self._count(_IS_OPEN & (outbox.c.attempts > 0) if only_tried else _IS_OPEN)

    async def given_up_count(self) -> int:
        """Return the number of dead letters, without rows that no webhook was to receive."""
        return await self._count(_IS_GIVEN_UP & (func.coalesce(outbox.c.reason, "") != WITHOUT_WEBHOOK))

    async def _count(self, condition: ColumnElement[bool]) -> int:
        row = await self._database.row(select(func.count().label("rows")).where(condition))
        return int(row["rows"]) if row else 0

    def _failed(self, **values: Any) -> Update:  # noqa: ANN401 - of several columns
        statement = update(outbox).where(self._is_named, outbox.c.delivered_at.is_(None))
        return statement.values(attempts=outbox.c.attempts + 1, **values)

    def _named(self, keys: Sequence[str]) -> dict[str, str]:
        return self._keys.parameter([{"key": key} for key in keys])


def _given_up(workspace_id: WorkspaceId | None, since: datetime | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [_IS_GIVEN_UP]
    if workspace_id is not None:
        conditions.append(outbox.c.workspace_id == workspace_id)
    if since is not None:
        conditions.append(outbox.c.given_up_at >= since)
    return and_(*conditions)
