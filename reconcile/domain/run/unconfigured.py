"""What a workspace lacks, where its leads are skipped as not configured. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from reconcile.domain.evidence.booking_reference import provider_of
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.workspace import Workspace


class MissingSetting(StrEnum):
    """What a workspace lacks; the value is the clause that reports show."""

    NO_TOKEN = "their workspace has no token of any provider"  # noqa: S105 - a sentence
    NO_HIGHLEVEL_TOKEN = "their booking is with GoHighLevel, and their workspace has no token for it"  # noqa: S105
    NO_CALENDLY_TOKEN = "their booking is with Calendly, and their workspace has no token for it"  # noqa: S105
    NO_LOCATION = "their workspace has a GoHighLevel token and no location id, which a look-up by e-mail needs"


_OF_OWNER = {
    ProviderName.HIGHLEVEL: MissingSetting.NO_HIGHLEVEL_TOKEN,
    ProviderName.CALENDLY: MissingSetting.NO_CALENDLY_TOKEN,
}


def missing_setting(lead: Lead, workspace: Workspace) -> MissingSetting:
    """Return what *workspace* lacks to look *lead* up, of which no provider could be asked."""
    if not workspace.credentials:
        return MissingSetting.NO_TOKEN
    booking_id = lead.rollup.booking_id
    owner = lead.rollup.provider or (provider_of(booking_id) if booking_id else None)
    if booking_id and owner is not None and owner not in workspace.credentials:
        return _OF_OWNER[owner]
    return MissingSetting.NO_LOCATION


def lacks_location(workspace: Workspace) -> bool:
    """Return whether a workspace has a GoHighLevel token, and nothing says for which location."""
    credential = workspace.credentials.get(ProviderName.HIGHLEVEL)
    return credential is not None and not credential.account


def skip_sentences(
    missing: Mapping[MissingSetting, int], workspaces: Mapping[MissingSetting, set[WorkspaceId]]
) -> tuple[str, ...]:
    """Return a sentence for each setting that is missing, with a workspace to look at."""
    return tuple(
        f"skipped {count_of(missing[each], 'lead')}: {each} ({_first_of(workspaces[each])})"
        for each in MissingSetting
        if missing.get(each)
    )


def _first_of(workspaces: set[WorkspaceId]) -> str:
    first = min(workspaces)
    return first if len(workspaces) == 1 else f"{first} and {len(workspaces) - 1} more"
