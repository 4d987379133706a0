"""Reads response bodies under size caps. A truncated, too large, too deep or non-JSON body raises BodyFault."""

import asyncio
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_PIECE_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_SMALL_BYTES = 256 * 1024
"""Bodies up to this size are read without waiting; only a few larger ones are read at the same time."""
# Upper estimates of the memory that a decoded document takes, by the tokens in its text.
_OBJECT_BYTES, _ARRAY_BYTES, _ITEM_BYTES, _WIDEST_CHARACTER = 232, 88, 72, 4


class BodyFault(Exception):
    """A body that cannot be used; the message completes the sentence "a body that …"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyCaps:
    """Size limits of a body."""

    wire_bytes: int = 4 * 1024 * 1024
    """As received, before decompression."""
    decoded_bytes: int = 8 * 1024 * 1024
    value_bytes: int = 16 * 1024 * 1024
    """Memory of the decoded document, estimated before it is decoded."""
    depth: int = 64


class BodyReader:
    """Reads bodies within *caps*. One reader serves the process, so that concurrent large bodies are limited."""

    def __init__(self, caps: BodyCaps | None = None, *, large_at_once: int = 2) -> None:
        self.caps = caps or BodyCaps()
        self._large = asyncio.Semaphore(large_at_once)

    async def drain(self, response: httpx.Response) -> None:
        """Read a small body to its end and discard it, so that its connection can be reused."""
        stream = _stream(response)
        wire_bytes = 0
        try:
            async for chunk in stream:
                wire_bytes += len(chunk)
                if wire_bytes > _SMALL_BYTES:
                    return
        except httpx.TransportError:
            return

    async def read(self, response: httpx.Response) -> bytes:
        """Return the decompressed body; raises BodyFault as soon as a cap is exceeded."""
        caps = self.caps
        _check_length(response.headers.get("Content-Length", ""), caps)
        engine = _engine(response.headers.get("Content-Encoding", ""))
        stream = _stream(response)
        wire_bytes = held = 0
        parts: list[bytes] = []
        is_large = False
        try:
            async for chunk in stream:
                wire_bytes += len(chunk)
                if wire_bytes > caps.wire_bytes:
                    raise BodyFault(f"is longer than {caps.wire_bytes} bytes")
                for piece in (chunk,) if engine is None else _decompressed_pieces(engine, chunk):
                    parts.append(piece)
                    held += len(piece)
                    if held > caps.decoded_bytes:
                        raise BodyFault(f"unpacks to more than {caps.decoded_bytes} bytes")
                    if held > _SMALL_BYTES and not is_large:
                        is_large = await self._large.acquire()
        except httpx.TransportError:
            raise BodyFault("is cut") from None
        finally:
            if is_large:
                self._large.release()
        if engine is not None and not engine.eof:
            raise BodyFault("is cut")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the JSON document in *body*; raises BodyFault if it is not JSON or exceeds a cap."""
        body = body.removeprefix(_BOM)
        objects, arrays = body.count(b"{"), body.count(b"[")
        items = body.count(b",") + body.count(b":")
        character = 1 if body.isascii() and b"\\u" not in body else _WIDEST_CHARACTER
        cost = objects * _OBJECT_BYTES + arrays * _ARRAY_BYTES + items * _ITEM_BYTES + len(body) * character
        if cost > self.caps.value_bytes:
            raise BodyFault("holds too many values")
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            is_json = False
        else:
            is_json = True
        if not is_json:  # raised outside ``except``: orjson's error holds the whole body
            raise BodyFault("is not JSON")
        if objects + arrays > self.caps.depth and _is_deeper(document, self.caps.depth):
            raise BodyFault(f"nests deeper than {self.caps.depth} levels")
        return document


def _stream(response: httpx.Response) -> httpx.AsyncByteStream:
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("an asynchronous transport returned a body that cannot be awaited")
    return response.stream


def _check_length(stated: str, caps: BodyCaps) -> None:
    digits = stated.strip().lstrip("0")
    if digits.isdecimal() and (len(digits) > len(str(caps.wire_bytes)) or int(digits) > caps.wire_bytes):
        raise BodyFault(f"is longer than {caps.wire_bytes} bytes")


def _engine(encoding: str) -> "zlib._Decompress | None":
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_GZIP_OR_ZLIB)
        case _:
            raise BodyFault("has an unrequested content encoding")


def _decompressed_pieces(engine: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """Yield pieces of bounded size, so that a decompression bomb exceeds a cap after a few of them."""
    while chunk and not engine.eof:
        try:
            piece = engine.decompress(chunk, _PIECE_BYTES)
        except zlib.error:
            raise BodyFault("cannot be unpacked") from None
        chunk = engine.unconsumed_tail
        if piece:
            yield piece
    if engine.unused_data or chunk:
        raise BodyFault("has data after its end")


def _is_deeper(document: object, depth: int) -> bool:
    """Return whether containers nest deeper than *depth*; not recursive, because the cap protects the stack."""
    level: list[object] = [document]
    for _ in range(depth):
        level = [child for container in level for child in _children(container) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(container: object) -> Iterable[object]:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, list) else ()
