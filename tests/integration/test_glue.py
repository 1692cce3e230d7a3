"""Glue in the sandbox: the Data Catalog, and Python shell jobs that really run."""

import io
import json
import secrets
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION
from eda_sandbox.provider.deploy import deploy, destroy

from tests.conftest import ROOT
from tests.waiting import wait_until

PRINCIPAL = "glue.amazonaws.com"
ENDED = ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED")
OUTPUT, ERROR = "/aws-glue/python-jobs/output", "/aws-glue/python-jobs/error"
LOGS = {"Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}

ASSOCIATE = {"Action": "logs:AssociateKmsKey", "Resource": "*"}


def error_of(call: Any, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error: dict[str, Any] = caught.value.response["Error"]
    return error


def role(aws: Sandbox, principal: str, *statements: dict[str, Any]) -> str:
    name = f"r-{secrets.token_hex(4)}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principal}}
    made = aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    if statements:
        aws.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def bucket(aws: Sandbox) -> str:
    name = f"jobs-{secrets.token_hex(4)}"
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


Make = Callable[..., str]


@pytest.fixture
def job(aws: Sandbox, bucket: str) -> Make:
    def make(source: str, role_arn: str | None = None, **definition: Any) -> str:
        name = f"j-{secrets.token_hex(4)}"
        aws.client("s3").put_object(Bucket=bucket, Key=f"{name}.py", Body=source.encode())
        read = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        aws.client("glue").create_job(
            Name=name,
            Role=role_arn or role(aws, PRINCIPAL, read, LOGS),
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/{name}.py", "PythonVersion": "3.9"},
            GlueVersion="3.0",
            **definition,
        )
        return name

    return make


def ended(aws: Sandbox, name: str, run_id: str) -> dict[str, Any]:
    def run() -> dict[str, Any] | None:
        found: dict[str, Any] = aws.client("glue").get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return found if found["JobRunState"] in ENDED else None

    found = wait_until(run, f"the run {run_id} ends")
    assert found is not None
    return found


def run(aws: Sandbox, name: str, **request: Any) -> dict[str, Any]:
    return ended(aws, name, aws.client("glue").start_job_run(JobName=name, **request)["JobRunId"])


def lines(aws: Sandbox, group: str, stream: str) -> list[str]:
    events = aws.client("logs").get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    return [event["message"] for event in events["events"]]


def test_a_job_runs_with_its_arguments_and_its_role(aws: Sandbox, job: Make) -> None:
    name = job(
        "import sys, os, boto3\nfrom awsglue.utils import getResolvedOptions\n"
        "options = getResolvedOptions(sys.argv, ['day', 'table'])\n"
        "print(options['day'], options['table'], sys.argv[1:])\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])\n"
        "print(sorted(name for name in os.environ if 'HOST' in name), file=sys.stderr)\n",
        DefaultArguments={"--day": "monday", "--table": "t"},
    )
    found = run(aws, name, Arguments={"--day": "tuesday"})
    assert found["JobRunState"] == "SUCCEEDED", found
    assert (found["Attempt"], found["Timeout"], found["MaxCapacity"]) == (0, 480, 0.0625)
    assert found["Arguments"] == {"--day": "tuesday", "--table": "t"}
    first, second = lines(aws, OUTPUT, found["Id"])
    assert first == "tuesday t ['--day', 'tuesday', '--table', 't']"
    assert ":assumed-role/r-" in second
    assert lines(aws, ERROR, found["Id"]) == ["[]"]


def test_a_failed_job_says_why_and_is_retried(aws: Sandbox, job: Make) -> None:
    name = job("raise ValueError('no orders')", MaxRetries=1)
    first = run(aws, name)
    assert (first["JobRunState"], first["ErrorMessage"]) == ("FAILED", "ValueError: no orders")
    second = f"{first['Id']}_attempt_1"
    glue = aws.client("glue")
    wait_until(lambda: len(glue.get_job_runs(JobName=name)["JobRuns"]) == 2, "the retry is there")
    retried = ended(aws, name, second)
    assert (retried["Attempt"], retried["PreviousRunId"], retried["JobRunState"]) == (1, first["Id"], "FAILED")
    assert [found["Id"] for found in glue.get_job_runs(JobName=name)["JobRuns"]] == [second, first["Id"]]
    # By hand, with the same arguments.
    third = glue.start_job_run(JobName=name, JobRunId=second)["JobRunId"]
    assert third == f"{first['Id']}_attempt_2"
    assert ended(aws, name, third)["PreviousRunId"] == second
    assert error_of(glue.start_job_run, JobName=name, JobRunId="jr_0")["Code"] == "EntityNotFoundException"


def test_a_job_that_takes_too_long_ends_with_all_it_started(aws: Sandbox, job: Make, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    name = job(
        "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\ntime.sleep(600)\n"
    )
    found = run(aws, name, Timeout=1)
    assert (found["JobRunState"], found["Timeout"]) == ("TIMEOUT", 1)
    assert "timeout" in found["ErrorMessage"]
    wait_until(lambda: not any(map(_alive, map(int, pids.read_text().split()))), "both processes are gone")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


STOPPED_MEANWHILE = """
import json, sys, time
from pathlib import Path
from eda_sandbox.embedded import embedded_aws

pid = Path(sys.argv[1])
with embedded_aws() as aws:
    aws.client("s3").create_bucket(Bucket="scripts", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    source = f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)"
    aws.client("s3").put_object(Bucket="scripts", Key="k.py", Body=source.encode())
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
    role = aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    aws.client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps({"Statement": [allow]}))
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/k.py", "PythonVersion": "3.9"}
    aws.client("glue").create_job(Name="j", Role=role["Role"]["Arn"], Command=command)
    aws.client("glue").start_job_run(JobName="j")
    deadline = time.monotonic() + 240
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
"""


def test_a_run_ends_with_the_sandbox(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", STOPPED_MEANWHILE, str(pid)], cwd=ROOT, check=True, timeout=600)
    assert not _alive(int(pid.read_text()))


def test_concurrent_runs_are_limited_and_stopped(aws: Sandbox, job: Make) -> None:
    name, glue = job("import time\ntime.sleep(600)"), aws.client("glue")
    first = glue.start_job_run(JobName=name)["JobRunId"]
    wait_until(
        lambda: glue.get_job_run(JobName=name, RunId=first)["JobRun"]["JobRunState"] == "RUNNING", "the job runs"
    )
    refused = error_of(glue.start_job_run, JobName=name)
    assert (refused["Code"], refused["Message"]) == (
        "ConcurrentRunsExceededException",
        f"Concurrent runs exceeded for {name}",
    )
    stopped = glue.batch_stop_job_run(JobName=name, JobRunIds=[first, "jr_0"])
    assert [entry["JobRunId"] for entry in stopped["SuccessfulSubmissions"]] == [first]
    assert [entry["ErrorDetail"]["ErrorCode"] for entry in stopped["Errors"]] == ["EntityNotFoundException"]
    assert ended(aws, name, first)["JobRunState"] == "STOPPED"
    update = {**glue.get_job(JobName=name)["Job"], "ExecutionProperty": {"MaxConcurrentRuns": 2}}
    for read_only in ("Name", "CreatedOn", "LastModifiedOn"):
        update.pop(read_only)
    glue.update_job(JobName=name, JobUpdate=update)
    both = [glue.start_job_run(JobName=name)["JobRunId"] for _ in range(2)]
    assert error_of(glue.start_job_run, JobName=name)["Code"] == "ConcurrentRunsExceededException"
    glue.batch_stop_job_run(JobName=name, JobRunIds=both)
    assert [ended(aws, name, id)["JobRunState"] for id in both] == ["STOPPED", "STOPPED"]


def test_files_beside_the_script(aws: Sandbox, bucket: str, job: Make) -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("packed/__init__.py", "ANSWER = 41\n")
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="lib/packed-1-py3-none-any.whl", Body=wheel.getvalue())
    s3.put_object(Bucket=bucket, Key="lib/single.py", Body=b"ONE = 1\n")
    files = f"s3://{bucket}/lib/packed-1-py3-none-any.whl,s3://{bucket}/lib/single.py"
    name = job(
        "import packed, single\nprint(packed.ANSWER + single.ONE)",
        DefaultArguments={"--extra-py-files": files, "--additional-python-modules": "boto3==1.40.0"},
    )
    found = run(aws, name)
    assert found["JobRunState"] == "SUCCEEDED", found
    assert lines(aws, OUTPUT, found["Id"]) == ["42"]
    missing = run(aws, name, Arguments={"--extra-py-files": f"s3://{bucket}/lib/none.whl"})
    assert missing["JobRunState"] == "FAILED"
    assert "GetObject" in missing["ErrorMessage"]


def test_the_role_decides(aws: Sandbox, bucket: str, job: Make) -> None:
    read = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    listing = "import boto3\nboto3.client('s3').list_objects_v2(Bucket='" + bucket + "')"
    denied = run(aws, job(listing, role(aws, PRINCIPAL, read, LOGS)))
    assert denied["JobRunState"] == "FAILED"
    assert "AccessDenied" in denied["ErrorMessage"]
    may_list = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    assert run(aws, job(listing, role(aws, PRINCIPAL, read, may_list, LOGS)))["JobRunState"] == "SUCCEEDED"
    # The script is read with the role as well, and a role that may not log runs without a log.
    assert run(aws, job("print(1)", role(aws, PRINCIPAL, LOGS)))["JobRunState"] == "FAILED"
    silent = run(aws, job("print('unheard')", role(aws, PRINCIPAL, read)))
    assert silent["JobRunState"] == "SUCCEEDED"
    assert not aws.client("logs").describe_log_streams(logGroupName=OUTPUT, logStreamNamePrefix=silent["Id"])[
        "logStreams"
    ]


def test_a_log_group_that_is_asked_for(aws: Sandbox, job: Make) -> None:
    name = job(
        "print('here')",
        DefaultArguments={"--enable-continuous-cloudwatch-log": "true", "--continuous-log-logGroup": "/mine"},
    )
    found = run(aws, name)
    assert lines(aws, "/mine", found["Id"]) == ["here"]


def sealed(aws: Sandbox) -> tuple[str, str]:
    """A security configuration that encrypts logs, and its key."""
    service = {"Service": f"logs.{REGION}.amazonaws.com"}
    statements = [{"Effect": "Allow", "Principal": service, "Action": "kms:*", "Resource": "*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    made = aws.client("kms").create_key(Policy=document, BypassPolicyLockoutSafetyCheck=True)
    key: str = made["KeyMetadata"]["Arn"]
    name = f"s-{secrets.token_hex(4)}"
    encryption = {"CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key}}
    aws.client("glue").create_security_configuration(Name=name, EncryptionConfiguration=encryption)
    return name, key


def key_of(aws: Sandbox, group: str) -> str | None:
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return found[0].get("kmsKeyId") if found else None


def test_a_security_configuration_has_log_groups_of_its_own(aws: Sandbox, bucket: str, job: Make) -> None:
    name, key = sealed(aws)
    read = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    arn = role(aws, PRINCIPAL, read, LOGS, ASSOCIATE)
    found = run(aws, job("print('sealed')", arn, SecurityConfiguration=name))
    group = f"/aws-glue/python-jobs/{name}-role/{arn.rsplit('/', 1)[-1]}/output"
    assert lines(aws, group, found["Id"]) == ["sealed"]
    assert key_of(aws, group) == key


def test_the_name_of_a_security_configuration_is_behind_that_of_a_group_of_ones_own(
    aws: Sandbox, bucket: str, job: Make
) -> None:
    name, key = sealed(aws)
    read = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    asked = {"--enable-continuous-cloudwatch-log": "true", "--continuous-log-logGroup": f"/{name}"}
    given = {"SecurityConfiguration": name, "DefaultArguments": asked}
    found = run(aws, job("print('sealed')", role(aws, PRINCIPAL, read, LOGS, ASSOCIATE), **given))
    assert lines(aws, f"/{name}-{name}", found["Id"]) == ["sealed"]
    assert key_of(aws, f"/{name}-{name}") == key


def test_a_role_that_may_not_set_the_key_of_its_log_has_none(aws: Sandbox, bucket: str, job: Make) -> None:
    name, key = sealed(aws)
    aws.client("logs").create_log_group(logGroupName=f"/{name}-{name}", kmsKeyId=key)
    read = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    asked = {"--enable-continuous-cloudwatch-log": "true", "--continuous-log-logGroup": f"/{name}"}
    made = job("print('lost')", role(aws, PRINCIPAL, read, LOGS), SecurityConfiguration=name, DefaultArguments=asked)
    assert run(aws, made)["JobRunState"] == "SUCCEEDED"
    assert not aws.client("logs").describe_log_streams(logGroupName=f"/{name}-{name}")["logStreams"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k.py"}}, "it does not run glueetl"),
        ({"Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/k", "PythonVersion": "2"}}, "PythonVersion"),
        ({"Command": {"Name": "pythonshell", "ScriptLocation": "/k.py"}}, "ScriptLocation"),
        ({"GlueVersion": "7.0"}, "Glue version 7.0"),
        ({"MaxCapacity": 2.0}, "either 0.0625 or 1"),
        ({"WorkerType": "G.1X"}, "WorkerType is not supported"),
        ({"Timeout": 10_081}, "Timeout must be 1 to"),
        ({"MaxRetries": 11}, "MaxRetries must be 0 to 10"),
        ({"SecurityConfiguration": "none"}, "SecurityConfiguration not found: none"),
    ],
)
def test_what_glue_does_not_take(aws: Sandbox, changed: dict[str, Any], message: str) -> None:
    definition: dict[str, Any] = {
        "Name": f"j-{secrets.token_hex(4)}",
        "Role": role(aws, PRINCIPAL),
        "Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/k.py", "PythonVersion": "3.9"},
    }
    refused = error_of(aws.client("glue").create_job, **{**definition, **changed})
    assert refused["Code"] in ("InvalidInputException", "EntityNotFoundException")
    assert message in refused["Message"]


def test_a_role_that_glue_cannot_assume_and_a_job_that_exists(aws: Sandbox, job: Make) -> None:
    glue = aws.client("glue")
    command = {"Name": "pythonshell", "ScriptLocation": "s3://b/k.py"}
    refused = error_of(glue.create_job, Name="x", Role=role(aws, "lambda.amazonaws.com"), Command=command)
    assert refused["Message"] == "Role should be given assume role permissions for Glue Service."
    name, arn = f"j-{secrets.token_hex(4)}", role(aws, PRINCIPAL)
    glue.create_job(Name=name, Role=arn, Command=command)
    assert error_of(glue.create_job, Name=name, Role=arn, Command=command)["Code"] == "AlreadyExistsException"
    other = error_of(glue.create_job, Name=name, Role=arn, Command=command, Timeout=5)
    assert other["Code"] == "IdempotentParameterMismatchException"
    glue.delete_job(JobName=name)
    assert error_of(glue.get_job, JobName=name)["Code"] == "EntityNotFoundException"
    assert glue.delete_job(JobName=name)["JobName"] == name


def test_ends_are_events(aws: Sandbox, job: Make) -> None:
    queue = f"q-{secrets.token_hex(4)}"
    events, sqs = aws.client("events"), aws.client("sqs")
    url, arn = sqs.create_queue(QueueName=queue)["QueueUrl"], aws.cloud.arn("sqs", queue)
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})}
    )
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"]}
    events.put_rule(Name=queue, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=queue, Targets=[{"Id": "queue", "Arn": arn}])
    received: dict[str, dict[str, Any]] = {}

    def details() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(message["Body"])
            received[event["detail"]["jobName"]] = event["detail"]
        return len(received) >= 2

    good, bad = job("print(1)"), job("raise SystemExit(3)")
    ids = {name: run(aws, name)["Id"] for name in (good, bad)}
    wait_until(details, "both events are there")
    assert received[good] == {
        "jobName": good,
        "severity": "INFO",
        "state": "SUCCEEDED",
        "jobRunId": ids[good],
        "message": "Job run succeeded",
    }
    assert (received[bad]["severity"], received[bad]["state"]) == ("ERROR", "FAILED")
    assert received[bad]["message"] == "Command failed with exit code 3"
    events.remove_targets(Rule=queue, Ids=["queue"])
    events.delete_rule(Name=queue)


def test_starting_is_checked_on_the_job(aws: Sandbox, job: Make) -> None:
    mine, other = job("print(1)"), job("print(2)")
    allowed = {"Action": ["glue:StartJobRun", "glue:GetJobRun"], "Resource": aws.cloud.arn("glue", f"job/{mine}")}
    starter = aws.cloud.client("glue", role(aws, "scheduler.amazonaws.com", allowed), "scheduler.amazonaws.com")
    assert ended(aws, mine, starter.start_job_run(JobName=mine)["JobRunId"])["JobRunState"] == "SUCCEEDED"
    assert error_of(starter.start_job_run, JobName=other)["Code"] == "AccessDeniedException"


def table(name: str, **parts: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "dt", "Type": "date"}, {"Name": "n", "Type": "int"}],
        "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "string"}], "Location": "s3://b/t/"},
        "Parameters": {"k": "v"},
        **parts,
    }


def test_the_catalog_keeps_tables_with_their_versions(aws: Sandbox) -> None:
    glue, database = aws.client("glue"), f"Db_{secrets.token_hex(4)}"
    glue.create_database(DatabaseInput={"Name": database, "Description": "d"}, Tags={"a": "b"})
    assert glue.get_database(Name=database)["Database"]["Name"] == database.lower()
    arn = aws.cloud.arn("glue", f"database/{database.lower()}")
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"a": "b"}
    assert error_of(glue.create_database, DatabaseInput={"Name": database.upper()})["Code"] == "AlreadyExistsException"
    glue.create_table(DatabaseName=database, TableInput=table("Orders"))
    view = {"TableType": "VIRTUAL_VIEW", "ViewOriginalText": "/* Presto View: e30= */", "PartitionKeys": []}
    glue.create_table(DatabaseName=database, TableInput=table("orders_view", **view))
    assert (
        glue.get_table(DatabaseName=database, Name="orders_view")["Table"]["ViewOriginalText"]
        == view["ViewOriginalText"]
    )
    named = glue.get_tables(DatabaseName=database, Expression="orders_*")["TableList"]
    assert [found["Name"] for found in named] == ["orders_view"]
    glue.update_table(DatabaseName=database, TableInput=table("orders", Parameters={"k": "w"}))
    versions = glue.get_table_versions(DatabaseName=database, TableName="orders")["TableVersions"]
    assert [(version["VersionId"], version["Table"]["Parameters"]["k"]) for version in versions] == [
        ("1", "w"),
        ("0", "v"),
    ]
    stale = error_of(glue.update_table, DatabaseName=database, TableInput=table("orders"), VersionId="0")
    assert stale["Code"] == "ConcurrentModificationException"
    old = glue.get_table_version(DatabaseName=database, TableName="orders", VersionId="0")["TableVersion"]["Table"]
    assert old["Parameters"] == {"k": "v"}
    glue.delete_database(Name=database)
    assert (
        error_of(glue.get_table, DatabaseName=database, Name="orders")["Message"] == f"Database {database} not found."
    )


def test_partitions_are_found_by_an_expression(aws: Sandbox) -> None:
    glue, database = aws.client("glue"), f"db_{secrets.token_hex(4)}"
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(DatabaseName=database, TableInput=table("t"))
    where = {"DatabaseName": database, "TableName": "t"}
    entries = [{"Values": [f"2026-01-0{day}", str(day)], "StorageDescriptor": {}} for day in range(1, 6)]
    glue.batch_create_partition(**where, PartitionInputList=entries[:3])
    answer = glue.batch_create_partition(**where, PartitionInputList=entries)
    assert [error["ErrorDetail"]["ErrorCode"] for error in answer["Errors"]] == ["AlreadyExistsException"] * 3
    found = glue.get_partitions(**where, Expression="dt >= '2026-01-02' AND n IN (2, 4, 5) AND NOT n = 4")["Partitions"]
    assert [partition["Values"][1] for partition in found] == ["2", "5"]
    assert error_of(glue.get_partitions, **where, Expression="read_text('x') = 'y'")["Code"] == "InvalidInputException"
    pages = list(glue.get_paginator("get_partitions").paginate(**where, PaginationConfig={"PageSize": 2}))
    assert [len(page["Partitions"]) for page in pages] == [2, 2, 1]
    assert error_of(glue.create_partition, **where, PartitionInput={"Values": ["x"]})["Code"] == "InvalidInputException"
    glue.delete_partition(**where, PartitionValues=entries[0]["Values"])
    assert (
        error_of(glue.get_partition, **where, PartitionValues=entries[0]["Values"])["Code"] == "EntityNotFoundException"
    )


@pytest.mark.parametrize("missing", ["catalog", "database/{db}", "table/{db}/t"])
def test_a_table_is_checked_on_all_it_lies_in(aws: Sandbox, missing: str) -> None:
    glue, database = aws.client("glue"), f"db_{secrets.token_hex(4)}"
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(DatabaseName=database, TableInput=table("t"))
    arns = [aws.cloud.arn("glue", part) for part in ("catalog", f"database/{database}", f"table/{database}/t")]
    allowed = {"Action": "glue:GetTable", "Resource": arns}
    reader = aws.cloud.client("glue", role(aws, PRINCIPAL, allowed), PRINCIPAL)
    assert reader.get_table(DatabaseName=database, Name="t")["Table"]["Name"] == "t"
    left = [arn for arn in arns if not arn.endswith(missing.format(db=database))]
    other = aws.cloud.client("glue", role(aws, PRINCIPAL, {"Action": "glue:GetTable", "Resource": left}), PRINCIPAL)
    refused = error_of(other.get_table, DatabaseName=database, Name="t")
    assert refused["Code"] == "AccessDeniedException"
    assert f"{missing.format(db=database)} because" in refused["Message"]


PROGRAM = """
import pulumi, pulumi_aws as aws

bucket = aws.s3.Bucket("results")
database = aws.glue.CatalogDatabase("data", name="deployed_db")
table = aws.glue.CatalogTable(
    "table", name="deployed", database_name=database.name, table_type="EXTERNAL_TABLE",
    parameters={"projection.enabled": "true", "projection.dt.type": "enum", "projection.dt.values": "a,b"},
    partition_keys=[{"name": "dt", "type": "string"}],
    storage_descriptor={
        "location": bucket.bucket.apply(lambda name: f"s3://{name}/deployed/"),
        "columns": [{"name": "id", "type": "bigint"}],
        "input_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "ser_de_info": {"serialization_library": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    },
)
workgroup = aws.athena.Workgroup(
    "workgroup", name="deployed", force_destroy=True,
    configuration={
        "bytes_scanned_cutoff_per_query": 10_000_000,
        "result_configuration": {
            "output_location": bucket.bucket.apply(lambda name: f"s3://{name}/results/"),
            "encryption_configuration": {"encryption_option": "SSE_S3"},
        },
    },
)
aws.athena.NamedQuery("query", name="all", database=database.name, workgroup=workgroup.id, query="SELECT 1")
role = aws.iam.Role("role", assume_role_policy=(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"glue.amazonaws.com"}}]}'
))
security = aws.glue.SecurityConfiguration("security", name="deployed", encryption_configuration={
    "cloudwatch_encryption": {"cloudwatch_encryption_mode": "DISABLED"},
    "job_bookmarks_encryption": {"job_bookmarks_encryption_mode": "DISABLED"},
    "s3_encryption": {"s3_encryption_mode": "SSE-S3"},
})
job = aws.glue.Job(
    "job", name="deployed", role_arn=role.arn, glue_version="3.0", max_capacity=0.0625, timeout=60, max_retries=0,
    command={"name": "pythonshell", "python_version": "3.9", "script_location": "s3://b/k.py"},
    execution_property={"max_concurrent_runs": 1}, default_arguments={"--a": "b"}, security_configuration=security.name,
)
pulumi.export("workgroup", workgroup.name)
pulumi.export("job", job.name)
pulumi.export("bucket", bucket.bucket)
"""


def test_a_program_makes_them_all(aws: Sandbox, tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text(PROGRAM)
    (tmp_path / "Pulumi.yaml").write_text("name: deployed\nruntime: python\n")
    stack = deploy(aws.cloud, program)
    glue, athena = aws.client("glue"), aws.client("athena")
    made = glue.get_table(DatabaseName="deployed_db", Name="deployed")["Table"]
    assert made["Parameters"]["projection.dt.values"] == "a,b"
    assert made["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    configuration = athena.get_work_group(WorkGroup="deployed")["WorkGroup"]["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["PublishCloudWatchMetricsEnabled"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10_000_000
    assert len(athena.list_named_queries(WorkGroup="deployed")["NamedQueryIds"]) == 1
    job = glue.get_job(JobName=stack.outputs["job"])["Job"]
    assert (job["Timeout"], job["MaxCapacity"], job["SecurityConfiguration"]) == (60, 0.0625, "deployed")
    assert job["DefaultArguments"] == {"--a": "b"}
    security = glue.get_security_configuration(Name="deployed")["SecurityConfiguration"]["EncryptionConfiguration"]
    assert security["S3Encryption"] == [{"S3EncryptionMode": "SSE-S3"}]
    id = athena.start_query_execution(QueryString="SELECT count(*) FROM deployed_db.deployed", WorkGroup="deployed")
    state = wait_until(lambda: _ended_state(athena, id["QueryExecutionId"]), "the query ends")
    assert state == "SUCCEEDED"
    for found in aws.client("s3").list_objects_v2(Bucket=stack.outputs["bucket"])["Contents"]:
        aws.client("s3").delete_object(Bucket=stack.outputs["bucket"], Key=found["Key"])
    destroy(aws.cloud, stack)
    assert error_of(glue.get_database, Name="deployed_db")["Code"] == "EntityNotFoundException"
    assert error_of(athena.get_work_group, WorkGroup="deployed")["Code"] == "InvalidRequestException"


def _ended_state(athena: Any, id: str) -> str | None:
    state = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"]
    return str(state) if state in ("SUCCEEDED", "FAILED", "CANCELLED") else None
