"""How a setting is declared: a field of a dataclass and a row of the table in one."""

from dataclasses import dataclass, field
from typing import TypeVar

from reconcile.settings.kinds import SettingKind

PREFIX = "RECONCILE_"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table: what is known of a setting apart from its value."""

    name: str
    kind: SettingKind[object]
    default: object
    help: str

    @property
    def env(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """The command line's spelling."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_optional(self) -> bool:
        """Whether nothing is a value."""
        return self.default is None


def declare(default: Value, text: str, *, kind: SettingKind[Value]) -> Value:
    """Declare a field and its row of the table in one."""
    return field(default=default, repr=not kind.is_secret, metadata={"kind": kind, "help": text})
