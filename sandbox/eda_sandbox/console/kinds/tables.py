"""DynamoDB tables and their rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Metrics, Node

_plain = TypeDeserializer().deserialize


class Tables(Kind):
    """DynamoDB tables."""

    kind, title, service = "table", "DynamoDB table", "dynamodb"

    def nodes(self) -> Iterator[Node]:
        """All tables."""
        for page in self.client().get_paginator("list_tables").paginate():
            for name in page["TableNames"]:
                yield Node(self.kind, name, self.cloud.arn("dynamodb", f"table/{name}"))

    def metrics(self, node: Node) -> Metrics:
        """How many rows."""
        count = self._described(node)["ItemCount"]
        return Metrics([f"{count} row{'s' * (count != 1)}"])

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its keys, indexes and stream."""
        found = self._described(node)
        return {
            "Keys": ", ".join(f"{key['AttributeName']} ({key['KeyType'].lower()})" for key in found["KeySchema"]),
            "Indexes": ", ".join(index["IndexName"] for index in found.get("GlobalSecondaryIndexes", [])),
            "Stream": found.get("StreamSpecification", {}).get("StreamViewType", "none"),
        }

    def items(self, node: Node) -> Listing:
        """Rows, as a scan finds them."""
        described = self._described(node)
        keys = [key["AttributeName"] for key in described["KeySchema"]]
        found = self.client().scan(TableName=node.name, Limit=ROWS)["Items"]
        plain = [{name: _plain(value) for name, value in item.items()} for item in found]
        others = list(dict.fromkeys(name for item in plain for name in sorted(item) if name not in keys))
        shown = [*[name for name in _FIRST if name in others], *[name for name in others if name not in _FIRST]][:5]
        rows = [
            ["/".join(str(item[key]) for key in keys), *(_short(item.get(name)) for name in shown)] for item in plain
        ]
        rows.sort(
            key=lambda row: str(row[1 + shown.index("updated_at")]) if "updated_at" in shown else "", reverse=True
        )
        return Listing(["/".join(keys), *shown], rows, described["ItemCount"], "rows")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """A row whole."""
        described = self._described(node)
        names = [key["AttributeName"] for key in described["KeySchema"]]
        types = {one["AttributeName"]: one["AttributeType"] for one in described["AttributeDefinitions"]}
        values = id.split("/", len(names) - 1)
        if len(values) != len(names):
            raise KeyError(id)
        key = {name: {types[name]: value} for name, value in zip(names, values, strict=True)}
        found = self.client().get_item(TableName=node.name, Key=key).get("Item")
        if found is None:
            raise KeyError(id)
        return {"facts": {name: _plain(value) for name, value in sorted(found.items())}}

    def _described(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = self.client().describe_table(TableName=node.name)["Table"]
        return found


_FIRST = ("status", "state", "kind", "version", "updated_at", "correlation_id")


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else str(value) if value is not None else ""
    return text if len(text) <= 80 else text[:79] + "…"
