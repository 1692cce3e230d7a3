"""What the console reads reaches a browser, whatever a program's data is."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eda_sandbox.console.page import recorded
from eda_sandbox.console.reading import as_json
from hypothesis import given
from hypothesis import strategies as st

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals()
values = st.recursive(
    scalars | st.datetimes(timezones=st.just(UTC)) | st.sets(st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def strictly(text: str) -> Any:
    """Read JSON as a browser does."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@given(values)
def test_all_values_are_json_to_a_browser(value: Any) -> None:
    text = as_json(value)
    strictly(text)
    # An event of a stream ends at a line break.
    assert "\n" not in text


def test_what_json_lacks_is_text() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    value = {"at": at, "number": Decimal("1.50"), "odd": [float("nan"), float("-inf")], "names": {"b", "a"}}
    assert strictly(as_json(value)) == {
        "at": "2026-01-02T03:04:05.678Z",
        "number": "1.50",
        "odd": ["nan", "-inf"],
        "names": ["a", "b"],
    }


@given(st.text(alphabet=st.sampled_from("</script>!- \u2028\ud800x"), max_size=40))
def test_no_text_ends_the_script_that_holds_a_recording(text: str) -> None:
    page = recorded({"events": [], "read": {"node": text}})
    begin = page.index('id="recording">') + len('id="recording">')
    held = page[begin : page.index("</script>", begin)]
    assert strictly(held)["read"]["node"] == text
