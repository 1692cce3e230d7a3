"""Glue jobs and their runs."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Metrics, Node

_FAILED = ("FAILED", "TIMEOUT", "ERROR")


class Jobs(Kind):
    """Jobs of Glue."""

    kind, title, service = "job", "Glue job", "glue"

    def nodes(self) -> Iterator[Node]:
        """All jobs."""
        for found in self.client().get_jobs()["Jobs"]:
            security = found.get("SecurityConfiguration")
            suffix = f"-{found['Role'].rpartition('/')[2]}-{security}" if security else ""
            group = f"/aws-glue/python-jobs{suffix}/output"
            yield Node(self.kind, found["Name"], self.cloud.arn("glue", f"job/{found['Name']}"), found["Role"], group)

    def metrics(self, node: Node) -> Metrics:
        """Its runs by state."""
        counts = Counter(run["JobRunState"] for run in self._runs(node))
        failed, total = sum(counts[state] for state in _FAILED), counts.total()
        shown = [f"{total} run{'s' * (total != 1)}"] + ([f"{failed} failed"] if failed else [])
        return Metrics(shown, waiting=counts["RUNNING"], failed=failed)

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its arguments."""
        found = self.client().get_job(JobName=node.name)["Job"]
        return {"Description": found.get("Description", ""), "Arguments": found.get("DefaultArguments", {})}

    def items(self, node: Node) -> Listing:
        """Its runs."""
        runs = self._runs(node)
        rows = [[run["Id"], run["JobRunState"], run["StartedOn"], run.get("ExecutionTime")] for run in runs[:ROWS]]
        return Listing(["Run", "State", "Started", "Seconds"], rows, len(runs), "runs")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """A run whole."""
        for run in self._runs(node):
            if run["Id"] == id:
                return {"facts": run}
        raise KeyError(id)

    def _runs(self, node: Node) -> list[dict[str, Any]]:
        pages = self.client().get_paginator("get_job_runs").paginate(JobName=node.name)
        return [run for page in pages for run in page["JobRuns"]]
