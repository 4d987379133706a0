"""Wires the proposal of a mapping."""

from collections.abc import Sequence

from reconcile.bootstrap import SystemClock
from reconcile.domain.setup.draft import MappingProposal
from reconcile.domain.setup.proposal import propose_mapping
from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.errors import SettingsError
from reconcile.settings import Settings
from reconcile.store.doctor.check import check_schema
from reconcile.store.doctor.survey import survey
from reconcile.store.mapping.mapping import parse_mapping


async def propose(settings: Settings) -> MappingProposal:
    """Return a mapping proposed from the catalog and from counts of values by shape."""
    return propose_mapping(await survey(settings.database_url))


async def check_text(settings: Settings, text: str, *, name: str) -> Sequence[Finding]:
    """Return what doctor finds of the database through the mapping *text*, which may not be in a file yet."""
    try:
        mapping = parse_mapping(text, name=name)
    except SettingsError as error:
        return [Finding(subject="mapping", verdict=FindingStatus.FAULT, text=fault) for fault in error.faults]
    return await check_schema(settings.database_url, mapping=mapping, now=SystemClock().now())
