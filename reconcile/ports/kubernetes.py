"""The object of the Kubernetes API that mirrors our state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StateObject:
    """The object whose annotations mirror our state; the next write is compared with *version*."""

    annotations: Mapping[str, str]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An event about the state object; *reason* is in CamelCase."""

    reason: str
    text: str
    is_warning: bool = False


class StateMirror(Protocol):
    """An object of the Kubernetes API; each call ends within seconds, or raises MirrorUnavailable."""

    async def read(self) -> StateObject:
        """Return the object as it is now."""
        ...

    async def forbidden(self) -> Sequence[str]:
        """Return the rights that this process lacks, like "patch configmap/NAME in namespace NAMESPACE"."""
        ...

    async def patch(self, annotations: Mapping[str, str | None], *, version: str) -> StateObject:
        """Set only these annotations (None: remove); MirrorConflict if *version* is not the object's current one."""
        ...

    async def announce(self, announcement: Announcement) -> None:
        """Emit an event about the object."""
        ...
