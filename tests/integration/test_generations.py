"""A data set whose columns grow on a running system: files of three generations load beside each other.

Each generation is deployed beside the one before, on the same ledger, warehouse and table, as an update of its function
and job would be. Every migration and every load is interrupted once.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.faulted import of
from tests.waiting import wait_until

PROGRAM = """
import json, pulumi, pulumi_aws as aws
from pulumi_aws_eda import PerObjectQuery, ScheduledLoad
config = pulumi.Config()
name, columns = pulumi.get_stack(), config.require_object("columns")
given = config.get_object("given")
if given is None:
    raw = aws.s3.Bucket("raw", force_destroy=True)
    aws.s3.BucketNotification("raw", bucket=raw.id, eventbridge=True)
    lake = aws.glue.CatalogDatabase("lake", name="generations")
    bucket, database = raw.id, lake.name
else:
    bucket, database = given["bucket"], given["database"]
hive = "org.apache.hadoop.hive.ql.io.parquet"
location = pulumi.Output.concat("s3://", bucket, f"/raw/{name}/")
table = aws.glue.CatalogTable("raw", name=f"raw_{name}", database_name=database, table_type="EXTERNAL_TABLE",
    parameters={"EXTERNAL": "TRUE", "classification": "parquet", "projection.enabled": "true",
        "projection.dt.type": "date", "projection.dt.format": "yyyy-MM-dd", "projection.dt.range": "2024-01-01,NOW",
        "storage.location.template": pulumi.Output.concat(location, "dt=${dt}/")},
    partition_keys=[{"name": "dt", "type": "string"}],
    storage_descriptor={"location": location,
        "columns": [{"name": column, "type": "string"} for column in ("id", "version", "status", "priority", "note")],
        "input_format": f"{hive}.MapredParquetInputFormat", "output_format": f"{hive}.MapredParquetOutputFormat",
        "ser_de_info": {"serialization_library": f"{hive}.serde.ParquetHiveSerDe"}})
casts = ", ".join(f"TRY_CAST({column} AS {'integer' if hive == 'int' else 'varchar' if hive == 'string' else hive}) "
                  f"AS {column}" for column, (hive, _) in columns.items())
ledger = {} if given is None else {"ledger_table_name": given["ledger"], "ledger_table_arn": given["ledger_arn"]}
place = {"curated_prefix": "curated/"}
if given is not None:
    place = {"curated_prefix": f"curated/{name}/", "curated_bucket_name": given["curated"]}
query = PerObjectQuery("query", {"bucket_name": bucket, "prefix": f"raw/{name}/", "database_name": database,
    "table_name": table.name, "columns": {column: hive for column, (hive, _) in columns.items()}, "dataset": "things",
    "query": f"SELECT {casts} FROM {{rows}}",
    **({"force_destroy": True} if given is None else {}), **ledger, **place})
load = ScheduledLoad("load", {"dataset": "things", "curated_bucket_name": query.curated_bucket_name,
    "curated_prefix": query.curated_prefix, "columns": {column: redshift for column, (_, redshift) in columns.items()},
    "key": "id", "version_column": "version", "target_table_name": "things", "max_retries": 0,
    "migrations": config.get_object("migrations") or [],
    "ledger_table_name": query.ledger_table_name, "ledger_table_arn": query.ledger_table_arn,
    **({"namespace": {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"], "security_group_ids": ["sg-1"]}}
       if given is None else {"workgroup": given["workgroup"], "job_bucket_name": given["jobs"]})})
for key, value in {"bucket": bucket, "database": database, "ledger": query.ledger_table_name,
        "ledger_arn": query.ledger_table_arn, "job": load.job_name, "role": load.job_role_name,
        "curated": query.curated_bucket_name, "jobs": load.job_bucket_name,
        "dead_letters": load.dead_letter_queue_url, "workgroup": {
            "workgroup_name": load.workgroup_name, "workgroup_arn": load.workgroup_arn,
            "database_name": load.redshift_database_name, "secret_arn": load.secret_arn,
            "copy_role_arn": load.copy_role_arn}}.items():
    pulumi.export(key, value)
"""
ONE = {"id": ("string", "VARCHAR(16)"), "version": ("bigint", "BIGINT"), "status": ("string", "VARCHAR(8)")}
TWO = {**ONE, "priority": ("int", "INTEGER")}
THREE = {**TWO, "status": ("string", "VARCHAR(64)"), "note": ("string", "VARCHAR(256)")}
FILLED = "UPDATE analytics.things SET priority = 0 WHERE priority IS NULL"
COUNTED = ["CREATE TABLE analytics.counted (at TIMESTAMP)", "INSERT INTO analytics.counted VALUES (GETDATE())"]
SHARED = ("bucket", "curated", "database", "jobs", "ledger", "ledger_arn", "workgroup")
Columns = Mapping[str, tuple[str, str]]


class Walk:
    """The running system, generation by generation."""

    def __init__(self, aws: Sandbox, deploy_here: Deploy, folder: Path) -> None:
        self._aws = aws
        self._deploy = deploy_here
        self._folder = folder
        (folder / "Pulumi.yaml").write_text("name: gens\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self._stacks: dict[str, Stack] = {}

    @property
    def outputs(self) -> dict[str, Any]:
        """Of the newest generation."""
        return list(self._stacks.values())[-1].outputs

    def deploy(self, name: str, columns: Columns, migrations: list[str]) -> None:
        """The next generation; the migration before it is interrupted, and done by this one."""
        given = None
        if self._stacks:
            given = {name: self.outputs[name] for name in SHARED}
            self._interrupted_migration(columns, migrations)
        config = {"columns": json.dumps(columns), "migrations": json.dumps(migrations)}
        if given is not None:
            config["given"] = json.dumps(given)
        self._stacks[name] = self._deploy(self._folder / "__main__.py", name, config)

    def _interrupted_migration(self, columns: Columns, migrations: list[str]) -> None:
        functions = list(self._stacks.values())[-1].of_type("aws:lambda/function:Function")
        event = {
            "schema": "analytics", "table": "things", "columns": [[name, kind] for name, (_, kind) in columns.items()],
            "user": f"IAMR:{self.outputs['role']}", "migrations": migrations,
        }  # fmt: skip
        name = functions["load-warehouse-function"]["name"]
        self._aws.faults.add(Fault(FaultKind.KILL, "lambda", "Invoke", times=1, matching=of(name)))
        answer = self._aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        assert "FunctionError" in answer
        self._aws.faults.clear()

    def put(self, generation: str, name: str, *rows: tuple[str | None, ...]) -> None:
        """Put a raw file of a generation, and wait until its query has ended."""
        file = self._folder / "raw.parquet"
        with duckdb.connect() as database:
            database.execute("CREATE TABLE raw (id TEXT, version TEXT, status TEXT, priority TEXT, note TEXT)")
            database.executemany("INSERT INTO raw VALUES (?, ?, ?, ?, ?)", [(*row, *[None] * 5)[:5] for row in rows])
            database.execute(f"COPY raw TO '{file}' (FORMAT parquet)")
        key = f"raw/{generation}/dt=2026-11-24/{name}.parquet"
        self._aws.client("s3").put_object(Bucket=self.outputs["bucket"], Key=key, Body=file.read_bytes())

        def queried() -> bool:
            items = self._aws.client("dynamodb").scan(TableName=self.outputs["ledger"], ConsistentRead=True)["Items"]
            return any(item.get("key", {}).get("S") == key and item["state"]["S"] == "SUCCEEDED" for item in items)

        wait_until(queried, f"{key} is queried")

    def load(self, slot: str) -> None:
        """Load a slot; the first run is killed."""
        self._aws.faults.add(Fault(FaultKind.KILL, "glue", "StartJobRun", times=1, matching=of(self.outputs["job"])))
        assert self._run(slot) == "FAILED"
        self._aws.faults.clear()
        assert self._run(slot) == "SUCCEEDED"

    def _run(self, slot: str) -> str:
        glue, job = self._aws.client("glue"), self.outputs["job"]
        id = glue.start_job_run(JobName=job, Arguments={"--scheduled_time": slot})["JobRunId"]

        def ended() -> str | None:
            state = str(glue.get_job_run(JobName=job, RunId=id)["JobRun"]["JobRunState"])
            return state if state in ("SUCCEEDED", "FAILED", "ERROR", "TIMEOUT", "STOPPED") else None

        state = wait_until(ended, f"the run of {slot} has ended")
        assert state is not None
        return state

    def rows(self, sql: str = "SELECT * FROM analytics.things ORDER BY id") -> list[list[Any]]:
        """What a query of the warehouse finds."""
        data: Any = self._aws.client("redshift-data")
        about = {"WorkgroupName": self.outputs["workgroup"]["workgroup_name"], "Database": "analytics"}
        id = data.execute_statement(**about, Sql=sql)["Id"]
        found = data.describe_statement(Id=id, WaitTimeSeconds=30)
        assert found["Status"] == "FINISHED", found.get("Error")
        records = data.get_statement_result(Id=id)["Records"]
        return [[None if "isNull" in cell else next(iter(cell.values())) for cell in row] for row in records]


@pytest.fixture
def walk(aws: Sandbox, deploy_here: Deploy, tmp_path: Path) -> Walk:
    return Walk(aws, deploy_here, tmp_path)


def test_three_generations_of_columns_with_loads_before_between_and_after(walk: Walk) -> None:
    walk.deploy("one", ONE, COUNTED)
    walk.put("one", "a", ("a", "1", "new"), ("b", "1", "new"))
    walk.load("2026-11-25T03:00:00Z")
    assert walk.rows() == [["a", 1, "new"], ["b", 1, "new"]]

    walk.put("one", "waits", ("a", "2", "paid"), ("c", "1", "new"))
    walk.deploy("two", TWO, COUNTED)
    assert walk.rows() == [["a", 1, "new", None], ["b", 1, "new", None]]
    walk.put("two", "b", ("b", "2", "paid", "7"), ("d", "1", "new", "no number"))
    walk.load("2026-11-26T03:00:00Z")
    second = [["a", 2, "paid", None], ["b", 2, "paid", 7], ["c", 1, "new", None], ["d", 1, "new", None]]
    assert walk.rows() == second

    walk.put("two", "waits", ("d", "2", "paid", "8"))
    walk.put("one", "waits too", ("b", "3", "sent"))
    walk.deploy("three", THREE, [*COUNTED, FILLED])
    assert walk.rows() == [[*row[:3], row[3] or 0, None] for row in second]
    walk.put("three", "c", ("c", "2", "a status that was too long", "1", "note"), ("e", "1", "new", "2", "Größe"))
    walk.load("2026-11-27T03:00:00Z")
    third = [
        ["a", 2, "paid", 0, None],
        # The file of the first generation says nothing of a priority.
        ["b", 3, "sent", 7, None],
        ["c", 2, "a status that was too long", 1, "note"],
        ["d", 2, "paid", 8, None],
        ["e", 1, "new", 2, "Größe"],
    ]
    assert walk.rows() == third

    walk.put("one", "late", ("a", "1", "old"), ("e", "2", "paid"))
    walk.load("2026-11-28T03:00:00Z")
    assert walk.rows() == [*third[:4], ["e", 2, "paid", 2, "Größe"]]
    assert walk.rows("SELECT count(*) FROM analytics.counted") == [[1]]
    assert walk.rows("SELECT slot, objects FROM analytics.load_ledger ORDER BY slot, objects") == [
        ["2026-11-25T03:00:00Z", 1],
        ["2026-11-26T03:00:00Z", 1],
        ["2026-11-26T03:00:00Z", 1],
        ["2026-11-27T03:00:00Z", 1],
        ["2026-11-27T03:00:00Z", 1],
        ["2026-11-27T03:00:00Z", 1],
        ["2026-11-28T03:00:00Z", 1],
    ]
