"""The result of one lead's check: a closed set of outcomes, each with its reasons."""

import re
from dataclasses import dataclass
from enum import StrEnum

from reconcile.errors import ErrorClass, ProviderError


class Outcome(StrEnum):
    """The result of one lead's check in one run."""

    BOOKED = "booked"
    CANCELED = "canceled"
    RESCHEDULED = "rescheduled"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ABSENT = "absent"
    """The provider named the stored booking as not there."""
    DISAPPEARED = "disappeared"
    """The provider answered without evidence about the stored booking."""
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    FAILED = "failed"

    @property
    def is_answered(self) -> bool:
        """Whether the provider answered; ``Plan.is_verified`` says whether the answer proves anything."""
        return self not in {Outcome.SKIPPED, Outcome.DEFERRED, Outcome.FAILED}

    @property
    def is_check(self) -> bool:
        """Whether it counts in the denominator of an error rate."""
        return self.is_answered or self is Outcome.FAILED


CHANGING = (Outcome.BOOKED, Outcome.CANCELED, Outcome.RESCHEDULED, Outcome.UPDATED)
"""The kinds of changes of the customer's rows."""


class SkipReason(StrEnum):
    """Why a lead cannot be checked at all."""

    NOT_CONFIGURED = "not_configured"
    """The workspace has no usable credential for the provider in question."""
    NO_IDENTITY = "no_identity"
    """Neither a booking id, nor a contact id, nor an e-mail for a look-up."""
    UNREADABLE_BOOKING_ID = "unreadable_booking_id"
    """The stored booking id has no known provider's form, or its row names another calendar."""
    CONTACT_NOT_FOUND = "contact_not_found"
    """The provider has no contact with exactly this e-mail."""
    AMBIGUOUS_CONTACT = "ambiguous_contact"
    """The provider has too many contacts with this e-mail to be one person."""
    UNKNOWN_STATUS = "unknown_status"
    """This version does not know the provider's status of the appointment."""
    INVALID_STATUS = "invalid_status"
    """The provider marks the appointment as invalid: it is neither confirmed nor canceled."""


class DeferReason(StrEnum):
    """Why a lead was left for a later run."""

    BUDGET = "budget"
    RATE_LIMITED = "rate_limited"
    DEADLINE = "deadline"
    BREAKER = "breaker"
    DRIFTED = "drifted"
    """Another writer changed the lead between our read and our write."""
    WITHHELD = "withheld"
    """The change relied on answers of a provider that proved to be unreliable."""
    HELD = "held"
    """Too many changes of its kind: they wait for approval."""


_VARIABLE = re.compile(r"\d+|[0-9a-fA-F-]{16,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSignature:
    """Identifies equal failures, for counting, attribution and verification of a fix; free of personal data."""

    provider: str
    operation: str
    error_class: ErrorClass
    message: str
    shape: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: ProviderError) -> "ErrorSignature":
        """Return the signature of *error*: numbers and ids are replaced, so that there are few."""
        return cls(
            provider=error.provider,
            operation=error.operation,
            error_class=error.error_class,
            message=_VARIABLE.sub("#", str(error)) if error.status is None else str(error),
            shape=error.shape,
        )

    @property
    def key(self) -> str:
        """One line that identifies the signature in tables and reports."""
        return f"{self.provider}/{self.operation}/{self.error_class}: {self.message}"
