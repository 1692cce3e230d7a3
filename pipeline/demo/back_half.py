"""What lies behind the table: objects, queries, curated rows, loads, warehouse rows, ingestions; all by public APIs."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

POLL_SECONDS = 0.2
# A file that somebody put beside Firehose's has rows that lack what an order has.
_ORDER_ROW = "order_id, COALESCE(version, 0), COALESCE(status, ''), COALESCE(correlation_id, '')"
RUNNING = frozenset({"QUEUED", "RUNNING", "SUBMITTED", "PICKED", "STARTED"})


class QueryFailed(Exception):
    """A query of the curated data or of the warehouse failed; the message is the service's."""


@dataclass(frozen=True)
class OrderRow:
    """An order as the curated data or the warehouse holds it."""

    order_id: str
    version: int
    status: str
    correlation_id: str


@dataclass(frozen=True)
class Hops:
    """How much of everything there is behind the table.

    Attributes:
        objects: raw objects.
        bytes: their size together.
        errors: objects under the error prefix.
        queries: per-object queries by state.
        loads: loads by state.
        loaded_objects: objects that a load has taken.
        ingestions: SPICE ingestions by status, without the one that a new data set starts itself.
    """

    objects: int = 0
    bytes: int = 0
    errors: int = 0
    queries: Counter[str] = field(default_factory=Counter)
    loads: Counter[str] = field(default_factory=Counter)
    loaded_objects: int = 0
    ingestions: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """The counts in one line."""
        errors = f", {self.errors} failed" if self.errors else ""
        return (
            f"objects {self.objects} ({self.bytes / 1000:.1f} kB{errors}), queries {_states(self.queries)}, "
            f"loads {_states(self.loads)}, ingestions {_states(self.ingestions)}"
        )


def _states(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {state.lower()}" for state, count in sorted(counts.items())) or "none"


@dataclass(frozen=True)
class BackHalf:
    """The analytics part of a deployed pipeline.

    Args:
        client: makes a boto3 client of a service.
        outputs: the stack's exports.
        account: the AWS account, for QuickSight.
        beside: keys of raw objects that are none of the pipeline's own; they are not counted.
    """

    client: Callable[[str], Any]
    outputs: dict[str, Any]
    account: str
    beside: set[str] = field(default_factory=set)
    _pause: threading.Event = field(default_factory=threading.Event)

    @property
    def has_warehouse(self) -> bool:
        """Whether the stack has a Redshift workgroup."""
        return bool(self.outputs.get("redshift_workgroup_name"))

    def hops(self) -> Hops:
        """Count what each hop holds."""
        raw = [(key, size) for key, size in self._objects("raw_bucket_name") if key not in self.beside]
        errors = [size for key, size in raw if key.startswith("errors/")]
        sizes = [size for key, size in raw if not key.startswith("errors/")]
        items = [item for item in self.ledger() if item.get("key") not in self.beside]
        return Hops(
            objects=len(sizes),
            bytes=sum(sizes),
            errors=len(errors),
            queries=Counter(item["state"] for item in items if item.get("kind") == "query"),
            loads=Counter(item["state"] for item in items if item.get("kind") == "load"),
            loaded_objects=sum("loaded_by" in item for item in items),
            ingestions=Counter(found["IngestionStatus"] for found in self.ingestions()),
        )

    def ledger(self) -> list[dict[str, Any]]:
        """All rows of the analytics ledger, as plain values."""
        pages = self.client("dynamodb").get_paginator("scan")
        return [
            {name: next(iter(value.values())) for name, value in item.items()}
            for page in pages.paginate(TableName=self.outputs["ledger_table_name"], ConsistentRead=True)
            for item in page["Items"]
        ]

    def ingestions(self) -> list[dict[str, Any]]:
        """The refreshes of all data sets; the ingestion that comes with a new data set is none."""
        quicksight = self.client("quicksight")
        return [
            ingestion
            for data_set in self.outputs.get("spice_data_set_ids") or []
            for page in quicksight.get_paginator("list_ingestions").paginate(
                DataSetId=data_set, AwsAccountId=self.account
            )
            for ingestion in page["Ingestions"]
            if ingestion.get("RequestType") != "INITIAL_INGESTION"
        ]

    def current(self) -> list[OrderRow]:
        """The view of the newest versions, by Athena.

        Raises:
            QueryFailed: the query did.
        """
        athena = self.client("athena")
        view = f'"{self.outputs["glue_database_name"]}"."{self.outputs["current_view_name"]}"'
        started = athena.start_query_execution(
            QueryString=f"SELECT {_ORDER_ROW} FROM {view}",  # noqa: S608 - a name of ours
            WorkGroup=self.outputs["athena_workgroup_name"],
        )
        id = started["QueryExecutionId"]
        status = self._finished(lambda: athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"])
        if status["State"] != "SUCCEEDED":
            raise QueryFailed(status.get("StateChangeReason", status["State"]))
        rows = [
            [cell.get("VarCharValue", "") for cell in row["Data"]]
            for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=id)
            for row in page["ResultSet"]["Rows"]
        ]
        return [
            OrderRow(order_id, int(version), status, correlation) for order_id, version, status, correlation in rows[1:]
        ]

    def warehouse(self) -> list[OrderRow]:
        """The orders in Redshift, by the Data API.

        Raises:
            QueryFailed: the query did.
        """
        data = self.client("redshift-data")
        table = f"{self.outputs['redshift_schema']}.{self.outputs['redshift_table']}"
        started = data.execute_statement(
            WorkgroupName=self.outputs["redshift_workgroup_name"],
            Database=self.outputs["redshift_database"],
            Sql=f"SELECT {_ORDER_ROW} FROM {table} WHERE NOT deleted",  # noqa: S608 - as above
        )
        status = self._finished(lambda: data.describe_statement(Id=started["Id"]))
        if status["Status"] != "FINISHED":
            raise QueryFailed(status.get("Error", status["Status"]))
        return [
            OrderRow(order_id["stringValue"], version["longValue"], status["stringValue"], correlation["stringValue"])
            for page in data.get_paginator("get_statement_result").paginate(Id=started["Id"])
            for order_id, version, status, correlation in page["Records"]
        ]

    def dead_letters(self) -> dict[str, int]:
        """How many messages each dead-letter queue behind the table holds."""
        sqs, counts = self.client("sqs"), {}
        for name in ("pipe_dlq_url", "query_dlq_url", "load_dlq_url", "refresh_dlq_url"):
            if url := self.outputs.get(name):
                attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
                counts[name.removesuffix("_url")] = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
        return counts

    def _objects(self, bucket: str) -> Iterator[tuple[str, int]]:
        for page in self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.outputs[bucket]):
            for found in page.get("Contents", []):
                yield found["Key"], found["Size"]

    def _finished(self, status: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        while True:
            found = status()
            if found.get("State", found.get("Status")) not in RUNNING:
                return found
            self._pause.wait(POLL_SECONDS)


def as_plain(hops: Hops) -> dict[str, Any]:
    """The counts as JSON has them: what came to its end as numbers, all states beside them."""
    return {
        "objects": hops.objects,
        "bytes": hops.bytes,
        "error_objects": hops.errors,
        "queries": hops.queries["SUCCEEDED"],
        "loads": hops.loads["SUCCEEDED"],
        "loaded_objects": hops.loaded_objects,
        "ingestions": hops.ingestions["COMPLETED"],
        "states": {
            "queries": dict(sorted(hops.queries.items())),
            "loads": dict(sorted(hops.loads.items())),
            "ingestions": dict(sorted(hops.ingestions.items())),
        },
    }
