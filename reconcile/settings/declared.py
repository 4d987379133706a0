"""How a setting is declared: a field of a dataclass with its metadata."""

from dataclasses import dataclass, field
from typing import TypeVar

from reconcile.settings.kinds import SettingKind

PREFIX = "RECONCILE_"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The metadata of a setting."""

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
        """The flag on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_optional(self) -> bool:
        """Whether it may be unset."""
        return self.default is None


def declare(default: Value, text: str, *, kind: SettingKind[Value]) -> Value:
    """Declare a field with its metadata."""
    return field(default=default, repr=not kind.is_secret, metadata={"kind": kind, "help": text})
