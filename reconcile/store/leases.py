"""The port ``Leases``: a row each, judged by the database's clock alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Float, Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from reconcile.domain.lease import Lease
from reconcile.errors import LeaseHeld, LeaseLost
from reconcile.ports import Claim
from reconcile.store import clock, tables
from reconcile.store.database import Database
from reconcile.store.insert import insert
from reconcile.store.rows import Rows
from reconcile.store.types import TEXT

_C = tables.lease.c
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SqlLeases:
    """Leases in a database. A row is never deleted: its token has to go on growing."""

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
        """Claim *name* if it is free or expired, with a greater token; raise LeaseHeld otherwise."""
        parameters = {"lease_name": name, "claimant": holder, "seconds": ttl.total_seconds()}
        async with self._database.writing() as connection:
            token = (await connection.execute(self._acquire, parameters)).scalar()
        if token is None:
            raise LeaseHeld(f"the lease {name} is held by another run")
        return Lease(name=name, holder=holder, token=token)

    async def release(self, lease: Lease) -> None:
        """Give the claim up at once; nothing happens where it is no longer ours."""
        is_ours = (_C.name == lease.name) & (_C.holder == lease.holder) & (_C.token == lease.token)
        await self._database.change(update(tables.lease).where(is_ours).values(expires_at=_LONG_AGO))

    async def held(self) -> Mapping[str, Claim]:
        """Return the leases that are not free, by name."""
        is_held = _C.expires_at > clock.now(self._database.dialect)
        rows = await self._database.rows(select(_C.name, _C.holder, _C.expires_at).where(is_held).order_by(_C.name))
        return {row["name"]: Claim(holder=row["holder"], expires_at=row["expires_at"]) for row in rows}


class Fence:
    """Guards a transaction: whoever takes a lease over waits until it has ended, and after that it changes nothing."""

    def __init__(self, dialect: str) -> None:
        self._claims = Rows("claims", {"name": TEXT, "holder": TEXT, "token": BigInteger()}, dialect=dialect)
        claims = self._claims
        is_same = (_C.name == claims["name"]) & (_C.holder == claims["holder"]) & (_C.token == claims["token"])
        # FOR SHARE, so that the batches of one run, all under the run's lease, do not wait for each other.
        self._held: Select[Any] = (
            select(_C.name)
            .select_from(tables.lease.join(claims.table, is_same))
            .where(_C.expires_at > clock.now(dialect))
            .order_by(_C.name)
            .with_for_update(read=True, of=tables.lease)
        )

    async def guard(self, connection: AsyncConnection, leases: Sequence[Lease]) -> None:
        """Raise LeaseLost unless all *leases* are still held; from here on they are, until the transaction ends."""
        if not leases:
            return
        claims = [{"name": each.name, "holder": each.holder, "token": each.token} for each in leases]
        held = (await connection.execute(self._held, self._claims.parameter(claims))).scalars().all()
        lost = sorted({each.name for each in leases} - set(held))
        if lost:
            raise LeaseLost(f"the lease {', '.join(lost)} has expired or was taken over")
