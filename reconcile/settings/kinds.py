"""Types of settings: each parses a text, or says in a clause what it must be."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


Value_co = TypeVar("Value_co", covariant=True)
Word = TypeVar("Word", bound=StrEnum)


class SettingKind(Protocol[Value_co]):
    """A type with its range."""

    @property
    def is_secret(self) -> bool:
        """Whether a value must never be shown."""
        ...

    @property
    def metavar(self) -> str:
        """The placeholder of the value in help texts and tables."""
        ...

    def read(self, text: str) -> Value_co:
        """Return the value, or raise ValueError with a clause that begins with "must" and does not quote *text*."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer in an inclusive range."""

    is_secret: ClassVar[bool] = False
    low: int
    high: int

    @property
    def metavar(self) -> str:
        return f"{self.low}-{self.high}"

    def read(self, text: str) -> int:
        try:
            value = int(text) if text.isascii() else None
        except ValueError:
            value = None
        if value is None or not self.low <= value <= self.high:
            raise ValueError(f"must be a whole number from {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range; *above* excludes the lower end."""

    is_secret: ClassVar[bool] = False
    low: float
    high: float
    above: bool = False

    @property
    def metavar(self) -> str:
        return f"{'>' if self.above else ''}{self.low:g}-{self.high:g}"

    def read(self, text: str) -> float:
        try:
            value = float(text) if text.isascii() else None
        except ValueError:
            value = None
        if value is None or not self.low <= value <= self.high or (self.above and value == self.low):
            ends = "above {:g}, at most {:g}" if self.above else "from {:g} to {:g}"
            raise ValueError(f"must be a number {ends.format(self.low, self.high)}")
        return int(value) if value.is_integer() else value


@dataclass(frozen=True, slots=True)
class OneOf(Generic[Word]):
    """One word of an enumeration."""

    is_secret: ClassVar[bool] = False
    words: type[Word]

    @property
    def metavar(self) -> str:
        return "|".join(self.words)

    def read(self, text: str) -> Word:
        try:
            return self.words(text.strip().lower())
        except ValueError:
            raise ValueError(f"must be one of {', '.join(self.words)}") from None


@dataclass(frozen=True, slots=True)
class Text:
    """A name or a path: one line that is not blank."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "TEXT"

    def read(self, text: str) -> str:
        if not text.strip() or not text.isprintable():
            raise ValueError("must be one line of text that is not blank")
        return text.strip()


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory; it is checked when it is read, because a mount may appear later."""

    is_secret: ClassVar[bool] = False

    @property
    def metavar(self) -> str:
        return "DIRECTORY"

    def read(self, text: str) -> Path:
        if not text.strip() or not text.isprintable():
            raise ValueError("must be the path of a directory")
        return Path(text)


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that is shared with the receiver only."""

    is_secret: ClassVar[bool] = True
    shortest: int

    @property
    def metavar(self) -> str:
        return "SECRET"

    def read(self, text: str) -> str:
        if len(text) < self.shortest or not text.isprintable():
            raise ValueError(f"must be one line of at least {self.shortest} characters")
        return text


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An https address, or http on this machine.

    *is_origin* allows nothing after host and port; *is_page* is for people to open, and not a secret.
    """

    is_origin: bool = False
    is_page: bool = False

    @property
    def is_secret(self) -> bool:
        """Paths and queries of webhooks are often their secret."""
        return not self.is_origin and not self.is_page

    @property
    def metavar(self) -> str:
        return "URL"

    def read(self, text: str) -> str:
        parts = split(text, example="https://host")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a URL like https://host")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must begin with https:// (http:// is allowed for localhost only)")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not contain a user name or a password")
        if parts.fragment or (self.is_origin and (parts.query or parts.path.strip("/"))):
            raise ValueError("must end after host and port" if self.is_origin else "must not contain a fragment (#)")
        return text.rstrip("/") if self.is_origin else text


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """An SQLite file or a PostgreSQL database; secret because it may contain a password."""

    is_secret: ClassVar[bool] = True

    @property
    def metavar(self) -> str:
        return "URL"

    def read(self, text: str) -> str:
        parts = split(text, example="sqlite:///reconcile.db or postgresql://user:password@host/name")
        match parts.scheme:
            case "sqlite":
                return self._sqlite(text, parts)
            case "postgresql" | "postgres":
                if parts.hostname is None and "host=" not in parts.query:
                    raise ValueError("must name a host: postgresql://user:password@host/name")
                if not parts.path.strip("/"):
                    raise ValueError("must name a database: postgresql://user:password@host/name")
                return "postgresql" + text[text.index(":") :]
            case scheme if scheme.startswith(("postgresql+", "postgres+", "sqlite+")):
                raise ValueError("must not name a driver: write postgresql:// or sqlite:/// alone")
            case _:
                raise ValueError("must begin with sqlite:/// or postgresql://")

    def _sqlite(self, text: str, parts: SplitResult) -> str:
        if not text.lower().startswith("sqlite:///") or not parts.path.strip("/"):
            raise ValueError("must name a file after three slashes, as in sqlite:///reconcile.db")
        if ":memory:" in text or "mode=memory" in text:
            raise ValueError("must name a file: a database in memory is lost between runs")
        return text


def split(text: str, *, example: str) -> SplitResult:
    """Return the parts of a URL; raise ValueError with a clause that begins with "must"."""
    if not text.isprintable() or " " in text:
        raise ValueError(f"must be one line without white space, like {example}")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(f"must be a URL like {example}, with a port from 0 to 65535 if it names one") from None
    return parts
