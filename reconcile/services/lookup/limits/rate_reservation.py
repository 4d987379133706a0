"""Reserves calls from the rate budgets of a workspace's accounts, and settles them by actual use."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from reconcile.domain.coordination.rate_limit import budget_key, limit_of
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import ProviderName
from reconcile.domain.planning.outcome import DeferReason
from reconcile.domain.workspace import Workspace
from reconcile.services.lookup.context import LookupContext


class RateReservation:
    """The calls that one batch has reserved."""

    def __init__(self, workspace: Workspace, *, context: LookupContext) -> None:
        self.workspace = workspace
        self._context = context
        self._reserved: Counter[ProviderName] = Counter()
        self._left: Counter[ProviderName] = Counter()
        self.pause = timedelta(0)
        """How long until an account without free calls has some again."""
        self.limited: dict[ProviderName, DeferReason] = {}
        """Why leads of a provider are deferred: it has answered 429 since, or the account has no calls left."""
        self.all_after: timedelta | None = timedelta(0)
        """How long until the calls are free that were not granted; None if that is unknown."""

    async def reserve(self, wanted: Counter[ProviderName]) -> None:
        """Reserve calls from each account's budget, or as many as are free."""
        for provider, count in wanted.items():
            if count > self._left[provider]:
                await self._take(provider, count - self._left[provider])

    def left(self, provider: ProviderName) -> int:
        """Return how many calls are reserved and not spent."""
        return self._left[provider]

    def spend(self, needed: Sequence[Lookup]) -> bool:
        """Spend one call for each look-up, or return False if one of them has none left."""
        if any(self._left[lookup.provider] < 1 for lookup in needed):
            return False
        self._left.subtract(lookup.provider for lookup in needed)
        return True

    def spend_calls(self, provider: ProviderName, count: int) -> None:
        """Spend calls that were made for several leads at once."""
        self._left[provider] -= min(count, self._left[provider])

    async def settle(self) -> list[timedelta]:
        """Correct the budgets by actual use; return how long calls to the accounts must pause."""
        context, workspace = self._context, self.workspace
        pauses = [self.pause] if self.pause else []
        for provider, count in self._reserved.items():
            usage = context.providers[provider].usage(workspace)
            context.calls.total += usage.calls
            key = budget_key(workspace, provider)
            context.day_readings.note(key, usage, workspace_id=workspace.id, provider=provider)
            for note in usage.notes:
                context.warnings.note(note)
            if usage.not_before is not None:
                pauses.append(usage.not_before)
            if count != usage.calls or usage.limit is not None or usage.remaining is not None:
                await context.store.budgets.settle(
                    key,
                    unused=count - usage.calls,
                    usage=usage,
                    limit=limit_of(provider),
                )
        return pauses

    async def _take(self, provider: ProviderName, count: int) -> None:
        context = self._context
        grant = await context.store.budgets.reserve(
            budget_key(self.workspace, provider),
            wanted=count,
            limit=limit_of(provider),
            share=context.limits.rate_share,
        )
        context.calls.note_left(provider, grant.left)
        self._reserved[provider] += grant.granted
        self._left[provider] += grant.granted
        if not grant.granted:
            self.pause = max(self.pause, grant.retry_after)
        if grant.granted < count:
            waits = (self.all_after, grant.all_after)
            self.all_after = None if None in waits else max(each for each in waits if each is not None)


def calls_of(batch: Iterable[Sequence[Lookup]]) -> Counter[ProviderName]:
    """Return how many look-ups each provider gets."""
    return Counter(lookup.provider for needed in batch for lookup in needed)
