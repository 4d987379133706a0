"""Selects the workspaces that a run visits: due ones whose leads can be looked up now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import ProviderName
from reconcile.domain.workspace import Workspace
from reconcile.ports import DueWorkspaces
from reconcile.services.run.context import RunContext

_EVERYTHING = 1_000_000


async def due_workspaces(registry: BreakerRegistry, *, context: RunContext) -> DueWorkspaces:
    """Return the workspaces to visit, and how many are eligible in total."""
    request, now, probes_only = context.request, context.started_at, registry.probes_only(context.started_at)
    # Workspaces with a breaker that is not closed may turn out to be parked, so as many more are read.
    room = request.workspace_limit + len(registry.troubled_workspaces())
    due = await context.store.leads.due_workspaces(
        now=now,
        policy=context.due,
        limit=_EVERYTHING if request.whole_set or probes_only else room,
        only=request.workspace,
        exclude=registry.parked_workspaces(now),
        shard=request.shard,
        wrote_since=context.wrote_since,
    )
    reachable = [w for w in due.workspaces if not registry.is_parked(w.id, w.credentials, now)]
    if probes_only:  # else each run would probe the same few, and one broken workspace would decide for all
        context.random.shuffle(reachable)
    limit = _EVERYTHING if request.whole_set else request.workspace_limit
    return replace(
        due,
        workspaces=select_workspaces(reachable, limit=limit, probes_only=probes_only),
        eligible_count=due.eligible_count - (len(due.workspaces) - len(reachable)),
    )


def select_workspaces(
    workspaces: Sequence[Workspace], *, limit: int, probes_only: Mapping[ProviderName, int]
) -> tuple[Workspace, ...]:
    """Return the first *limit* workspaces, without those that would only wait for a broken provider.

    *probes_only* holds the providers that accept only probes, each with the number of probes; probes get at most half
    of the places. A workspace that is left out is not visited and stays first in the queue. If it took a place, an
    outage of one provider would keep out the workspaces of the other.
    """
    chosen: list[Workspace] = []
    probed: Counter[ProviderName] = Counter()
    for workspace in workspaces:
        if len(chosen) == limit:
            break
        if workspace.credentials and set(workspace.credentials) <= set(probes_only):
            provider = next((p for p in sorted(workspace.credentials) if probed[p] < probes_only[p]), None)
            if provider is None or probed.total() >= max(1, limit // 2):
                continue
            probed[provider] += 1
        chosen.append(workspace)
    return tuple(chosen)
