"""After a breaker opened: which planned changes are withheld, and which failures do not count against a lead."""

from reconcile.domain.breaker.attribution import RECORD_FAULTS
from reconcile.domain.breaker.breaker import RUN_KEY, BreakerReason
from reconcile.domain.breaker.keys import operation_key, provider_key, workspace_keys
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import WorkspaceId
from reconcile.errors import ErrorClass


def blames_others(
    registry: BreakerRegistry, workspace_id: WorkspaceId, lookup: Lookup, error_class: ErrorClass, *, number: int = 0
) -> bool:
    """Return whether a lead's failure is caused by another party, so that it does not count towards quarantine.

    It is the record's own if the same operation answered other leads of its workspace in calls admitted after the
    *number*-th, which was its own. Such records must reach quarantine, or they would park their workspace for ever.
    """
    if number and error_class in RECORD_FAULTS and registry.answers_later(workspace_id, lookup, number):
        return False
    if any(registry.explains(key) for key in (RUN_KEY, provider_key(lookup.provider), operation_key(lookup))):
        return True
    own = workspace_keys(workspace_id, lookup)
    if not registry.opened_in_run.isdisjoint(own):
        return True  # until the end of this run it may prove to be the provider's fault
    return any(registry.explains(key) for key in own) and error_class not in RECORD_FAULTS


def must_withhold(registry: BreakerRegistry, lookup: Lookup) -> bool:
    """Return whether changes planned from this provider's answers in this run must not be written."""
    return registry.is_enforced and any(
        key in registry.opened_in_run
        and registry.breaker(key).reason in {BreakerReason.CONTRACT_FAULT, BreakerReason.MASS_ABSENCE}
        for key in (provider_key(lookup.provider), operation_key(lookup))
    )
