"""One HTTP request to an alert service, with a time limit and without redirects: confirmed, or an error."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from reconcile.errors import AlertNotDelivered
from reconcile.ports import Clock
from reconcile.wire.retry_after import retry_after

_MOST_BYTES = 4096
"""Maximum length of a confirmation; a longer body is another server's page."""
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "appointment-reconciler"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostResponse:
    """A 2xx response and the start of its body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Posts over *transport*, whose errors contain neither address nor headers, as *name*."""

    name: str
    transport: httpx.AsyncBaseTransport
    clock: Clock

    async def send(
        self, url: str, content: bytes, *, deadline: float, headers: Mapping[str, str] | None = None
    ) -> PostResponse:
        """Send JSON in one attempt and return the 2xx response; anything else raises AlertNotDelivered."""
        given = {**_HEADERS, "Content-Type": "application/json", **(headers or {})}
        failure: AlertNotDelivered
        # raised here without a context: a library's exception may hold the address or the headers
        try:
            async with asyncio.timeout(max(deadline - self.clock.monotonic(), 0)):
                response = await self.transport.handle_async_request(
                    httpx.Request("POST", url, headers=given, content=content)
                )
                try:
                    answer = PostResponse(status=response.status_code, body=await _beginning(response))
                finally:
                    await response.aclose()
                if response.is_success:
                    return answer
                wait = retry_after(response.headers.get_list("retry-after"), now=self.clock.now())
                failure = AlertNotDelivered(f"{self.name} answered {answer.status}", retry_after=wait)
        except (TimeoutError, httpx.TimeoutException):
            failure = AlertNotDelivered(f"{self.name} did not answer in time")
        except httpx.InvalidURL:
            failure = AlertNotDelivered(f"{self.name} has an invalid address")
        except httpx.HTTPError as error:
            failure = AlertNotDelivered(f"{self.name} could not be reached: {error}")
        raise failure

    def unconfirmed(self, answer: PostResponse) -> AlertNotDelivered:
        """Return the error for a 2xx that is not the service's, for example a proxy's page."""
        return AlertNotDelivered(f"{self.name} answered {answer.status} without {self.name}'s confirmation")


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MOST_BYTES:
            break
    return body[:_MOST_BYTES]
