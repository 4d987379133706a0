"""Whatever others wrote, a parser returns or raises what it says that it may."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.parsers import PARSERS

# What was found, each of which ended a run of the program with a traceback.
FOUND: Mapping[str, Sequence[bytes]] = {
    "orders": [b"reason=x until=0001-01-01T00:00:00+23:59"],
    "mapping": [b"[" * 5000, b"x = " + b"9" * 5000, b"x = " + b"[" * 5000],
    "checklist": [b'- "\\UFFFFFFFF"', b"%YAML 1." + b"9" * 5000 + b"\n---\n", b"[" * 5000],
    "log": [
        b'{"timestamp": 1' + b"0" * 400 + b"}",
        b"[pod/a] " * 5000,
        b"[" * 5000,
    ],
    "database": [
        b"postgresql://,/db",
        b"postgresql://a..b/db",
        b"postgresql://" + b"x" * 300 + b"/db",
        b"postgresql:///db?host=a,",
        b"postgresql://h/db?port=abc",
        b"postgresql://h1:1,h2:x/db",
        b"postgres://@h2:1,h2:2@h2:1,h2:2/db",
        b"postgres://h[::2]x/db",
        b"postgres:////u@,h/db",
    ],
}


def pieces(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Draw what is almost an example: with a part cut out, or something else put in."""
    odd = st.sampled_from([b"\0", b'"', b"\\", b"{", b"[", b"-", b"\n", b"9" * 5000, b"1e999", b"\xff", b"&a [*a]"])
    part = st.one_of(st.binary(max_size=8), odd, st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace")))
    return st.builds(
        lambda seed, start, length, put, times: seed[:start] + put * times + seed[start + length :],
        st.sampled_from(seeds),
        st.integers(0, max(map(len, seeds))),
        st.integers(0, 40),
        part,
        st.sampled_from([1, 1, 1, 3, 2000]),
    )


@pytest.mark.parametrize("name", PARSERS)
def test_each_example_is_read(name: str) -> None:
    for seed in PARSERS[name].seeds:
        PARSERS[name].try_on(seed)


@pytest.mark.parametrize(("name", "content"), [(name, each) for name, found in FOUND.items() for each in found])
def test_fixed_findings_stay_fixed(name: str, content: bytes) -> None:
    PARSERS[name].try_on(content)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_any_text_is_read_or_refused_in_a_sentence(name: str, data: st.DataObject) -> None:
    PARSERS[name].try_on(data.draw(st.binary(max_size=200) | pieces(PARSERS[name].seeds)))
