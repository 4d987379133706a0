"""One customer's account: the unit of isolation, credentials and fairness."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.domain.credential import Credential
from reconcile.domain.ids import ProviderName, WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace and what it may ask.

    *timezone* is an IANA name, which counts where the provider does not say its own, or None. *faults* are sentences on
    credentials that are there and cannot be used; they name the place and hold no secret.
    """

    id: WorkspaceId
    credentials: Mapping[ProviderName, Credential] = field(default_factory=dict)
    timezone: str | None = None
    visited_at: datetime | None = None
    not_before: datetime | None = None
    faults: tuple[str, ...] = ()
