"""The calls that a backfill needs of each account, compared with its rate budget and the time limit."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from reconcile.domain.backfill.plan import Need, Selection, longest
from reconcile.domain.coordination.rate_limit import limit_of
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.run.cadence import spelled
from reconcile.errors import RequestError
from reconcile.ports import Store
from reconcile.services.lookup.limits.rate_reservation import budget_key

_CALLS = {ProviderName.HIGHLEVEL: (1, 2), ProviderName.CALENDLY: (2, 3)}
"""Calls for a lead whose booking's provider is known, and for one that is searched by e-mail."""


async def needs(selection: Selection, *, store: Store, share: float) -> Sequence[Need]:
    """Return the calls that each account needs for the selected leads.

    A backfill is assumed to get *share* of the rate: the schedule has priority and may use all of it.
    """
    calls: dict[tuple[WorkspaceId, ProviderName], int] = defaultdict(int)
    for each in await store.backfills.shares(selection):
        for provider, (known, unknown) in _CALLS.items():
            if each.owner in {provider, None}:
                calls[each.workspace_id, provider] += each.leads * (known if each.owner else unknown)
    found: dict[str, Need] = {}
    for (workspace_id, provider), count in calls.items():
        workspace = await store.leads.workspace(workspace_id)
        if workspace is None or provider not in workspace.credentials:
            continue
        key, limit = budget_key(workspace, provider), limit_of(provider)
        if key in found:  # workspaces with the same account
            before = found[key]
            found[key] = Need(
                workspace_id=before.workspace_id,
                provider=provider,
                calls=before.calls + count,
                left=before.left,
                every=before.every,
            )
            continue
        grant = await store.budgets.reserve(key, wanted=0, limit=limit, share=share)
        every = limit.interval / share
        found[key] = Need(workspace_id=workspace_id, provider=provider, calls=count, left=grant.left, every=every)
    return list(found.values())


def fitting(found: Sequence[Need], *, within: timedelta) -> timedelta:
    """Return the duration of the calls, or raise RequestError with the excess and a suggested command."""
    worst = longest(found)
    if worst is None:
        return timedelta(0)
    if missing := worst.missing(within):
        hours = -(-worst.lasts // timedelta(hours=1))
        others = sum(need.missing(within) > 0 for need in found) - 1
        also = f" ({count_of(others, 'other account')} as well)" if others else ""
        raise RequestError(
            f"it does not fit into {spelled(within)}: the account of workspace {worst.workspace_id} would need "
            f"{worst.calls} calls at {worst.provider}, {missing} too many{also}; "
            f"type --within {hours}h, or select fewer leads"
        )
    return worst.lasts
