"""Athena's workgroups and their queries."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.console.nodes import Kind, Listing, Mention, Metrics, Node

QUERIES = 50
"""How many queries Athena describes in one call."""
COUNTED = 1_000
"""So many queries are counted; of more it says so."""


class Workgroups(Kind):
    """Workgroups of Athena, without the primary one, which every account has."""

    kind, title, service = "workgroup", "Athena workgroup", "athena"

    def nodes(self) -> Iterator[Node]:
        """All workgroups that somebody made."""
        for found in self.client().list_work_groups()["WorkGroups"]:
            if found["Name"] != "primary":
                yield Node(self.kind, found["Name"], self.cloud.arn("athena", f"workgroup/{found['Name']}"))

    def mentions(self, node: Node) -> Iterator[Mention]:
        """The bucket of its results."""
        location = self._configuration(node).get("ResultConfiguration", {}).get("OutputLocation", "")
        yield Mention(json.dumps(location.removeprefix("s3://").partition("/")[0]), "results", service="s3")

    def metrics(self, node: Node) -> Metrics:
        """Its newest queries by state."""
        queries, total = self._queries(node)
        counts = Counter(query["Status"]["State"] for query in queries)
        failed = counts["FAILED"]
        more = "+" * (total >= COUNTED)
        shown = [f"{total}{more} quer{'y' if total == 1 else 'ies'}"] + ([f"{failed} failed"] if failed else [])
        return Metrics(shown, waiting=counts["RUNNING"] + counts["QUEUED"], failed=failed)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its limits and where results go."""
        found = self._configuration(node)
        return {
            "Results": found.get("ResultConfiguration", {}).get("OutputLocation", ""),
            "Bytes scanned at most": found.get("BytesScannedCutoffPerQuery"),
        }

    def items(self, node: Node) -> Listing:
        """Its queries."""
        queries, total = self._queries(node)
        rows = [
            [
                query["QueryExecutionId"],
                query["Status"]["State"],
                query["Status"]["SubmissionDateTime"],
                query.get("Statistics", {}).get("DataScannedInBytes", 0),
                " ".join(query["Query"].split())[:120],
            ]
            for query in queries
        ]
        return Listing(["Query", "State", "Submitted", "Bytes scanned", "SQL"], rows, total, "queries")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """A query with its SQL and its first rows."""
        client = self.client()
        try:
            found = client.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        except ClientError:
            raise KeyError(id) from None
        if found["WorkGroup"] != node.name:
            raise KeyError(id)
        facts = {
            "State": found["Status"]["State"],
            "Reason": found["Status"].get("StateChangeReason"),
            "Submitted": found["Status"]["SubmissionDateTime"],
            "Statistics": found.get("Statistics", {}),
        }
        rows: list[list[str]] = []
        if found["Status"]["State"] == "SUCCEEDED":
            try:
                answer = client.get_query_results(QueryExecutionId=id, MaxResults=51)["ResultSet"]["Rows"]
                rows = [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in answer]
            except ClientError:
                facts["Rows"] = "the results are gone"
        return {"facts": facts, "sql": found["Query"], "rows": rows}

    def _configuration(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = self.client().get_work_group(WorkGroup=node.name)["WorkGroup"]["Configuration"]
        return found

    def _queries(self, node: Node) -> tuple[list[dict[str, Any]], int]:
        pages = self.client().get_paginator("list_query_executions")
        limit = {"MaxItems": COUNTED}
        ids = [
            id
            for page in pages.paginate(WorkGroup=node.name, PaginationConfig=limit)
            for id in page["QueryExecutionIds"]
        ]
        if not ids:
            return [], 0
        newest = ids[:QUERIES]
        found = self.client().batch_get_query_execution(QueryExecutionIds=newest)["QueryExecutions"]
        return sorted(found, key=lambda one: newest.index(one["QueryExecutionId"])), len(ids)
