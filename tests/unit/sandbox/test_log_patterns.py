"""Filter patterns of terms, as the User Guide's "Match terms in log events" has them."""

import pytest
from eda_sandbox.frontdoor.log_patterns import pattern

LINES = ("[ERROR 400] BAD REQUEST", "[ERROR 419] MISSING ARGUMENTS", "[WARN 401] UNAUTHORIZED", "error")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1]),
        ("ERROR ARGUMENTS", [1]),
        ("?ERROR ?WARN", [0, 1, 2]),
        ('"BAD REQUEST"', [0]),
        ("ERROR -ARGUMENTS", [0]),
        ('-"[ERROR"', [2, 3]),
        ("error", [3]),
    ],
)
def test_a_line_is_found_by_its_terms(text: str, found: list[int]) -> None:
    matches = pattern(text)
    assert matches is not None
    assert [number for number, line in enumerate(LINES) if matches(line)] == found


@pytest.mark.parametrize("text", ['{ $.level = "ERROR" }', "[ip, user]", "%ERROR|WARN%", "a-b", "ERROR ?WARN", '"open'])
def test_what_is_not_made_of_terms_is_told(text: str) -> None:
    assert pattern(text) is None
