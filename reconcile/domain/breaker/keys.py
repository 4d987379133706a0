"""The keys of the breakers that a call has to pass."""

from functools import lru_cache

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerKey, BreakerScope
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import ProviderName, WorkspaceId


def provider_key(provider: ProviderName) -> BreakerKey:
    """Return the key of a whole provider's breaker."""
    return BreakerKey(BreakerScope.PROVIDER, provider)


def operation_key(lookup: Lookup) -> BreakerKey:
    """Return the key of an operation's breaker."""
    return BreakerKey(BreakerScope.PROVIDER, f"{lookup.provider}/{lookup.operation}")


def workspace_key(workspace_id: WorkspaceId, provider: ProviderName | None = None) -> BreakerKey:
    """Return the key of a workspace's breaker at *provider*; without a provider, of the whole workspace's breaker."""
    return BreakerKey(BreakerScope.WORKSPACE, f"{workspace_id}/{provider}" if provider else workspace_id)


@lru_cache(maxsize=4096)
def workspace_keys(workspace_id: WorkspaceId, lookup: Lookup) -> tuple[BreakerKey, BreakerKey]:
    """Return the keys of the two breakers of a workspace that a call has to pass."""
    return workspace_key(workspace_id), workspace_key(workspace_id, lookup.provider)


@lru_cache(maxsize=4096)  # used for each call, and building the keys takes longer than the cache
def breaker_path(workspace_id: WorkspaceId, lookup: Lookup) -> tuple[BreakerKey, ...]:
    """Return the breakers that a call has to pass, the widest first."""
    return RUN_KEY, provider_key(lookup.provider), operation_key(lookup), *workspace_keys(workspace_id, lookup)
