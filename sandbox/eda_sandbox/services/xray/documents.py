"""Segment documents: what X-Ray takes, and what is wrong with others.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import re
from typing import Any

MAX_BYTES = 64 * 1024
"""Of a segment document."""
MAX_NAME = 200
"""Characters of a segment's name."""
_NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]+")
_ID = re.compile(r"[0-9a-fA-F]{16}")
_TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")

Document = dict[str, Any]


class InvalidSegment(Exception):
    """X-Ray does not take a document.

    Args:
        code: why, in X-Ray's words.
        subsegment: whether it is a subsegment.
        id: the document's id, where it has one.
    """

    def __init__(self, code: str, *, subsegment: bool = False, id: str | None = None) -> None:
        kind, cause = ("subsegment", ", Cause: null") if subsegment else ("segment", "")
        super().__init__(f"Invalid {kind}. ErrorCode: {code}{cause}")
        self.code = code
        self.id = id


def read(text: str) -> list[Document]:
    """The segments of a document: one, or those of an array.

    Raises:
        InvalidSegment: X-Ray does not take it.
    """
    if len(text.encode()) > MAX_BYTES:
        raise InvalidSegment("SegmentTooLarge", id=_id(text))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidSegment("ParseError") from None
    documents = found if isinstance(found, list) and found else [found]
    for document in documents:
        if isinstance(document, list):
            raise InvalidSegment("MissingId")
        if not isinstance(document, dict):
            raise InvalidSegment("ParseError")
        _check(document)
    return documents


def _id(text: str) -> str | None:
    found = re.search(r'"id"\s*:\s*"([0-9a-fA-F]{16})"', text)
    return found[1] if found else None


def _check(document: Document) -> None:
    id = document.get("id") if isinstance(document.get("id"), str) else None
    independent = document.get("type") == "subsegment"

    def refuse(code: str, *, subsegment: bool = independent) -> None:
        raise InvalidSegment(code, subsegment=subsegment, id=id)

    if not document.get("id"):
        refuse("MissingId")
    if not isinstance(document["id"], str) or not _ID.fullmatch(document["id"]):
        refuse("InvalidId")
    if not document.get("trace_id"):
        refuse("MissingTraceId")
    if not isinstance(document["trace_id"], str) or not _TRACE_ID.fullmatch(document["trace_id"]):
        refuse("InvalidTraceId")
    parent = document.get("parent_id")
    if independent and not parent:
        refuse("MissingParentId")
    if parent is not None and not (isinstance(parent, str) and _ID.fullmatch(parent)):
        refuse("InvalidParentId")
    code = _problem(document)
    if code is not None:
        refuse(code)
    below = _first_problem(document.get("subsegments"))
    if below is not None:
        refuse(below, subsegment=True)


def _problem(document: Document) -> str | None:
    """What is wrong with the members that segments and subsegments share."""
    name = document.get("name")
    if not name:
        return "MissingName"
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        return "InvalidName"
    if "start_time" not in document:
        return "MissingStartTime"
    if not _is_time(document["start_time"]):
        return "InvalidStartTime"
    progress = document.get("in_progress", False)
    if not isinstance(progress, bool):
        return "InvalidInProgress"
    if "end_time" not in document:
        return None if progress else "MissingEndTime"
    if not _is_time(document["end_time"]):
        return "InvalidEndTime"
    for member in ("http", "aws", "annotations", "metadata"):
        if not isinstance(document.get(member, {}), dict):
            return f"Invalid{member.capitalize()}"
    return None


def _first_problem(subsegments: Any) -> str | None:
    if subsegments is None:
        return None
    if not isinstance(subsegments, list):
        return "InvalidSubsegments"
    for subsegment in subsegments:
        if not isinstance(subsegment, dict):
            return "InvalidSubsegments"
        if not subsegment.get("id"):
            return "MissingId"
        if not isinstance(subsegment["id"], str) or not _ID.fullmatch(subsegment["id"]):
            return "InvalidId"
        code = _problem(subsegment) or _first_problem(subsegment.get("subsegments"))
        if code is not None:
            return code
    return None


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11
