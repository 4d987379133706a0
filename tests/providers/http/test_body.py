"""Bodies that are cut, too large, too deep, packed oddly, or no JSON."""

import asyncio
import gzip
import itertools
import json
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.providers.http.body import BodyCaps, BodyFault, BodyReader
from tests import samples

MIB = 1024 * 1024


class Chunks(httpx.AsyncByteStream):
    def __init__(self, chunks: Iterable[bytes], *, cut: bool = False) -> None:
        self._chunks = chunks
        self._cut = cut
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.taken += len(chunk)
            yield chunk
        if self._cut:
            raise httpx.ReadError("canary")


def response(*chunks: bytes, cut: bool = False, **headers: str) -> httpx.Response:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=fields, stream=Chunks(chunks, cut=cut))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(document=JSON, size=st.integers(1, 40), packing=st.sampled_from(["", "gzip", "x-gzip", "deflate", " GZIP "]))
async def test_a_body_is_the_same_however_it_is_packed_and_sliced(document: object, size: int, packing: str) -> None:
    body = orjson.dumps(document)
    packed = body
    if "gzip" in packing.lower():
        packed = gzip.compress(body)
    elif packing == "deflate":
        packed = zlib.compress(body)
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    reader = BodyReader()

    assert reader.decode(await reader.read(response(*chunks, Content_Encoding=packing))) == document


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (response(b"{}", cut=True), "is cut"),
        (response(gzip.compress(b"{}" * 99)[:-9], Content_Encoding="gzip"), "is cut"),
        (response(b"", Content_Encoding="gzip"), "is cut"),
        (response(b"{}", Content_Encoding="gzip"), "cannot be unpacked"),
        (response(gzip.compress(b"{}") + b"more", Content_Encoding="gzip"), "has data after its end"),
        (response(gzip.compress(b"{}"), b"more", Content_Encoding="gzip"), "has data after its end"),
        (response(b"{}", Content_Encoding="br"), "has an unrequested content encoding"),
        (response(b"{}", Content_Encoding="gzip, gzip"), "has an unrequested content encoding"),
        (response(b"", Content_Length="10737418240"), "is longer than 4194304 bytes"),
        (response(b"", Content_Length="9" * 5000), "is longer than 4194304 bytes"),
        (response(b"", Content_Length="4194305"), "is longer than 4194304 bytes"),
    ],
)
async def test_the_fault_of_an_unusable_body_has_a_reason(bad: httpx.Response, words: str) -> None:
    with pytest.raises(BodyFault, match=f"^{words}$"):
        await BodyReader().read(bad)


async def test_a_length_up_to_the_cap_or_without_sense_is_not_refused() -> None:
    for length in ("4194304", "0004194304", "soon", "-1", ""):
        assert await BodyReader().read(response(b"{}", Content_Length=length)) == b"{}"


async def test_endless_chunks_are_left_at_the_cap() -> None:
    endless = Chunks(itertools.repeat(b" " * 65536))
    with pytest.raises(BodyFault, match="is longer than 4194304 bytes"):
        await BodyReader().read(httpx.Response(200, stream=endless))

    assert endless.taken <= 4 * MIB + 65536


@samples.cells(1)
@pytest.mark.parametrize("packing", ["gzip", "deflate"])
async def test_a_bomb_is_left_while_it_unfolds(packing: str) -> None:
    engine = zlib.compressobj(9, wbits=31 if packing == "gzip" else 15)
    bomb = b"".join(engine.compress(b" " * MIB) for _ in range(1024)) + engine.flush()
    reader = BodyReader()
    tracemalloc.start()
    try:
        with pytest.raises(BodyFault, match="unpacks to more than 8388608 bytes"):
            await reader.read(response(bomb, Content_Encoding=packing))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 16 * MIB


def test_only_some_large_bodies_grow_at_the_same_time() -> None:
    growing = most = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal growing, most
        yield b" " * 300_000
        growing += 1
        most = max(most, growing)
        await asyncio.sleep(0)
        yield b" " * 300_000
        growing -= 1

    class Stream(httpx.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return chunks()

    async def read_all() -> None:
        reader = BodyReader(large_at_once=2)
        await asyncio.gather(*(reader.read(httpx.Response(200, stream=Stream())) for _ in range(10)))

    asyncio.run(read_all())

    assert most == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"<html>canary</html>", "is not JSON"),
        (b'{"a": NaN}', "is not JSON"),
        (b'{"a": Infinity}', "is not JSON"),
        (b'{"a": -Infinity}', "is not JSON"),
        (b'{"a": "\\ud800"}', "is not JSON"),
        (b'{"a": "\xff"}', "is not JSON"),
        (b'{"a": 1} {"a": 2}', "is not JSON"),
        (b'{"a": 1', "is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "is not JSON"),
        (b"[" * 1000 + b"]" * 1000, "nests deeper than 64 levels"),
        (b"[" * 65 + b"]" * 65, "nests deeper than 64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nests deeper than 64 levels"),
        (b"[" + b"[]," * 300_000 + b"[]]", "holds too many values"),
        (b"[" + b'{"a":1},' * 100_000 + b"{}]", "holds too many values"),
        (b"[" + b"0," * 400_000 + b"0]", "holds too many values"),
    ],
)
def test_the_fault_of_an_unusable_document_has_a_reason_and_no_content(body: bytes, words: str) -> None:
    with pytest.raises(BodyFault, match=f"^{words}$") as refused:
        BodyReader().decode(body)

    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"null", None),
        (b" [] ", []),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\\u0000"}', {"a": "\x00"}),
        (b"[" * 64 + b"]" * 64, json.loads("[" * 64 + "]" * 64)),
        (b"[" + b"[[]]," * 100 + b"0]", [[[]]] * 100 + [0]),
    ],
)
def test_odd_but_sound_documents_are_read(body: bytes, document: object) -> None:
    assert BodyReader().decode(body) == document


DENSE = """
import json
import subprocess
import sys
from reconcile.providers.http.body import BodyReader, BodyCaps
from tests import samples

most = BodyCaps().value_bytes
documents = {
    "empty arrays": lambda: b",".join([b"[]"] * (most // 164)),
    "empty objects": lambda: b",".join([b"{}"] * (most // 308)),
    "small objects": lambda: b",".join([b'{"a":1}'] * (most // 386)),
    "floats": lambda: b",".join([b"1.5"] * (most // 77)),
    "texts": lambda: b",".join(b'"a%d"' % n for n in range(most // 84)),
    "keys": lambda: b"{" + b",".join(b'"%d":%d' % (n, n + 1000) for n in range(most // 170)) + b"}",
    "wide text": lambda: b'"' + b"a" * (most // 4 - 300) + chr(0x1F600).encode() + b'"',
    "escaped wide text": lambda: b'"' + b"a" * (most // 4 - 300) + rb"\\ud83d\\ude00" + b'"',
    "wide texts": lambda: b",".join([b'"' + chr(0x1F600).encode() + b'a"'] * (most // 120)),
}

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

growth = {}
for name, document in documents.items():
    body = b"[" + document() + b"]"
    with open("/proc/self/clear_refs", "w") as peaks:
        peaks.write("5")
    before = peak()
    BodyReader().decode(body)
    growth[name] = peak() - before
print(json.dumps(growth))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process from /proc")
def test_the_densest_documents_under_the_cap_cost_less_than_32_megabytes() -> None:
    done = subprocess.run([sys.executable, "-c", DENSE], check=True, capture_output=True, text=True)
    growth = json.loads(done.stdout)

    assert all(cost <= 32_000_000 - BodyCaps().decoded_bytes for cost in growth.values()), growth
