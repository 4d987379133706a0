"""Implements the port ``Leases``: one row each; only the database's clock decides expiry."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from reconcile.domain.coordination.lease import Lease
from reconcile.errors import LeaseHeld, LeaseLost
from reconcile.ports import LeaseHolder
from reconcile.store.db import clock
from reconcile.store.db.database import Database
from reconcile.store.db.insert import insert
from reconcile.store.db.json_rows import Rows
from reconcile.store.db.types import TEXT
from reconcile.store.schema import tables

_C = tables.lease.c
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SqlLeases:
    """Leases in a database. A row is never deleted, because its fencing token must keep increasing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        expires_at = clock.after(bindparam("seconds", type_=Float()), database.dialect)
        claim = insert(tables.lease, database.dialect).values(
            name=bindparam("lease_name", type_=TEXT),
            holder=bindparam("claimant", type_=TEXT),
            token=1,
            expires_at=expires_at,
        )
        self._acquire = claim.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": claim.excluded.holder, "token": _C.token + 1, "expires_at": claim.excluded.expires_at},
            where=_C.expires_at <= clock.now(database.dialect),
        ).returning(_C.token)

    async def acquire(self, name: str, *, holder: str, ttl: timedelta) -> Lease:
        """Claim *name* with a greater token if it is free or expired; raises LeaseHeld otherwise."""
        parameters = {"lease_name": name, "claimant": holder, "seconds": ttl.total_seconds()}
        async with self._database.write_connection() as connection:
            token = (await connection.execute(self._acquire, parameters)).scalar()
        if token is None:
            raise LeaseHeld(f"the lease {name} is held by another run")
        return Lease(name=name, holder=holder, token=token)

    async def release(self, lease: Lease) -> None:
        """Release the lease at once; no effect if it was lost."""
        is_ours = (_C.name == lease.name) & (_C.holder == lease.holder) & (_C.token == lease.token)
        await self._database.change(update(tables.lease).where(is_ours).values(expires_at=_LONG_AGO))

    async def held(self) -> Mapping[str, LeaseHolder]:
        """Return the leases that are not free, by name."""
        is_held = _C.expires_at > clock.now(self._database.dialect)
        rows = await self._database.rows(select(_C.name, _C.holder, _C.expires_at).where(is_held).order_by(_C.name))
        return {row["name"]: LeaseHolder(holder=row["holder"], expires_at=row["expires_at"]) for row in rows}


class Fence:
    """Guards a transaction: a takeover of its leases waits for its end; without its leases it writes nothing."""

    def __init__(self, dialect: str) -> None:
        self._kept, is_kept = _claims("kept_leases", dialect)
        self._given_up, is_given_up = _claims("given_up_leases", dialect)
        is_held = _C.expires_at > clock.now(dialect)
        # FOR SHARE, so that the batches of one run, all under the run's lease, do not wait for each other.
        self.hold: Select[Any] = (
            select(_C.name, _C.token)
            .select_from(tables.lease.join(self._kept.table, is_kept))
            .where(is_held)
            .order_by(_C.name)
            .with_for_update(read=True, of=tables.lease)
        )
        self.give_up: ReturningUpdate[Any] = (
            update(tables.lease).where(is_given_up, is_held).values(expires_at=_LONG_AGO).returning(_C.name, _C.token)
        )

    async def guard(self, connection: AsyncConnection, leases: Sequence[Lease]) -> None:
        """Lock *leases* until the transaction ends; raises LeaseLost unless all are still held."""
        if leases:
            found = await connection.execute(self.hold, self._kept.parameter(_rows(leases)))
            self.check(leases, [(row.name, row.token) for row in found])

    async def release(self, connection: AsyncConnection, leases: Sequence[Lease]) -> None:
        """Release *leases* with the transaction; raises LeaseLost unless all are still held."""
        if leases:
            found = await connection.execute(self.give_up, self._given_up.parameter(_rows(leases)))
            self.check(leases, [(row.name, row.token) for row in found])

    def parameters(self, kept: Sequence[Lease], given_up: Sequence[Lease]) -> dict[str, str]:
        """Return the parameters of ``hold`` and ``give_up`` for a statement that contains them."""
        return self._kept.parameter(_rows(kept)) | self._given_up.parameter(_rows(given_up))

    def check(self, leases: Sequence[Lease], found: Collection[tuple[str, int]]) -> None:
        """Raise LeaseLost unless *found* has name and token of each of *leases*."""
        lost = sorted({each.name for each in leases if (each.name, each.token) not in found})
        if lost:
            raise LeaseLost(f"the lease {', '.join(lost)} has expired or was taken over")


def _claims(name: str, dialect: str) -> tuple[Rows, ColumnElement[bool]]:
    """Return claims as a row parameter, and the condition that a lease's row matches a claim."""
    claims = Rows(name, {"name": TEXT, "holder": TEXT, "token": BigInteger()}, dialect=dialect)
    is_same = (_C.name == claims["name"]) & (_C.holder == claims["holder"]) & (_C.token == claims["token"])
    return claims, is_same


def _rows(leases: Sequence[Lease]) -> list[dict[str, Any]]:
    return [{"name": each.name, "holder": each.holder, "token": each.token} for each in leases]
