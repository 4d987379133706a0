"""The interface of telemetry: events, spans, metrics."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from reconcile.domain.ids import Operation, ProviderName, RunId
from reconcile.errors import ErrorClass
from reconcile.ports.instruments import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAttempt:
    """One request to a provider: *status* is None without a response.

    *error_class* is None if nothing failed; both are None if the caller was canceled while it waited. *origin* is
    scheme, host and port; *url_template* is the path without ids.
    """

    provider: ProviderName
    operation: Operation
    method: str
    url_template: str
    origin: str
    number: int
    duration: timedelta
    status: int | None = None
    error_class: ErrorClass | None = None


class Span(Protocol):
    """A span: it has a start and an end, and belongs to the span in which it was started."""

    def note(self, **facts: object) -> None:
        """Set attributes; None is ignored."""
        ...

    def fail(self, error_class: str, text: str = "") -> None:
        """Mark the span as failed; *text* is fixed, like an error signature's."""
        ...

    def link(self, run_id: RunId) -> None:
        """Link to another run's trace."""
        ...


class Telemetry(Protocol):
    """Telemetry of the use cases. No personal data is passed to it."""

    def event(self, name: str, **facts: object) -> None:
        """Record an event: *name* is fixed text (``breaker.moved``), with its facts."""
        ...

    def warning(self, name: str, **facts: object) -> None:
        """Record a problem that does not end the run."""
        ...

    def span(self, name: str, **facts: object) -> AbstractContextManager[Span]:
        """Start a span that ends with the block; an exception that leaves the block marks it as failed."""
        ...

    def measure(self, instrument: Instrument, value: float, **facts: object) -> None:
        """Add to a counter, or set a gauge."""
        ...

    def record_attempt(self, attempt: HttpAttempt) -> None:
        """Record one finished request to a provider."""
        ...

    def send(self) -> None:
        """Start to send what was recorded so far, and return immediately."""
        ...


class NoopSpan:
    """A span that records nothing."""

    def note(self, **facts: object) -> None:
        """Do nothing."""

    def fail(self, error_class: str, text: str = "") -> None:
        """Do nothing."""

    def link(self, run_id: RunId) -> None:
        """Do nothing."""


_UNHEARD = nullcontext(NoopSpan())


class NoopTelemetry:
    """A ``Telemetry`` that records nothing; base class of partial implementations."""

    def event(self, name: str, **facts: object) -> None:
        """Do nothing."""

    def warning(self, name: str, **facts: object) -> None:
        """Do nothing."""

    def span(self, name: str, **facts: object) -> AbstractContextManager[Span]:  # noqa: ARG002 - the port's signature
        """Yield a span that records nothing."""
        return _UNHEARD

    def measure(self, instrument: Instrument, value: float, **facts: object) -> None:
        """Do nothing."""

    def record_attempt(self, attempt: HttpAttempt) -> None:
        """Do nothing."""

    def send(self) -> None:
        """Do nothing."""
