"""DynamoDB's values (``{"S": "text"}``), compared as DynamoDB compares them."""

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

AttributeValue = Mapping[str, Any]
Item = dict[str, Any]
ORDERED = frozenset({"S", "N", "B"})
"""Types whose values are less or greater than others of the type."""
SETS = frozenset({"SS", "NS", "BS"})
TYPES = ("N", "BS", "L", "B", "NULL", "M", "S", "SS", "NS", "BOOL")
"""All of them, in the order in which DynamoDB's errors have them."""
WORDS = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "L": "LIST",
    "M": "MAP",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
}
"""The types as errors of ``ADD`` and ``DELETE`` name them."""


def type_of(value: AttributeValue) -> str:
    """The type of a value."""
    return next(iter(value))


def comparable(value: AttributeValue) -> Any:
    """What is equal where DynamoDB's values of one type are, and ordered as they are."""
    kind, content = next(iter(value.items()))
    match kind:
        case "N":
            return Decimal(content)
        case "B":
            return base64.b64decode(content)
        case "SS":
            return frozenset(content)
        case "NS":
            return frozenset(Decimal(one) for one in content)
        case "BS":
            return frozenset(base64.b64decode(one) for one in content)
        case "L":
            return [(type_of(one), comparable(one)) for one in content]
        case "M":
            return {name: (type_of(one), comparable(one)) for name, one in content.items()}
        case _:
            return content


def equal(one: AttributeValue, other: AttributeValue) -> bool:
    """Whether two values are the same; those of different types never are."""
    return type_of(one) == type_of(other) and comparable(one) == comparable(other)


def size(value: AttributeValue) -> int | None:
    """What the function ``size`` gives; None for types that have none."""
    kind, content = next(iter(value.items()))
    match kind:
        case "S":
            return len(content.encode("utf-16-le")) // 2
        case "B":
            return len(base64.b64decode(content))
        case "SS" | "NS" | "BS" | "L" | "M":
            return len(content)
        case _:
            return None


def at(item: Mapping[str, Any], path: Sequence[str | int]) -> AttributeValue | None:
    """The value at a path, or None.

    Args:
        item: attributes by name.
        path: names and indexes.
    """
    found: AttributeValue | None = item.get(str(path[0]))
    for element in path[1:]:
        if found is None:
            return None
        if isinstance(element, int):
            elements = found.get("L", ())
            found = elements[element] if element < len(elements) else None
        else:
            found = found.get("M", {}).get(element)
    return found
