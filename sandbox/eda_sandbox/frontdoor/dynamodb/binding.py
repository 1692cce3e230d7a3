"""Names and values of a request, for the placeholders of its expressions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eda_sandbox.frontdoor.dynamodb.syntax import Invalid, Path, Value
from eda_sandbox.frontdoor.dynamodb.values import AttributeValue

Elements = tuple[str | int, ...]


@dataclass(slots=True)
class Binding:
    """What placeholders stand for.

    Args:
        names: ``ExpressionAttributeNames``.
        values: ``ExpressionAttributeValues``.

    Attributes:
        used: the placeholders that were looked up.
    """

    names: Mapping[str, str]
    values: Mapping[str, Any]
    used: set[str] = field(default_factory=set)

    def path(self, path: Path) -> Elements:
        """A path with the names that are meant.

        Raises:
            Invalid: a name is not defined.
        """
        return tuple(
            self._name(element) if isinstance(element, str) and element[0] == "#" else element
            for element in path.elements
        )

    def value(self, value: Value) -> AttributeValue:
        """A value.

        Raises:
            Invalid: it is not defined.
        """
        found: AttributeValue | None = self.values.get(value.name)
        if found is None:
            raise Invalid(
                f"An expression attribute value used in expression is not defined; attribute value: {value.name}"
            )
        self.used.add(value.name)
        return found

    def _name(self, placeholder: str) -> str:
        found = self.names.get(placeholder)
        if found is None:
            raise Invalid(
                f"An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
            )
        self.used.add(placeholder)
        return found


def shown(path: Elements) -> str:
    """A path as DynamoDB's errors show it."""
    return "[" + ", ".join(f"[{element}]" if isinstance(element, int) else element for element in path) + "]"
