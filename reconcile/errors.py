"""One tree of errors: the class carries the decision, its attributes carry the facts.

A message is a clause without a full stop. No message contains a body, a token, an address or a person's name.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum


class ReconcileError(Exception):
    """Base class of all expected errors; the message is a sentence for users."""


class SettingsError(ReconcileError):
    """The process cannot start: a setting, a mapping or a credential is wrong. All faults are reported at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class RequestError(ReconcileError):
    """The request is invalid or names something that does not exist; the message says what exists."""


class QuestionError(ReconcileError):
    """Invalid arguments to verify; separate from RequestError, whose exit code is that of a result of verify."""


class InputUnreadable(ReconcileError):
    """A named file does not exist or has the wrong format."""


class LogsUnavailable(ReconcileError):
    """The pods' logs are temporarily unavailable."""


class LogsRefused(LogsUnavailable):
    """There are no such pods, or this account may not read their logs; a retry cannot succeed."""


class StoreUnavailable(ReconcileError):
    """The database is unreachable or temporarily refuses; a retry may succeed."""


class LeaseHeld(ReconcileError):
    """Another run holds the lease; not a failure."""


class LeaseLost(ReconcileError):
    """The lease expired and another run took it: nothing may be written any more."""


class MirrorUnavailable(ReconcileError):
    """The state object could not be read or written; a run does not fail because of it."""


class MirrorConflict(ReconcileError):
    """The state object was changed since it was read: read it again and decide again."""


class ClusterUnavailable(ReconcileError):
    """The Kubernetes API did not answer a command; a retry may succeed."""


class AlertNotDelivered(ReconcileError):
    """A channel has not confirmed a message; *retry_after* is the pause that it requests."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ErrorClass(StrEnum):
    """The kind of failure of a provider call; a closed set, used as a label of metrics and breakers."""

    CONTRACT = "contract"
    """A response lacks a required field or has a wrong type: the provider's API has changed."""
    UNDECODABLE = "undecodable"
    """A body that is not valid JSON, is truncated, or exceeds a cap."""
    TIMEOUT = "timeout"
    TRANSPORT = "transport"
    """Refused, reset, no route, TLS failure."""
    UNAVAILABLE = "unavailable"
    """A 5xx, or an error that is marked as transient."""
    RATE_LIMITED = "rate_limited"
    CREDENTIAL = "credential"
    """401 or 403: the workspace's token, scope or location."""
    REJECTED = "rejected"
    """Any other 4xx: a retry cannot succeed."""
    INTERNAL = "internal"
    """A bug in this program."""
    REFUSED_WRITE = "refused_write"
    """The customer's database refuses the value: a constraint, a trigger, a policy or a type."""
    UNREADABLE_ROW = "unreadable_row"
    """The lead's rows in the customer's database have an unreadable value."""
    MASS_ABSENCE = "mass_absence"
    """Most stored appointments of one workspace are reported as missing in one batch, which counts as a failure."""


class ProviderError(ReconcileError):
    """One call failed.

    *provider* and *operation* are short fixed names (``ghl``, ``appointment``), *shape* the sorted key names of the
    response body, never their values.
    """

    error_class: ErrorClass = ErrorClass.REJECTED

    def __init__(  # noqa: PLR0913 - the facts that a signature is made of
        self,
        message: str,
        *,
        provider: str,
        operation: str,
        status: int | None = None,
        shape: Sequence[str] = (),
        error_class: ErrorClass | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.operation = operation
        self.status = status
        self.shape = tuple(shape)
        if error_class is not None:
            self.error_class = error_class


class ProviderUnavailable(ProviderError):
    """Retry later; counts against the breaker."""

    error_class = ErrorClass.UNAVAILABLE


class RateLimited(ProviderError):
    """Retry after a given time; this is not a fault of the provider, and does not count against it."""

    error_class = ErrorClass.RATE_LIMITED

    def __init__(
        self, message: str, *, provider: str, operation: str, retry_after: timedelta, status: int | None = 429
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, status=status)
        self.retry_after = retry_after


class OutOfTime(ProviderError):
    """The run's time ended before a response: the call is postponed and does not count against the provider."""

    error_class = ErrorClass.TIMEOUT


class ProviderRejected(ProviderError):
    """A retry cannot succeed: the request or the credentials are wrong."""


class ContractFault(ProviderError):
    """The response has an unknown format: stop before anything is written."""

    error_class = ErrorClass.CONTRACT
