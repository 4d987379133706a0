"""A call to a provider, its reply, and the record of each attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconcile.domain.ids import Operation
from reconcile.ports import HttpAttempt
from reconcile.providers.http.rate_limits import RateHeaders


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call to a provider. All calls only read, whatever their method, so each may be repeated.

    *path* is a template below the base URL, such as ``/contacts/{contact_id}/appointments``; each of *path_params* is
    encoded into one segment. *attempts* is the maximum number of attempts; None leaves it to the retry policy.
    """

    operation: Operation
    path: str
    path_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)
    method: str = "GET"
    json: object = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response that the adapter interprets: a 2xx; a 400, 404 or 422 with a text; a 401 about the Version.

    *message* is the provider's text. It is used for decisions and never shown, stored or logged.
    """

    status: int
    body: Any = field(repr=False)
    message: str = field(default="", repr=False)
    rate: RateHeaders = field(default_factory=RateHeaders)

    @property
    def is_success(self) -> bool:
        return self.status < 300  # noqa: PLR2004 - the status class is the standard's


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAttempt(HttpAttempt):
    """The record of one attempt, with the rate headers of its response."""

    rate: RateHeaders | None = None
