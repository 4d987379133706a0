"""Which of the due workspaces a run visits: those that it can do something for."""

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
    """Return the workspaces to visit, and how many are due besides."""
    request, now, probes_only = context.request, context.started_at, registry.probes_only(context.started_at)
    room = request.workspace_limit + len(
        registry.troubled_workspaces()
    )  # those may be parked at the providers that they have
    due = await context.store.leads.due_workspaces(
        now=now,
        policy=context.due,
        limit=_EVERYTHING if request.whole_set or probes_only else room,
        only=request.workspace,
        exclude=registry.parked_workspaces(now),
        shard=request.shard,
        wrote_since=context.wrote_since,
    )
    askable = [w for w in due.workspaces if not registry.is_parked(w.id, w.credentials, now)]
    if probes_only:  # else the same few would be probed in each run, and a culprit among them would speak for all
        context.random.shuffle(askable)
    limit = _EVERYTHING if request.whole_set else request.workspace_limit
    return replace(
        due,
        workspaces=select_workspaces(askable, limit=limit, probes_only=probes_only),
        eligible_count=due.eligible_count - (len(due.workspaces) - len(askable)),
    )


def select_workspaces(
    workspaces: Sequence[Workspace], *, limit: int, probes_only: Mapping[ProviderName, int]
) -> tuple[Workspace, ...]:
    """Return the first *limit* workspaces, without those that would only wait for a provider that is broken.

    *probes_only* holds the providers that are asked nothing but so many probes; these get at most half of the places.
    A workspace that is refused is not visited, so it stays first in line: were it given a place, a provider's outage
    would keep out the customers of the other one.
    """
    chosen: list[Workspace] = []
    probed: Counter[ProviderName] = Counter()
    for workspace in workspaces:
        if len(chosen) == limit:
            break
        if workspace.credentials and set(workspace.credentials) <= set(probes_only):
            asked = next((p for p in sorted(workspace.credentials) if probed[p] < probes_only[p]), None)
            if asked is None or probed.total() >= max(1, limit // 2):
                continue
            probed[asked] += 1
        chosen.append(workspace)
    return tuple(chosen)
