"""``INSERT … ON CONFLICT`` for both dialects; SQLAlchemy has one function for each."""

from typing import TYPE_CHECKING

from sqlalchemy import Table

from reconcile.store.db.types import POSTGRESQL

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert


def insert(table: Table, dialect: str) -> "Insert":
    """Return an insert with ``on_conflict_do_nothing`` and ``on_conflict_do_update``.

    It is typed as PostgreSQL's; SQLite's has the same methods.
    """
    if dialect == POSTGRESQL:
        from sqlalchemy.dialects.postgresql import insert as make  # noqa: PLC0415 - only where it is spoken
    else:
        from sqlalchemy.dialects.sqlite import insert as make  # type: ignore[assignment] # noqa: PLC0415
    return make(table)
