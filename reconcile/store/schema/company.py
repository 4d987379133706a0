"""Creates a company's tables, which are not ours, in an empty PostgreSQL database."""

from sqlalchemy import text

from reconcile.errors import RequestError
from reconcile.store.db.database import Database

_TABLES = text(
    """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY 1 LIMIT 1
    """
)


async def require_empty(database_url: str) -> None:
    """Raise RequestError unless the database has no table and no view."""
    database = Database(database_url)
    try:
        async with database.read_connection() as connection:
            found = (await connection.execute(_TABLES)).scalar_one_or_none()
    finally:
        await database.close()
    if found is not None:
        raise RequestError(f"the database is not empty: it has {found}; name an empty one, as made by createdb")


async def execute_script(database_url: str, script: str) -> None:
    """Execute *script*, several statements without parameters, in one transaction; the database is PostgreSQL."""
    database = Database(database_url)
    try:
        async with database.write_connection() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            if driver is None:
                raise RequestError("the connection was closed; try again")
            await driver.execute(script)
    finally:
        await database.close()
