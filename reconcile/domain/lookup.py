"""How a lead is looked up: which provider, and by which call."""

from dataclasses import dataclass

from reconcile.domain.ids import Operation, ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How one lead will be looked up: known before any call, so that breakers and rate limits can refuse it."""

    provider: ProviderName
    operation: Operation
    """The first call that the look-up makes."""
