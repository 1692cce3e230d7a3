"""Redshift Serverless and the statements of its Data API."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Mention, Metrics, Node


class Warehouses(Kind):
    """Workgroups of Redshift Serverless."""

    kind, title, service = "warehouse", "Redshift workgroup", "redshift-serverless"

    def nodes(self) -> Iterator[Node]:
        """All workgroups."""
        for found in self.client().list_workgroups()["workgroups"]:
            group = f"/aws/redshift/{found['namespaceName']}/useractivitylog"
            yield Node(self.kind, found["workgroupName"], found["workgroupArn"], None, group)

    def mentions(self, node: Node) -> Iterator[Mention]:
        """The roles by which it copies."""
        namespace = self.client().get_workgroup(workgroupName=node.name)["workgroup"]["namespaceName"]
        for role in self.client().get_namespace(namespaceName=namespace)["namespace"].get("iamRoles", []):
            yield Mention(role, "copy")

    def metrics(self, node: Node) -> Metrics:
        """Its statements by state."""
        counts = Counter(one["Status"] for one in self._statements(node))
        failed, total = counts["FAILED"], counts.total()
        shown = [f"{total} statement{'s' * (total != 1)}"] + ([f"{failed} failed"] if failed else [])
        return Metrics(shown, waiting=counts["STARTED"], failed=failed)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its capacity and endpoint."""
        found = self.client().get_workgroup(workgroupName=node.name)["workgroup"]
        return {
            "Namespace": found["namespaceName"],
            "Base capacity": f"{found.get('baseCapacity')} RPU",
            "Endpoint": found["endpoint"]["address"],
        }

    def items(self, node: Node) -> Listing:
        """Its statements."""
        found = self._statements(node)
        rows = [
            [one["Id"], one["Status"], one["CreatedAt"], " ".join(" ".join(_texts(one)).split())[:120]]
            for one in found[:ROWS]
        ]
        return Listing(["Statement", "Status", "Created", "SQL"], rows, len(found), "statements")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """A statement with its SQL."""
        for one in self._statements(node):
            if one["Id"] == id:
                facts = {name: value for name, value in one.items() if not name.startswith("QueryString")}
                return {"facts": facts, "sql": ";\n\n".join(_texts(one))}
        raise KeyError(id)

    def _statements(self, node: Node) -> list[dict[str, Any]]:
        """Those of all callers: the API lists a caller its own alone."""
        service = self.cloud.service("redshift-data")
        return [
            {**found.listed(), "Database": found.request["Database"]}
            for found in reversed(service.statements())
            if found.request.get("WorkgroupName") == node.name
        ]


def _texts(statement: Mapping[str, Any]) -> list[str]:
    return list(statement.get("QueryStrings") or [statement.get("QueryString", "")])
