"""What happened to one lead: a closed set of outcomes, each with its reason."""

import re
from dataclasses import dataclass
from enum import StrEnum

from reconcile.errors import ErrorClass, ProviderError


class Outcome(StrEnum):
    """What happened to one lead in one run."""

    BOOKED = "booked"
    CANCELED = "canceled"
    RESCHEDULED = "rescheduled"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ABSENT = "absent"
    """The provider named the stored booking as not there."""
    DISAPPEARED = "disappeared"
    """The provider answered, and nothing that it said proves where the stored booking stands."""
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    FAILED = "failed"

    @property
    def is_answered(self) -> bool:
        """Whether the provider answered; whether that proves anything is another question (``Plan.is_verified``)."""
        return self not in {Outcome.SKIPPED, Outcome.DEFERRED, Outcome.FAILED}

    @property
    def is_check(self) -> bool:
        """Whether it counts in the denominator of an error rate."""
        return self.is_answered or self is Outcome.FAILED


class SkipReason(StrEnum):
    """Why a lead cannot be checked at all, however often one tries."""

    NOT_CONFIGURED = "not_configured"
    """The workspace has no usable credential for the provider in question."""
    NO_IDENTITY = "no_identity"
    """Neither a booking id, nor a contact id, nor an e-mail to look up by."""
    UNREADABLE_BOOKING_ID = "unreadable_booking_id"
    """The stored booking id has the form of no provider, or its row names a calendar that is none of ours."""
    CONTACT_NOT_FOUND = "contact_not_found"
    """The provider knows no contact with exactly this e-mail."""
    AMBIGUOUS_CONTACT = "ambiguous_contact"
    """The provider knows more contacts with this e-mail than could be one person: nobody can tell which is the lead."""
    UNKNOWN_STATUS = "unknown_status"
    """The provider's word for the appointment's status is one that this version does not know."""
    INVALID_STATUS = "invalid_status"
    """The provider says that the appointment is marked as invalid: it is neither held nor called off."""


class DeferReason(StrEnum):
    """Why a lead was left for a later run."""

    BUDGET = "budget"
    RATE_LIMITED = "rate_limited"
    DEADLINE = "deadline"
    BREAKER = "breaker"
    DRIFTED = "drifted"
    """Somebody else wrote the lead between our reading and our writing."""
    WITHHELD = "withheld"
    """Its change was planned from a provider whose answers turned out not to be trusted."""


_VARIABLE = re.compile(r"\d+|[0-9a-fA-F-]{16,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSignature:
    """What makes two failures "the same": used to count, to blame and to verify a fix; free of personal data."""

    provider: str
    operation: str
    error_class: ErrorClass
    message: str
    shape: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: ProviderError) -> "ErrorSignature":
        """Reduce *error* to its signature: numbers and ids are replaced, so that it stays one of few."""
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
