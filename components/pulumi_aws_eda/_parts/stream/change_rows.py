"""From a table's changes to flat rows: the filter and the template of a Pipe, and the columns they give."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHANGE_COLUMNS = ("event_name", "stream_event_id", "changed_at")
"""What each row tells of the change itself, before the key and the attributes."""


@dataclass(frozen=True)
class ChangeRows:
    """What flows of each change.

    Attributes:
        keys: the table's partition key, and its sort key where it has one.
        attributes: of the new image, in the order of the columns.
        version: the attribute that a row must have to flow; its old value is carried as ``old_version``.
        old: which of the attributes are carried of the old image too, as ``old_<name>``.
        numbers: which of keys and attributes are numbers.
        conditions: EventBridge patterns on the row's attributes that have to match too.
    """

    keys: Sequence[str]
    attributes: Sequence[str]
    version: str
    numbers: frozenset[str]
    old: Sequence[str] = ()
    conditions: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def columns(self) -> list[str]:
        """The names of the columns; all of them are strings."""
        carried = [name for name in self.attributes if name not in self.keys]
        version = [] if self.version in carried or self.version in self.keys else [self.version]
        return [*CHANGE_COLUMNS, *self.keys, *carried, *version, "old_version", *self._old()]

    def template(self) -> str:
        """The Pipe's input template: one flat JSON object of strings; what a change lacks is an empty string."""
        images = self.columns()[len(CHANGE_COLUMNS) + len(self.keys) : -1 - len(self.old)]
        paths = {
            "event_name": "<$.eventName>",
            "stream_event_id": "<$.eventID>",
            # A number in the event: in quotes it becomes a string too.
            "changed_at": '"<$.dynamodb.ApproximateCreationDateTime>"',
            **{name: f"<$.dynamodb.Keys.{self._typed(name)}>" for name in self.keys},
            **{name: f"<$.dynamodb.NewImage.{self._typed(name)}>" for name in images},
            "old_version": f"<$.dynamodb.OldImage.{self._typed(self.version)}>",
            **{column: f"<$.dynamodb.OldImage.{self._typed(name)}>" for column, name in self._old().items()},
        }
        return "{" + ", ".join(f'"{name}": {path}' for name, path in paths.items()) + "}"

    def patterns(self) -> list[str]:
        """The Pipe's filters, one of which has to match: rows with a version, and their deletion unless by TTL."""
        return [
            json.dumps({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": self._row()}}),
            json.dumps(
                {
                    "eventName": ["REMOVE"],
                    # Only a removal by DynamoDB itself, for its TTL, has an identity.
                    "userIdentity": {"principalId": [{"exists": False}]},
                    "dynamodb": {"OldImage": self._row()},
                }
            ),
        ]

    def _old(self) -> dict[str, str]:
        return {f"old_{name}": name for name in self.old}

    def _row(self) -> dict[str, Any]:
        # A map's order is lost on the way from other languages.
        conditions = {self.version: [{"exists": True}], **dict(sorted(self.conditions.items()))}
        return {name: {self._type(name): list(values)} for name, values in conditions.items()}

    def _typed(self, name: str) -> str:
        return f"{name}.{self._type(name)}"

    def _type(self, name: str) -> str:
        return "N" if name in self.numbers else "S"
