"""Tags of objects and buckets: what S3 refuses, and when they go (recorded, LocalStack's test_s3_api.py)."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from ministack.services import s3 as emulated

LONGEST_KEY, LONGEST_VALUE = 128, 256
_TEXT = re.compile(r"[\w\s.:/=+@-]*")


def header_problem(header: str | None) -> Any:
    """The answer to a write whose tags in ``x-amz-tagging`` are none; None when they are fine.

    Args:
        header: its value.
    """
    if header is None:
        return None
    pairs = parse_qsl(header, keep_blank_values=True)
    names = [name for name, _ in pairs]
    if len(set(names)) == len(names) and all(_TEXT.fullmatch(text) for pair in pairs for text in pair):
        return None
    return emulated._error(
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
        "duplicates.",
        400,
        extra={"ArgumentName": "x-amz-tagging", "ArgumentValue": header},
    )


def document_problem(body: bytes, *, bucket: bool) -> Any:
    """The answer to a document of tags that is none; None when it is fine.

    Args:
        body: the request's.
        bucket: they are a bucket's.
    """
    try:
        found = list(ElementTree.fromstring(body).iterfind(".//{*}Tag"))  # noqa: S314 - the sandbox's own clients
    except ElementTree.ParseError:
        found = []
    names = set[str]()
    for name, value in _pairs(found):
        if name is None or value is None:
            return emulated._error("MalformedXML", emulated._MALFORMED_XML, 400)
        if name in names:
            return _invalid("Cannot provide multiple Tags with the same key", name)
        names.add(name)
        if name.startswith("aws:"):
            said = "System tags cannot be added/updated by requester" if bucket else None
            return _invalid(said or "Your TagKey cannot be prefixed with aws:", name)
        if not 0 < len(name) <= LONGEST_KEY or not _TEXT.fullmatch(name):
            return _invalid("The TagKey you have provided is invalid", name)
        if len(value) > LONGEST_VALUE or not _TEXT.fullmatch(value):
            return _invalid("The TagValue you have provided is invalid", name, value)
    return None


def _pairs(tags: Iterable[ElementTree.Element]) -> Iterable[tuple[str | None, str | None]]:
    for tag in tags:
        yield tag.findtext("{*}Key"), tag.findtext("{*}Value")


def _invalid(message: str, name: str, value: str | None = None) -> Any:
    more = {"TagKey": name} | ({} if value is None else {"TagValue": value})
    return emulated._error("InvalidTag", message, 400, extra=more)


def forget(bucket: str, key: str) -> None:
    """A new object has no tags of the one that was there.

    Args:
        bucket: its bucket.
        key: of the object that was just written.
    """
    there = emulated._ensure_bucket(bucket)
    found = None if there is None else there["objects"].get(key)
    if found is not None:
        emulated._object_tags.pop((bucket, key, found.get("version_id")), None)
