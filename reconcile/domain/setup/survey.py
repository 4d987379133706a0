"""What a survey finds of a database: names, types, keys, and how many values have which shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.domain.setup.identifier import identifier


class ValueShape(StrEnum):
    """Forms by which values are recognised."""

    EMAIL = "email"
    GHL_ID = "GHL id"
    """20 letters and digits: appointments, contacts and locations."""
    GHL_TOKEN = "GHL token"  # noqa: S105 - a name
    CALENDLY_EVENT = "Calendly event URI"
    CALENDLY_USER = "Calendly user URI"
    ZONE = "time zone"


class SurveyedType(StrEnum):
    """What matters of a column's type."""

    TEXT = "text"
    ENUM = "enum"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    INSTANT = "timestamptz"
    NAIVE_INSTANT = "timestamp"
    UUID = "uuid"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedColumn:
    """One column; *words* counts the values of a column that holds few different ones, an enum's labels among them."""

    name: str
    type: SurveyedType
    is_required: bool = False
    has_default: bool = False
    is_sequence: bool = False
    is_millisecond: bool = False
    comment: str = ""
    filled: int = 0
    shapes: Mapping[ValueShape, int] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)

    def has(self, shape: ValueShape) -> bool:
        """Return whether most of its values have this shape, or a good part where two shapes share a column."""
        return self.filled > 0 and self.shapes.get(shape, 0) >= max(1, self.filled // 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedTable:
    """One table or view; *references* gives each column with a foreign key the table that it names."""

    schema: str
    name: str
    is_view: bool = False
    rows: int = 0
    columns: Mapping[str, SurveyedColumn]
    unique: tuple[frozenset[str], ...] = ()
    primary: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    has_policies: bool = False
    reads: tuple[str, ...] = ()
    """The tables that a view reads."""
    stands_for: str | None = None
    """The table all of whose columns a view has, and whose foreign keys are therefore the view's."""

    @property
    def names(self) -> frozenset[str]:
        """The tables that a foreign key to a row of this one names."""
        return frozenset({self.full_name, *([self.stands_for] if self.stands_for else [])})

    @property
    def full_name(self) -> str:
        """The name as a mapping spells it."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """The name as SQL spells it."""
        return ".".join(identifier(part) for part in (self.schema, self.name) if part != "public")
