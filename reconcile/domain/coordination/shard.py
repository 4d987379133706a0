"""The shard of the workspaces that one process handles."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from reconcile.domain.ids import WorkspaceId

MAX_SHARDS = 1000
"""Maximum number of shards; more would cost more to start than they save."""
_FORM = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Shard *index*, counted from zero, of *total*; every workspace is in exactly one of them."""

    index: int
    total: int

    def __post_init__(self) -> None:
        if not (1 <= self.total <= MAX_SHARDS and 0 <= self.index < self.total):
            raise ValueError(
                f"must be INDEX/TOTAL with an index from 0 to TOTAL - 1 and at most {MAX_SHARDS} shards, like 0/4"
            )

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Parse ``0/4``; a ValueError's clause says what it must be."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"must be INDEX/TOTAL with an index from 0 to TOTAL - 1 and at most {MAX_SHARDS} shards, like 0/4"
            )
        return cls(int(match[1]), int(match[2]))

    def holds(self, workspace_id: WorkspaceId) -> bool:
        """Return whether the workspace is in this shard; the result is the same in every process and version."""
        digest = blake2b(workspace_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.total == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.total}"
