"""How a lead is looked up: which provider, by which call, and what is asked for."""

from dataclasses import dataclass, field

from reconcile.domain.ids import Operation, ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How one lead will be looked up: known before any call, so that breakers and rate limits can refuse it."""

    provider: ProviderName
    operation: Operation
    """The first call that the look-up makes."""
    subject: str = field(default="", compare=False, repr=False)
    """What is asked for: an id or an e-mail address.

    It is personal data, so it is not printed; look-ups that differ in nothing else are equal.
    """
