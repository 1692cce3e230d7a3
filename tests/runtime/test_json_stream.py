"""An array read as it arrives equals the array read at once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from eda_runtime.json_stream import JsonStreamError, elements
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


@given(st.lists(JSON, max_size=8), st.lists(st.integers(0, 7), max_size=40), st.booleans(), st.sampled_from([None, 2]))
def test_any_array_cut_anywhere(values: list[Any], sizes: list[int], ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        data.decode()
    except UnicodeDecodeError:
        with pytest.raises(JsonStreamError):
            list(elements(cut(data, sizes)))
        return
    assert list(elements(cut(data, sizes))) == values


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1,2", b"[1 2]", b"[1,]", b"[1]x", b'["a', b"[nope]", b'["\xff"]', b"[1,2]]"]
)
def test_what_is_no_array_is_refused(data: bytes) -> None:
    with pytest.raises(JsonStreamError):
        list(elements(cut(data, [1] * len(data))))


def test_an_element_without_end_is_refused_before_it_fills_the_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b'["'
        while True:
            yield b"x" * 1000

    with pytest.raises(JsonStreamError, match="longer than 5000"):
        list(elements(endless(), max_element=5000))
