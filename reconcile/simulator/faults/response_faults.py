"""Turns a response into bytes, with faults of bodies, headers and delivery."""

import gzip
from functools import lru_cache
from http import HTTPStatus

import orjson

from reconcile.simulator.faults.effects import number_of
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.faults.registry import Effects
from reconcile.simulator.wire import Delivery, Manner, SimulatedResponse

HTML_TYPE = "text/html; charset=utf-8"
_HTML = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>%d %s</h1><p>Ray ID 0</p></body></html>"
_MANNERS = (
    (FaultKind.BLACK_HOLE, Manner.BLACK_HOLE),
    (FaultKind.RESET, Manner.RESET),
    (FaultKind.RESET_MID_BODY, Manner.RESET_MID_BODY),
    (FaultKind.TRUNCATE, Manner.TRUNCATE),
    (FaultKind.SLOW_DRIP, Manner.SLOW_DRIP),
    (FaultKind.SILENT_CLOSE, Manner.SILENT_CLOSE),
    (FaultKind.HOLD, Manner.HOLD),
)


def html_answer(status: int) -> SimulatedResponse:
    """Return the error page of a proxy in front of a provider."""
    page = _HTML % (status, status, _phrase(status).encode())
    return SimulatedResponse(status=status, payload=page, content_type=HTML_TYPE)


def redirect_answer(address: str) -> SimulatedResponse:
    """Return a redirect to another address."""
    return SimulatedResponse(status=302, payload=b"", headers={"Location": address})


def deliver(answer: SimulatedResponse, effects: Effects, *, latency: float) -> Delivery:
    """Return the bytes of a response and how they are sent; *latency* is in seconds."""
    body = answer.payload if isinstance(answer.payload, bytes) else orjson.dumps(answer.payload)
    if not effects:
        return Delivery(head=_head(answer, len(body)), body=body, delay=latency)
    body = _alter_body(body, effects, answer)
    extra = int(number_of(effects, FaultKind.TRUNCATE) or 0)
    head = _head(answer, len(body) + extra, str(effects.get(FaultKind.HEADER_CASE, "title")))
    if FaultKind.GARBAGE in effects:
        head = b"\x00\x16\x03 GARBAGE\r\n" + head
    own_latency = number_of(effects, FaultKind.LATENCY)
    return Delivery(
        head=head,
        body=body,
        manner=next((manner for kind, manner in _MANNERS if kind in effects), Manner.WHOLE),
        delay=latency if own_latency is None else own_latency / 1000,
        pause=(number_of(effects, FaultKind.SLOW_DRIP) or 0.0) / 1000,
    )


def _alter_body(body: bytes, effects: Effects, answer: SimulatedResponse) -> bytes:
    is_object = body[:1] == b"{" and len(body) > len(b"{}")
    depth, padding = (number_of(effects, kind) for kind in (FaultKind.DEEP_JSON, FaultKind.OVERSIZE))
    if depth is not None and is_object:
        body = b'{"_deep":' + b"[" * int(depth) + b"]" * int(depth) + b"," + body[1:]
    if padding is not None and is_object:
        body = b'{"_padding":"' + b"x" * int(padding) + b'",' + body[1:]
    if FaultKind.CUT_JSON in effects:
        body = body[: len(body) // 2]
    if FaultKind.EMPTY_BODY in effects:
        body = b""
    inflated = number_of(effects, FaultKind.GZIP_BOMB)
    if inflated is not None:
        answer.headers["Content-Encoding"] = "gzip"
        body = _bomb(int(inflated))
    return body


@lru_cache(maxsize=4)
def _bomb(inflated: int) -> bytes:
    return gzip.compress(b'{"_padding":"' + b"x" * inflated + b'"}', mtime=0)


def _head(answer: SimulatedResponse, length: int, case: str = "title") -> bytes:
    headers = {"Content-Type": answer.content_type, "Content-Length": str(length), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    if case == "lower":
        headers = {name.lower(): value for name, value in headers.items()}
    elif case == "upper":
        headers = {name.upper(): value for name, value in headers.items()}
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@lru_cache(maxsize=64)
def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unknown"
