"""JSON whose numbers keep their value, of any depth."""

import json
from decimal import Decimal
from typing import Any

import pytest
from eda_runtime import json_text
from eda_runtime.idempotency.keys import canonical, canonical_text, parsed
from hypothesis import given
from hypothesis import strategies as st

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?\Z", fullmatch=True)


def refuse(value: Any) -> Any:
    raise TypeError(type(value))


def written(value: Any) -> str:
    return json_text.dumps(canonical(value), refuse, sort_keys=True)


@given(JSON, st.booleans())
def test_it_writes_and_reads_what_python_does(value: Any, sort_keys: bool) -> None:
    text = json.dumps(value, sort_keys=sort_keys)
    assert json_text.dumps(value, refuse, sort_keys) == text
    assert repr(json_text.loads(text)) == repr(json.loads(text))
    deep = "[" * 150 + text + "]" * 150
    assert repr(json_text.loads(deep)) == repr(json.loads(deep))


@given(NUMBERS, NUMBERS)
def test_numbers_are_one_key_when_they_are_one_value(one: str, other: str) -> None:
    assert (written(parsed(one)) == written(parsed(other))) is (Decimal(one) == Decimal(other))
    # However it came: as text, as a decimal, or as what another text means.
    assert written(parsed(one)) == written(Decimal(one)) == written(parsed(str(Decimal(one)).replace("E", "e")))


@given(JSON, st.integers(0, 150), st.sampled_from([1, Decimal("0.1"), Decimal("1e-30"), {1: 2, "b": (3,)}, 1e300]))
def test_the_quick_writer_of_keys_and_the_thorough_one_write_the_same(value: Any, depth: int, more: Any) -> None:
    nested: Any = [value, more]
    for _ in range(depth):
        nested = [nested]
    assert canonical_text(nested, refuse) == written(nested)


@given(JSON, st.integers(0, 400), st.integers(0, 5), st.sampled_from([*'[]{},:"\\x10.eE-+ ', ""]))
def test_it_refuses_what_python_does_at_any_depth(value: Any, at: int, cut: int, put: str) -> None:
    text = json.dumps({"a": [value]})
    text = text[: at % len(text)] + put + text[at % len(text) + cut :]
    for document in (text, "[" * 150 + text + "]" * 150):
        try:
            # Numbers one by one: here it is the structure that matters.
            expected = repr(json.loads(document, parse_float=json_text.loads, parse_int=json_text.loads))
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                json_text.loads(document)
        else:
            assert repr(json_text.loads(document)) == expected


def test_a_value_that_holds_itself_has_no_text_and_no_key() -> None:
    loop: dict[str, Any] = {"price": Decimal("0.1")}
    loop["again"] = [loop]
    twice = [loop["price"]] * 2
    assert json_text.dumps([twice, twice], refuse) == "[[0.1, 0.1], [0.1, 0.1]]"
    for act in (lambda: json_text.dumps(loop, refuse), lambda: canonical(loop)):
        with pytest.raises(Exception, match="holds itself"):
            act()


def test_a_long_text_without_an_end_is_read_once() -> None:
    for text in ("[" * 200 + '"' + '\\"' * 200_000, "[" * 200 + '"' * 200_001, "[" * 200 + "-" + "1" * 400_000):
        with pytest.raises(ValueError, match=r"."):
            json_text.loads(text)


def test_the_same_json_is_told_from_what_python_takes_for_it() -> None:
    assert json_text.same({"a": [1, 2.0]}, {"a": [1.0, 2]})
    for one, other in ((1, True), (0, False), ([1], [True]), ({"a": 1}, {"a": True}), ("1", 1), (None, 0), ([], {})):
        assert not json_text.same(one, other)


class Text(str):
    """Text of a type of its own."""


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Lu"]))
    | st.decimals()
    | st.builds(Text, st.text()),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans(), inner, max_size=4)
    ),
)


@given(ANYTHING)
def test_a_plain_value_is_read_as_it_was_written_and_is_its_own_canonical_form(value: Any) -> None:
    def exactly(found: Any) -> str:
        return repr(found) if not isinstance(found, Text) else f"Text({found!r})"

    if json_text.plain(value):
        text = json.dumps(value)
        assert exactly(json_text.loads(text)) == exactly(value)
        assert exactly(canonical(value)) == exactly(value)
        assert json_text.dumps(value, refuse) == text


@pytest.mark.parametrize("value", [{"a": [1, -2, 0.5, "ü", "😀", True, None, {"b": {}}]}, [], "", 2**63 - 1])
def test_what_handlers_answer_is_plain(value: Any) -> None:
    assert json_text.plain(value)


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        -0.0,
        float("nan"),
        float("inf"),
        2**63,
        (1,),
        {1: 2},
        "\ud83d\ude00",
        {"\ud800": 1},
        Decimal(1),
        Text(""),
        LOOP,
    ],
    ids=repr,
)
def test_what_json_changes_is_not_plain(value: Any) -> None:
    assert not json_text.plain(value)
    assert not json_text.plain({"a": [value]})
