"""The Glue job: its arguments, its log lines, its exit code."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.runtime.deployed import FUNCTIONS, deployed
from tests.runtime.fake_aws import S3, DynamoDB, RedshiftData, Sqs

JOB = FUNCTIONS / "load_job" / "job.py"
SLOT = "2026-01-02T03:00:00Z"
ARGUMENTS = {
    "scheduled_time": SLOT,
    "ledger_table": "ledger",
    "dataset": "orders",
    "manifest_location": "s3://lake/manifests/",
    "workgroup_name": "wg",
    "database": "warehouse",
    "schema": "analytics",
    "table": "orders",
    "columns": '[["order_id", "VARCHAR(64)"], ["version", "BIGINT"]]',
    "key": "order_id",
    "version_column": "version",
    "copy_role_arn": "arn:aws:iam::123456789012:role/copy",
    "statement_prefix": "orders-load-",
    "dead_letter_queue_url": "queue",
    "max_attempts": "2",
    "region": "eu-central-1",
}


def argv(**changed: str) -> list[str]:
    return [part for name, value in {**ARGUMENTS, **changed}.items() for part in (f"--{name}", value)]


class Instant(RedshiftData):
    """Statements that come to their end as soon as they are sent."""

    def batch_execute_statement(self, ClientToken: str, **parameters: Any) -> dict[str, Any]:
        answer = super().batch_execute_statement(ClientToken, **parameters)
        for run in self.runs.going("STARTED"):
            self.finish(run)
        return answer


class World:
    """All that lies behind the job."""

    def __init__(self, failures: list[bool] | None = None) -> None:
        self.dynamodb, self.s3, self.sqs = DynamoDB(), S3(), Sqs()
        self.redshift = Instant(self.s3, failures)
        self.s3.objects["lake", "curated/1"] = 5
        row = {
            "id": "query#1",
            "state": "SUCCEEDED",
            "unloaded": "orders",
            "settled_at": "2026-01-01T00:00:00Z",
            "files": '[{"path": "s3://lake/curated/1", "bytes": 5}]',
            "kind": "query",
            "dataset": "orders",
            "bucket": "raw",
            "key": "raw/1",
            "version_id": "v1",
        }
        self.dynamodb.rows["query#1"] = {
            "attempt": {"N": "1"},
            **{name: {"S": value} for name, value in row.items()},
        }

    def main(self, job: ModuleType, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str | None:
        clients = {"dynamodb": self.dynamodb, "s3": self.s3, "redshift-data": self.redshift, "sqs": self.sqs}
        monkeypatch.setattr(job.boto3, "client", lambda service, config: clients[service])
        failure: str | None = job.main(arguments)
        return failure


@pytest.fixture
def job() -> Iterator[ModuleType]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield deployed("load_job/job.py", {}, {})
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_loads_and_says_what_it_took(
    job: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    assert world.main(job, [*argv(), "--job-language", "python", "--JOB_RUN_ID", "jr_1"], monkeypatch) is None
    row = world.dynamodb.row(f"load#orders#{SLOT}")
    assert row["state"] == "SUCCEEDED"
    logged = lines(capsys)
    messages = ["load begun", "statement sent", "objects of the load", "load settled", "loaded"]
    assert [line["message"] for line in logged] == messages
    assert {line["correlation_id"] for line in logged} == {f"load#orders#{SLOT}"}
    assert {(line["level"], line["dataset"], line["slot"]) for line in logged} == {("INFO", "orders", SLOT)}
    assert (logged[1]["objects"], logged[2]["object_ids"]) == (1, ["query#1"])
    assert {line["statement_id"] for line in logged[1:]} == {row["statement_id"]}
    assert world.main(job, argv(), monkeypatch) is None
    again = lines(capsys)
    assert [(line["message"], line.get("suppressed")) for line in again] == [("repeat", "slot"), ("loaded", None)]


def test_it_says_why_it_failed(
    job: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([True, True])
    failure = world.main(job, argv(), monkeypatch)
    assert failure is not None
    assert failure.startswith(f"not loaded: the load of {SLOT} failed: nothing was loaded; ")
    assert failure.endswith("query#1: it broke")
    assert lines(capsys)[-1]["level"] == "ERROR"
    assert world.dynamodb.row("query#1")["unloaded"] == "orders"
    assert len(world.redshift.runs.all) == 2


def test_what_it_sets_aside_is_told_and_is_no_failure(
    job: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.redshift.poison = {"s3://lake/curated/1"}
    assert world.main(job, argv(), monkeypatch) is None
    assert [(sent["kind"], sent["id"], sent["key"]) for sent in world.sqs.messages] == [("object", "query#1", "raw/1")]
    logged = lines(capsys)
    (told,) = [line for line in logged if line["message"] == "failed for good"]
    assert (told["level"], told["kind"], told["id"]) == ("ERROR", "object", "query#1")
    counted, *_ = [line for line in logged if line["message"] == "object set aside"]
    assert (counted["ObjectsSetAside"], counted["Workgroup"]) == (1, "wg")
    assert counted["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Workgroup"]]
    assert "File name: https://s3.eu-central-1.amazonaws.com/lake/curated/1" in told["error"]


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(JOB), *arguments], capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"scheduled_time": "yesterday"}, "scheduled_time is 'yesterday'; it must be a time such as"),
        ({"table": "orders; DROP"}, "table is 'orders; DROP'; it must be a lower-case identifier"),
        ({"max_attempts": "0"}, "max_attempts is 0"),
    ],
)
def test_a_wrong_argument_ends_with_1_and_names_it(changed: dict[str, str], problem: str) -> None:
    done = run(argv(**changed))
    assert done.returncode == 1
    assert problem in done.stderr
    assert json.loads(done.stdout)["message"] == "not loaded"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (argv()[2:], "required: --scheduled_time"),
        (argv(columns="order_id"), "argument --columns: it must be JSON"),
        (argv(max_attempts="many"), "argument --max_attempts"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_the_usage(arguments: list[str], problem: str) -> None:
    done = run(arguments)
    assert done.returncode == 2
    assert problem in done.stderr
