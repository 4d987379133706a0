"""What the use cases tell an operator's tools."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from reconcile.domain.ids import Operation, ProviderName, RunId
from reconcile.errors import ErrorClass
from reconcile.ports.instruments import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAttempt:
    """What is told of each request to a provider: *status* is None where no answer came.

    *error_class* is None where nothing failed; both are where the caller was cancelled while it waited. *origin* is
    scheme, host and port; *url_template* is the path without the ids that stand in it.
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
    """A piece of work that has a beginning and an end, and belongs to the one that it was begun in."""

    def note(self, **facts: object) -> None:
        """Put facts beside it; None says nothing."""
        ...

    def fail(self, error_class: str, text: str = "") -> None:
        """Mark it as failed; *text* is fixed, like an error signature's."""
        ...

    def link(self, run_id: RunId) -> None:
        """Point to another run."""
        ...


class Telemetry(Protocol):
    """What the use cases tell an operator's tools. No personal data passes here."""

    def event(self, name: str, **facts: object) -> None:
        """Note one thing that happened: *name* is fixed text (``breaker.moved``), facts stand beside it."""
        ...

    def warning(self, name: str, **facts: object) -> None:
        """Note a trouble that the run survives."""
        ...

    def span(self, name: str, **facts: object) -> AbstractContextManager[Span]:
        """Begin a piece of work that ends with the block; what leaves the block as an error has failed it."""
        ...

    def measure(self, instrument: Instrument, value: float, **facts: object) -> None:
        """Add to a counter, set a gauge."""
        ...

    def record_attempt(self, attempt: HttpAttempt) -> None:
        """Note one request to a provider, once it is over."""
        ...

    def send(self) -> None:
        """Begin to send what was told so far, and return at once: what comes next may take its time."""
        ...


class NoopSpan:
    """A span that nobody asked for."""

    def note(self, **facts: object) -> None:
        """Let the facts go."""

    def fail(self, error_class: str, text: str = "") -> None:
        """Let it go."""

    def link(self, run_id: RunId) -> None:
        """Let it go."""


_UNHEARD = nullcontext(NoopSpan())


class NoopTelemetry:
    """A ``Telemetry`` that nobody listens to; who listens to some of it begins here."""

    def event(self, name: str, **facts: object) -> None:
        """Let it go."""

    def warning(self, name: str, **facts: object) -> None:
        """Let it go."""

    def span(self, name: str, **facts: object) -> AbstractContextManager[Span]:  # noqa: ARG002 - the port's signature
        """Let it go, at no cost."""
        return _UNHEARD

    def measure(self, instrument: Instrument, value: float, **facts: object) -> None:
        """Let it go."""

    def record_attempt(self, attempt: HttpAttempt) -> None:
        """Let it go."""

    def send(self) -> None:
        """Have nothing to send."""
