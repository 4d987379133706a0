"""Telemetry on its way to a collector: one POST, again where that may help, all of it within a limit of its own.

The SDK's exporters keep no limit (they took 7 to 10 s to give a dead collector up), and load an HTTP library of their
own: docs/decisions/0023-telemetry-keeps-its-own-limit.md.
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
"""Seconds that a send may take."""
_FIRST_PAUSE = 0.1
_LIGHTEST = 1
"""gzip's level: telemetry repeats itself, so it becomes small at any of them."""
_MAY_PASS = frozenset({429, 502, 503, 504})
"""Statuses that a collector gives while it is busy, as the protocol's specification lists them."""
_LONGEST_ANSWER = 65_536


class NotDelivered(Exception):
    """What was to be sent is lost; the text is fixed and shows neither the address nor a header."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follow nobody elsewhere: headers are secrets."""

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
    """Sends one signal to its collector, through the proxy that the environment names if it names one."""

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
        """Deliver *body* and return the answer; raise NotDelivered once that is hopeless or the limit is over."""
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
        """Make no further attempt."""
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
        except (OSError, HTTPException) as error:  # URLError is an OSError, so are time-outs and ssl's errors
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
    """Another attempt may help."""


def _translated(reason: object) -> NotDelivered:
    match reason:
        case TimeoutError():
            return NotDelivered("the collector did not answer in time")
        case ssl.SSLError():
            return NotDelivered("no trusted connection to the collector could be made")
        case HTTPException():
            return NotDelivered("what answered is no collector")
        case _:
            return _MaybeLaterError("the collector could not be reached")
