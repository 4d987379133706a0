"""How a lead is looked up: provider, operation, subject."""

from dataclasses import dataclass, field

from reconcile.domain.ids import Operation, ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How one lead will be looked up: known before any call, so that breakers and rate limits can refuse it."""

    provider: ProviderName
    operation: Operation
    """The first call that the look-up makes."""
    subject: str = field(default="", compare=False, repr=False)
    """An id or an e-mail address.

    It is personal data, so ``repr`` omits it, and comparison ignores it.
    """
