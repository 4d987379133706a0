"""The share of the workspaces that one process handles."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from reconcile.domain.ids import WorkspaceId

MOST = 1000
"""Shards at most: beyond that a shard is smaller than what it costs to start it."""
_FORM = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Number *index*, counted from zero, of *total* shares; every workspace is in exactly one of them."""

    index: int
    total: int

    def __post_init__(self) -> None:
        if not (1 <= self.total <= MOST and 0 <= self.index < self.total):
            raise ValueError(
                f"must be INDEX/TOTAL with an index from 0 to TOTAL - 1 and at most {MOST} shards, like 0/4"
            )

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``0/4``; a ValueError's clause says what it must be."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"must be INDEX/TOTAL with an index from 0 to TOTAL - 1 and at most {MOST} shards, like 0/4"
            )
        return cls(int(match[1]), int(match[2]))

    def holds(self, workspace_id: WorkspaceId) -> bool:
        """Tell whether the workspace is in this share; every process and every version answers alike."""
        digest = blake2b(workspace_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.total == self.index

    def __str__(self) -> str:
        return f"{self.index}/{self.total}"
