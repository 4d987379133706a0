"""Sends telemetry to a collector: one POST with retries, within a time limit.

The SDK's exporters keep no limit (they took 7 to 10 s to give up on an unreachable collector), and import another HTTP
library: docs/decisions/0023-telemetry-sender.md.
"""

import gzip
import ssl
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from threading import Event
from typing import IO

import certifi

from reconcile.telemetry.otel_settings import Target

LIMIT = 2.0
"""Time limit of a send in seconds."""
_FIRST_PAUSE = 0.1
_LIGHTEST = 1
"""gzip level 1: telemetry is repetitive, so higher levels gain little."""
_MAY_PASS = frozenset({429, 502, 503, 504})
"""Statuses of a busy collector, as listed in the protocol's specification."""
_LONGEST_ANSWER = 65_536


class NotDelivered(Exception):
    """The data is lost; the text is fixed and contains neither the address nor a header."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuse redirects, because headers are secrets."""

    def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's signature
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        return None


class Sender:
    """Sends one signal to its collector, through the environment's proxy if there is one."""

    def __init__(self, target: Target, *, version: str) -> None:
        self._target = target
        self._headers = {
            "User-Agent": f"appointment-reconciler/{version}",
            **target.headers,
            "Content-Type": "application/x-protobuf",
            **({"Content-Encoding": "gzip"} if target.is_gzip else {}),
        }
        self._opener: urllib.request.OpenerDirector | None = None
        self._closed = Event()

    def send(self, body: bytes) -> bytes:
        """Send *body* and return the response; raise NotDelivered if a retry cannot succeed or the limit is reached."""
        content = gzip.compress(body, _LIGHTEST) if self._target.is_gzip else body
        ends_at = time.monotonic() + LIMIT
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._post(content, timeout=max(0.05, ends_at - time.monotonic()))
            except _MaybeLaterError as error:
                if time.monotonic() + pause >= ends_at or self._closed.wait(pause):
                    raise NotDelivered(str(error)) from None
            pause *= 2

    def close(self) -> None:
        """Stop retrying."""
        self._closed.set()

    def _post(self, content: bytes, *, timeout: float) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - its scheme was checked
            self._target.url, data=content, headers=self._headers, method="POST"
        )
        try:
            with self._get_opener().open(request, timeout=timeout) as response:
                answer: bytes = response.read(_LONGEST_ANSWER)
                return answer
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
            text = f"the collector answered {status}"
            failure = _MaybeLaterError(text) if status in _MAY_PASS else NotDelivered(text)
        except (OSError, HTTPException) as error:  # URLError, time-outs and ssl's errors are OSErrors
            failure = _translated(getattr(error, "reason", error))
        raise failure

    def _get_opener(self) -> urllib.request.OpenerDirector:
        if self._opener is None:
            self._opener = urllib.request.build_opener(_NoRedirects, *self._https())
        return self._opener

    def _https(self) -> tuple[urllib.request.HTTPSHandler, ...]:
        target = self._target
        if not target.url.lower().startswith("https:"):
            return ()
        system = ssl.get_default_verify_paths()
        roots = target.ca_file or (None if system.cafile or system.capath else certifi.where())
        try:
            context = ssl.create_default_context(cafile=roots)
            if target.certificate_file:
                context.load_cert_chain(target.certificate_file, target.key_file)
        except OSError:
            raise NotDelivered("a certificate or key that OTEL_* variables name cannot be read") from None
        return (urllib.request.HTTPSHandler(context=context),)


class _MaybeLaterError(NotDelivered):
    """A retry may succeed."""


def _translated(reason: object) -> NotDelivered:
    match reason:
        case TimeoutError():
            return NotDelivered("the collector did not answer in time")
        case ssl.SSLError():
            return NotDelivered("the collector's certificate is not trusted")
        case HTTPException():
            return NotDelivered("the response is not a collector's")
        case _:
            return _MaybeLaterError("the collector could not be reached")
