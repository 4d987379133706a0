"""Passes rows as one JSON parameter, so that a statement's text does not depend on their number."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, bindparam, cast, column, func, select
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.types import TypeEngine

from reconcile.store.db.types import POSTGRESQL, TEXT, document


class Rows:
    """A table in a statement whose rows are given at execution, by ``parameter(...)``."""

    def __init__(self, name: str, columns: Mapping[str, TypeEngine[Any]], *, dialect: str) -> None:
        self.name = name
        sent = bindparam(name, type_=TEXT)
        if dialect == POSTGRESQL:
            function = func.json_to_recordset(cast(sent, JSON()))
            typed = [column(key, type_) for key, type_ in columns.items()]
            self.table: FromClause = function.table_valued(*typed).render_derived(name=name, with_types=True)
        else:
            each = func.json_each(sent).table_valued("value", name=f"{name}_each")
            self.table = select(
                *(func.json_extract(each.c.value, f"$.{key}", type_=type_).label(key) for key, type_ in columns.items())
            ).subquery(name)

    def __getitem__(self, key: str) -> ColumnElement[Any]:
        return self.table.c[key]

    def parameter(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Return the parameter that holds *rows*."""
        return {self.name: document(rows)}
