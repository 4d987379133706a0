"""The calls that a backfill needs of each account, compared with its rate budget and the time limit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconcile.domain.backfill.plan import Need, Selection, longest
from reconcile.domain.coordination.rate_limit import budget_key, limit_of
from reconcile.domain.formatting import count_of
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.run.cadence import spelled
from reconcile.errors import RequestError
from reconcile.ports import Store

ACCOUNTS_LISTED = 3
_CALLS = {ProviderName.HIGHLEVEL: (1, 2), ProviderName.CALENDLY: (2, 3)}
"""Calls for a lead whose booking's provider is known, and for one that is searched by e-mail."""


async def needs(selection: Selection, *, store: Store, share: float, now: datetime) -> Sequence[Need]:
    """Return the calls that each account needs for the selected leads if lists settle none of them.

    Whether lists can be read is not known before. A backfill is assumed to get *share* of the rate: the schedule has
    priority and may use all of it.
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
            found[key] = replace(found[key], calls=found[key].calls + count)
            continue
        grant = await store.budgets.reserve(key, wanted=0, limit=limit, share=share)
        every = limit.interval / share
        found[key] = Need(workspace_id=workspace_id, provider=provider, calls=count, left=grant.left, every=every)
    for use in await store.day_quotas.load(found.keys()):
        if (spare := use.spare(now)) is not None:
            found[use.key] = replace(found[use.key], left_of_day=spare, renewed_in=use.reading.ends_at - now)
    return list(found.values())


def estimate_of(found: Sequence[Need]) -> Mapping[str, Any]:
    """Return the estimate that is stored with a plan: all calls, and the accounts that need the most time."""
    longest_first = sorted(found, key=lambda need: (-need.lasts, -need.calls, need.workspace_id))
    return {
        "calls": sum(need.calls for need in found),
        "accounts": len(found),
        "lasts": longest_first[0].lasts.total_seconds() if longest_first else 0.0,
        "longest": [need.document() for need in longest_first[:ACCOUNTS_LISTED]],
    }


def check_fits(found: Sequence[Need], *, within: timedelta) -> None:
    """Raise RequestError with the excess and a suggested command if the calls do not fit into *within*."""
    worst = longest(found)
    if worst is not None and (missing := worst.missing(within)):
        hours = -(-worst.lasts // timedelta(hours=1))
        others = sum(need.missing(within) > 0 for need in found) - 1
        also = f" ({count_of(others, 'other account')} as well)" if others else ""
        of_day = "" if worst.left_of_day is None else f" ({worst.left_of_day} left of the day)"
        raise RequestError(
            f"it does not fit into {spelled(within)}: the account of workspace {worst.workspace_id} may need "
            f"{worst.calls} calls at {worst.provider}{of_day}, {missing} too many{also}; "
            f"type --within {hours}h, or select fewer leads"
        )
