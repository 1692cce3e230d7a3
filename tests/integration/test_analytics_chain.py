"""AnalyticsChain deployed by a program of a user's: raw files are put by hand and followed to every end."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack
from eda_sandbox.services.scheduler import Scheduler

from tests.conftest import Deploy
from tests.waiting import wait_until

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import AnalyticsChain
raw = aws.s3.Bucket("raw", force_destroy=True)
aws.s3.BucketVersioning("raw", bucket=raw.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketNotification("raw", bucket=raw.id, eventbridge=True)
database = aws.glue.CatalogDatabase("lake", name="chain_lake")
hive = "org.apache.hadoop.hive.ql.io.parquet"
location = pulumi.Output.concat("s3://", raw.id, "/raw/orders/")
table = aws.glue.CatalogTable("raw", name="raw_orders", database_name=database.name, table_type="EXTERNAL_TABLE",
    parameters={"EXTERNAL": "TRUE", "classification": "parquet", "projection.enabled": "true",
        "projection.dt.type": "date", "projection.dt.format": "yyyy-MM-dd", "projection.dt.range": "2024-01-01,NOW",
        "projection.hour.type": "integer", "projection.hour.range": "0,23", "projection.hour.digits": "2",
        "storage.location.template": pulumi.Output.concat(location, "dt=${dt}/hour=${hour}/")},
    partition_keys=[{"name": "dt", "type": "string"}, {"name": "hour", "type": "string"}],
    storage_descriptor={"location": location,
        "columns": [{"name": name, "type": "string"}
                    for name in ("event_name", "order_id", "version", "status", "old_version")],
        "input_format": f"{hive}.MapredParquetInputFormat", "output_format": f"{hive}.MapredParquetOutputFormat",
        "ser_de_info": {"serialization_library": f"{hive}.serde.ParquetHiveSerDe"}})
columns = {"order_id": ("string", "VARCHAR(64)"), "version": ("bigint", "BIGINT"), "deleted": ("boolean", "BOOLEAN"),
           "status": ("string", "VARCHAR(32)")}
chain = AnalyticsChain("chain", {
    "query": {"bucket_name": raw.id, "prefix": "raw/orders/", "database_name": database.name, "table_name": table.name,
        "columns": {name: hive for name, (hive, _) in columns.items()}, "force_destroy": True,
        "view": {"name": "chain_current", "key": "order_id", "version_column": "version", "deleted_column": "deleted"},
        "query": "SELECT order_id, CASE event_name WHEN 'REMOVE' THEN CAST(old_version AS bigint) + 1 "
                 "ELSE CAST(version AS bigint) END AS version, event_name = 'REMOVE' AS deleted, "
                 "NULLIF(status, '') AS status FROM {rows}"},
    "redshift": {"columns": {name: redshift for name, (_, redshift) in columns.items()}, "key": "order_id",
        "version_column": "version", "force_destroy": True, "target_table_name": "orders",
        "namespace": {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"], "security_group_ids": ["sg-1"]},
        "migrations": ["CREATE VIEW analytics.live AS SELECT order_id FROM analytics.orders WHERE NOT deleted"]},
    "quicksight": {"data_sets": {"orders": {}},
        "owner_arns": ["arn:aws:quicksight:eu-central-1:000000000000:user/default/analysts"],
        "data_source": {"vpc_connection_arn": "arn:aws:quicksight:eu-central-1:000000000000:vpcConnection/private"}},
    "reconciler": {"schedule_expression": "rate(1 minute)", "grace_seconds": 3},
})
for name in AnalyticsChain.__annotations__:
    pulumi.export(name, getattr(chain, name))
pulumi.export("raw_bucket_name", raw.id)
"""


def ended_for_good(row: Mapping[str, Any]) -> bool:
    """Whether no further attempt follows: what failed is open until its message is sent."""
    return row["state"] == "SUCCEEDED" or (row["state"] == "FAILED" and "open" not in row)


@dataclass
class Chain:
    """The deployed chain, seen through the services' APIs."""

    aws: Sandbox
    outputs: Mapping[str, Any]
    folder: Path

    def put(self, name: str, *changes: tuple[str, str, int, str], day: str = "2026-11-24", broken: bool = False) -> str:
        """Put changes (event, order, version, status) as a raw file; its id in the ledger."""
        file = self.folder / "raw.parquet"
        with duckdb.connect() as database:
            database.execute(
                "CREATE TABLE raw (event_name TEXT, order_id TEXT, version TEXT, status TEXT, old_version TEXT)"
            )
            for event, order, version, status in changes:
                old = str(version - 1) if version > 1 else ""
                row = (
                    event,
                    order,
                    "" if event == "REMOVE" else str(version),
                    "" if event == "REMOVE" else status,
                    old,
                )
                database.execute("INSERT INTO raw VALUES (?, ?, ?, ?, ?)", row)
            if broken:
                database.execute("UPDATE raw SET version = 'no number'")
            database.execute(f"COPY raw TO '{file}' (FORMAT parquet)")
        bucket, key = self.outputs["raw_bucket_name"], f"raw/orders/dt={day}/hour=03/{name}.parquet"
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
        return key

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's rows of a kind."""
        items = self.aws.client("dynamodb").scan(TableName=self.outputs["ledger_table_name"], ConsistentRead=True)[
            "Items"
        ]
        plain = [{name: next(iter(value.values())) for name, value in item.items()} for item in items]
        return [row for row in plain if row["kind"] == kind]

    def query_of(self, key: str) -> dict[str, Any]:
        """The ended query of an object."""

        def ended() -> dict[str, Any] | None:
            found = [row for row in self.rows("query") if row["key"] == key and ended_for_good(row)]
            return found[0] if found else None

        row = wait_until(ended, f"the query of {key} has ended")
        assert row is not None
        return row

    def current(self) -> dict[str, tuple[int, str]]:
        """Version and status by order, as the view has them."""
        athena = self.aws.client("athena")
        sql = f"SELECT order_id, version, status FROM {self.outputs['database_name']}.{self.outputs['view_name']}"
        id = athena.start_query_execution(QueryString=sql, WorkGroup=self.outputs["athena_workgroup_name"])[
            "QueryExecutionId"
        ]

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
            return found if found["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        status = wait_until(ended, "the view is read")
        assert status is not None
        assert status["State"] == "SUCCEEDED", status
        rows = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"][1:]
        cells = [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows]
        assert len({order for order, *_ in cells}) == len(cells)
        return {order: (int(version), status) for order, version, status in cells}

    def load(self) -> dict[str, Any]:
        """Move time to the next slot of the load; the slot's row when it has ended."""
        scheduler = self.aws.cloud.service("scheduler")
        assert isinstance(scheduler, Scheduler)
        slot = f"{scheduler.advance_to_next(self.outputs['schedule_name']):%Y-%m-%dT%H:%M:%SZ}"

        def ended() -> dict[str, Any] | None:
            found = [row for row in self.rows("load") if row["slot"] == slot and ended_for_good(row)]
            return found[0] if found else None

        row = wait_until(ended, f"the load of {slot} has ended")
        assert row is not None
        return row

    def redshift(self, sql: str) -> list[list[Any]]:
        """The rows of a query in the warehouse."""
        data = self.aws.client("redshift-data")
        id = data.execute_statement(
            WorkgroupName=self.outputs["redshift_workgroup_name"],
            Database=self.outputs["redshift_database_name"],
            SecretArn=self.outputs["redshift_secret_arn"],
            Sql=sql,
        )["Id"]
        described = data.describe_statement(Id=id, WaitTimeSeconds=30)
        assert described["Status"] == "FINISHED", described.get("Error")
        return [[next(iter(cell.values())) for cell in row] for row in data.get_statement_result(Id=id)["Records"]]

    def warehouse(self) -> dict[str, tuple[int, bool, str]]:
        """Version, deletion and status by order."""
        found = self.redshift('SELECT order_id, version, deleted, COALESCE(status, \'\') FROM "analytics"."orders"')
        assert len({row[0] for row in found}) == len(found)
        return {order: (version, deleted, status) for order, version, deleted, status in found}

    def ingestions(self) -> list[dict[str, Any]]:
        """Those that were asked for, without the one that a data set begins with."""
        quicksight = self.aws.client("quicksight")
        (data_set,) = self.outputs["data_set_ids"]
        found = quicksight.list_ingestions(AwsAccountId=self.aws.cloud.account, DataSetId=data_set)["Ingestions"]
        return [one for one in found if re.fullmatch(r"[0-9a-f]{64}", one["IngestionId"])]

    def refreshing(self) -> bool:
        """Whether an ingestion runs, or one is to follow it."""
        return any(row["state"] == "RUNNING" for row in self.rows("spice"))

    def unrefreshed(self) -> list[str]:
        """Loads whose refreshes nobody has asked for, as far as the ledger knows."""
        return [row["id"] for row in self.rows("load") if row.get("open") == "refresh"]

    def letters(self, part: str) -> list[dict[str, Any]]:
        """Messages of a part's dead-letter queue, taken out."""
        sqs, url = self.aws.client("sqs"), self.outputs[f"{part}_dead_letter_queue_url"]
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def files(self) -> list[str]:
        """The keys of the curated files."""
        s3 = self.aws.client("s3")
        found = s3.list_objects_v2(Bucket=self.outputs["curated_bucket_name"], Prefix=self.outputs["curated_prefix"])
        return [one["Key"] for one in found.get("Contents", [])]


@pytest.fixture(scope="module")
def deployed(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("chain")
    (folder / "Pulumi.yaml").write_text("name: chain\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


@pytest.fixture
def chain(aws: Sandbox, deployed: Stack, tmp_path: Path) -> Chain:
    return Chain(aws, deployed.outputs, tmp_path)


def about(detail_type: str) -> Callable[[HttpRequest], bool]:
    """Whether a request reports such an event."""
    return lambda request: detail_type.encode() in request.body


def only(found: Mapping[str, Any], orders: Iterable[str]) -> dict[str, Any]:
    return {order: found[order] for order in orders if order in found}


def test_orders_go_to_the_curated_view_the_warehouse_and_spice_once(chain: Chain) -> None:
    first = chain.put(
        "a-1", ("INSERT", "a", 1, "PENDING"), ("INSERT", "b", 1, "PENDING"), ("INSERT", "c", 1, "PENDING")
    )
    # The newer change lies in a file that comes before the older one's.
    chain.query_of(chain.put("a-3", ("MODIFY", "a", 3, "COMPLETED")))
    chain.query_of(chain.put("a-2", ("MODIFY", "a", 2, "AWAITING_DETAILS"), ("REMOVE", "c", 2, "")))
    row = chain.query_of(first)
    assert (row["state"], row["attempt"]) == ("SUCCEEDED", "1")
    assert only(chain.current(), "abc") == {"a": (3, "COMPLETED"), "b": (1, "PENDING")}
    before = len(chain.ingestions())
    load = chain.load()
    assert load["state"] == "SUCCEEDED", load
    assert row["id"] in json.loads(load["objects"])
    assert only(chain.warehouse(), "abc") == {
        "a": (3, False, "COMPLETED"),
        "b": (1, False, "PENDING"),
        "c": (2, True, ""),
    }
    assert sorted(name for (name,) in chain.redshift('SELECT * FROM "analytics"."live"') if name in "abc") == ["a", "b"]
    assert not [found for found in chain.rows("query") if "unloaded" in found and found["state"] == "SUCCEEDED"]
    wait_until(lambda: len(chain.ingestions()) == before + 1, "the load's refresh is asked for")
    wait_until(lambda: chain.ingestions()[0]["IngestionStatus"] == "COMPLETED", "the refresh is completed")
    assert len(chain.ingestions()) == before + 1


def test_a_repeated_event_of_an_object_makes_no_second_result(chain: Chain) -> None:
    chain.aws.faults.add(Fault(FaultKind.DUPLICATE, "events", "PutEvents", matching=about("Object Created")))
    key = chain.put("twice", ("INSERT", "twice", 1, "PENDING"))
    row = chain.query_of(key)
    assert FaultKind.DUPLICATE in {kind for _, _, kind in chain.aws.faults.injected}
    (found,) = [one for one in chain.rows("query") if one["key"] == key]
    assert found["attempt"] == "1"
    object_id = row["id"].partition("#")[2]
    assert len({one.rpartition("/")[0] for one in chain.files() if object_id in one}) == 1
    assert only(chain.current(), ["twice"]) == {"twice": (1, "PENDING")}


def test_a_completion_event_of_a_query_that_is_lost_is_made_up_for_by_the_reconciler(chain: Chain) -> None:
    chain.aws.faults.add(
        Fault(FaultKind.LOST_REQUEST, "events", "PutEvents", matching=about("Athena Query State Change"))
    )
    row = chain.query_of(chain.put("untold", ("INSERT", "untold", 1, "PENDING")))
    assert (row["state"], row["attempt"]) == ("SUCCEEDED", "1")
    assert chain.aws.faults.injected


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.LOST_REQUEST])
def test_a_completion_event_of_a_load_that_is_repeated_or_lost_is_one_refresh(chain: Chain, kind: FaultKind) -> None:
    about_loads = about("Redshift Data Statement Status Change")
    chain.query_of(chain.put(f"refreshed-{kind.name}", ("INSERT", f"refreshed-{kind.name}", 1, "PENDING")))
    wait_until(lambda: not chain.refreshing(), "no refresh runs")
    before = len(chain.ingestions())
    chain.aws.faults.add(Fault(kind, "events", "PutEvents", matching=about_loads))
    load = chain.load()
    assert "statement_id" in load
    wait_until(lambda: len(chain.ingestions()) == before + 1, "the refresh is asked for")
    wait_until(lambda: not chain.refreshing() and not chain.unrefreshed(), "the refresh has ended and nothing waits")
    assert len(chain.ingestions()) == before + 1
    assert kind in {found for _, _, found in chain.aws.faults.injected}


def test_a_file_that_comes_late_is_loaded_next_and_an_empty_slot_loads_nothing(chain: Chain) -> None:
    chain.load()
    empty = chain.load()
    assert (empty["state"], empty["objects"]) == ("SUCCEEDED", "{}")
    assert "statement_id" not in empty
    row = chain.query_of(chain.put("late", ("INSERT", "late", 1, "PENDING"), day="2026-11-01"))
    assert row["state"] == "SUCCEEDED"
    load = chain.load()
    assert list(json.loads(load["objects"])) == [row["id"]]
    assert only(chain.warehouse(), ["late"]) == {"late": (1, False, "PENDING")}


def test_an_object_that_does_not_fit_is_a_dead_letter_and_stops_no_other(chain: Chain) -> None:
    broken = chain.put("broken", ("INSERT", "broken", 1, "PENDING"), broken=True)
    good = chain.put("good", ("INSERT", "good", 1, "PENDING"))
    row = chain.query_of(broken)
    assert (row["state"], row["attempt"]) == ("FAILED", "3")
    (letter,) = wait_until(lambda: chain.letters("query"), "the query's message is in the dead-letter queue")
    assert (letter["kind"], letter["key"], letter["attempts"]) == ("query", broken, 3)
    assert "no number" in letter["error"]
    assert chain.query_of(good)["state"] == "SUCCEEDED"
    assert "broken" not in chain.current()


def test_files_lie_by_day_object_and_attempt_and_no_other_dead_letter_is_left(chain: Chain) -> None:
    assert all(re.search(r"/dt=\d{4}-\d\d-\d\d/[0-9a-f]{32}/\d+/", key) for key in chain.files())
    assert chain.letters("reconciler") == []
    assert chain.letters("load") == []
    assert chain.letters("refresh") == []
