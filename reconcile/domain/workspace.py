"""One customer's account: the unit of isolation, credentials and fairness."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconcile.domain.credential import Credential
from reconcile.domain.ids import ProviderName, WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace and its credentials.

    *timezone* is an IANA name or None; it is used only if the provider does not report its own. *faults* are sentences
    about unusable credentials; they name the source and contain no secret. *preferred* is the provider whose upcoming
    booking counts where both show one.
    """

    id: WorkspaceId
    credentials: Mapping[ProviderName, Credential] = field(default_factory=dict)
    timezone: str | None = None
    visited_at: datetime | None = None
    not_before: datetime | None = None
    preferred: ProviderName | None = None
    faults: tuple[str, ...] = ()
