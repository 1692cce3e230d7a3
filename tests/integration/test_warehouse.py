"""The warehouse as a stack wants it: made, added to, and migrated once, whatever a deployment repeats or loses."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import ScheduledLoad
curated = aws.s3.Bucket("curated", force_destroy=True)
load = ScheduledLoad("load", {"dataset": "orders", "curated_bucket_name": curated.id, "curated_prefix": "curated/",
    "columns": {"order_id": "VARCHAR(64)", "version": "BIGINT"}, "key": "order_id", "version_column": "version",
    "target_table_name": "orders", "reader": True, "migrations": ["CREATE TABLE analytics.counted (number INTEGER)"],
    "namespace": {"subnet_ids": ["subnet-1", "subnet-2", "subnet-3"], "security_group_ids": ["sg-1"]}})
for name in ("workgroup_name", "redshift_database_name", "job_role_name", "reader_secret_arn"):
    pulumi.export(name, getattr(load, name))
"""
COLUMNS = [["order_id", "VARCHAR(64)"], ["version", "BIGINT"]]
COUNTED = "CREATE TABLE analytics.counted (number INTEGER)"


@pytest.fixture(scope="module")
def stack(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("warehouse")
    (folder / "Pulumi.yaml").write_text("name: house\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py")


class House:
    """The warehouse, and the function that a deployment invokes."""

    def __init__(self, aws: Sandbox, stack: Stack) -> None:
        self._aws = aws
        self._outputs = stack.outputs
        (self._function,) = stack.of_type("aws:lambda/function:Function").values()
        self.user = f"IAMR:{stack.outputs['job_role_name']}"
        self.data: Any = aws.client("redshift-data")
        self._about = {"WorkgroupName": stack.outputs["workgroup_name"], "Database": "analytics"}

    def bring_to(self, columns: list[list[str]] = COLUMNS, migrations: tuple[str, ...] = (COUNTED,)) -> list[str]:
        """What a deployment does, and what it found missing.

        Raises:
            AssertionError: the function failed; the message is the error's.
        """
        wanted = {"schema": "analytics", "table": "orders", "columns": columns, "user": self.user}
        payload = json.dumps({**wanted, "migrations": migrations}).encode()
        answer = self._aws.client("lambda").invoke(FunctionName=self._function["name"], Payload=payload)
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body["errorMessage"]
        done: list[str] = body["done"]
        return done

    def run(self, sql: str) -> dict[str, Any]:
        """Run a statement as the administrator."""
        id = self.data.execute_statement(**self._about, Sql=sql)["Id"]
        found: dict[str, Any] = self.data.describe_statement(Id=id, WaitTimeSeconds=30)
        assert found["Status"] == "FINISHED", found.get("Error")
        return found

    def rows(self, sql: str) -> list[list[Any]]:
        """What a query finds."""
        found = self.data.get_statement_result(Id=self.run(sql)["Id"])
        return [[next(iter(cell.values())) for cell in row] for row in found["Records"]]

    def columns(self) -> dict[str, Any]:
        """The target's columns, each with its bytes where it is text."""
        sql = "SELECT column_name, coalesce(character_maximum_length, 0) FROM svv_columns WHERE table_name = 'orders'"
        return dict(self.rows(sql))


@pytest.fixture
def house(aws: Sandbox, stack: Stack) -> Iterator[House]:
    house = House(aws, stack)
    yield house
    for sql in ("DELETE FROM analytics.counted", "DELETE FROM analytics.migration_ledger WHERE id <> 'orders/1'"):
        house.run(sql)


def test_a_deployment_makes_all_of_it_and_a_repeat_changes_nothing(house: House) -> None:
    assert house.columns() == {"order_id": 64, "version": 0}
    assert house.rows(f"SELECT usename FROM pg_user WHERE usename = '{house.user}'") == [[house.user]]
    assert house.rows("SELECT id FROM analytics.migration_ledger") == [["orders/1"]]
    for _ in range(2):
        assert house.bring_to() == []


def test_a_warehouse_that_lost_something_gets_it_back(house: House) -> None:
    house.run("DROP TABLE analytics.load_ledger")
    house.run("ALTER TABLE analytics.orders DROP COLUMN version")
    assert house.bring_to() == ['ALTER TABLE "analytics"."orders" ADD COLUMN "version" BIGINT']
    assert house.columns() == {"order_id": 64, "version": 0}
    assert house.rows("SELECT count(*) FROM analytics.load_ledger") == [[0]]


def test_columns_are_added_and_lengthened_and_never_taken_away_or_narrowed(house: House) -> None:
    house.run("INSERT INTO analytics.orders (order_id, version) VALUES ('a', 1)")
    more = [["order_id", "VARCHAR(256)"], ["version", "BIGINT"], ["note", "VARCHAR(max)"], ["price", "DECIMAL(10,2)"]]
    assert house.bring_to(more) == [
        'ALTER TABLE "analytics"."orders" ALTER COLUMN "order_id" TYPE VARCHAR(256)',
        'ALTER TABLE "analytics"."orders" ADD COLUMN "note" VARCHAR(max)',
        'ALTER TABLE "analytics"."orders" ADD COLUMN "price" DECIMAL(10,2)',
    ]
    assert house.bring_to(more) == []
    assert house.bring_to() == []
    assert house.columns() == {"order_id": 256, "version": 0, "note": 65535, "price": 0}
    assert house.rows("SELECT order_id FROM analytics.orders") == [["a"]]
    for column in ("note", "price"):
        house.run(f"ALTER TABLE analytics.orders DROP COLUMN {column}")


def test_another_type_is_refused_with_the_way_out(house: House) -> None:
    with pytest.raises(AssertionError, match=r"the column version of .* is bigint, and the stack wants VARCHAR"):
        house.bring_to([["order_id", "VARCHAR(64)"], ["version", "VARCHAR(20)"]])


def test_a_migration_takes_effect_once_and_may_not_change(house: House) -> None:
    insert = "INSERT INTO analytics.counted VALUES (1)"
    assert house.bring_to(migrations=(COUNTED, insert)) == [insert]
    assert house.bring_to(migrations=(COUNTED, insert)) == []
    assert house.rows("SELECT count(*) FROM analytics.counted") == [[1]]
    with pytest.raises(AssertionError, match=r"migrations\[1\] has run with another text; .* append a further one"):
        house.bring_to(migrations=(COUNTED, insert.replace("1", "2")))


def test_a_migration_that_fails_leaves_nothing_and_is_tried_again(house: House) -> None:
    with pytest.raises(AssertionError, match=r"migrations\[1\] failed, and nothing of it stays: .*nowhere"):
        house.bring_to(migrations=(COUNTED, "INSERT INTO analytics.nowhere VALUES (1)"))
    insert = "INSERT INTO analytics.counted VALUES (2)"
    assert house.bring_to(migrations=(COUNTED, insert)) == [insert]


@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.UNAVAILABLE])
def test_whatever_is_lost_on_the_way_the_next_deployment_ends_with_each_migration_once(
    house: House, aws: Sandbox, kind: FaultKind
) -> None:
    insert = "INSERT INTO analytics.counted VALUES (3)"
    aws.faults.add(Fault(kind, "redshift-data", "*Statement", probability=0.3))
    for _ in range(3):
        try:
            house.bring_to(migrations=(COUNTED, insert))
        except AssertionError:
            continue
    aws.faults.clear()
    assert house.bring_to(migrations=(COUNTED, insert)) in ([], [insert])
    assert house.rows("SELECT count(*) FROM analytics.counted") == [[1]]


def test_deployments_at_once_run_a_migration_once(house: House) -> None:
    insert = "INSERT INTO analytics.counted VALUES (4)"
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: house.bring_to(migrations=(COUNTED, insert)), range(3)))
    assert sorted(done) == [[], [], [insert]]
    assert house.rows("SELECT count(*) FROM analytics.counted") == [[1]]


def test_the_reader_reads_the_target_and_nothing_else(aws: Sandbox, stack: Stack) -> None:
    vault, arn = aws.client("secretsmanager"), stack.outputs["reader_secret_arn"]
    secret = json.loads(vault.get_secret_value(SecretId=arn)["SecretString"])
    data = aws.client("redshift-data")
    about = {"WorkgroupName": stack.outputs["workgroup_name"], "Database": "analytics", "SecretArn": arn}

    def ended(sql: str) -> dict[str, Any]:
        identifier = data.execute_statement(**about, Sql=sql)["Id"]
        found: dict[str, Any] = data.describe_statement(Id=identifier, WaitTimeSeconds=30)
        return found

    assert ended("SELECT count(*) FROM analytics.orders")["Status"] == "FINISHED"
    for sql in (
        "SELECT * FROM analytics.load_ledger",
        "DELETE FROM analytics.orders",
        "CREATE TABLE analytics.mine (id INTEGER)",
        "CREATE USER other PASSWORD DISABLE",
    ):
        assert ended(sql)["Status"] == "FAILED", sql
    # No statement, and so no log, holds the password.
    said = [found.get("QueryString", "") for found in data.list_statements(RoleLevel=False)["Statements"]]
    assert said
    assert not any(secret["password"] in sql for sql in said)


def test_a_reader_whose_password_was_changed_gets_the_secrets_again(aws: Sandbox, stack: Stack) -> None:
    arn = stack.outputs["reader_secret_arn"]
    vault, data = aws.client("secretsmanager"), aws.client("redshift-data")
    secret = json.loads(vault.get_secret_value(SecretId=arn)["SecretString"])
    vault.put_secret_value(SecretId=arn, SecretString=json.dumps({**secret, "password": "Another1234567"}))
    (function,) = stack.of_type("aws:lambda/function:Function").values()
    wanted = {"schema": "analytics", "table": "orders", "columns": COLUMNS, "migrations": [COUNTED]}
    user = f"IAMR:{stack.outputs['job_role_name']}"
    payload = {**wanted, "user": user, "reader": {"user": secret["username"], "secret_arn": arn}}
    answer = aws.client("lambda").invoke(FunctionName=function["name"], Payload=json.dumps(payload).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    about = {"WorkgroupName": stack.outputs["workgroup_name"], "Database": "analytics", "SecretArn": arn}
    identifier = data.execute_statement(**about, Sql="SELECT count(*) FROM analytics.orders")["Id"]
    assert data.describe_statement(Id=identifier, WaitTimeSeconds=30)["Status"] == "FINISHED"
