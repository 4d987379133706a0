"""What the accounts of one workspace may still be asked: taken from their budgets first, settled at the end."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from reconcile.domain.ids import ProviderName
from reconcile.domain.lookup import Lookup
from reconcile.domain.rate_limit import limit_of
from reconcile.domain.workspace import Workspace
from reconcile.services.run.context import Run


class RateReservation:
    """One batch's part of its accounts' budgets."""

    def __init__(self, workspace: Workspace, *, run: Run) -> None:
        self._workspace = workspace
        self._run = run
        self._reserved: Counter[ProviderName] = Counter()
        self._left: Counter[ProviderName] = Counter()
        self.pause = timedelta(0)
        """How long until an account that gave nothing has something again."""

    async def reserve(self, wanted: Counter[ProviderName]) -> None:
        """Take so many calls from each account's budget, or as many as there are."""
        for provider, count in wanted.items():
            if count > self._left[provider]:
                await self._take(provider, count - self._left[provider])

    def left(self, provider: ProviderName) -> int:
        """Return how many calls are reserved and not spent."""
        return self._left[provider]

    def spend(self, sought: Sequence[Lookup]) -> bool:
        """Spend one call for each look-up, or return False where one of them has none left."""
        if any(self._left[lookup.provider] < 1 for lookup in sought):
            return False
        self._left.subtract(lookup.provider for lookup in sought)
        return True

    def spend_calls(self, provider: ProviderName, count: int) -> None:
        """Spend calls that were made for many leads together."""
        self._left[provider] -= min(count, self._left[provider])

    async def settle(self) -> list[timedelta]:
        """Correct the budgets by what was really used; return how long the accounts are to be left alone."""
        run, workspace = self._run, self._workspace
        pauses = [self.pause] if self.pause else []
        for provider, count in self._reserved.items():
            usage = run.deps.providers[provider].usage(workspace)
            run.counts.calls += usage.calls
            for note in usage.notes:
                run.note(note)
            if usage.not_before is not None:
                pauses.append(usage.not_before)
            if count != usage.calls or usage.limit is not None or usage.remaining is not None:
                await run.deps.store.budgets.settle(
                    budget_key(workspace, provider),
                    unused=count - usage.calls,
                    usage=usage,
                    limit=limit_of(provider),
                )
        return pauses

    async def _take(self, provider: ProviderName, count: int) -> None:
        run = self._run
        grant = await run.deps.store.budgets.reserve(
            budget_key(self._workspace, provider),
            wanted=count,
            limit=limit_of(provider),
            share=run.policy.rate_share,
        )
        least = run.counts.budget_left
        least[provider] = min(grant.left, least.get(provider, grant.left))
        self._reserved[provider] += grant.granted
        self._left[provider] += grant.granted
        if not grant.granted:
            self.pause = max(self.pause, grant.retry_after)


def calls_of(asked: Iterable[Sequence[Lookup]]) -> Counter[ProviderName]:
    """Return how many look-ups each provider gets."""
    return Counter(lookup.provider for sought in asked for lookup in sought)


def budget_key(workspace: Workspace, provider: ProviderName) -> str:
    """Name an account's meter, by a digest: what stands in the customer's column may be a person's address."""
    credential = workspace.credentials.get(provider)
    account = (credential.account if credential else None) or workspace.id
    return f"{provider}:{hashlib.sha256(account.encode()).hexdigest()[:32]}"
