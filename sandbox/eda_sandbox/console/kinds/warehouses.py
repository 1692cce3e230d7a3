"""Redshift Serverless and the statements of its Data API."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Mention, Metrics, Node
from eda_sandbox.services.redshift.data.statement import Statement

SHOWN_ROWS = 50


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
        counts = Counter(statement.status for statement in self._sent(node))
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
        found = list(self._sent(node))
        rows = [
            [one.id, one.status, one.created, " ".join(" ".join(part.sql for part in one.parts).split())[:120]]
            for one in found[:ROWS]
        ]
        return Listing(["Statement", "Status", "Created", "SQL"], rows, len(found), "statements")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """A statement with its SQL and its first rows; of a batch those of the last one that has any."""
        for statement in self._sent(node):
            if statement.id == id:
                told = statement.described()
                facts = {name: value for name, value in told.items() if not name.startswith("QueryString")}
                return {
                    "facts": facts,
                    "sql": ";\n\n".join(part.sql for part in statement.parts),
                    "rows": _rows(statement),
                }
        raise KeyError(id)

    def _sent(self, node: Node) -> Iterator[Statement]:
        """Those of all callers, the newest first: the API lists a caller its own alone."""
        for found in reversed(self.cloud.service("redshift-data").statements()):
            if found.request.get("WorkgroupName") == node.name:
                yield found


def _rows(statement: Statement) -> list[list[str]]:
    """A head of names and some rows; nothing where there is no result."""
    for part in reversed(statement.parts):
        if part.has_result and part.outcome is not None:
            names = [name for name, _ in part.outcome.columns or ()]
            rows = part.outcome.rows[:SHOWN_ROWS]
            return [names, *(["" if value is None else str(value) for value in row] for row in rows)]
    return []
