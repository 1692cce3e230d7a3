"""The sandbox's own services through the front door: functions, machines, roles, faults, deployments."""

import io
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import REGION
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import deploy, destroy

from tests.conftest import ROOT
from tests.waiting import wait_until


def zipped(source: str, **others: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {"code": source, **others}.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def role(aws: Sandbox, service: str, *statements: dict[str, Any]) -> str:
    name = f"r-{secrets.token_hex(4)}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    made = aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})
        aws.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return str(made["Role"]["Arn"])


Make = Callable[..., str]


@pytest.fixture
def function(aws: Sandbox) -> Make:
    def make(source: str, role_arn: str | None = None, **configuration: Any) -> str:
        name = f"f-{secrets.token_hex(4)}"
        aws.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role_arn or role(aws, "lambda.amazonaws.com"),
            Handler="code.handle",
            Code={"ZipFile": zipped(source)},
            **configuration,
        )
        return name

    return make


def invoke(aws: Sandbox, name: str, event: Any = None) -> tuple[str | None, Any]:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_a_function_answers_and_keeps_its_environment(aws: Sandbox, function: Make) -> None:
    name = function(
        "import os\ncalls = 0\ndef handle(event, context):\n    global calls\n    calls += 1\n"
        "    return [calls, event, os.environ['MINE'], context.function_name]",
        Environment={"Variables": {"MINE": "x"}},
    )
    assert invoke(aws, name, {"a": 1}) == (None, [1, {"a": 1}, "x", name])
    assert invoke(aws, name)[1][0] == 2


def test_a_functions_process_is_its_own(aws: Sandbox, function: Make) -> None:
    source = (
        "import os, sys, tempfile, boto3, random\n"
        "def handle(event, context):\n"
        "    os.environ['LEFT'] = 'behind'\n"
        "    foreign = sorted(name for name in sys.modules if name.partition('.')[0] in event)\n"
        "    return [os.environ.get('MINE'), os.getcwd(), foreign, os.getpid() == os.getpgid(0), random.random(),\n"
        "            boto3.client('sts').meta.region_name]"
    )
    first, second = function(source, Environment={"Variables": {"MINE": "x"}}), function(source)
    found = [invoke(aws, name, ["eda_sandbox", "ministack", "pytest"])[1] for name in (first, second)]
    assert [(one[0], one[2], one[3], one[5]) for one in found] == [(mine, [], True, REGION) for mine in ("x", None)]
    assert found[0][1] != found[1][1]
    assert found[0][4] != found[1][4]


def test_a_functions_own_package_comes_before_the_runtimes(aws: Sandbox, function: Make) -> None:
    name = function("import boto3\ndef handle(event, context): return boto3.MINE")
    code = zipped("import boto3\ndef handle(event, context): return boto3.MINE", boto3="MINE = 'yes'")
    aws.client("lambda").update_function_code(FunctionName=name, ZipFile=code)
    assert invoke(aws, name) == (None, "yes")


def test_what_functions_are_forked_from_is_started_again_when_it_died(aws: Sandbox, function: Make) -> None:
    source = "import os\ndef handle(event, context): return os.getppid()"
    for _ in range(3):
        os.kill(invoke(aws, function(source))[1], signal.SIGKILL)
        assert invoke(aws, function(source))[0] is None


def test_a_sandbox_that_is_killed_leaves_no_function_behind(tmp_path: Path) -> None:
    """Functions that work on while their sandbox is ended by force."""
    (tmp_path / "code.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    program = (
        "import os, sys, signal\nfrom pathlib import Path\nfrom eda_sandbox.services.lambda_.template import Template\n"
        "folder = Path(sys.argv[1])\ntemplate = Template((), folder / 'bytecode', {})\n"
        "forked = [template.fork('code.handle', folder, {}) for _ in range(3)]\n"
        "[os.read(output, 1) for _, _, output in forked]\n"
        "print(*[process.pid for process, _, _ in forked], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 3, done.stderr
    wait_until(lambda: not any(Path(f"/proc/{pid}/environ").exists() for pid in pids), "they have ended")


def test_an_error_keeps_its_type(aws: Sandbox, function: Make) -> None:
    name = function("class Mine(Exception): pass\ndef handle(event, context): raise Mine('why')")
    error, answer = invoke(aws, name)
    assert (error, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "Mine", "why")


def test_a_function_that_does_not_load_or_ends_or_takes_too_long(aws: Sandbox, function: Make) -> None:
    assert invoke(aws, function("import nothing"))[1]["errorType"] == "Runtime.ImportModuleError"
    ends = function("import os\ndef handle(event, context): os._exit(3)")
    assert invoke(aws, ends)[1]["errorType"] == "Runtime.ExitError"
    slow = function(
        "import time\ndef handle(event, context):\n    time.sleep(event.get('s', 0))\n    return 'done'", Timeout=1
    )
    error, answer = invoke(aws, slow, {"s": 30})
    assert (error, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert invoke(aws, slow) == (None, "done")


def test_reserved_concurrency_is_a_limit(aws: Sandbox, function: Make) -> None:
    name = function("import time\ndef handle(event, context): time.sleep(1)", Timeout=10)
    aws.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def call(_: int) -> str:
        try:
            invoke(aws, name)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ran"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(call, range(3))) == ["TooManyRequestsException", "TooManyRequestsException", "ran"]


def test_an_asynchronous_event_that_fails_goes_to_the_destination(aws: Sandbox, function: Make) -> None:
    queue = aws.client("sqs").create_queue(QueueName=f"q-{secrets.token_hex(4)}")["QueueUrl"]
    arn = aws.cloud.arn("sqs", queue.rsplit("/", 1)[-1])
    may_send = role(aws, "lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": arn})
    name = function("def handle(event, context): raise ValueError('no')", may_send)
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 1}')
    message = wait_until(
        lambda: aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"), "the event is in the queue"
    )[0]
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert record["requestContext"]["condition"] == "RetriesExhausted"


def test_a_role_decides_what_a_function_may_do(aws: Sandbox, function: Make) -> None:
    table = f"t-{secrets.token_hex(4)}"
    aws.client("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    source = (
        "import boto3\ndef handle(event, context):\n"
        f"    return len(boto3.client('dynamodb').scan(TableName='{table}')['Items'])"
    )
    error, answer = invoke(aws, function(source, Timeout=20))
    assert (error, answer["errorType"]) == ("Unhandled", "ClientError")
    assert "AccessDenied" in answer["errorMessage"]
    allowed = role(
        aws,
        "lambda.amazonaws.com",
        {"Action": "dynamodb:Scan", "Resource": aws.cloud.arn("dynamodb", f"table/{table}")},
    )
    assert invoke(aws, function(source, allowed, Timeout=20)) == (None, 0)


def test_a_role_that_does_not_trust_the_service_is_refused(aws: Sandbox, function: Make) -> None:
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        function("def handle(event, context): pass", role(aws, "states.amazonaws.com"))


def machine(aws: Sandbox, role_arn: str, definition: dict[str, Any], kind: str = "STANDARD") -> str:
    arn: str = aws.client("stepfunctions").create_state_machine(
        name=f"m-{secrets.token_hex(4)}", definition=json.dumps(definition), roleArn=role_arn, type=kind
    )["stateMachineArn"]
    return arn


def test_our_services_enforce_the_callers_role(aws: Sandbox) -> None:
    states_role = role(aws, "states.amazonaws.com")
    arn = machine(aws, states_role, {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    other = machine(aws, states_role, {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    caller = role(aws, "lambda.amazonaws.com", {"Action": "states:StartExecution", "Resource": arn})
    client = aws.cloud.client("stepfunctions", caller, "lambda.amazonaws.com")
    assert client.start_execution(stateMachineArn=arn)["executionArn"]
    for call in (
        lambda: client.start_execution(stateMachineArn=other),
        lambda: client.describe_state_machine(stateMachineArn=arn),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_trust_policys_condition_on_the_account_is_checked(aws: Sandbox) -> None:
    def trusting(account: str) -> str:
        name = f"r-{secrets.token_hex(4)}"
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "states.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return str(aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])

    assert aws.cloud.credentials(trusting(aws.cloud.account), "states.amazonaws.com")
    with pytest.raises(Exception, match="cannot be assumed"):
        aws.cloud.credentials(trusting("999999999999"), "states.amazonaws.com")


def run(aws: Sandbox, definition: dict[str, Any], given: Any, role_arn: str | None = None) -> dict[str, Any]:
    arn = machine(aws, role_arn or role(aws, "states.amazonaws.com"), definition)
    execution = aws.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(given))[
        "executionArn"
    ]
    found: dict[str, Any] = {}

    def closed() -> bool:
        found.update(aws.client("stepfunctions").describe_execution(executionArn=execution))
        return bool(found["status"] != "RUNNING")

    wait_until(closed, "the execution closes")
    return found


def test_a_task_is_retried_and_then_caught(aws: Sandbox, function: Make) -> None:
    name = function(
        "n = 0\nclass Busy(Exception): pass\ndef handle(event, context):\n    global n\n    n += 1\n"
        "    if n < event['needed']: raise Busy('later')\n    return n"
    )
    arn = aws.cloud.arn("lambda", f"function:{name}")
    states_role = role(aws, "states.amazonaws.com", {"Action": "lambda:InvokeFunction", "Resource": arn})
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": arn, "Payload.$": "$"},
        "ResultSelector": {"n.$": "$.Payload"},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 3, "JitterStrategy": "FULL"}],
        "Catch": [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Caught"}],
        "End": True,
    }
    definition = {"StartAt": "T", "States": {"T": task, "Caught": {"Type": "Pass", "End": True}}}
    assert json.loads(run(aws, definition, {"needed": 3}, states_role)["output"]) == {"n": 3}
    failed = json.loads(run(aws, definition, {"needed": 99}, states_role)["output"])
    assert failed["error"]["Error"] == "Busy"


def test_parallel_map_and_wait(aws: Sandbox) -> None:
    square = {
        "StartAt": "S",
        "States": {"S": {"Type": "Pass", "Parameters": {"v.$": "States.MathAdd($, 1)"}, "End": True}},
    }
    definition = {
        "StartAt": "W",
        "States": {
            "W": {"Type": "Wait", "Seconds": 2, "Next": "M"},
            "M": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": square,
                "ResultPath": "$.mapped",
                "Next": "P",
            },
            "P": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "A", "States": {"A": {"Type": "Pass", "OutputPath": "$.items", "End": True}}},
                    {"StartAt": "B", "States": {"B": {"Type": "Pass", "OutputPath": "$.mapped", "End": True}}},
                ],
                "End": True,
            },
        },
    }
    assert json.loads(run(aws, definition, {"items": [1, 2]})["output"]) == [[1, 2], [{"v": 2}, {"v": 3}]]


def test_a_task_without_permission_fails_with_the_services_error(aws: Sandbox) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": f"{aws.endpoint}/000000000000/none", "MessageBody": "x"},
        "End": True,
    }
    failed = run(aws, {"StartAt": "T", "States": {"T": task}}, {})
    assert failed["status"] == "FAILED"
    assert failed["error"].startswith("SQS.")


def test_an_execution_is_redriven_from_the_state_that_failed(aws: Sandbox, function: Make) -> None:
    name = function(
        "ok = False\ndef handle(event, context):\n    global ok\n    was, ok = ok, True\n    return 1 / was"
    )
    arn = aws.cloud.arn("lambda", f"function:{name}")
    states_role = role(aws, "states.amazonaws.com", {"Action": "lambda:InvokeFunction", "Resource": arn})
    definition = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": arn, "End": True}}}
    failed = run(aws, definition, {}, states_role)
    assert (failed["status"], failed["error"]) == ("FAILED", "ZeroDivisionError")
    states = aws.client("stepfunctions")
    states.redrive_execution(executionArn=failed["executionArn"])
    wait_until(
        lambda: states.describe_execution(executionArn=failed["executionArn"])["status"] == "SUCCEEDED", "it succeeds"
    )


def test_a_name_is_used_once(aws: Sandbox) -> None:
    states = aws.client("stepfunctions")
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1000, "End": True}}}
    arn = machine(aws, role(aws, "states.amazonaws.com"), wait)
    first = states.start_execution(stateMachineArn=arn, name="n", input='{"a":1}')
    again = states.start_execution(stateMachineArn=arn, name="n", input='{"a": 1}')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(ClientError) as raised:
        states.start_execution(stateMachineArn=arn, name="n", input="{}")
    assert raised.value.response["Error"]["Code"] == "ExecutionAlreadyExists"


def test_a_fault_hits_the_calls_it_names_and_is_repeated_by_its_seed(aws: Sandbox) -> None:
    def hits(seed: int) -> list[str]:
        aws.faults.clear()
        aws.faults.seed = seed
        aws.faults.add(Fault(FaultKind.ERROR, "dynamodb", "ListTables", probability=0.5))
        found = []
        for _ in range(12):
            try:
                aws.client("dynamodb").list_tables()
                found.append("")
            except ClientError as error:
                found.append(error.response["Error"]["Code"])
        return found

    first = hits(1)
    assert set(first) == {"", "ThrottlingException"}
    assert hits(1) == first != hits(2)
    aws.client("sqs").list_queues()


def test_a_lost_answer_has_its_effect(aws: Sandbox) -> None:
    name = f"lost-{secrets.token_hex(4)}"
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "sqs", "CreateQueue", times=1))
    with pytest.raises(Exception, match=r"(?i)connection|closed"):
        aws.client("sqs").create_queue(QueueName=name)
    assert aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"].endswith(name)


def test_there_is_one_in_a_process(aws: Sandbox) -> None:
    assert aws.endpoint
    with pytest.raises(SandboxError, match="runs in this process already"), embedded_aws():
        pass


def program(folder: Path, source: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (folder / "__main__.py").write_text(f"import json, pulumi, pulumi_aws as aws\n{source}\n")
    return folder / "__main__.py"


def test_a_program_is_deployed_and_removed(aws: Sandbox, tmp_path: Path) -> None:
    main = program(
        tmp_path,
        """
bucket = aws.s3.Bucket("data", tags={"a": "b"})
aws.s3.BucketVersioning("data", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketPublicAccessBlock("data", bucket=bucket.id, block_public_acls=True, block_public_policy=True)
aws.s3.BucketLifecycleConfiguration("data", bucket=bucket.id, rules=[
    {"id": "old", "status": "Enabled", "filter": {"prefix": ""},
     "noncurrent_version_expiration": {"noncurrent_days": 3}}])
topic = aws.sns.Topic("t")
pulumi.export("bucket", bucket.bucket)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("config", pulumi.Config().require("value"))
""",
    )
    told: list[str] = []
    made = deploy(aws.cloud, main, "s", {"value": "v"}, lambda _token, name: told.append(name))
    assert (made.outputs["account"], made.outputs["config"]) == (aws.cloud.account, "v")
    assert sorted(told) == ["data", "data", "data", "data", "t"]
    s3 = aws.client("s3")
    assert s3.get_bucket_versioning(Bucket=made.outputs["bucket"])["Status"] == "Enabled"
    destroy(aws.cloud, made)
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=made.outputs["bucket"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            'aws.sqs.Queue("q", max_message_size=1024, policy="{}")\naws.ec2.Vpc("v")',
            "does not know the type 'aws:ec2/vpc:Vpc'",
        ),
        (
            'aws.dynamodb.Table("t", hash_key="id", attributes=[{"name": "id", "type": "S"}],'
            ' billing_mode="PAY_PER_REQUEST", restore_to_latest_time=True)',
            "does not know the property 'restoreToLatestTime'",
        ),
        ('aws.sqs.Queue("q")\naws.sqs.Queue("q")', "two resources of type aws:sqs/queue:Queue are named 'q'"),
        ("aws.get_availability_zones()", "does not answer the invoke"),
        ('raise ValueError("mine")', "ValueError: mine"),
        ('aws.sqs.Queue("q", message_retention_seconds=1)', "q (aws:sqs/queue:Queue)"),
    ],
)
def test_what_the_sandbox_does_not_know_is_named(aws: Sandbox, tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(SandboxError) as raised:
        deploy(aws.cloud, program(tmp_path, source), "s")
    assert message in str(raised.value)


LISTENERS = """
import contextlib, os, pathlib
from eda_sandbox.embedded import embedded_aws
def listeners():
    inodes, found = set(), []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(f"/proc/self/fd/{name}").removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1].rsplit(":", 1)[0])
    return found
with embedded_aws():
    print(sorted(set(listeners())))
"""


def test_it_listens_on_loopback_alone() -> None:
    done = subprocess.run([sys.executable, "-c", LISTENERS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['0100007F']"


def test_log_events_are_read_whole_in_pages_of_ten_thousand_and_by_a_query(aws: Sandbox) -> None:
    logs, group = aws.client("logs"), f"g-{secrets.token_hex(4)}"
    logs.create_log_group(logGroupName=group)
    now = int(time.time() * 1000)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": now, "message": f'{{"stream": "{stream}"}}'} for _ in range(5_001)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    pages = [page["events"] for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)]
    assert [len(page) for page in pages] == [10_000, 2]
    assert len({event["eventId"] for page in pages for event in page}) == 10_002
    begun = logs.start_query(
        logGroupName=group,
        startTime=now // 1000,
        endTime=now // 1000,
        queryString='filter stream = "b" | stats count(*)',
    )

    def answer() -> dict[str, Any] | None:
        found: dict[str, Any] = logs.get_query_results(queryId=begun["queryId"])
        return found if found["status"] == "Complete" else None

    assert wait_until(answer, "the query is complete")["results"][0][0]["value"] == "5001"
