"""Implements the port ``DatabaseClock``."""

from datetime import datetime

from sqlalchemy import select

from reconcile.store.db import clock
from reconcile.store.db.database import Database


class SqlDatabaseClock:
    """The database's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> datetime:
        """Return the database's wall clock as an aware instant in UTC."""
        async with self._database.read_connection() as connection:
            found: datetime = (await connection.execute(select(clock.now(self._database.dialect)))).scalar_one()
        return found
