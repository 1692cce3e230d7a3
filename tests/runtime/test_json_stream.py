"""An array read as it arrives equals the array read at once."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from eda_runtime.json_stream import JsonStreamError, elements
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

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


VALID = [
    "[]",
    "[ ]",
    " [1]\t",
    "[1]\n",
    "[0]",
    "[-0]",
    "[-0.0]",
    "[1.5]",
    "[1e3]",
    "[1E+3]",
    "[1e-3]",
    "[0e1]",
    "[0e+1]",
    "[123.456e78]",
    "[1e400]",
    "[-1e400]",
    "[1e-400]",
    "[20e1]",
    "[true,false,null]",
    '[""]',
    '["\\u0061\\ud83d\\ude00"]',
    '["\\ud800"]',
    '["\\/\\b\\f\\n\\r\\t\\"\\\\"]',
    '["\u2028 \U0001f600 é"]',
    '[{"a":{"b":[{}]}}]',
    '[{"a":1,"a":2}]',
    '[{"":0}]',
    "[[[[]]]]",
    "[1,2 ,3, 4 , 5]",
    '["asd "]',
    '["\x7f"]',
    "[-1]",
    "[9007199254740993]",
    "[" + "1" * 4300 + "]",
    "[" + "1" * 5000 + ".5]",
    '[{"a":"},"},{"b":[{},{}]},[{},{}],{},1,{}]',
    '[[{},{}],{"a":"},{"},"},{},",{}]',
]
"""Of each kind that JSONTestSuite has under ``y_``, and what implementations may choose of ``i_``."""
INVALID = [
    # Arrays.
    "",
    " ",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[,]",
    "[1 2]",
    "[1 true]",
    "[a]",
    "[1]]",
    "[1]x",
    "[1],",
    "[1][2]",
    "[x",
    "[1:2]",
    '["": 1]',
    '["a"',
    '["a",\n4\n,1',
    "[3[4]]",
    "[1}",
    "{}",
    "1",
    '"[]"',
    "null",
    "[*]",
    "[\v]",
    "[\f]",
    "[\u00a01]",
    "[1]\u00a0",
    "[,\n]",
    "[\n1,]",
    "[//1\n]",
    "[1/**/]",
    "[1]#",
    "[<null>]",
    "[&]",
    "\u2060[1]",
    "\ufeff[1]",
    "[1,2,3,4,5x,6,7]",
    '[{"id":1},{"id":22}0,{"id":3[,{"id":4}]',
    # Numbers.
    "[+1]",
    "[+Inf]",
    "[-01]",
    "[01]",
    "[-1.]",
    "[1.]",
    "[.1]",
    "[.3]",
    "[-.1]",
    "[0.e1]",
    "[0.3e+]",
    "[0.3e]",
    "[0e]",
    "[0e+]",
    "[0E]",
    "[0E+]",
    "[1.0e+]",
    "[1.0e-]",
    "[1.0e]",
    "[1eE2]",
    "[2.e3]",
    "[2.e+3]",
    "[9.e+]",
    "[1 000.0]",
    "[1+2]",
    "[0x1]",
    "[0x42]",
    "[NaN]",
    "[-NaN]",
    "[Infinity]",
    "[-Infinity]",
    "[-]",
    "[--1]",
    "[-foo]",
    "[- 1]",
    "[-1x]",
    "[1ea]",
    "[1a]",
    "[1.2a-3]",
    "[1.8011670033376514H-308]",
    "[0.1.2]",
    "[-2.]",
    "[\uff11]",
    "[1_000]",
    "[1e1.5]",
    "[1,-]",
    "[012]",
    "[-012]",
    "[1.5",
    "[- ",
    # Objects.
    '[{"a"}]',
    '[{"a":}]',
    '[{"a":1,}]',
    "[{a:1}]",
    "[{1:1}]",
    "[{'a':0}]",
    '[{"a" "b"}]',
    '[{"a"::1}]',
    '[{"a":1,,"b":2}]',
    '[{"a":1',
    "[{",
    "[{]",
    "[{[: ]}]",
    '[{"a": true} "x"]',
    '[{"a":"a" 123}]',
    '[{"x", null}]',
    '[{"a":-1.}]',
    '[{"a":NaN}]',
    "[{,}]",
    '[{"a":/*c*/1}]',
    '[{"a":1e}]',
    # Strings.
    '["]',
    '["a]',
    '["\\"]',
    '["\\x00"]',
    '["\\u"]',
    '["\\u00A"]',
    '["\\u1x"]',
    '["\\a"]',
    '["\\\\\\"]',
    "['a']",
    '["\n"]',
    '["\t"]',
    '["\x00"]',
    "[\\n]",
    "[é]",
    '["a"b]',
    '["\\ud800\\u"]',
    "[\\u0020]",
    # Literals and structure.
    "[nul]",
    "[nulll]",
    "[tru]",
    "[truE]",
    "[fals]",
    "[True]",
    "[NULL]",
    "[true1]",
    "[n",
    "[t]",
    "[undefined]",
    "[\x00]",
    "[1\x00]",
    "[" * 100_000,
    '[{"":' * 50_000,
    "[" * 100_000 + "]" * 100_000,
    "[" + "1" * 5000 + "]",
    '[{"a":' + "1" * 5000 + "}]",
]
"""Of each kind that JSONTestSuite has under ``n_``, and what Python's own parser cannot hold."""


def read(data: bytes, size: int) -> list[Any]:
    return list(elements(data[at : at + size] for at in range(0, len(data), size)))


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_every_kind_of_valid_array_is_taken(size: int) -> None:
    for text in VALID:
        assert repr(read(text.encode("utf-8", "surrogatepass"), size)) == repr(json.loads(text)), text


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_every_kind_of_invalid_array_is_refused(size: int) -> None:
    for text in INVALID:
        with pytest.raises(JsonStreamError):
            pytest.fail(f"{text[:60]!r} was read as {read(text.encode(), size)!r}"[:500])


def whole(data: bytes) -> list[Any] | None:
    """As a parser that has all of it reads it; None: it is no array."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(data.decode(), parse_constant=refuse)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


MUTATION = st.tuples(
    st.integers(0, 10_000),
    st.integers(0, 3),
    st.sampled_from([b"", b"x", *map(bytes, zip(b'[]{},:"\\0123.eE+-tfnN \xc3\x00'))]),
)


@settings(max_examples=examples(1_500))
@given(
    st.lists(JSON, max_size=8),
    st.lists(MUTATION, max_size=3),
    st.lists(st.integers(0, 9), max_size=60),
    st.sampled_from([None, 1]),
)
def test_any_bytes_are_read_as_a_parser_that_has_all_of_them_reads_them(
    values: list[Any], mutations: list[tuple[int, int, bytes]], sizes: list[int], indent: int | None
) -> None:
    data = json.dumps(values, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass")
    for at, length, put in mutations:
        at %= len(data) + 1
        data = data[:at] + put + data[at + length :]
    expected = whole(data)
    try:
        found: list[Any] | None = list(elements(cut(data, sizes)))
    except JsonStreamError:
        found = None
    assert repr(found) == repr(expected)


def test_an_elements_length_counts_however_it_arrives() -> None:
    data = json.dumps([1, "x" * 4_998, "x" * 4_999]).encode()
    for size in (1, 100, 4_000, 100_000):
        assert len(read_up_to(data, size, 5_001)) == 3
        with pytest.raises(JsonStreamError, match="longer than 5000"):
            read_up_to(data, size, 5_000)
        with pytest.raises(JsonStreamError, match="longer than 5000"):
            read_up_to(b"[" + b"1" * 6_000 + b"]", size, 5_000)


def read_up_to(data: bytes, size: int, longest: int) -> list[Any]:
    return list(elements((data[at : at + size] for at in range(0, len(data), size)), longest))


def test_a_long_element_costs_its_length_and_not_its_square() -> None:
    def cost(length: int) -> float:
        data = b'["' + b"x" * length + b'"]'
        begin = time.process_time()
        read(data, 64)
        return time.process_time() - begin

    cost(10_000)
    short = min(cost(100_000) for _ in range(3))
    long = min(cost(800_000) for _ in range(3))
    # Eight times as long; the square would be 64 times as much.
    assert long < 24 * short


PEAKS = """
import tracemalloc
from eda_runtime.json_stream import JsonStreamError, elements
def peak(count):
    tracemalloc.start()
    try:
        for _ in elements(b"[0" if number == 0 else b', {"a": [1, 2]}   ' for number in range(count)):
            pass
    except JsonStreamError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most
peak(10)
print(peak(4_000), peak(40_000))
"""


@pytest.mark.slow
def test_memory_is_an_elements_and_not_the_arrays() -> None:
    """In a process of its own: what other tests left running allocates, too."""
    done = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    short, long = map(int, done.stdout.split())
    assert long < short + 10_000
