"""The one tree of errors: a class carries the decision, its attributes carry the facts.

A message is a clause without a full stop. No message holds a body, a token, an address or a person's name.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum


class ReconcileError(Exception):
    """Anything this program knows how to say in a sentence."""


class SettingsError(ReconcileError):
    """The process cannot start: a setting, a mapping or a credential is wrong. All faults are reported at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class RequestError(ReconcileError):
    """What was asked for is not there or cannot be; the message says what there is, or how to find it."""


class QuestionError(ReconcileError):
    """What verify was asked cannot be asked; apart from RequestError, whose exit code is that of a ruling."""


class InputUnreadable(ReconcileError):
    """A file that was named is not there, or is not what it has to be."""


class LogsUnavailable(ReconcileError):
    """The pods' logs cannot be had for now."""


class LogsRefused(LogsUnavailable):
    """There are no such pods, or this account may not read their logs: a person has to change something."""


class StoreUnavailable(ReconcileError):
    """The database did not answer or refused for now; the same run may work a minute later."""


class LeaseHeld(ReconcileError):
    """Another run owns this work; not a failure."""


class LeaseLost(ReconcileError):
    """The lease expired and another run took the work over: nothing may be written any more."""


class MirrorUnavailable(ReconcileError):
    """The Kubernetes API does not let the state object be read or written; no run fails of it."""


class MirrorConflict(ReconcileError):
    """Somebody else wrote the state object since it was read: read again, decide again."""


class AlertNotDelivered(ReconcileError):
    """A channel has not confirmed a message; *retry_after* is how long it asks to be left alone."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ErrorClass(StrEnum):
    """What kind of failure a provider call ended in; a closed set, so that it can label a metric and a breaker."""

    CONTRACT = "contract"
    """An answered response lacks a required field or has a wrong type: the two programs disagree."""
    UNDECODABLE = "undecodable"
    """A body that is not the JSON it claims to be, is cut, or exceeds a cap."""
    TIMEOUT = "timeout"
    TRANSPORT = "transport"
    """Refused, reset, no route, TLS failure."""
    UNAVAILABLE = "unavailable"
    """A 5xx answer, or one that says it is transient."""
    RATE_LIMITED = "rate_limited"
    CREDENTIAL = "credential"
    """401 or 403: the workspace's token, scope or location."""
    REJECTED = "rejected"
    """Any other 4xx: the request cannot succeed by repeating it."""
    INTERNAL = "internal"
    """A fault of this program."""
    REFUSED_WRITE = "refused_write"
    """The customer's database takes no such value: a constraint or a type of its own."""
    UNREADABLE_ROW = "unreadable_row"
    """The lead's rows in the customer's database hold a value that this program cannot read."""
    MASS_ABSENCE = "mass_absence"
    """Most stored appointments of one workspace are answered "not found" at once, which is not believed."""


class ProviderError(ReconcileError):
    """One call failed.

    *provider* and *operation* are short fixed names (``ghl``, ``appointment``), *shape* the sorted key names that an
    offending body had, never their values.
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
    """Retry after a stated time; the provider is well, and nothing counts against it."""

    error_class = ErrorClass.RATE_LIMITED

    def __init__(
        self, message: str, *, provider: str, operation: str, retry_after: timedelta, status: int | None = 429
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, status=status)
        self.retry_after = retry_after


class OutOfTime(ProviderError):
    """The run's time ended before an answer came: the call is put off, and nothing is known against the provider."""

    error_class = ErrorClass.TIMEOUT


class ProviderRejected(ProviderError):
    """Retrying cannot help: the request or the credentials are wrong."""


class ContractFault(ProviderError):
    """The provider answered, in a form that this program does not know: stop before anything is written."""

    error_class = ErrorClass.CONTRACT
