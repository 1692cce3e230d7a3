"""The fault layer: who is hit and who is spared, processes that are killed, each service's own words, the count."""

import json
import secrets
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind

from tests.faulted import of
from tests.integration.test_glue import bucket, job
from tests.integration.test_sandbox_services import Make, function, invoke, role
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

__all__ = ["bucket", "function", "job"]
THROUGHPUT, UNAVAILABLE = "ProvisionedThroughputExceededException", "ServiceUnavailableException"


def queue(aws: Sandbox, **attributes: str) -> str:
    name = f"q-{secrets.token_hex(4)}"
    return str(aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def teller(function: Make, aws: Sandbox, url: str) -> str:
    """A function that says in a queue what it got; it takes longer than a process that is killed has."""
    source = (
        "import boto3, json, time\nsqs = boto3.client('sqs')\ndef handle(event, context):\n    time.sleep(0.2)\n"
        f"    sqs.send_message(QueueUrl={url!r}, MessageBody=json.dumps(event))"
    )
    actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    return function(source, role(aws, "lambda.amazonaws.com", {"Action": actions, "Resource": "*"}), Timeout=3)


def told(aws: Sandbox, url: str) -> list[Any]:
    answer = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_function_that_is_killed_while_it_works_is_an_exit_error(aws: Sandbox, function: Make) -> None:
    name = teller(function, aws, url := queue(aws))
    aws.faults.add(Fault(FaultKind.KILL, "lambda", "Invoke", times=1, matching=of(name)))
    error, said = invoke(aws, name, {"n": 1})
    assert (error, said["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert said["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert told(aws, url) == []
    assert invoke(aws, name, {"n": 2})[0] is None
    assert told(aws, url) == [{"n": 2}]
    assert aws.faults.counts() == {"lambda:Invoke": {"kill": 1}}


def test_an_asynchronous_event_survives_a_kill(aws: Sandbox, function: Make) -> None:
    name = teller(function, aws, url := queue(aws))
    aws.faults.add(Fault(FaultKind.KILL, "lambda", times=1, matching=of(name)))
    aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 1}')
    wait_until(lambda: told(aws, url) == [{"n": 1}], "the event is tried again")
    assert [kind for _, _, kind in aws.faults.injected] == [FaultKind.KILL]


def test_a_message_of_a_queue_survives_a_kill_and_lost_answers(aws: Sandbox, function: Make) -> None:
    source, name = queue(aws, VisibilityTimeout="120"), teller(function, aws, url := queue(aws))
    aws.faults.add(Fault(FaultKind.KILL, "lambda", times=1, matching=of(name)))
    for kind in (FaultKind.LOST_ANSWER, FaultKind.DUPLICATE):
        about = source.rsplit("/", 1)[-1]
        aws.faults.add(Fault(kind, "sqs", "ReceiveMessage", times=1, matching=of(about), spares_root=True))
    arn = aws.cloud.arn("sqs", source.rsplit("/", 1)[-1])
    aws.client("sqs").send_message(QueueUrl=source, MessageBody="m")
    mapping = aws.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    try:
        wait_until(lambda: [event["Records"][0]["body"] for event in told(aws, url)] == ["m"], "it comes again")
        assert {kind for _, _, kind in aws.faults.injected} >= {FaultKind.KILL, FaultKind.LOST_ANSWER}
    finally:
        aws.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_job_that_is_killed_while_it_works_has_failed(aws: Sandbox, job: Make) -> None:
    name, glue = job("import time\ntime.sleep(30)"), aws.client("glue")
    aws.faults.add(Fault(FaultKind.KILL, "glue", "StartJobRun", times=1, matching=of(name)))
    run = glue.start_job_run(JobName=name)["JobRunId"]

    def found() -> dict[str, Any]:
        return dict(glue.get_job_run(JobName=name, RunId=run)["JobRun"])

    wait_until(lambda: found()["JobRunState"] == "FAILED", "the run fails")
    assert found()["ErrorMessage"] == "Command failed with exit code 137"


def test_the_roots_calls_are_spared_on_demand_and_edges_are_known(aws: Sandbox) -> None:
    aws.faults.edges.clear()
    aws.faults.add(Fault(FaultKind.THROTTLE, "*", spares_root=True))
    aws.client("sqs").list_queues()
    caller = role(aws, "lambda.amazonaws.com", {"Action": "sqs:ListQueues", "Resource": "*"})
    with pytest.raises(ClientError) as raised:
        aws.cloud.client("sqs", caller, "lambda.amazonaws.com").list_queues()
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert aws.faults.counts()["sqs:ListQueues"] == {"throttle": 1}
    assert aws.faults.edges["sqs:ListQueues"] == 1
    aws.faults.stop()
    assert aws.cloud.client("sqs", caller, "lambda.amazonaws.com").list_queues()
    assert aws.faults.counts()["sqs:ListQueues"] == {"throttle": 1}


@pytest.mark.parametrize(
    ("service", "call", "throttled", "failed"),
    [
        ("dynamodb", ("get_item", {"TableName": "t", "Key": {}}), (THROUGHPUT, 400), ("InternalServerError", 500)),
        ("dynamodb", ("list_tables", {}), ("ThrottlingException", 400), ("InternalServerError", 500)),
        ("lambda", ("list_functions", {}), ("TooManyRequestsException", 429), ("ServiceException", 500)),
        ("s3", ("list_buckets", {}), ("SlowDown", 503), ("InternalError", 500)),
        ("sqs", ("list_queues", {}), ("ThrottlingException", 400), ("InternalFailure", 500)),
        ("stepfunctions", ("list_state_machines", {}), ("ThrottlingException", 400), ("InternalFailure", 500)),
        ("sns", ("list_topics", {}), ("Throttled", 429), ("InternalError", 500)),
        ("events", ("list_rules", {}), ("ThrottlingException", 400), ("InternalException", 500)),
        ("scheduler", ("list_schedules", {}), ("ThrottlingException", 429), ("InternalServerException", 500)),
        ("firehose", ("list_delivery_streams", {}), (UNAVAILABLE, 503), (UNAVAILABLE, 503)),
        ("athena", ("list_work_groups", {}), ("TooManyRequestsException", 400), ("InternalServerException", 500)),
        ("redshift-data", ("list_statements", {}), ("ThrottlingException", 400), ("InternalServerException", 500)),
        ("iam", ("list_roles", {}), ("Throttling", 400), ("InternalFailure", 500)),
    ],
)
def test_each_service_has_its_own_words(
    aws: Sandbox,
    service: str,
    call: tuple[str, dict[str, Any]],
    throttled: tuple[str, int],
    failed: tuple[str, int],
) -> None:
    method, parameters = call
    for kind, wanted in ((FaultKind.THROTTLE, throttled), (FaultKind.UNAVAILABLE, failed)):
        aws.faults.clear()
        aws.faults.add(Fault(kind, service, times=1))
        with pytest.raises(ClientError) as raised:
            getattr(aws.client(service), method)(**parameters)
        error = raised.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == wanted


def test_a_service_whose_own_call_is_lost_says_that_it_failed_inside(aws: Sandbox) -> None:
    """Code is fetched from S3 when a function is made."""
    name = f"code-{secrets.token_hex(4)}"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.cloud.region})
    s3.put_object(Bucket=name, Key="k", Body=b"x" * 100)
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "s3", "GetObject", times=1, matching=of(name)))
    with pytest.raises((ClientError, BotoCoreError)) as raised:
        aws.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role(aws, "lambda.amazonaws.com"),
            Handler="code.handle",
            Code={"S3Bucket": name, "S3Key": "k"},
        )
    assert isinstance(raised.value, ClientError)
    assert raised.value.response["Error"]["Code"] == "ServiceException"


@pytest.mark.parametrize("kind", [FaultKind.LOST_REQUEST, FaultKind.LOST_ANSWER])
def test_a_lost_request_is_no_success_to_who_looks_at_the_head_alone(
    aws: Sandbox, function: Make, kind: FaultKind
) -> None:
    """An asynchronous invocation has no body to wait for."""
    name = teller(function, aws, url := queue(aws))
    aws.faults.add(Fault(kind, "lambda", "Invoke", times=1, matching=of(name)))
    asked = {"FunctionName": name, "InvocationType": "Event", "Payload": b'{"n": 1}'}
    if kind is FaultKind.LOST_REQUEST:
        with pytest.raises(BotoCoreError):
            aws.client("lambda").invoke(**asked)
        aws.client("lambda").invoke(**asked)
    else:
        aws.client("lambda").invoke(**asked)
    wait_until(lambda: told(aws, url) == [{"n": 1}], "the event is run once")
