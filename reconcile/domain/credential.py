"""A workspace's credential: a token that no message can contain, and its account."""

from dataclasses import dataclass, field

from reconcile.domain.ids import ProviderName
from reconcile.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; its ``repr`` and ``str`` are masked."""

    _text: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, where: str) -> "Token":
        """Accept visible ASCII with at most one trailing newline; raises SettingsError with *where*, never the text."""
        stripped = text.removesuffix("\r\n").removesuffix("\n") if text.count("\n") == 1 else text
        if not stripped:
            raise SettingsError([f"{where} is empty; put the provider's token there"])
        for position, character in enumerate(stripped, start=1):
            if not "!" <= character <= "~":
                fault = (
                    f"{where} has a character at position {position} that a token cannot have "
                    "(white space, a control or a non-ASCII character); copy the token again"
                )
                raise SettingsError([fault])
        return cls(stripped)

    def reveal(self) -> str:
        """Return the secret, for the Authorization header and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "Token(***)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token and the *account* it is for: GHL's location id, or Calendly's user URI (None: ask the provider)."""

    provider: ProviderName
    token: Token
    account: str | None = None
