"""What an ``EventApi`` tells the functions behind it, in variables of its stage: API Gateway hands their answers on as
they are, and has no limit of a request's size but its own."""

from collections.abc import Mapping
from typing import Any

CORS_ORIGINS = "eda_cors_origins"
"""Origins whose pages may read an answer, between commas."""
CORS_EXPOSED = "eda_cors_exposed"
"""Headers that such a page may read, between commas."""
MAXIMUM_REQUEST_BYTES = "eda_maximum_request_bytes"
"""The longest body that is taken."""
ANY_ORIGIN = "any"
"""All origins; a variable's value has no asterisk."""


def check_size(event: Mapping[str, Any]) -> None:
    """Refuse a body that is longer than the API takes.

    Raises:
        Problem: 413.
    """
    limit = _variables(event).get(MAXIMUM_REQUEST_BYTES)
    if limit is None:
        return
    # Imported here, because a program reads the names alone.
    from eda_runtime.http import Problem, body_of

    try:
        size = len(body_of(event))
    except ValueError:
        # Whoever reads the body says what is wrong with it.
        size = len(event["body"])
    if size > int(limit):
        raise Problem(413, f"the body is longer than {limit} bytes")


def with_cors(event: Mapping[str, Any], answer: Any) -> Any:
    """An answer with the headers that a page of another origin needs to read it; one that has them stays as it is.

    Args:
        event: the request.
        answer: of the handler; it is not changed.
    """
    variables = _variables(event)
    origins = variables.get(CORS_ORIGINS)
    if not origins or not isinstance(answer, Mapping) or "statusCode" not in answer:
        return answer
    given = answer.get("headers") or {}
    known = {name.lower() for name in (*given, *(answer.get("multiValueHeaders") or {}))}
    if "access-control-allow-origin" in known:
        return answer
    told: dict[str, Any] = {**answer, "headers": {**given, **_headers(event, origins.split(","))}}
    if variables.get(CORS_EXPOSED) and "access-control-expose-headers" not in known:
        told["headers"]["Access-Control-Expose-Headers"] = variables[CORS_EXPOSED]
    return told


def _headers(event: Mapping[str, Any], origins: list[str]) -> dict[str, str]:
    if origins == [ANY_ORIGIN]:
        return {"Access-Control-Allow-Origin": "*"}
    if len(origins) == 1:
        return {"Access-Control-Allow-Origin": origins[0]}
    from eda_runtime.http import header

    sent = header(event, "origin")
    return {"Vary": "Origin"} | ({"Access-Control-Allow-Origin": sent} if sent in origins else {})


def _variables(event: Mapping[str, Any]) -> Mapping[str, str]:
    return event.get("stageVariables") or {}
