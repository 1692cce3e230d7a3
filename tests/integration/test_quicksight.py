"""QuickSight: data sources are reached, data sets are really loaded, ingestions have states, errors and a limit."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import deploy, destroy
from eda_sandbox.services.quicksight import QuickSight

from tests.faulted import of
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

VPC_CONNECTION = "arn:aws:quicksight:eu-central-1:000000000000:vpcConnection/private"
OWNER = "arn:aws:quicksight:eu-central-1:000000000000:user/default/analysts"
COLUMNS = [
    {"Name": "order_id", "Type": "STRING"},
    {"Name": "quantity", "Type": "INTEGER"},
    {"Name": "price", "Type": "DECIMAL"},
    {"Name": "changed_at", "Type": "DATETIME"},
]


@dataclass
class Reports:
    """A workgroup with a table of orders, and a data source that reads it as a user with SELECT."""

    aws: Sandbox
    workgroup: str
    host: str
    source_arn: str
    secret_arn: str

    @property
    def client(self) -> Any:
        """QuickSight as the account's root."""
        return self.aws.client("quicksight")

    @property
    def account(self) -> str:
        """The account's id."""
        return self.aws.cloud.account

    def sql(self, *sqls: str) -> None:
        """Change the database as its administrator."""
        data = self.aws.client("redshift-data")
        for sql in sqls:
            identifier = data.execute_statement(WorkgroupName=self.workgroup, Database="dev", Sql=sql)["Id"]
            described = data.describe_statement(Id=identifier, WaitTimeSeconds=30)
            assert described["Status"] == "FINISHED", described.get("Error")

    def data_set(self, table: str, **more: Any) -> str:
        """A data set in SPICE over a table, its first ingestion ended."""
        identifier = f"set-{secrets.token_hex(4)}"
        relational = {"DataSourceArn": self.source_arn, "Schema": "sales", "Name": table, "InputColumns": COLUMNS}
        request = {
            "AwsAccountId": self.account,
            "DataSetId": identifier,
            "Name": identifier,
            "PhysicalTableMap": {"orders": {"RelationalTable": relational}},
            "ImportMode": "SPICE",
            **more,
        }
        made = self.client.create_data_set(**request)
        if "IngestionId" in made:
            self.ended(identifier, made["IngestionId"])
        return identifier

    def describe(self, data_set: str, ingestion: str) -> dict[str, Any]:
        """An ingestion as it is."""
        answer = self.client.describe_ingestion(AwsAccountId=self.account, DataSetId=data_set, IngestionId=ingestion)
        found: dict[str, Any] = answer["Ingestion"]
        return found

    def ended(self, data_set: str, ingestion: str) -> dict[str, Any]:
        """An ingestion when it has ended."""
        wait_until(
            lambda: self.describe(data_set, ingestion)["IngestionStatus"] in ("COMPLETED", "FAILED", "CANCELLED"),
            "the ingestion ended",
        )
        return self.describe(data_set, ingestion)

    def refresh(self, data_set: str, ingestion: str, **more: Any) -> dict[str, Any]:
        """Start an ingestion."""
        answer: dict[str, Any] = self.client.create_ingestion(
            AwsAccountId=self.account, DataSetId=data_set, IngestionId=ingestion, **more
        )
        return answer

    def spice(self, data_set: str) -> list[dict[str, Any]]:
        """What SPICE holds."""
        service = self.aws.cloud.service("quicksight")
        assert isinstance(service, QuickSight)
        return service.spice(data_set)


def source_request(reports_host: str, identifier: str, account: str, **more: Any) -> dict[str, Any]:
    return {
        "AwsAccountId": account,
        "DataSourceId": identifier,
        "Name": identifier,
        "Type": "REDSHIFT",
        "DataSourceParameters": {"RedshiftParameters": {"Host": reports_host, "Port": 5439, "Database": "dev"}},
        "VpcConnectionProperties": {"VpcConnectionArn": VPC_CONNECTION},
        **more,
    }


def state_of(reports: Reports, identifier: str) -> dict[str, Any]:
    def described() -> dict[str, Any]:
        answer = reports.client.describe_data_source(AwsAccountId=reports.account, DataSourceId=identifier)
        found: dict[str, Any] = answer["DataSource"]
        return found

    wait_until(lambda: not described()["Status"].endswith("_IN_PROGRESS"), "the data source was tried")
    return described()


@pytest.fixture(scope="module")
def reports(aws: Sandbox) -> Iterator[Reports]:
    suffix, account = secrets.token_hex(4), aws.cloud.account
    serverless = aws.client("redshift-serverless")
    serverless.create_namespace(namespaceName=f"n-{suffix}")
    workgroup = serverless.create_workgroup(workgroupName=f"w-{suffix}", namespaceName=f"n-{suffix}")["workgroup"]
    secret = aws.client("secretsmanager").create_secret(
        Name=f"reader-{suffix}", SecretString=json.dumps({"username": "reader", "password": "Reader12345"})
    )["ARN"]
    host, identifier = workgroup["endpoint"]["address"], f"source-{suffix}"
    made = Reports(aws, f"w-{suffix}", host, aws.cloud.arn("quicksight", f"datasource/{identifier}"), secret)
    made.sql(
        "CREATE SCHEMA sales",
        "CREATE USER reader PASSWORD 'Reader12345'",
        "GRANT USAGE ON SCHEMA sales TO reader",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader",
    )
    request = source_request(host, identifier, account, Credentials={"SecretArn": secret})
    assert aws.client("quicksight").create_data_source(**request)["CreationStatus"] == "CREATION_IN_PROGRESS"
    assert state_of(made, identifier)["Status"] == "CREATION_SUCCESSFUL"
    yield made
    serverless.delete_workgroup(workgroupName=made.workgroup)
    serverless.delete_namespace(namespaceName=f"n-{suffix}")


@pytest.fixture
def table(reports: Reports) -> str:
    name = f"orders_{secrets.token_hex(4)}"
    reports.sql(
        f"CREATE TABLE sales.{name} (order_id varchar, quantity int, price decimal(10,2), changed_at timestamp)",
        f"INSERT INTO sales.{name} VALUES ('a', 1, 2.50, '2026-01-02 03:04:05'), ('b', NULL, NULL, NULL)",
    )
    return name


def test_an_ingestion_loads_the_rows_through_its_states(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    assert reports.spice(data_set) == [
        {"order_id": "a", "quantity": 1, "price": Decimal("2.50"), "changed_at": datetime(2026, 1, 2, 3, 4, 5)},
        {"order_id": "b", "quantity": None, "price": None, "changed_at": None},
    ]
    reports.sql(f"INSERT INTO sales.{table} VALUES ('c', 3, 1, NULL)")
    assert len(reports.spice(data_set)) == 2
    made = reports.refresh(data_set, "one")
    assert (made["IngestionStatus"], made["Status"]) == ("INITIALIZED", 201)
    wait_until(lambda: reports.describe(data_set, "one")["IngestionStatus"] == "RUNNING", "it runs")
    assert len(reports.spice(data_set)) == 2
    ended = reports.ended(data_set, "one")
    assert (ended["IngestionStatus"], ended["RequestType"]) == ("COMPLETED", "FULL_REFRESH")
    assert ended["RowInfo"] == {"RowsIngested": 3, "RowsDropped": 0, "TotalRowsInDataset": 3}
    assert ended["IngestionTimeInSeconds"] >= 10
    assert [row["order_id"] for row in reports.spice(data_set)] == ["a", "b", "c"]
    listed = reports.client.list_ingestions(AwsAccountId=reports.account, DataSetId=data_set)["Ingestions"]
    assert [found["RequestType"] for found in listed] == ["FULL_REFRESH", "INITIAL_INGESTION"]


def test_an_id_is_used_once_whatever_became_of_it(reports: Reports, table: str, aws: Sandbox) -> None:
    data_set = reports.data_set(table)
    aws.faults.add(Fault(FaultKind.ERROR, "redshift-data", "ExecuteStatement", times=1, matching=of(table)))
    reports.refresh(data_set, "again")
    failed = reports.ended(data_set, "again")
    assert (failed["IngestionStatus"], failed["ErrorInfo"]["Type"]) == ("FAILED", "CONNECTION_FAILURE")
    assert len(reports.spice(data_set)) == 2
    with pytest.raises(ClientError) as raised:
        reports.refresh(data_set, "again")
    assert raised.value.response["Error"]["Code"] == "ResourceExistsException"
    reports.refresh(data_set, "again-2")
    assert reports.ended(data_set, "again-2")["IngestionStatus"] == "COMPLETED"


def test_a_second_ingestion_waits_for_the_first(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    assert reports.refresh(data_set, "first")["IngestionStatus"] == "INITIALIZED"
    assert reports.refresh(data_set, "second")["IngestionStatus"] == "QUEUED"
    queued = reports.describe(data_set, "second")
    assert queued["QueueInfo"] == {"WaitingOnIngestion": "second", "QueuedIngestion": "first"}
    assert reports.ended(data_set, "second")["IngestionStatus"] == "COMPLETED"
    assert reports.describe(data_set, "first")["IngestionStatus"] == "COMPLETED"


def test_a_cancelled_ingestion_leaves_what_was_there(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    reports.sql(f"DELETE FROM sales.{table}")
    reports.refresh(data_set, "stopped")
    reports.refresh(data_set, "next")
    reports.client.cancel_ingestion(AwsAccountId=reports.account, DataSetId=data_set, IngestionId="stopped")
    stopped = reports.describe(data_set, "stopped")
    assert (stopped["IngestionStatus"], stopped["ErrorInfo"]["Type"]) == ("CANCELLED", "INGESTION_CANCELED")
    assert len(reports.spice(data_set)) == 2
    with pytest.raises(ClientError, match="is CANCELLED and cannot be cancelled"):
        reports.client.cancel_ingestion(AwsAccountId=reports.account, DataSetId=data_set, IngestionId="stopped")
    assert reports.ended(data_set, "next")["RowInfo"]["RowsIngested"] == 0
    assert reports.spice(data_set) == []


def test_the_thirty_third_refresh_of_a_day_is_refused(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    for number in range(32):
        reports.refresh(data_set, f"n-{number}")
        if number:
            reports.client.cancel_ingestion(AwsAccountId=reports.account, DataSetId=data_set, IngestionId=f"n-{number}")
    with pytest.raises(ClientError) as raised:
        reports.refresh(data_set, "n-32")
    assert raised.value.response["Error"]["Code"] == "LimitExceededException"
    with pytest.raises(ClientError, match="n-32 is not found"):
        reports.describe(data_set, "n-32")
    # Another data set has its own.
    other = reports.data_set(table)
    assert reports.refresh(other, "n-0")["IngestionId"] == "n-0"


def test_what_the_source_refuses_is_the_ingestions_error(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    for sql, kind in (
        (f"REVOKE SELECT ON sales.{table} FROM reader", "PERMISSION_DENIED"),
        (f"DROP TABLE sales.{table}", "SQL_TABLE_NOT_FOUND"),
    ):
        reports.sql(sql)
        reports.refresh(data_set, kind)
        ended = reports.ended(data_set, kind)
        assert (ended["IngestionStatus"], ended["ErrorInfo"]["Type"]) == ("FAILED", kind)
    assert len(reports.spice(data_set)) == 2


def test_rows_that_do_not_fit_are_dropped(reports: Reports, table: str) -> None:
    columns = [{"Name": "order_id", "Type": "STRING"}, {"Name": "n", "Type": "INTEGER"}]
    sql = f"SELECT order_id, CASE order_id WHEN 'a' THEN '7' ELSE 'seven' END AS n FROM sales.{table};"
    custom = {"DataSourceArn": reports.source_arn, "Name": "q", "SqlQuery": sql, "Columns": columns}
    data_set = reports.data_set(table, PhysicalTableMap={"q": {"CustomSql": custom}})
    assert reports.spice(data_set) == [{"order_id": "a", "n": 7}]
    reports.refresh(data_set, "one")
    assert reports.ended(data_set, "one")["RowInfo"]["RowsDropped"] == 1


def test_an_incremental_refresh_needs_its_window_and_takes_it_alone(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    with pytest.raises(ClientError, match="refresh properties"):
        reports.refresh(data_set, "early", IngestionType="INCREMENTAL_REFRESH")
    window = {"ColumnName": "changed_at", "Size": 1, "SizeUnit": "HOUR"}
    request = {"AwsAccountId": reports.account, "DataSetId": data_set}
    for column, refused in (("quantity", True), ("changed_at", False)):
        incremental = {"LookbackWindow": {**window, "ColumnName": column}}
        properties = {"RefreshConfiguration": {"IncrementalRefresh": incremental}}
        if refused:
            with pytest.raises(ClientError, match="has to be a DATETIME column"):
                reports.client.put_data_set_refresh_properties(**request, DataSetRefreshProperties=properties)
        else:
            reports.client.put_data_set_refresh_properties(**request, DataSetRefreshProperties=properties)
    now = datetime.now(UTC)
    old, new = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (now - timedelta(hours=3), now))
    reports.sql(f"INSERT INTO sales.{table} VALUES ('old', 1, 1, '{old}'), ('new', 1, 1, '{new}')")
    for name in ("inc-1", "inc-2"):
        reports.refresh(data_set, name, IngestionType="INCREMENTAL_REFRESH")
        ended = reports.ended(data_set, name)
        assert ended["RowInfo"] == {"RowsIngested": 1, "RowsDropped": 0, "TotalRowsInDataset": 3}
    assert [row["order_id"] for row in reports.spice(data_set)] == ["a", "b", "new"]


def test_an_edit_supersedes_what_runs(reports: Reports, table: str) -> None:
    data_set = reports.data_set(table)
    described = reports.client.describe_data_set(AwsAccountId=reports.account, DataSetId=data_set)["DataSet"]
    reports.refresh(data_set, "old")
    edited = reports.client.update_data_set(
        AwsAccountId=reports.account,
        DataSetId=data_set,
        Name="renamed",
        PhysicalTableMap=described["PhysicalTableMap"],
        ImportMode="SPICE",
    )
    assert reports.ended(data_set, "old")["ErrorInfo"]["Type"] == "INGESTION_SUPERSEDED"
    ended = reports.ended(data_set, edited["IngestionId"])
    assert (ended["IngestionStatus"], ended["RequestType"]) == ("COMPLETED", "EDIT")


def test_a_data_source_that_cannot_be_reached_says_why(reports: Reports) -> None:
    pair = {"Credentials": {"CredentialPair": {"Username": "reader", "Password": "Wrong12345"}}}
    good = {"Credentials": {"CredentialPair": {"Username": "reader", "Password": "Reader12345"}}}
    for more, host, status, kind in (
        (good, reports.host, "CREATION_SUCCESSFUL", None),
        (pair, reports.host, "CREATION_FAILED", "ACCESS_DENIED"),
        (good, "nowhere.redshift-serverless.amazonaws.com", "CREATION_FAILED", "UNKNOWN_HOST"),
    ):
        identifier = f"s-{secrets.token_hex(4)}"
        reports.client.create_data_source(**source_request(host, identifier, reports.account, **more))
        found = state_of(reports, identifier)
        assert (found["Status"], found.get("ErrorInfo", {}).get("Type")) == (status, kind)
        assert "Reader12345" not in str(found)
    private = source_request(reports.host, f"s-{secrets.token_hex(4)}", reports.account, **good)
    del private["VpcConnectionProperties"]
    reports.client.create_data_source(**private)
    assert "VPC connection" in state_of(reports, private["DataSourceId"])["ErrorInfo"]["Message"]


def test_bad_requests_are_refused(reports: Reports, table: str) -> None:
    source = source_request(reports.host, "bad", reports.account)
    for request, error in (
        (source, "Credentials needs"),
        ({**source, "Type": "MYSQL"}, "MYSQL is not offered"),
        ({**source, "DataSourceId": "a b"}, "DataSourceId is 'a b'"),
        ({**source, "AwsAccountId": "111111111111"}, "AccessDeniedException"),
    ):
        with pytest.raises(ClientError, match=error):
            reports.client.create_data_source(**request)
    direct = reports.data_set(table, ImportMode="DIRECT_QUERY")
    with pytest.raises(ClientError, match="only data sets in SPICE"):
        reports.refresh(direct, "one")
    custom = {"DataSourceArn": f"{reports.source_arn}x", "Name": "q", "SqlQuery": "SELECT 1"}
    with pytest.raises(ClientError, match="does not exist"):
        reports.data_set(table, PhysicalTableMap={"q": {"CustomSql": custom}})
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        reports.refresh("no-such-set", "one")


def test_a_role_refreshes_the_data_sets_it_was_given(reports: Reports, table: str, aws: Sandbox) -> None:
    mine, other = reports.data_set(table), reports.data_set(table)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    name = f"r-{secrets.token_hex(4)}"
    made = aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    actions = ["quicksight:CreateIngestion", "quicksight:DescribeIngestion"]
    resource = aws.cloud.arn("quicksight", f"dataset/{mine}/ingestion/*")
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    aws.client("iam").put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    client = aws.cloud.client("quicksight", made["Role"]["Arn"], "lambda.amazonaws.com")
    common = {"AwsAccountId": reports.account, "IngestionId": "by-role"}
    client.create_ingestion(DataSetId=mine, **common)
    assert client.describe_ingestion(DataSetId=mine, **common)["Ingestion"]["IngestionId"] == "by-role"
    for call in (client.create_ingestion, client.describe_ingestion):
        with pytest.raises(ClientError, match="not authorized to perform"):
            call(DataSetId=other, **common)
    with pytest.raises(ClientError, match="not authorized to perform: quicksight:CancelIngestion"):
        client.cancel_ingestion(DataSetId=mine, **common)


PROGRAM = """
import pulumi, pulumi_aws as aws
source = aws.quicksight.DataSource("orders", data_source_id="stack-source-{suffix}", name="Orders", type="REDSHIFT",
    parameters={{"redshift": {{"host": "{host}", "port": 5439, "database": "dev"}}}},
    credentials={{"secret_arn": "{secret}"}}, ssl_properties={{"disable_ssl": False}},
    vpc_connection_properties={{"vpc_connection_arn": "{vpc}"}},
    permissions=[{{"principal": "{owner}", "actions": ["quicksight:DescribeDataSource"]}}], tags={{"team": "data"}})
columns = [{{"name": "order_id", "type": "STRING"}}, {{"name": "changed_at", "type": "DATETIME"}}]
orders = aws.quicksight.DataSet("orders", data_set_id="stack-set-{suffix}", name="Orders", import_mode="SPICE",
    physical_table_maps=[{{"physical_table_map_id": "orders", "relational_table": {{
        "data_source_arn": source.arn, "schema": "sales", "name": "{table}", "input_columns": columns}}}}],
    logical_table_maps=[{{"logical_table_map_id": "orders", "alias": "Orders",
        "source": {{"physical_table_id": "orders"}}}}],
    permissions=[{{"principal": "{owner}", "actions": ["quicksight:DescribeDataSet"]}}],
    refresh_properties={{"refresh_configuration": {{"incremental_refresh": {{"lookback_window": {{
        "column_name": "changed_at", "size": 1, "size_unit": "DAY"}}}}}}}})
pulumi.export("data_set_id", orders.data_set_id)
pulumi.export("data_set_arn", orders.arn)
"""


def test_a_stack_makes_its_data_source_and_data_set(reports: Reports, table: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: reports\nruntime: python\n")
    main, cloud = tmp_path / "__main__.py", reports.aws.cloud
    values = {"secret": reports.secret_arn, "vpc": VPC_CONNECTION, "owner": OWNER, "table": table}
    main.write_text(PROGRAM.format(suffix="a", host=reports.host, **values))
    stack = deploy(cloud, main, "test")
    data_set = stack.outputs["data_set_id"]
    assert stack.outputs["data_set_arn"] == cloud.arn("quicksight", f"dataset/{data_set}")
    wait_until(lambda: len(reports.spice(data_set)) == 2, "the first ingestion ended")
    reports.refresh(data_set, "inc", IngestionType="INCREMENTAL_REFRESH")
    permissions = reports.client.describe_data_set_permissions(AwsAccountId=reports.account, DataSetId=data_set)
    assert permissions["Permissions"] == [{"Principal": OWNER, "Actions": ["quicksight:DescribeDataSet"]}]
    destroy(cloud, stack)
    with pytest.raises(ClientError, match="is not found"):
        reports.client.describe_data_set(AwsAccountId=reports.account, DataSetId=data_set)
    main.write_text(PROGRAM.format(suffix="b", host="nowhere.example.com", **values))
    with pytest.raises(SandboxError, match="UNKNOWN_HOST: the host nowhere"):
        deploy(cloud, main, "test")


def test_a_data_set_is_filled_with_secrets_that_quicksight_was_let_to_read(
    aws: Sandbox, reports: Reports, table: str
) -> None:
    role, iam, identifier = "aws-quicksight-secretsmanager-role-v0", aws.client("iam"), f"g-{secrets.token_hex(4)}"
    given = iam.get_role_policy(RoleName=role, PolicyName="secrets")["PolicyDocument"]
    other = [{**given["Statement"][0], "Resource": f"{reports.secret_arn}-other"}]
    iam.put_role_policy(RoleName=role, PolicyName="secrets", PolicyDocument=json.dumps({**given, "Statement": other}))
    try:
        # Who makes a data source is asked for its own permission.
        request = source_request(
            reports.host, identifier, reports.account, Credentials={"SecretArn": reports.secret_arn}
        )
        reports.client.create_data_source(**request)
        assert state_of(reports, identifier)["Status"] == "CREATION_SUCCESSFUL"
        data_set = reports.data_set(table)
        refused = reports.ended(data_set, reports.refresh(data_set, "refused")["IngestionId"])
        assert (refused["IngestionStatus"], refused["ErrorInfo"]["Type"]) == ("FAILED", "PERMISSION_DENIED")
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="secrets", PolicyDocument=json.dumps(given))
    assert reports.ended(data_set, reports.refresh(data_set, "let")["IngestionId"])["IngestionStatus"] == "COMPLETED"
