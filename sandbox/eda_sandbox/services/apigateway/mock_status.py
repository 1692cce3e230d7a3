"""The status code that the request template of a mock integration gives.

API Gateway reads it out of what is nearly JSON: keys without quotes or in single ones, as the AWS CDK writes them
(``{ statusCode: 200 }``), empty elements, and texts that it does not understand beside it.
"""

import json
import re

_ELEMENT = re.compile(r"""\s*(?P<quote>["']?)statusCode(?P=quote)\s*:\s*(?P<status>-?\d+)\s*""")


def mock_status(text: str) -> int:
    """Read the status code.

    Args:
        text: what the template gave; nothing counts as ``{}``.

    Raises:
        ValueError: there is none, or it is no integer.
    """
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return _from_what_is_nearly_json(text.strip())
    status = found.get("statusCode") if isinstance(found, dict) else None
    if isinstance(status, bool) or not isinstance(status, int):
        raise ValueError(f"statusCode is no integer: {status!r}")
    return status


def _from_what_is_nearly_json(text: str) -> int:
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("the template gives no object")
    elements = text[1:-1].split(",")
    if any(element.lstrip().startswith("{") for element in elements):
        raise ValueError("an element begins with a brace")
    for element in elements:
        match = _ELEMENT.fullmatch(element)
        if match:
            return int(match["status"])
    raise ValueError("there is no statusCode")
