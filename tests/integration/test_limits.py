"""A program at the limits of AWS, deployed: names, routes, permissions, throttles, queues, sampling."""

import json
import secrets
from collections import deque
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.waiting import wait_until

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import Authorization, EventApi, IdempotentLambda, Observability, archives
code = archives.directory_archive("code")
echo = IdempotentLambda("echo", {"code": code})
function = {"function_name": echo.function_name, "invoke_arn": echo.invoke_arn}
api = EventApi("api", {
    "routes": {
        "GET /orders/{order-id}": {"function": function, "throttling_rate_limit": 1, "throttling_burst_limit": 1},
        "GET /orders/{order-id}/lines/{line.no}": {"function": function},
        "GET /files/{path+}": {"function": function},
        "GET /a-b": {"function": function, "throttling_burst_limit": 7},
        "GET /a/b": {"function": function, "throttling_burst_limit": 7},
        **{f"GET /things/{number}": {"function": function} for number in range(70)},
    },
    "authorization": Authorization.NONE,
})
worker = IdempotentLambda("worker", {
    "code": code, "handler": "handler.work", "timeout": 2, "reserved_concurrent_executions": 2,
    "queue_source": {"max_receive_count": 1, "batch_size": 1},
})
sampled = IdempotentLambda("sampled", {"code": code, "handler": "handler.level", "debug_sample_rate": 0.3})
for name in ("echo", "worker", "sampled"):
    pulumi.export(name, globals()[name].function_name)
pulumi.export("url", api.url)
pulumi.export("api", api.rest_api_id)
pulumi.export("queue", worker.queue_url)
pulumi.export("letters", worker.dead_letter_queue_arn)
pulumi.export("role", echo.role_name)
Observability("observability", {"observed": [api.observed, echo.observed, worker.observed]})
"""
HANDLER = """
import time
from eda_runtime.http import response
from eda_runtime.logger import logger
def handle(event, context):
    return response(200, event["pathParameters"] or {})
def work(event, context):
    time.sleep(0.3)
def level(event, context):
    logger.debug("seen")
    return logger.log_level
"""


@pytest.fixture(scope="module")
def limits(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder: Path = tmp_path_factory.mktemp("limits")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    # As Pulumi takes it.
    (folder / "Pulumi.yaml").write_text("name: My.app_1\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test.1")


def get(limits: Stack, path: str) -> tuple[int, Any]:
    answer = urllib3.request("GET", limits.outputs["url"] + path, retries=False, timeout=30)
    return answer.status, json.loads(answer.data)


def test_parameters_of_any_name_reach_the_function(limits: Stack) -> None:
    assert get(limits, "/orders/7/lines/8.1") == (200, {"order-id": "7", "line.no": "8.1"})
    assert get(limits, "/files/a/b") == (200, {"path": "a/b"})


def test_one_permission_is_enough_for_many_routes(aws: Sandbox, limits: Stack) -> None:
    assert {get(limits, path)[0] for path in ("/things/0", "/things/69", "/a-b", "/a/b")} == {200}
    policy = json.loads(aws.client("lambda").get_policy(FunctionName=limits.outputs["echo"])["Policy"])
    assert len(policy["Statement"]) == 1


def test_a_permission_for_each_of_so_many_routes_is_refused(aws: Sandbox, limits: Stack) -> None:
    functions, name = aws.client("lambda"), limits.outputs["sampled"]

    def allow(number: int) -> None:
        functions.add_permission(
            FunctionName=name,
            StatementId=f"terraform-{number:020}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:eu-central-1:123456789012:abcdefghij/v1/GET/things/{number}",
        )

    for number in range(40):
        allow(number)
    with pytest.raises(functions.exceptions.PolicyLengthExceededException, match="bigger than the limit"):
        deque(map(allow, range(40, 75)))


def test_the_throttle_of_a_nested_route_holds_for_it_alone(aws: Sandbox, limits: Stack) -> None:
    speed, aws.cloud.clock.speed = aws.cloud.clock.speed, 1
    try:
        assert 429 in {get(limits, "/orders/7")[0] for _ in range(3)}
        assert {get(limits, "/orders/7/lines/8")[0] for _ in range(3)} == {200}
    finally:
        aws.cloud.clock.speed = speed
    stage = aws.client("apigateway").get_stage(restApiId=limits.outputs["api"], stageName="v1")
    assert stage["methodSettings"]["~1orders~1{order-id}/GET"]["throttlingBurstLimit"] == 1
    assert stage["methodSettings"]["~1a-b/GET"]["throttlingBurstLimit"] == 7


@pytest.mark.parametrize(
    "path", ["orders/{order-id}/GET", "~1orders~1{order_id}/GET", "~1orders~1{order-id}/POST", "/GET"]
)
def test_a_setting_of_what_is_no_method_is_refused(aws: Sandbox, limits: Stack, path: str) -> None:
    gateway = aws.client("apigateway")
    change = {"op": "replace", "path": f"/{path}/throttling/burstLimit", "value": "1"}
    with pytest.raises(gateway.exceptions.BadRequestException, match="Invalid method setting path"):
        gateway.update_stage(restApiId=limits.outputs["api"], stageName="v1", patchOperations=[change])


def test_names_with_a_dot_are_refused(aws: Sandbox) -> None:
    for service, operation, request in (
        ("sqs", "create_queue", {"QueueName": "my.app-a"}),
        ("sns", "create_topic", {"Name": "my.app-a"}),
        ("lambda", "publish_layer_version", {"LayerName": "my.app-a", "Content": {"ZipFile": b"x"}}),
    ):
        with pytest.raises(ClientError):
            getattr(aws.client(service), operation)(**request)


def test_an_object_takes_ten_tags(aws: Sandbox) -> None:
    s3, bucket = aws.client("s3"), f"tags-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for count in (10, 11):
        tags = [{"Key": f"k{number}", "Value": "v"} for number in range(count)]
        header = "&".join(f"k{number}=v" for number in range(count))
        for operation, request in (
            ("put_object", {"Body": b"x", "Tagging": header}),
            ("put_object_tagging", {"Tagging": {"TagSet": tags}}),
        ):
            if count == 10:
                getattr(s3, operation)(Bucket=bucket, Key="a", **request)
            else:
                with pytest.raises(ClientError, match="Object tags cannot be greater than 10"):
                    getattr(s3, operation)(Bucket=bucket, Key="a", **request)


def test_the_policies_of_a_role_are_limited_together(aws: Sandbox, limits: Stack) -> None:
    iam, role = aws.client("iam"), limits.outputs["role"]

    def put(name: str, arns: int, **form: Any) -> None:
        resources = [f"arn:aws:s3:::bucket-{number:04}" for number in range(arns)]
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, **form)
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    try:
        # White space does not count.
        put("one", 200, indent=40)
        put("one", 200)
        with pytest.raises(iam.exceptions.LimitExceededException, match="Maximum policy size of 10240 bytes exceeded"):
            put("two", 200)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="one")


def test_a_queue_hands_over_no_more_than_is_reserved(aws: Sandbox, limits: Stack) -> None:
    sqs, functions = aws.client("sqs"), aws.client("lambda")
    queue, letters = limits.outputs["queue"], aws.cloud.queue_url(limits.outputs["letters"])

    def waiting(url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    def send() -> None:
        for number in range(12):
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
        wait_until(lambda: waiting(queue) == 0, "the queue is empty")

    send()
    assert waiting(letters) == 0
    mapping = functions.list_event_source_mappings(FunctionName=limits.outputs["worker"])["EventSourceMappings"][0]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={})
    send()
    # Tried once, because they were taken; seen never.
    assert waiting(letters) > 0


def test_about_the_share_of_invocations_that_is_asked_for_logs_at_debug(aws: Sandbox, limits: Stack) -> None:
    functions = aws.client("lambda")
    levels = [
        json.loads(functions.invoke(FunctionName=limits.outputs["sampled"], Payload=b"{}")["Payload"].read())
        for _ in range(100)
    ]
    # Five standard deviations on both sides.
    assert 7 <= levels.count(10) <= 53
    assert levels.count(10) + levels.count(20) == 100


def test_sqs_names_its_errors_in_both_of_its_protocols(aws: Sandbox) -> None:
    """The codes of the query protocol stay, the names of the newer one stand beside them."""
    client = aws.client("sqs")
    url = client.create_queue(QueueName=f"q-{secrets.token_hex(4)}")["QueueUrl"]
    for given, code, name in (
        ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue", "InvalidParameterValueException"),
        ({"MessageBody": ""}, "MissingParameter", "MissingRequiredParameterException"),
    ):
        with pytest.raises(ClientError) as refused:
            client.send_message(QueueUrl=url, **given)
        assert (refused.value.response["Error"]["Code"], refused.value.response["Error"]["QueryErrorCode"]) == (
            code,
            name,
        )
