"""Redshift through the Data API: SQL really runs, in transactions, with roles, grants, limits and events."""

import gzip
import json
import secrets
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError
from eda_sandbox.console import Reading
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import deploy
from eda_sandbox.services.redshift.data import service
from eda_sandbox.services.redshift.sql.errors import SqlError
from eda_sandbox.services.redshift.sql.locks import TableLocks, Transaction

from tests.faulted import of
from tests.waiting import wait_until

COLUMNS = ("order_id varchar(64)", "status varchar(20)", "version bigint", "deleted boolean", "changed_at timestamp")
COPY_PRINCIPAL = "redshift-serverless.amazonaws.com"
LOADER_ACTIONS = (
    "redshift-data:ExecuteStatement",
    "redshift-data:BatchExecuteStatement",
    "redshift-serverless:GetCredentials",
)
LONG_SQL = "SELECT count(*) FROM pg_user a, (SELECT 1 FROM numbers x, numbers y, numbers z, numbers w) b"


def make_role(aws: Sandbox, service: str, *statements: dict[str, Any]) -> tuple[str, str]:
    name = f"r-{secrets.token_hex(4)}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    made = aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})
    if statements:
        aws.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return name, str(made["Role"]["Arn"])


@dataclass
class House:
    """A workgroup with an order table, a loader's role and a bucket."""

    aws: Sandbox
    workgroup: str
    workgroup_arn: str
    namespace: str
    admin_secret: str
    bucket: str
    copy_role: str
    loader: str
    loader_arn: str

    def client(self) -> Any:
        """The Data API as the loader's role."""
        return self.aws.cloud.client("redshift-data", self.loader_arn, "glue.amazonaws.com")

    def run(self, *sqls: str, client: Any = None, check: bool = True, **more: Any) -> dict[str, Any]:
        """Run statements to their end, as the administrator or with the client."""
        data = client or self.aws.client("redshift-data")
        common = {"WorkgroupName": self.workgroup, "Database": "orders", **more}
        if len(sqls) == 1:
            identifier = data.execute_statement(Sql=sqls[0], **common)["Id"]
        else:
            identifier = data.batch_execute_statement(Sqls=list(sqls), **common)["Id"]
        described: dict[str, Any] = data.describe_statement(Id=identifier, WaitTimeSeconds=30)
        assert described["Status"] in ("FINISHED", "FAILED", "ABORTED")
        if check:
            assert described["Status"] == "FINISHED", described.get("Error")
        return described

    def rows(self, sql: str, client: Any = None) -> list[list[Any]]:
        """What a query returns, values alone."""
        data = client or self.aws.client("redshift-data")
        found = data.get_statement_result(Id=self.run(sql, client=client)["Id"])
        return [[None if "isNull" in cell else next(iter(cell.values())) for cell in row] for row in found["Records"]]

    def put(self, key: str, body: bytes) -> str:
        """Put an object, and return its address."""
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def parquet(self, folder: Path, select: str) -> tuple[str, int]:
        """Put a Parquet file with the rows of a query; its address and size."""
        path = folder / f"{secrets.token_hex(6)}.parquet"
        duckdb.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        return self.put(f"curated/{path.name}", path.read_bytes()), path.stat().st_size

    def manifest(self, *files: tuple[str, int]) -> str:
        """Put a manifest of files, and return its address."""
        entries = [{"url": url, "mandatory": True, "meta": {"content_length": size}} for url, size in files]
        return self.put(f"manifests/{secrets.token_hex(6)}.json", json.dumps({"entries": entries}).encode())

    def load(self, table: str, manifest: str, slot: str = "s") -> list[str]:
        """The statements of one load."""
        names = [column.partition(" ")[0] for column in COLUMNS]
        listed = ", ".join(names)
        return [
            f"CREATE TEMP TABLE staging ({', '.join(COLUMNS)})",
            f"COPY staging FROM '{manifest}' IAM_ROLE '{self.copy_role}' FORMAT AS PARQUET MANIFEST",
            f"CREATE TEMP TABLE newest AS SELECT {listed} FROM (SELECT {listed}, ROW_NUMBER() OVER "
            "(PARTITION BY order_id ORDER BY version DESC) AS place FROM staging) WHERE place = 1",
            f"DELETE FROM newest USING sales.{table} AS t "
            "WHERE newest.order_id = t.order_id AND t.version >= newest.version",
            f"MERGE INTO sales.{table} USING newest ON sales.{table}.order_id = newest.order_id "
            f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{name} = newest.{name}' for name in names[1:])} "
            f"WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({', '.join(f'newest.{name}' for name in names)})",
            f"INSERT INTO sales.load_ledger (dataset, slot, loaded_at) VALUES ('{table}', '{slot}', GETDATE())",
        ]


def order(order_id: str, version: int, status: str = "PENDING") -> str:
    changed_at = f"TIMESTAMP '2026-01-01' + to_seconds({version})"
    return f"SELECT '{order_id}' a, '{status}' b, {version}::bigint c, false d, {changed_at} e"


@pytest.fixture(scope="module")
def house(aws: Sandbox) -> Iterator[House]:
    suffix = secrets.token_hex(4)
    bucket = f"lake-{suffix}"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.cloud.region})
    _, copy_role = make_role(
        aws,
        COPY_PRINCIPAL,
        {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
    )
    serverless = aws.client("redshift-serverless")
    namespace = serverless.create_namespace(
        namespaceName=f"n-{suffix}",
        dbName="orders",
        adminUsername="boss",
        manageAdminPassword=True,
        iamRoles=[copy_role],
        defaultIamRoleArn=copy_role,
    )["namespace"]
    workgroup = serverless.create_workgroup(
        workgroupName=f"w-{suffix}", namespaceName=f"n-{suffix}", baseCapacity=8, subnetIds=["subnet-1", "subnet-2"]
    )["workgroup"]
    name, arn = make_role(
        aws,
        "glue.amazonaws.com",
        {"Action": list(LOADER_ACTIONS), "Resource": workgroup["workgroupArn"]},
        {"Action": "redshift-data:*Statement*", "Resource": "*"},
    )
    made = House(
        aws,
        workgroup["workgroupName"],
        workgroup["workgroupArn"],
        namespace["namespaceName"],
        namespace["adminPasswordSecretArn"],
        bucket,
        copy_role,
        name,
        arn,
    )
    made.run(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.load_ledger (dataset varchar(100), slot varchar(40), loaded_at timestamp) DISTSTYLE ALL",
        f'CREATE USER "IAMR:{name}" PASSWORD DISABLE',
        f'GRANT USAGE ON SCHEMA sales TO "IAMR:{name}"',
        f'GRANT INSERT, SELECT ON sales.load_ledger TO "IAMR:{name}"',
        "CREATE TABLE numbers (n int)",
        f"INSERT INTO numbers VALUES {', '.join(f'({number})' for number in range(400))}",
    )
    yield made
    serverless.delete_workgroup(workgroupName=made.workgroup)
    serverless.delete_namespace(namespaceName=made.namespace)


@pytest.fixture
def table(house: House) -> str:
    name = f"orders_{secrets.token_hex(4)}"
    house.run(
        f"CREATE TABLE sales.{name} ({', '.join(COLUMNS)}) DISTKEY(order_id) SORTKEY(changed_at)",
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE sales.{name} TO "IAMR:{house.loader}"',
    )
    return name


def states(described: dict[str, Any]) -> list[str]:
    return [part["Status"] for part in described["SubStatements"]]


def test_a_load_takes_the_newest_version_of_each_key_in_one_transaction(
    house: House, table: str, tmp_path: Path
) -> None:
    first = house.manifest(
        house.parquet(tmp_path, f"{order('a', 2, 'DONE')} UNION ALL {order('b', 1)}"),
        house.parquet(tmp_path, order("a", 1)),
    )
    described = house.run(*house.load(table, first, "one"), client=house.client(), WithEvent=True)
    assert states(described) == ["FINISHED"] * 6
    assert [part["ResultRows"] for part in described["SubStatements"]] == [-1, 3, 2, 0, 2, 1]
    assert [part["Id"].partition(":")[2] for part in described["SubStatements"]] == list("123456")
    # The same files again, with one that is newer and one that is older than what is there.
    second = house.manifest(
        house.parquet(tmp_path, f"{order('a', 1)} UNION ALL {order('b', 3, 'DONE')} UNION ALL {order('b', 2)}"),
        house.parquet(tmp_path, f"{order('a', 2, 'DONE')} UNION ALL {order('c', 1)}"),
    )
    assert house.run(*house.load(table, second, "two"), client=house.client())["Status"] == "FINISHED"
    found = house.rows(f"SELECT order_id, status, version, deleted, changed_at FROM sales.{table} ORDER BY 1")
    assert found == [
        ["a", "DONE", 2, False, "2026-01-01 00:00:02"],
        ["b", "DONE", 3, False, "2026-01-01 00:00:03"],
        ["c", "PENDING", 1, False, "2026-01-01 00:00:01"],
    ]
    assert house.rows(f"SELECT slot FROM sales.load_ledger WHERE dataset = '{table}' ORDER BY 1") == [["one"], ["two"]]


def test_a_failure_in_the_middle_leaves_nothing(house: House, table: str, tmp_path: Path) -> None:
    house.run(f"INSERT INTO sales.{table} (order_id, version) VALUES ('kept', 1)")
    load = house.load(table, house.manifest(house.parquet(tmp_path, order("a", 1))))
    load.insert(5, f"INSERT INTO sales.{table} (order_id) VALUES ('{'x' * 65}')")
    described = house.run(*load, client=house.client(), check=False)
    assert described["Status"] == "FAILED"
    assert described["Error"] == "Query #6 failed with ERROR: value too long for type character varying(64)"
    assert states(described) == ["FINISHED"] * 5 + ["FAILED", "ABORTED"]
    assert house.rows(f"SELECT order_id FROM sales.{table}") == [["kept"]]
    assert house.rows(f"SELECT count(*) FROM sales.load_ledger WHERE dataset = '{table}'") == [[0]]


def test_each_statement_of_an_auto_commit_batch_stands_alone(house: House, table: str) -> None:
    insert = f"INSERT INTO sales.{table} (order_id) VALUES ('%s')"
    described = house.run(insert % "a", insert % ("x" * 65), insert % "b", check=False, ExecutionMode="AUTO_COMMIT")
    assert (described["Status"], states(described)) == ("FAILED", ["FINISHED", "FAILED", "FINISHED"])
    assert house.rows(f"SELECT order_id FROM sales.{table} ORDER BY 1") == [["a"], ["b"]]


def test_truncate_commits_what_was_before_it(house: House, table: str) -> None:
    house.run(f"INSERT INTO sales.{table} (order_id) VALUES ('gone')")
    insert = f"INSERT INTO sales.{table} (order_id) VALUES ('%s')"
    described = house.run(
        f"INSERT INTO sales.load_ledger (dataset) VALUES ('{table}')",
        f"TRUNCATE sales.{table}",
        insert % "rolled back",
        "SELECT nothing",
        check=False,
    )
    assert described["Status"] == "FAILED"
    assert house.rows(f"SELECT order_id FROM sales.{table}") == []
    assert house.rows(f"SELECT count(*) FROM sales.load_ledger WHERE dataset = '{table}'") == [[1]]


def test_merge_takes_tables_alone_and_a_target_row_once(house: House, table: str) -> None:
    clauses = (
        f"ON sales.{table}.order_id = s.order_id WHEN MATCHED THEN UPDATE SET version = s.version "
        "WHEN NOT MATCHED THEN INSERT (order_id, version) VALUES (s.order_id, s.version)"
    )
    merge = f"MERGE INTO sales.{table} USING"
    house.run(f"CREATE VIEW sales.view_{table} AS SELECT * FROM sales.{table}")
    for source, reason in (
        (f"(SELECT * FROM sales.{table}) AS s", "cannot be a subquery"),
        (f"sales.view_{table} AS s", "cannot be a view"),
        ("sales.nothing AS s", 'relation "sales.nothing" does not exist'),
    ):
        described = house.run(f"{merge} {source} {clauses}", check=False)
        assert reason in described["Error"]
    described = house.run(
        "CREATE TEMP TABLE doubled (order_id varchar, version bigint)",
        "INSERT INTO doubled VALUES ('a', 1), ('a', 2)",
        f"INSERT INTO sales.{table} (order_id) VALUES ('a')",
        f"{merge} doubled AS s {clauses}",
        check=False,
    )
    assert described["Error"] == "Query #4 failed with ERROR: Found multiple matches to update the same tuple."


def test_the_same_token_is_the_same_statement_also_when_it_failed(house: House, table: str) -> None:
    data, token = house.client(), secrets.token_hex(32)
    request = {"WorkgroupName": house.workgroup, "Database": "orders", "ClientToken": token}
    insert = f"INSERT INTO sales.{table} (order_id) VALUES ('once')"
    with ThreadPoolExecutor(8) as pool:
        ids = {found["Id"] for found in pool.map(lambda _: data.execute_statement(Sql=insert, **request), range(8))}
    assert len(ids) == 1
    data.describe_statement(Id=next(iter(ids)), WaitTimeSeconds=30)
    assert house.rows(f"SELECT count(*) FROM sales.{table}") == [[1]]
    with pytest.raises(ClientError, match="ClientToken was used before with other parameters"):
        data.execute_statement(Sql="SELECT 1", **request)
    request["ClientToken"] = secrets.token_hex(32)
    failed = data.execute_statement(Sql="SELECT nothing", **request)["Id"]
    assert data.describe_statement(Id=failed, WaitTimeSeconds=30)["Status"] == "FAILED"
    assert data.execute_statement(Sql="SELECT nothing", **request)["Id"] == failed
    with pytest.raises(ClientError, match="clientToken"):
        data.execute_statement(Sql="SELECT 1", **{**request, "ClientToken": "x" * 65})


@pytest.fixture
def events(aws: Sandbox) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    name = f"events-{secrets.token_hex(4)}"
    sqs, bus = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = aws.cloud.arn("sqs", name)
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    bus.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.redshift-data"]}))
    bus.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def received(prefix: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}

        def ended() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                event = json.loads(message["Body"])
                if event["detail"]["statementName"].startswith(prefix):
                    found[event["id"]] = event
            return len(found) == 2

        wait_until(ended, "both events came")
        return list(found.values())

    yield received
    bus.remove_targets(Rule=name, Ids=["queue"])
    bus.delete_rule(Name=name)


def test_an_end_is_an_event_where_that_was_asked_for(
    house: House, events: Callable[[str], list[dict[str, Any]]]
) -> None:
    prefix = f"load-{secrets.token_hex(4)}"
    done = house.run("SELECT 1", client=house.client(), WithEvent=True, StatementName=f"{prefix}-a")
    failed = house.run("SELECT x", client=house.client(), WithEvent=True, StatementName=f"{prefix}-b", check=False)
    house.run("SELECT 2", client=house.client(), StatementName=f"{prefix}-silent")
    found = {event["detail"]["statementId"]: event for event in events(prefix)}
    assert {key: event["detail"]["state"] for key, event in found.items()} == {
        done["Id"]: "FINISHED",
        failed["Id"]: "FAILED",
    }
    event = found[done["Id"]]
    assert event["source"] == "aws.redshift-data"
    assert event["detail-type"] == "Redshift Data Statement Status Change"
    assert event["resources"] == [house.workgroup_arn]
    assert event["detail"] == {
        "principal": event["detail"]["principal"],
        "statementName": f"{prefix}-a",
        "statementId": done["Id"],
        "redshiftQueryId": done["RedshiftQueryId"],
        "state": "FINISHED",
        "rows": 1,
        "expireAt": int(done["CreatedAt"].timestamp() + 86400),
    }
    assert f"assumed-role/{house.loader}/" in event["detail"]["principal"]


def test_a_bus_that_is_not_there_fails_no_statement(house: House, aws: Sandbox) -> None:
    aws.faults.add(Fault(FaultKind.LOST_REQUEST, "events", "PutEvents"))
    assert house.run("SELECT 1", WithEvent=True)["Status"] == "FINISHED"


def test_without_grants_a_role_may_do_nothing(house: House, table: str) -> None:
    client, other = house.client(), f"private_{secrets.token_hex(4)}"
    house.run(f"CREATE TABLE sales.{other} (id varchar)", f"CREATE TABLE sales.{other}_2 (id varchar)")
    relation = f"ERROR: permission denied for relation {other}"
    for sql, error in (
        (f"SELECT * FROM sales.{other}", relation),
        (f"INSERT INTO sales.{other} VALUES ('a')", relation),
        (f"DELETE FROM sales.{other} WHERE id = 'a'", relation),
        (f"DROP TABLE sales.{other}", relation),
        (f"TRUNCATE sales.{other}", relation),
        (f"COPY sales.{other} FROM 's3://{house.bucket}/x' IAM_ROLE default CSV", relation),
        ("CREATE TABLE sales.mine (id varchar)", "ERROR: permission denied for schema sales"),
        ("CREATE SCHEMA mine", "ERROR: permission denied for database orders"),
        (f'GRANT SELECT ON sales.{other} TO "IAMR:{house.loader}"', relation),
        ("CREATE USER eve PASSWORD DISABLE", "ERROR: must be superuser to create users"),
        (
            f"MERGE INTO sales.{other} USING sales.{table} AS s ON sales.{other}.id = s.order_id WHEN MATCHED THEN "
            "UPDATE SET id = s.order_id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.order_id)",
            relation,
        ),
    ):
        described = house.run(sql, client=client, check=False)
        assert (sql, described.get("Error")) == (sql, error)
    house.run(f'GRANT SELECT ON ALL TABLES IN SCHEMA sales TO "IAMR:{house.loader}"')
    assert house.rows(f"SELECT * FROM sales.{other}", client=client) == []
    described = house.run(f'GRANT INSERT ON sales.{other} TO "IAMR:{house.loader}"', "SELECT x", check=False)
    assert described["Status"] == "FAILED"
    assert house.run(f"INSERT INTO sales.{other} VALUES ('a')", client=client, check=False)["Error"] == relation


def test_a_role_becomes_a_user_on_first_use_and_needs_credentials(house: House, aws: Sandbox) -> None:
    run = {"Action": "redshift-data:ExecuteStatement", "Resource": house.workgroup_arn}
    look = {"Action": "redshift-data:*Statement*", "Resource": "*"}
    credentials = {"Action": "redshift-serverless:GetCredentials", "Resource": house.workgroup_arn}
    name, arn = make_role(aws, "lambda.amazonaws.com", run, look, credentials)
    client = aws.cloud.client("redshift-data", arn, "lambda.amazonaws.com")
    assert house.rows("SELECT 1", client=client) == [[1]]
    assert [f"IAMR:{name}"] in house.rows("SELECT usename FROM pg_user")
    for left_out, kept in (
        ("redshift-serverless:GetCredentials", (run, look)),
        ("redshift-data:ExecuteStatement", ({**look, "Action": "redshift-data:DescribeStatement"}, credentials)),
    ):
        _, arn = make_role(aws, "lambda.amazonaws.com", *kept)
        poor = aws.cloud.client("redshift-data", arn, "lambda.amazonaws.com")
        with pytest.raises(ClientError, match=f"not authorized to perform: {left_out}") as raised:
            poor.execute_statement(Sql="SELECT 1", WorkgroupName=house.workgroup, Database="orders")
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    mine = house.run("SELECT 1", client=client)["Id"]
    for stranger in (aws.client("redshift-data"), house.client()):
        with pytest.raises(ClientError, match="Query does not exist"):
            stranger.describe_statement(Id=mine)


def test_the_secret_of_the_administrator_opens_the_door(house: House, aws: Sandbox) -> None:
    secret = {"Action": "secretsmanager:GetSecretValue", "Resource": house.admin_secret}
    run = {"Action": "redshift-data:*", "Resource": "*"}
    _, arn = make_role(aws, "lambda.amazonaws.com", run, secret)
    client = aws.cloud.client("redshift-data", arn, "lambda.amazonaws.com")
    described = house.run("CREATE SCHEMA by_secret", client=client, SecretArn=house.admin_secret)
    assert described["DbUser"] == "boss"
    _, arn = make_role(aws, "lambda.amazonaws.com", run)
    poor = aws.cloud.client("redshift-data", arn, "lambda.amazonaws.com")
    with pytest.raises(ClientError) as raised:
        house.run("SELECT 1", client=poor, SecretArn=house.admin_secret)
    assert "AccessDenied" in raised.value.response["Error"]["Code"]
    house.run("CREATE USER reader PASSWORD 'Secret12345'")
    for password, error in (
        ("Secret12345", None),
        ("wrong", 'FATAL: password authentication failed for user "reader"'),
    ):
        content = json.dumps({"username": "reader", "password": password})
        made = aws.client("secretsmanager").create_secret(Name=f"s-{secrets.token_hex(4)}", SecretString=content)
        described = house.run("SELECT 1", SecretArn=made["ARN"], check=False)
        assert described.get("Error") == error


def test_copy_needs_a_role_of_the_namespace_that_may_read(house: House, aws: Sandbox, table: str) -> None:
    source = house.put(f"csv/{table}.csv", b"a,DONE,1,false,2026-01-01 00:00:00\n")
    _, stranger = make_role(aws, COPY_PRINCIPAL, {"Action": "s3:*", "Resource": "*"})
    copy = f"COPY sales.{table} FROM '{source}' IAM_ROLE '{stranger}' CSV"
    assert house.run(copy, check=False)["Error"] == f"ERROR: The requested role {stranger} is not associated to cluster"
    _, blind = make_role(aws, COPY_PRINCIPAL)
    _, alien = make_role(aws, "ec2.amazonaws.com", {"Action": "s3:*", "Resource": "*"})
    serverless = aws.client("redshift-serverless")
    serverless.update_namespace(namespaceName=house.namespace, iamRoles=[house.copy_role, blind, alien])
    error = house.run(copy.replace(stranger, blind), check=False)["Error"]
    assert "S3ServiceException" in error
    assert "Error AccessDenied" in error
    assert "not authorized to assume" in house.run(copy.replace(stranger, alien), check=False)["Error"]
    assert house.run(copy.replace(f"'{stranger}'", "default"), client=house.client())["ResultRows"] == 1


def test_copy_of_parquet_is_strict(house: House, table: str, tmp_path: Path) -> None:
    def copied(source: str, options: str = "MANIFEST") -> str:
        sql = f"COPY sales.{table} FROM '{source}' IAM_ROLE default FORMAT AS PARQUET {options}"
        return str(house.run(sql, check=False, client=house.client()).get("Error"))

    good, size = house.parquet(tmp_path, order("a", 1))
    narrow = house.manifest(house.parquet(tmp_path, "SELECT 'a' a, 'b' b"))
    assert "Unmatched number of columns between table and file. Table columns: 5, Data columns: 2" in copied(narrow)
    typed = house.manifest(house.parquet(tmp_path, order("a", 1).replace("bigint", "integer")))
    assert "incompatible Parquet schema" in copied(typed)
    long = house.manifest(house.parquet(tmp_path, order("a" * 65, 1)))
    assert "longer than the length defined in the table. Table: 64, Data: 65" in copied(long)
    assert "does not have 'meta' key" in copied(
        house.put("manifests/bare.json", json.dumps({"entries": [{"url": good, "mandatory": True}]}).encode())
    )
    assert "416" in copied(house.manifest((good, size + 1)))
    torn = copied(house.manifest((good, size - 1)))
    assert "Spectrum Scan Error" in torn
    assert str(house.aws.cloud.folder) not in torn
    assert "Error NoSuchKey" in copied(house.manifest((f"s3://{house.bucket}/curated/none", 1)))
    assert "Problem reading manifest" in copied(house.put("manifests/broken.json", b"{"))
    assert "does not exist" in copied(f"s3://{house.bucket}/no/such/prefix", "")
    assert house.rows(f"SELECT count(*) FROM sales.{table}") == [[0]]
    # By position: the names in the file mean nothing. A prefix takes all below it.
    assert copied(house.manifest((good, size))) == "None"
    assert house.rows(f"SELECT order_id, version FROM sales.{table}") == [["a", 1]]


def test_copy_of_json_and_csv(house: House, table: str) -> None:
    lines = b'{"order_id": "j", "version": 4, "changed_at": "2026-02-03T04:05:06"}\n{"order_id": "k", "more": 1}\n'
    json_lines = house.put(f"json/{table}.gz", gzip.compress(lines))
    house.run(
        f"COPY sales.{table} (order_id, version, changed_at) FROM '{json_lines}' IAM_ROLE default JSON 'auto' GZIP"
    )
    csv = house.put(f"csv2/{table}", b'order_id|n\n"l, m"|7\n')
    options = "FORMAT AS CSV DELIMITER '|' IGNOREHEADER 1"
    house.run(f"COPY sales.{table} (order_id, version) FROM '{csv}' IAM_ROLE default {options}")
    assert house.rows(f"SELECT order_id, version, changed_at FROM sales.{table} ORDER BY 1") == [
        ["j", 4, "2026-02-03 04:05:06"],
        ["k", None, None],
        ["l, m", 7, None],
    ]
    broken = house.put(f"csv3/{table}", b"a,x\n")
    error = house.run(f"COPY sales.{table} (order_id, version) FROM '{broken}' IAM_ROLE default CSV", check=False)[
        "Error"
    ]
    assert f"Load into table '{table}' failed.  Check 'stl_load_errors' system table for details." in error


def test_an_outage_of_s3_fails_the_load_and_the_next_attempt_succeeds(
    house: House, aws: Sandbox, table: str, tmp_path: Path
) -> None:
    load = house.load(table, house.manifest(house.parquet(tmp_path, order("a", 1))))
    aws.faults.add(
        Fault(FaultKind.ERROR, "s3", "GetObject", times=1, code="SlowDown", status=503, matching=of(house.bucket))
    )
    described = house.run(*load, client=house.client(), check=False)
    assert "Status 503,Error SlowDown" in described["Error"]
    assert house.run(*load, client=house.client())["Status"] == "FINISHED"
    assert house.rows(f"SELECT count(*) FROM sales.{table}") == [[1]]


def test_loads_that_race_put_no_row_twice(house: House, table: str, tmp_path: Path) -> None:
    load = house.load(table, house.manifest(house.parquet(tmp_path, f"{order('a', 1)} UNION ALL {order('b', 1)}")))
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda _: house.run(*load, client=house.client(), check=False), range(4)))
    assert any(end["Status"] == "FINISHED" for end in ends)
    for end in ends:
        assert end["Status"] == "FINISHED" or "Serializable isolation violation" in end["Error"]
    assert house.rows(f"SELECT order_id FROM sales.{table} ORDER BY 1") == [["a"], ["b"]]
    done = sum(end["Status"] == "FINISHED" for end in ends)
    assert house.rows(f"SELECT count(*) FROM sales.load_ledger WHERE dataset = '{table}'") == [[done]]


def test_a_statement_that_is_cancelled_is_aborted_and_leaves_nothing(house: House, table: str) -> None:
    data = house.client()
    insert = f"INSERT INTO sales.{table} (order_id) VALUES ('a')"
    house.run(f'GRANT SELECT ON numbers TO "IAMR:{house.loader}"')
    identifier = data.batch_execute_statement(
        Sqls=[insert, LONG_SQL, insert], WorkgroupName=house.workgroup, Database="orders"
    )["Id"]
    wait_until(
        lambda: data.describe_statement(Id=identifier)["SubStatements"][1]["Status"] == "STARTED", "the query runs"
    )
    assert data.cancel_statement(Id=identifier)["Status"] is True
    described = data.describe_statement(Id=identifier, WaitTimeSeconds=30)
    assert (described["Status"], states(described)) == ("ABORTED", ["FINISHED", "ABORTED", "ABORTED"])
    assert house.rows(f"SELECT count(*) FROM sales.{table}") == [[0]]
    with pytest.raises(ClientError, match="already in ABORTED state"):
        data.cancel_statement(Id=identifier)
    # The lock of the table is free again.
    assert house.run(insert, client=data)["Status"] == "FINISHED"


def test_results_have_types_pages_and_parameters(house: House) -> None:
    data = house.client()
    sql = (
        "SELECT 1 AS i, 2.50::decimal(10,2) AS d, 'x' AS s, true AS b, NULL AS n, 1.5::float8 AS f, "
        "DATE '2026-01-02' AS t"
    )
    found = data.get_statement_result(Id=house.run(sql, client=data)["Id"])
    assert found["Records"] == [
        [
            {"longValue": 1},
            {"stringValue": "2.50"},
            {"stringValue": "x"},
            {"booleanValue": True},
            {"isNull": True},
            {"doubleValue": 1.5},
            {"stringValue": "2026-01-02"},
        ]
    ]
    types = [column["typeName"] for column in found["ColumnMetadata"]]
    assert types == ["int4", "numeric", "varchar", "bool", "varchar", "float8", "date"]
    many = house.run("SELECT a.n * 400 + b.n AS n FROM numbers a, numbers b WHERE a.n < 6 ORDER BY 1")
    root = house.aws.client("redshift-data")
    pages = list(root.get_paginator("get_statement_result").paginate(Id=many["Id"]))
    assert [len(page["Records"]) for page in pages] == [1000, 1000, 400]
    assert [row[0]["longValue"] for page in pages for row in page["Records"]] == list(range(2400))
    described = house.run(
        "SELECT :one AS a WHERE 5 = :five",
        "SELECT :one AS b",
        client=data,
        Parameters=[{"name": "one", "value": "it's"}, {"name": "five", "value": "5"}],
    )
    assert data.get_statement_result(Id=f"{described['Id']}:1")["Records"] == [[{"stringValue": "it's"}]]
    with pytest.raises(ClientError, match="does not have result"):
        data.get_statement_result(Id=described["Id"])


def test_statements_are_listed_to_their_own_role(house: House) -> None:
    data, prefix = house.client(), f"list-{secrets.token_hex(4)}"
    good = house.run("SELECT 1", client=data, StatementName=f"{prefix}-1")["Id"]
    bad = house.run("SELECT x", "SELECT 1", client=data, StatementName=f"{prefix}-2", check=False)["Id"]
    listed = data.list_statements(StatementName=prefix)["Statements"]
    assert [item["Id"] for item in listed] == [good]
    everything = data.list_statements(StatementName=prefix, Status="ALL")["Statements"]
    assert [item["Id"] for item in everything] == [bad, good]
    assert everything[0]["QueryStrings"] == ["SELECT x", "SELECT 1"]
    assert house.aws.client("redshift-data").list_statements(StatementName=prefix, Status="ALL")["Statements"] == []


def test_bad_requests_are_refused_before_anything_runs(house: House) -> None:
    data = house.aws.client("redshift-data")
    common = {"WorkgroupName": house.workgroup, "Database": "orders"}
    for request, error in (
        ({**common, "Sql": "SELECT 1", "WorkgroupName": "nothing-here"}, "ResourceNotFoundException"),
        ({"WorkgroupName": house.workgroup, "Sql": "SELECT 1"}, "Database is required"),
        ({**common, "Sql": "SELECT 1; SELECT 2"}, "BatchExecuteStatement"),
        ({**common, "Sql": f"SELECT '{'x' * 102400}'"}, "query statement limit of 100 KB"),
        ({**common, "Sql": "SELECT 1", "StatementName": "x" * 501}, "500 characters"),
        ({**common, "Sql": "SELECT 1", "Parameters": [{"name": "a", "value": "b"}]}, "unused parameters"),
        ({**common, "Sql": "SELECT :b, :a", "Parameters": [{"name": "a", "value": "b"}]}, r"not given: \['b'\]"),
        ({**common, "Sql": "SELECT 1", "DbUser": "x"}, "DbUser"),
    ):
        with pytest.raises(ClientError, match=error):
            data.execute_statement(**request)
    with pytest.raises(ClientError, match="less than or equal to 40"):
        data.batch_execute_statement(Sqls=["SELECT 1"] * 41, **common)
    assert house.run("SELECT 1", Database="other", check=False)["Error"] == 'FATAL: database "other" does not exist'


def test_a_workgroup_takes_so_many_statements_and_forgets_them_after_a_day(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = house.aws.client("redshift-data")
    common = {"WorkgroupName": house.workgroup, "Database": "orders"}
    monkeypatch.setattr(service, "ACTIVE_STATEMENTS", 1)
    running = data.execute_statement(Sql=LONG_SQL, **common)["Id"]
    with pytest.raises(ClientError) as raised:
        data.execute_statement(Sql="SELECT 1", **common)
    assert raised.value.response["Error"]["Code"] == "ActiveStatementsExceededException"
    data.cancel_statement(Id=running)
    assert data.describe_statement(Id=running, WaitTimeSeconds=30)["Status"] == "ABORTED"
    assert house.run("SELECT 1")["Status"] == "FINISHED"
    monkeypatch.setattr(service, "RETENTION", timedelta(0))
    with pytest.raises(ClientError, match=r"ValidationException.* has expired"):
        data.describe_statement(Id=running)
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.* Query does not exist"):
        data.describe_statement(Id=str(uuid.uuid4()))


def test_a_type_changes_outside_a_transaction_block_only(house: House, table: str) -> None:
    wider = f"ALTER TABLE sales.{table} ALTER COLUMN status TYPE varchar(40)"
    refused = house.run("SELECT 1", wider, check=False)
    assert "cannot run inside a transaction block" in refused["Error"]
    house.run(wider)


def test_two_that_wait_for_each_other_are_a_deadlock() -> None:
    locks = TableLocks()
    one, two = locks.new(), locks.new()
    locks.lock(one, "a", False, lambda: False)
    locks.lock(two, "b", False, lambda: False)

    def wanting(transaction: Transaction, table: str) -> str | None:
        try:
            locks.lock(transaction, table, False, lambda: False)
        except SqlError as error:
            locks.end(transaction, None)
            return str(error)
        return None

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(wanting, one, "b"), pool.submit(wanting, two, "a")]
        assert {end.result(30) for end in ends} == {None, "ERROR: deadlock detected"}


def test_sql_reaches_no_file_and_no_engine_internals(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for sql in (
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM read_text('{secret}')",
        f"COPY numbers FROM '{secret}' IAM_ROLE default CSV",
        f"COPY numbers TO '{secret}'",
        f"ATTACH '{secret}' AS other",
        "INSTALL httpfs",
        "SELECT * FROM _redshift.users",
        "SELECT * FROM duckdb_settings()",
        "PRAGMA database_list",
        "SET enable_external_access = true",
    ):
        assert house.run(sql, check=False)["Status"] == "FAILED", sql
    assert secret.read_text() == "a\n1\n"


def test_the_catalog_is_there(house: House, table: str) -> None:
    data = house.aws.client("redshift-data")
    common = {"WorkgroupName": house.workgroup, "Database": "orders"}
    assert {"name": table, "schema": "sales", "type": "TABLE"} in data.list_tables(
        **common, SchemaPattern="sales", TablePattern="orders%"
    )["Tables"]
    assert "sales" in data.list_schemas(**common)["Schemas"]
    assert data.list_databases(**common)["Databases"] == ["orders"]
    columns = data.describe_table(**common, Schema="sales", Table=table)["ColumnList"]
    assert [(column["name"], column["typeName"], column["length"]) for column in columns][:3] == [
        ("order_id", "character varying", 64),
        ("status", "character varying", 20),
        ("version", "bigint", 0),
    ]
    house.run(
        f"ALTER TABLE sales.{table} ADD COLUMN note varchar(5) DEFAULT 'new'",
        f"INSERT INTO sales.{table} (order_id) VALUES ('a')",
    )
    house.run(f"ALTER TABLE sales.{table} ALTER COLUMN note TYPE varchar(50)")
    house.run(f"UPDATE sales.{table} SET note = 'a longer note'")
    assert house.rows(f"SELECT note FROM sales.{table}") == [["a longer note"]]


PROGRAM = """
import pulumi, pulumi_aws as aws
namespace = aws.redshiftserverless.Namespace("house", namespace_name="house-{suffix}", db_name="orders",
    manage_admin_password=True, tags={{"team": "data"}})
workgroup = aws.redshiftserverless.Workgroup("house", workgroup_name="house-{suffix}",
    namespace_name=namespace.namespace_name, base_capacity=8, max_capacity=16, publicly_accessible=False)
schema = aws.redshiftdata.Statement("schema", workgroup_name=workgroup.workgroup_name, database="orders",
    secret_arn=namespace.admin_password_secret_arn, sql="CREATE SCHEMA sales")
table = aws.redshiftdata.Statement("table", workgroup_name=workgroup.workgroup_name, database="orders",
    sql="{sql}", opts=pulumi.ResourceOptions(depends_on=[schema]))
pulumi.export("address", workgroup.endpoints[0].address)
pulumi.export("workgroup", workgroup.workgroup_name)
"""


def test_a_stack_makes_a_warehouse_and_its_tables(aws: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: house\nruntime: python\n")
    main = tmp_path / "__main__.py"
    main.write_text(PROGRAM.format(suffix="a", sql="CREATE TABLE sales.orders (id varchar(5))"))
    outputs = deploy(aws.cloud, main, "test").outputs
    assert outputs["address"] == f"house-a.{aws.cloud.account}.{aws.cloud.region}.redshift-serverless.amazonaws.com"
    client: Any = aws.client("redshift-data")
    found = client.list_tables(WorkgroupName=outputs["workgroup"], Database="orders", SchemaPattern="sales")
    assert [found["name"] for found in found["Tables"]] == ["orders"]
    main.write_text(PROGRAM.format(suffix="b", sql="CREATE TABLE nowhere.orders (id varchar(5))"))
    with pytest.raises(SandboxError, match='schema "nowhere" does not exist'):
        deploy(aws.cloud, main, "test")


def test_a_client_outside_needs_the_region_alone(house: House, aws: Sandbox) -> None:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=aws.cloud.region)
    client = session.client("redshift-data", endpoint_url=aws.endpoint)
    answer = client.execute_statement(
        WorkgroupName=house.workgroup_arn, Database="orders", Sql="SELECT 1", WaitTimeSeconds=30
    )
    assert (answer["Status"], answer["HasResultSet"]) == ("FINISHED", True)


def test_the_console_shows_a_statement_with_its_rows(house: House) -> None:
    reading, node = Reading(house.aws), f"warehouse:{house.workgroup}"
    one = house.run("SELECT 1 AS number, NULL AS nothing, '<b>' AS text")["Id"]
    batch = house.run("SELECT 2 AS number", "CREATE TEMP TABLE shown (number int)")["Id"]
    failed = house.run("SELECT * FROM nowhere", check=False)["Id"]
    assert reading.item(node, one)["rows"] == [["number", "nothing", "text"], ["1", "", "<b>"]]
    assert reading.item(node, batch)["rows"] == [["number"], ["2"]]
    assert reading.item(node, batch)["sql"] == "SELECT 2 AS number;\n\nCREATE TEMP TABLE shown (number int)"
    found = reading.item(node, failed)
    assert found["rows"] == []
    assert "nowhere" in found["facts"]["Error"]
    assert [row[0] for row in reading.node(node)["items"]["rows"][:3]] == [failed, batch, one]
