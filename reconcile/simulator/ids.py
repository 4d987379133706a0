"""Ids, tokens and names in the providers' formats, drawn from a seed so that a world is reproducible."""

import random
import string
from uuid import UUID

_LETTERS = string.ascii_letters + string.digits


class Ids:
    """A seeded source of identifiers."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def ghl(self) -> str:
        """Return an id of twenty letters and digits, as GHL's are."""
        return "".join(self._random.choices(_LETTERS, k=20))

    def uuid(self) -> str:
        """Return a version 4 UUID."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def ghl_token(self) -> str:
        """Return a token in the form of a private integration token."""
        return f"pit-{self.uuid()}"

    def calendly_token(self) -> str:
        """Return a token of visible ASCII in three parts, like a personal access token."""
        return ".".join("".join(self._random.choices(_LETTERS, k=length)) for length in (20, 64, 43))
