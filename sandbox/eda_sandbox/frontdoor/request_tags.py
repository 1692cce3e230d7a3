"""The tags that a request sets, as conditions see them."""

from collections.abc import Iterator, Mapping
from typing import Any

_TAGS = ("Tags", "tags", "TagsToAdd")
_NAMES = ("TagKeys", "tagKeys", "TagsToRemove")


def tag_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """``aws:RequestTag/…`` and ``aws:TagKeys`` of a request to one of the sandbox's services.

    Args:
        values: its parameters.
    """
    tags = [pair for name in _TAGS for pair in _pairs(values.get(name))]
    removed = [str(one) for name in _NAMES for one in _list(values.get(name))]
    found: dict[str, Any] = {f"aws:requesttag/{name}".lower(): value for name, value in tags}
    if tags or removed:
        found["aws:tagkeys"] = [*(name for name, _ in tags), *removed]
    return found


def _pairs(given: Any) -> Iterator[tuple[str, str]]:
    if isinstance(given, dict):
        yield from ((str(name), str(value)) for name, value in given.items())
    for one in _list(given):
        if isinstance(one, dict):
            yield str(one.get("Key", one.get("key", ""))), str(one.get("Value", one.get("value", "")))


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
