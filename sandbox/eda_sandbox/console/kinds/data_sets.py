"""QuickSight's data sets and their ingestions."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Mention, Metrics, Node


class DataSets(Kind):
    """Data sets of QuickSight."""

    kind, title, service = "data_set", "QuickSight data set", "quicksight"

    def nodes(self) -> Iterator[Node]:
        """All data sets."""
        for found in self.client().list_data_sets(AwsAccountId=self.cloud.account)["DataSetSummaries"]:
            yield Node(self.kind, found["DataSetId"], found["Arn"])

    def mentions(self, node: Node) -> Iterator[Mention]:
        """The workgroup behind its data source."""
        tables = json.dumps(self._described(node)["PhysicalTableMap"])
        for source in self.client().list_data_sources(AwsAccountId=self.cloud.account)["DataSources"]:
            if f'"{source["Arn"]}"' in tables:
                for parameters in source.get("DataSourceParameters", {}).values():
                    name = parameters.get("Host", "").partition(".")[0]
                    yield Mention(json.dumps(name), "ingestion", incoming=True, service="redshift-serverless")

    def metrics(self, node: Node) -> Metrics:
        """How many rows SPICE has, and its ingestions."""
        counts = Counter(one["IngestionStatus"] for one in self._ingestions(node))
        failed = counts["FAILED"]
        rows = len(self.cloud.service("quicksight").spice(node.name))
        shown = [f"{rows} row{'s' * (rows != 1)} in SPICE"] + ([f"{failed} failed"] if failed else [])
        return Metrics(shown, waiting=counts["RUNNING"], failed=failed)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its import mode and query."""
        found = self._described(node)
        queries = [
            table["CustomSql"]["SqlQuery"] for table in found["PhysicalTableMap"].values() if "CustomSql" in table
        ]
        return {"Import mode": found["ImportMode"], "Query": "\n".join(queries)}

    def items(self, node: Node) -> Listing:
        """Its ingestions."""
        found = self._ingestions(node)
        rows = [
            [
                one["IngestionId"],
                one["IngestionStatus"],
                one["CreatedTime"],
                one.get("RequestType", ""),
                one.get("RowInfo", {}).get("RowsIngested"),
            ]
            for one in found[:ROWS]
        ]
        return Listing(["Ingestion", "Status", "Created", "Type", "Rows"], rows, len(found), "ingestions")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """An ingestion whole, and the first rows that SPICE has now."""
        for one in self._ingestions(node):
            if one["IngestionId"] == id:
                rows = self.cloud.service("quicksight").spice(node.name)[:50]
                names = list(rows[0]) if rows else []
                return {"facts": one, "rows": [names, *([str(row[name]) for name in names] for row in rows)]}
        raise KeyError(id)

    def _described(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = self.client().describe_data_set(AwsAccountId=self.cloud.account, DataSetId=node.name)[
            "DataSet"
        ]
        return found

    def _ingestions(self, node: Node) -> list[dict[str, Any]]:
        pages = (
            self.client()
            .get_paginator("list_ingestions")
            .paginate(AwsAccountId=self.cloud.account, DataSetId=node.name)
        )
        return [found for page in pages for found in page["Ingestions"]]
