"""``eda_runtime.stage_variables``: the headers with which a page of another origin may read an answer."""

from typing import Any

import pytest
from eda_runtime.stage_variables import with_cors

TWO = {"eda_cors_origins": "https://a.example,https://b.example", "eda_cors_exposed": "Location"}
ANSWER = {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": ""}
ALLOW, EXPOSE = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"


@pytest.mark.parametrize(
    ("variables", "origin", "added"),
    [
        (TWO, "https://b.example", {ALLOW: "https://b.example", "Vary": "Origin", EXPOSE: "Location"}),
        (TWO, "https://b.example.evil", {"Vary": "Origin", EXPOSE: "Location"}),
        (TWO, None, {"Vary": "Origin", EXPOSE: "Location"}),
        ({"eda_cors_origins": "https://a.example"}, "https://b.example", {ALLOW: "https://a.example"}),
        ({"eda_cors_origins": "any"}, "https://b.example", {ALLOW: "*"}),
        ({"other": "x"}, "https://b.example", {}),
        (None, "https://b.example", {}),
    ],
)
def test_an_answer_has_what_the_stage_says(variables: Any, origin: str | None, added: dict[str, str]) -> None:
    # HTTP/2 clients send names in lower case.
    event = {"stageVariables": variables, "headers": {"origin": origin} if origin else {}}
    assert with_cors(event, ANSWER) == {**ANSWER, "headers": {**ANSWER["headers"], **added}}  # type: ignore[dict-item]
    assert ANSWER["headers"] == {"Content-Type": "text/plain"}


@pytest.mark.parametrize("name", ["headers", "multiValueHeaders"])
def test_an_answer_that_has_them_and_one_that_is_none_stay_as_they_are(name: str) -> None:
    value: Any = "https://x" if name == "headers" else ["https://x"]
    for answer in ({"statusCode": 200, name: {"access-control-allow-origin": value}}, {"body": ""}, None, "text"):
        assert with_cors({"stageVariables": TWO}, answer) == answer
