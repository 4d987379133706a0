"""What is still believed and whom a lead's failure is held against, once the breakers have moved."""

from reconcile.domain.breaker.attribution import operation_key, provider_key, workspace_key
from reconcile.domain.breaker.breaker import RUN_KEY, BreakerReason, BreakerState
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.lookup import Lookup
from reconcile.errors import ErrorClass

_OWN_FAULTS = frozenset({ErrorClass.CONTRACT, ErrorClass.REJECTED, ErrorClass.UNDECODABLE})
"""Failures that can be one record's: a workspace that is parked for them must get past the records that cause them."""


def blames_others(
    registry: BreakerRegistry, workspace_id: WorkspaceId, lookup: Lookup, error_class: ErrorClass
) -> bool:
    """Tell whether a lead's failure is somebody else's, so that it brings the lead no nearer to quarantine."""
    wide = (RUN_KEY, provider_key(lookup.provider), operation_key(lookup))
    if any(registry.breaker(key).state is not BreakerState.CLOSED for key in wide):
        return True
    own = workspace_key(workspace_id)
    if own in registry.opened_in_run:
        return True  # as long as this run lasts, it may turn out to be the provider's fault
    return registry.breaker(own).state is not BreakerState.CLOSED and error_class not in _OWN_FAULTS


def distrusts(registry: BreakerRegistry, lookup: Lookup) -> bool:
    """Tell whether changes planned from this provider's answers in this run must not be written any more."""
    return registry.is_enforced and any(
        key in registry.opened_in_run
        and registry.breaker(key).reason in {BreakerReason.CONTRACT_FAULT, BreakerReason.MASS_ABSENCE}
        for key in (provider_key(lookup.provider), operation_key(lookup))
    )


def distrusts_absence(registry: BreakerRegistry, workspace_id: WorkspaceId, lookup: Lookup) -> bool:
    """Tell whether "no such appointment" is not believed of this workspace or provider."""
    keys = (workspace_key(workspace_id), provider_key(lookup.provider), operation_key(lookup))
    return registry.is_enforced and any(
        b.fault == ErrorClass.MASS_ABSENCE and b.state is not BreakerState.CLOSED for b in map(registry.breaker, keys)
    )
