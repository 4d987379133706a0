"""Looking a lead up at a provider as a run does: the provider decides how, then it is asked."""

from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.ports import Provider


async def ask(provider: Provider, lead: Lead, workspace: Workspace, *, deadline: float) -> Answer | SkipReason:
    """Return what *provider* answers about *lead*, or why it cannot be asked."""
    lookup = provider.lookup(lead, workspace)
    if isinstance(lookup, SkipReason):
        return lookup
    return await provider.answer(lead, lookup, workspace, deadline=deadline)
