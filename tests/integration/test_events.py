"""Rules through the front door: what matches arrives at least once, or lies in the dead-letter queue and says why."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import deploy, destroy

from tests.faulted import of
from tests.integration.event_parts import allow, attributes, bodies, queue, received, role, unique, waiting
from tests.integration.test_sandbox_services import zipped
from tests.waiting import wait_until


@pytest.fixture
def source() -> str:
    """A source of this test's own."""
    return unique("orders")


def put(aws: Sandbox, source: str, detail: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    entry = {"Source": source, "DetailType": "Order Placed", "Detail": json.dumps(detail or {}), **more}
    answer: dict[str, Any] = aws.client("events").put_events(Entries=[entry])
    return answer


def rule(aws: Sandbox, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default") -> str:
    events, name = aws.client("events"), unique("rule")
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)["RuleArn"]
    numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    if numbered:
        answer = events.put_targets(Rule=name, EventBusName=bus, Targets=numbered)
        assert answer["FailedEntryCount"] == 0
    return str(arn)


def to_queue(aws: Sandbox, pattern: dict[str, Any], **target: Any) -> tuple[str, str]:
    """A rule with a queue that it may send to: the queue's URL and the rule's ARN."""
    url, arn = queue(aws)
    rule_arn = rule(aws, pattern, {"Arn": arn, **target})
    allow(aws, url, arn, rule_arn)
    return url, rule_arn


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_an_event_has_the_form_of_aws_and_only_what_matches_arrives(aws: Sandbox, source: str) -> None:
    url, _ = to_queue(aws, {"source": [source], "detail": {"total": [{"numeric": [">", 10]}]}})
    put(aws, source, {"total": 5})
    answer = put(aws, source, {"total": 11}, Resources=["arn:aws:s3:::mine"])
    (event,) = bodies(aws, url, 1)
    assert event == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "Order Placed",
        "source": source,
        "account": aws.cloud.account,
        "time": event["time"],
        "region": aws.cloud.region,
        "resources": ["arn:aws:s3:::mine"],
        "detail": {"total": 11},
    }
    assert datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ")


def test_a_queue_without_a_policy_gets_nothing_and_the_dead_letter_queue_says_why(aws: Sandbox, source: str) -> None:
    url, arn = queue(aws)
    dead_url, dead_arn = queue(aws)
    rule_arn = rule(aws, {"source": [source]}, {"Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}})
    allow(aws, dead_url, dead_arn, rule_arn)
    put(aws, source, {"n": 1})
    (message,) = received(aws, dead_url, 1)
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    found = attributes(message)
    assert found["RULE_ARN"] == rule_arn
    assert found["TARGET_ARN"] == arn
    assert found["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "events.amazonaws.com is not authorized to perform: sqs:SendMessage" in found["ERROR_MESSAGE"]
    assert "RETRY_ATTEMPTS" not in found
    assert waiting(aws, url) == 0


def test_a_policy_for_another_rule_does_not_help(aws: Sandbox, source: str) -> None:
    url, arn = queue(aws)
    dead_url, dead_arn = queue(aws)
    rule_arn = rule(aws, {"source": [source]}, {"Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}})
    allow(aws, url, arn, rule_arn + "-another")
    allow(aws, dead_url, dead_arn, rule_arn)
    put(aws, source)
    assert attributes(received(aws, dead_url, 1)[0])["ERROR_CODE"] == "NO_PERMISSIONS"
    assert waiting(aws, url) == 0


def test_a_throttle_is_tried_again(aws: Sandbox, source: str) -> None:
    url, _ = to_queue(aws, {"source": [source]})
    aws.faults.add(Fault(FaultKind.ERROR, "sqs", "SendMessage", times=2, matching=of(url)))
    put(aws, source)
    assert len(received(aws, url, 1)) == 1
    assert len(aws.faults.injected) == 2


def test_retries_end_in_the_dead_letter_queue(aws: Sandbox, source: str) -> None:
    dead_url, dead_arn = queue(aws)
    url, arn = queue(aws)
    target = {"Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}, "RetryPolicy": {"MaximumRetryAttempts": 2}}
    rule_arn = rule(aws, {"source": [source]}, target)
    allow(aws, url, arn, rule_arn)
    allow(aws, dead_url, dead_arn, rule_arn)
    aws.faults.add(
        Fault(
            FaultKind.ERROR,
            "sqs",
            "SendMessage",
            code="InternalFailure",
            status=500,
            matching=of(url),
        )
    )
    put(aws, source)
    found = attributes(received(aws, dead_url, 1)[0])
    assert found["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert (found["EXHAUSTED_RETRY_CONDITION"], found["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "2")
    assert len(aws.faults.injected) == 3


def test_a_delivery_whose_answer_is_lost_is_repeated(aws: Sandbox, source: str) -> None:
    url, _ = to_queue(aws, {"source": [source]})
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "sqs", "SendMessage", times=1, matching=of(url)))
    put(aws, source)
    first, second = bodies(aws, url, 2)
    assert first == second


def test_a_target_that_is_gone(aws: Sandbox, source: str) -> None:
    dead_url, dead_arn = queue(aws)
    gone = aws.cloud.arn("lambda", f"function:{unique('gone')}")
    rule_arn = rule(aws, {"source": [source]}, {"Arn": gone, "DeadLetterConfig": {"Arn": dead_arn}})
    allow(aws, dead_url, dead_arn, rule_arn)
    put(aws, source)
    assert attributes(received(aws, dead_url, 1)[0])["ERROR_CODE"] == "NO_RESOURCE"


def test_a_function_is_invoked_when_its_policy_names_the_rule(aws: Sandbox, source: str) -> None:
    url, queue_arn = queue(aws)
    dead_url, dead_arn = queue(aws)
    name = unique("f")
    code = (
        "import boto3, json\ndef handle(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl='{url}', MessageBody=json.dumps(event))"
    )
    function = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role(aws, "lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": queue_arn}),
        Handler="code.handle",
        Code={"ZipFile": zipped(code)},
        Timeout=20,
    )["FunctionArn"]
    rule_arn = rule(aws, {"source": [source]}, {"Arn": function, "DeadLetterConfig": {"Arn": dead_arn}})
    allow(aws, dead_url, dead_arn, rule_arn)
    put(aws, source)
    assert attributes(received(aws, dead_url, 1)[0])["ERROR_CODE"] == "NO_PERMISSIONS"
    aws.client("lambda").add_permission(
        FunctionName=name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )
    put(aws, source, {"n": 2})
    assert bodies(aws, url, 1)[0]["detail"] == {"n": 2}


def test_a_machine_is_started_with_the_targets_role(aws: Sandbox, source: str) -> None:
    machine = aws.client("stepfunctions").create_state_machine(
        name=unique("m"),
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn=role(aws, "states.amazonaws.com"),
    )["stateMachineArn"]
    powerless = role(aws, "events.amazonaws.com")
    able = role(aws, "events.amazonaws.com", {"Action": "states:StartExecution", "Resource": machine})
    dead_url, dead_arn = queue(aws)
    targets = [{"Arn": machine, "RoleArn": arn, "DeadLetterConfig": {"Arn": dead_arn}} for arn in (powerless, able)]
    rule_arn = rule(aws, {"source": [source]}, *targets)
    allow(aws, dead_url, dead_arn, rule_arn)
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "stepfunctions", "StartExecution", times=1, matching=of(machine)))
    put(aws, source, {"n": 1})
    assert attributes(received(aws, dead_url, 1)[0])["ERROR_CODE"] == "NO_PERMISSIONS"
    states = aws.client("stepfunctions")
    (execution,) = wait_until(
        lambda: states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"], "it has run"
    )
    given = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    assert given["detail"] == {"n": 1}


def test_topics_and_log_groups_ask_their_policies(aws: Sandbox, source: str) -> None:
    topic = aws.client("sns").create_topic(Name=unique("t"))["TopicArn"]
    group = f"/aws/events/{unique('g')}"
    aws.client("logs").create_log_group(logGroupName=group)
    log_arn = aws.cloud.arn("logs", f"log-group:{group}")
    dead_url, dead_arn = queue(aws)
    targets = [{"Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}} for arn in (topic, log_arn)]
    rule_arn = rule(aws, {"source": [source]}, *targets)
    allow(aws, dead_url, dead_arn, rule_arn)
    put(aws, source)
    refused = {attributes(message)["TARGET_ARN"]: attributes(message) for message in received(aws, dead_url, 2)}
    assert {found["ERROR_CODE"] for found in refused.values()} == {"NO_PERMISSIONS"}
    assert set(refused) == {topic, log_arn}

    def policy(action: list[str], resource: str) -> str:
        principal = {"Service": "events.amazonaws.com"}
        statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    url, queue_arn = queue(aws)
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(["sns:Publish"], topic)
    )
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    aws.client("logs").put_resource_policy(
        policyName=unique("p"), policyDocument=policy(["logs:CreateLogStream", "logs:PutLogEvents"], f"{log_arn}:*")
    )
    put(aws, source, {"n": 2})
    assert json.loads(bodies(aws, url, 1)[0]["Message"])["detail"] == {"n": 2}
    lines = wait_until(
        lambda: aws.client("logs").filter_log_events(logGroupName=group)["events"], "the event is in the log group"
    )
    assert [json.loads(line["message"])["detail"] for line in lines] == [{"n": 2}]


def test_what_a_target_gets_of_an_event(aws: Sandbox, source: str) -> None:
    transformer = {
        "InputPathsMap": {
            "id": "$.detail.id",
            "lines": "$.detail.lines",
            "sku": "$.detail.lines[1].sku",
            "nothing": "$.detail.nothing",
        },
        "InputTemplate": '{"order": <id>, "text": "no. <id> of <sku>", "first": <lines>, "none": <nothing>, '
        '"rule": <aws.events.rule-name>, "at": "<aws.events.event.ingestion-time>", "all": <aws.events.event.json>}',
    }
    inputs: list[dict[str, Any]] = [
        {"Input": '{"fixed": true}'},
        {"InputPath": "$.detail.lines[1]"},
        {"InputTransformer": transformer},
        {"InputTransformer": {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": '"order <id>"'}},
    ]
    found = []
    for more in inputs:
        url, _ = to_queue(aws, {"source": [source]}, **more)
        put(aws, source, {"id": 'a"b', "lines": [1, {"sku": "x"}]})
        found.append(bodies(aws, url, 1)[0])
    assert found[0] == {"fixed": True}
    assert found[1] == {"sku": "x"}
    assert found[3] == 'order a"b'
    whole = found[2]["all"]
    assert whole["detail"]["id"] == 'a"b'
    assert found[2] == {
        "order": 'a"b',
        "text": 'no. a"b of x',
        "first": [1, {"sku": "x"}],
        "none": "",
        "rule": found[2]["rule"],
        "at": whole["time"],
        "all": whole,
    }
    assert found[2]["rule"].startswith("rule-")


def test_a_fifo_queue_gets_its_group(aws: Sandbox, source: str) -> None:
    url, arn = queue(aws, fifo=True)
    rule_arn = rule(aws, {"source": [source]}, {"Arn": arn, "SqsParameters": {"MessageGroupId": "orders"}})
    allow(aws, url, arn, rule_arn)
    put(aws, source)
    assert received(aws, url, 1)[0]["Attributes"]["MessageGroupId"] == "orders"


def test_disabled_rules_other_buses_and_removed_targets_deliver_nothing(aws: Sandbox, source: str) -> None:
    events, bus = aws.client("events"), unique("bus")
    events.create_event_bus(Name=bus)
    url, arn = queue(aws)
    rule_arn = rule(aws, {"source": [source]}, {"Arn": arn}, bus=bus)
    allow(aws, url, arn, rule_arn)
    name = rule_arn.rpartition("/")[2]
    assert rule_arn == aws.cloud.arn("events", f"rule/{bus}/{name}")
    put(aws, source, {"n": "default bus"})
    events.disable_rule(Name=name, EventBusName=bus)
    put(aws, source, {"n": "disabled"}, EventBusName=bus)
    events.enable_rule(Name=name, EventBusName=bus)
    put(aws, source, {"n": "arrives"}, EventBusName=aws.cloud.arn("events", f"event-bus/{bus}"))
    assert bodies(aws, url, 1)[0]["detail"] == {"n": "arrives"}
    assert code_of(events.delete_rule, Name=name, EventBusName=bus) == "ValidationException"
    assert code_of(events.delete_event_bus, Name=bus) == "ValidationException"
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["0"])
    put(aws, source, {"n": "no target"}, EventBusName=bus)
    events.delete_rule(Name=name, EventBusName=bus)
    events.delete_event_bus(Name=bus)
    assert code_of(events.describe_event_bus, Name=bus) == "ResourceNotFoundException"
    assert waiting(aws, url) == 0


def test_each_entry_is_taken_or_refused_by_itself(aws: Sandbox, source: str) -> None:
    url, _ = to_queue(aws, {"source": [source]})
    good = {"Source": source, "DetailType": "d", "Detail": "{}"}
    answer = aws.client("events").put_events(
        Entries=[
            {**good, "Source": "aws.s3"},
            {**good, "Detail": "["},
            {**good, "Detail": "[]"},
            {"Source": source, "DetailType": "d"},
            good,
        ]
    )
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "MalformedDetail",
        "InvalidArgument",
        None,
    ]
    assert answer["FailedEntryCount"] == 4
    assert bodies(aws, url, 1)[0]["id"] == answer["Entries"][4]["EventId"]
    big = {**good, "Detail": json.dumps({"text": "x" * 1024 * 1024})}
    assert code_of(aws.client("events").put_events, Entries=[big]) == "ValidationException"


def test_a_service_reports_in_its_own_name_alone(aws: Sandbox) -> None:
    athena = aws.cloud.client("events", principal="athena.amazonaws.com")
    entry = {"DetailType": "d", "Detail": "{}"}
    answer = athena.put_events(Entries=[{**entry, "Source": name} for name in ("aws.athena", "aws.s3", "mine")])
    refused = "NotAuthorizedForSourceException"
    assert [found.get("ErrorCode") for found in answer["Entries"]] == [None, refused, refused]


def test_a_role_needs_the_permission_for_the_bus(aws: Sandbox, source: str) -> None:
    bus = aws.cloud.arn("events", "event-bus/default")
    entry = {"Source": source, "DetailType": "d", "Detail": "{}"}
    powerless = role(aws, "lambda.amazonaws.com")
    able = role(aws, "lambda.amazonaws.com", {"Action": "events:PutEvents", "Resource": bus})
    client = aws.cloud.client("events", powerless, "lambda.amazonaws.com")
    assert code_of(client.put_events, Entries=[entry]) == "AccessDeniedException"
    client = aws.cloud.client("events", able, "lambda.amazonaws.com")
    assert client.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_bad_rules_and_targets_are_refused(aws: Sandbox) -> None:
    events, name = aws.client("events"), unique("rule")
    assert code_of(events.put_rule, Name=name, EventPattern='{"a": 1}') == "InvalidEventPatternException"
    assert code_of(events.put_rule, Name=name, EventPattern="{") == "InvalidEventPatternException"
    assert code_of(events.put_rule, Name=name) == "ValidationException"
    assert code_of(events.put_rule, Name=name, ScheduleExpression="rate(1 minute)") == "ValidationException"
    assert code_of(events.describe_rule, Name=name) == "ResourceNotFoundException"
    assert code_of(events.put_targets, Rule=name, Targets=[{"Id": "1", "Arn": "x"}]) == "ResourceNotFoundException"
    events.put_rule(Name=name, EventPattern='{"a": [1]}')
    _, arn = queue(aws)
    _, fifo = queue(aws, fifo=True)
    machine = aws.cloud.arn("states", "stateMachine:m")
    bad: list[dict[str, Any]] = [
        {"Arn": "no arn"},
        {"Arn": "arn:aws:ec2:eu-central-1:000000000000:instance/i"},
        {"Arn": machine},
        {"Arn": machine, "RoleArn": "arn:aws:iam::000000000000:role/none"},
        {"Arn": machine, "RoleArn": role(aws, "lambda.amazonaws.com")},
        {"Arn": fifo},
        {"Arn": arn, "SqsParameters": {"MessageGroupId": "g"}},
        {"Arn": arn, "DeadLetterConfig": {"Arn": fifo}},
        {"Arn": arn, "Input": "{"},
        {"Arn": arn, "Input": "{}", "InputPath": "$"},
        {"Arn": arn, "InputPath": "detail"},
        {"Arn": arn, "InputTransformer": {"InputTemplate": "{<unknown>}"}},
        {"Arn": arn, "InputTransformer": {"InputTemplate": '{"a": }'}},
        {"Arn": arn, "InputTransformer": {"InputPathsMap": {"AWS.x": "$"}, "InputTemplate": "{}"}},
        {"Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 186}},
        {"Arn": arn, "RetryPolicy": {"MaximumEventAgeInSeconds": 86_401}},
        {"Arn": arn, "KinesisParameters": {"PartitionKeyPath": "$.id"}},
    ]
    for target in bad:
        assert code_of(events.put_targets, Rule=name, Targets=[{"Id": "1", **target}]) == "ValidationException", target
    many = [{"Id": str(number), "Arn": arn} for number in range(6)]
    assert code_of(events.put_targets, Rule=name, Targets=many) == "LimitExceededException"
    assert events.list_targets_by_rule(Rule=name)["Targets"] == []


def test_rules_are_listed_found_by_target_and_tagged(aws: Sandbox) -> None:
    events, prefix = aws.client("events"), unique("listed")
    _, arn = queue(aws)
    for number in range(3):
        name = f"{prefix}-{number}"
        made = events.put_rule(Name=name, EventPattern='{"a": [1]}', Tags=[{"Key": "k", "Value": "v"}])
        events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": arn}])
    page = events.list_rules(NamePrefix=prefix, Limit=2)
    assert [found["Name"] for found in page["Rules"]] == [f"{prefix}-0", f"{prefix}-1"]
    page = events.list_rules(NamePrefix=prefix, Limit=2, NextToken=page["NextToken"])
    assert [found["Name"] for found in page["Rules"]] == [f"{prefix}-2"]
    assert len(events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]) == 3
    rule_arn = made["RuleArn"]
    events.tag_resource(ResourceARN=rule_arn, Tags=[{"Key": "k2", "Value": "v2"}])
    events.untag_resource(ResourceARN=rule_arn, TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=rule_arn)["Tags"] == [{"Key": "k2", "Value": "v2"}]
    event = {"id": "1", "detail-type": "d", "source": "s", "account": "a", "time": "t", "region": "r"}
    event |= {"resources": [], "detail": {"x": 1}}
    test = events.test_event_pattern
    assert test(EventPattern='{"detail": {"x": [1]}}', Event=json.dumps(event))["Result"]
    assert not test(EventPattern='{"detail": {"x": [2]}}', Event=json.dumps(event))["Result"]
    assert code_of(test, EventPattern='{"x": [1]}', Event="{}") == "ValidationException"


@pytest.fixture
def bucket(aws: Sandbox) -> str:
    """A bucket that reports to EventBridge."""
    s3, name = aws.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.cloud.region})
    configuration: dict[str, Any] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    return name


def s3_pattern(bucket: str) -> dict[str, Any]:
    return {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}


def test_a_new_object_is_reported_once_in_the_form_of_s3(aws: Sandbox, bucket: str) -> None:
    url, _ = to_queue(aws, s3_pattern(bucket))
    key = "raw/dt=2026-01-02/ä b.parquet"
    etag = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"hello")["ETag"]
    aws.client("s3").put_object(Bucket=bucket, Key="second", Body=b"")
    first, second = sorted(bodies(aws, url, 2), key=lambda event: str(event["detail"]["object"]["sequencer"]))
    detail = first["detail"]
    assert (first["detail-type"], first["source"], first["resources"]) == (
        "Object Created",
        "aws.s3",
        [f"arn:aws:s3:::{bucket}"],
    )
    assert detail == {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {"key": key, "size": 5, "etag": etag.strip('"'), "sequencer": detail["object"]["sequencer"]},
        "request-id": detail["request-id"],
        "requester": aws.cloud.account,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    assert (second["detail"]["object"]["key"], second["detail"]["object"]["size"]) == ("second", 0)
    assert waiting(aws, url) == 0


def test_copies_multipart_uploads_and_deletions_of_versions(aws: Sandbox, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    url, _ = to_queue(aws, s3_pattern(bucket))
    first = s3.put_object(Bucket=bucket, Key="a", Body=b"hello")
    copy = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"x" * 7)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    whole = s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=upload, MultipartUpload=parts)
    found = {event["detail"]["object"]["key"]: event["detail"] for event in bodies(aws, url, 3)}
    assert {key: detail["reason"] for key, detail in found.items()} == {
        "a": "PutObject",
        "b": "CopyObject",
        "c": "CompleteMultipartUpload",
    }
    assert [found[key]["object"]["size"] for key in "abc"] == [5, 5, 7]
    assert [found[key]["object"]["version-id"] for key in "abc"] == [made["VersionId"] for made in (first, copy, whole)]
    assert found["c"]["object"]["etag"] == whole["ETag"].strip('"')

    marker = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="a", VersionId=marker)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b", "VersionId": copy["VersionId"]}]})
    s3.delete_objects(Bucket=bucket, Delete={"Quiet": True, "Objects": [{"Key": "c"}]})
    deleted = sorted(bodies(aws, url, 4), key=lambda event: str(event["detail"]["object"]["sequencer"]))
    assert {event["detail-type"] for event in deleted} == {"Object Deleted"}
    assert [
        (event["detail"]["object"]["key"], event["detail"]["deletion-type"], event["detail"]["reason"])
        for event in deleted
    ] == [
        ("a", "Delete Marker Created", "DeleteObject"),
        ("a", "Permanently Deleted", "DeleteObject"),
        ("b", "Permanently Deleted", "DeleteObject"),
        ("c", "Delete Marker Created", "DeleteObject"),
    ]
    assert [event["detail"]["object"].get("version-id") for event in deleted[:3]] == [marker, marker, copy["VersionId"]]


def test_no_event_without_the_switch_and_none_of_a_request_that_failed(aws: Sandbox, bucket: str) -> None:
    s3, url = aws.client("s3"), to_queue(aws, s3_pattern(bucket))[0]
    with pytest.raises(ClientError):
        s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "none"})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="unseen", Body=b"")
    configuration: dict[str, Any] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="seen", Body=b"")
    assert [event["detail"]["object"]["key"] for event in bodies(aws, url, 1)] == ["seen"]


def test_an_s3_event_is_repeated_and_delayed_by_faults_but_comes(aws: Sandbox, bucket: str) -> None:
    s3, url = aws.client("s3"), to_queue(aws, s3_pattern(bucket))[0]
    for kind in (FaultKind.DUPLICATE, FaultKind.LOST_REQUEST, FaultKind.DELAY, FaultKind.PARTIAL):
        aws.faults.clear()
        about = lambda request: bucket.encode() in request.body  # noqa: E731 - other tests' events come late
        fault = Fault(kind, "events", "PutEvents", times=1, seconds=0.3, matching=about, code="InternalFailure")
        aws.faults.add(fault)
        s3.put_object(Bucket=bucket, Key=kind.value, Body=b"")
        wait_until(lambda: aws.faults.injected, f"{kind} is injected")
    found = bodies(aws, url, 5)
    keys = sorted(event["detail"]["object"]["key"] for event in found)
    # S3 delivers at least once: what is lost on the way, or refused by a bus that is busy, is sent again.
    assert keys == ["delay", "duplicate", "duplicate", "lost request", "partial failure"]
    assert len({event["id"] for event in found}) == 5
    sequencers = {event["detail"]["object"]["key"]: event["detail"]["object"]["sequencer"] for event in found}
    assert len(sequencers) == 4


PROGRAM = """
import json, pulumi, pulumi_aws as aws
bus = aws.cloudwatch.EventBus("bus")
queue = aws.sqs.Queue("queue")
dead = aws.sqs.Queue("dead")
rule = aws.cloudwatch.EventRule("rule", event_bus_name=bus.name, event_pattern=json.dumps({"source": ["mine"]}))
aws.sqs.QueuePolicy("policy", queue_url=queue.url, policy=pulumi.Output.json_dumps({
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue.arn,
    "Principal": {"Service": "events.amazonaws.com"}, "Condition": {"ArnEquals": {"aws:SourceArn": rule.arn}}}]}))
aws.cloudwatch.EventTarget("target", rule=rule.name, event_bus_name=bus.name, arn=queue.arn,
    dead_letter_config={"arn": dead.arn}, retry_policy={"maximum_retry_attempts": 3},
    input_transformer={"input_paths": {"n": "$.detail.n"}, "input_template": '{"number": <n>}'})
pulumi.export("bus", bus.name)
pulumi.export("rule", rule.name)
pulumi.export("url", queue.url)
"""


def test_a_program_deploys_bus_rule_and_target(aws: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: rules\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    stack = deploy(aws.cloud, tmp_path / "__main__.py", "test")
    bus, name = stack.outputs["bus"], stack.outputs["rule"]
    (target,) = aws.client("events").list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3}
    assert target["InputTransformer"] == {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}
    put(aws, "mine", {"n": 7}, EventBusName=bus)
    assert bodies(aws, stack.outputs["url"], 1) == [{"number": 7}]
    destroy(aws.cloud, stack)
    assert code_of(aws.client("events").describe_event_bus, Name=bus) == "ResourceNotFoundException"
