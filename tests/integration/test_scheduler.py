"""Schedules through the front door: each slot calls its target at least once, or lies in the dead-letter queue."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import deploy, destroy
from eda_sandbox.services.scheduler import Scheduler

from tests.faulted import of
from tests.integration.event_parts import attributes, bodies, queue, received, role, unique, waiting
from tests.integration.test_sandbox_services import zipped
from tests.waiting import wait_until

PRINCIPAL = "scheduler.amazonaws.com"
OFF = {"Mode": "OFF"}
ATTRIBUTES = json.dumps(
    {
        "slot": "<aws.scheduler.scheduled-time>",
        "execution": "<aws.scheduler.execution-id>",
        "attempt": "<aws.scheduler.attempt-number>",
        "schedule": "<aws.scheduler.schedule-arn>",
    }
)


@pytest.fixture
def scheduler(aws: Sandbox) -> Scheduler:
    """The service itself, whose time the tests move."""
    found = aws.cloud.service("scheduler")
    assert isinstance(found, Scheduler)
    return found


def sender(aws: Sandbox, *queue_arns: str) -> str:
    """A role that may send to queues."""
    return role(aws, PRINCIPAL, {"Action": "sqs:SendMessage", "Resource": list(queue_arns)})


def schedule(aws: Sandbox, expression: str, target: dict[str, Any], **more: Any) -> str:
    name = more.pop("Name", None) or unique("s")
    aws.client("scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, **{"FlexibleTimeWindow": OFF, "Target": target, **more}
    )
    return str(name)


def once(scheduler: Scheduler, seconds: float = 3600) -> str:
    """An expression for a time that comes in that many of AWS's seconds."""
    return f"at({scheduler.now() + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def text(slot: datetime) -> str:
    return f"{slot:%Y-%m-%dT%H:%M:%SZ}"


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_slot_carries_its_nominal_time(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    target = {"Arn": arn, "RoleArn": sender(aws, arn), "Input": ATTRIBUTES}
    name = schedule(aws, "cron(0 8 * * ? *)", target, ScheduleExpressionTimezone="Europe/Berlin")
    slots = [scheduler.advance_to_next(name) for _ in range(3)]
    assert {slot.hour for slot in slots} <= {6, 7}
    found = sorted(bodies(aws, url, 3), key=lambda body: str(body["slot"]))
    assert [body["slot"] for body in found] == [text(slot) for slot in slots]
    assert [body["attempt"] for body in found] == ["1", "1", "1"]
    assert len({body["execution"] for body in found}) == 3
    assert {body["schedule"] for body in found} == {aws.cloud.arn("scheduler", f"schedule/default/{name}")}
    aws.client("scheduler").delete_schedule(Name=name)


def test_time_runs_by_itself(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    target = {"Arn": arn, "RoleArn": sender(aws, arn), "Input": "plain"}
    # Three seconds here: a time that is over when the schedule is made never comes.
    schedule(aws, once(scheduler, 60), target)
    assert received(aws, url, 1)[0]["Body"] == "plain"


def test_a_rate_begins_at_once_and_a_jump_fires_its_last_slot_alone(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    name = schedule(aws, "rate(6 hours)", {"Arn": arn, "RoleArn": sender(aws, arn), "Input": ATTRIBUTES})
    first = datetime.fromisoformat(bodies(aws, url, 1)[0]["slot"])
    scheduler.advance_to(first + timedelta(hours=25))
    assert bodies(aws, url, 1)[0]["slot"] == text(first + timedelta(hours=24))
    assert scheduler.advance_to_next(name) == first + timedelta(hours=30)
    assert bodies(aws, url, 1)[0]["slot"] == text(first + timedelta(hours=30))
    with pytest.raises(ValueError, match="only moves forward"):
        scheduler.advance_to(first)
    with pytest.raises(ValueError, match="no time zone"):
        scheduler.advance_to(datetime(2100, 1, 1))
    aws.client("scheduler").delete_schedule(Name=name)


def test_a_role_without_the_permission_calls_nothing_and_the_dead_letter_queue_says_why(
    aws: Sandbox, scheduler: Scheduler
) -> None:
    url, arn = queue(aws)
    dead_url, dead_arn = queue(aws)
    target = {
        "Arn": arn,
        "RoleArn": sender(aws, dead_arn),
        "Input": ATTRIBUTES,
        "DeadLetterConfig": {"Arn": dead_arn},
    }
    name = schedule(aws, once(scheduler), target)
    slot = scheduler.advance_to_next(name)
    (message,) = received(aws, dead_url, 1)
    found = attributes(message)
    assert found["ERROR_CODE"] in ("AccessDenied", "AccessDeniedException")
    assert "sqs:SendMessage" in found["ERROR_MESSAGE"]
    assert found["SCHEDULED_TIME"] == text(slot)
    assert found["SCHEDULE_ARN"] == aws.cloud.arn("scheduler", f"schedule/default/{name}")
    assert (found["TARGET_ARN"], found["RETRY_ATTEMPTS"]) == (arn, "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in found
    assert json.loads(message["Body"])["slot"] == text(slot)
    assert waiting(aws, url) == 0


def test_a_throttle_is_tried_again_with_a_new_execution_id(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    name = schedule(aws, once(scheduler), {"Arn": arn, "RoleArn": sender(aws, arn), "Input": ATTRIBUTES})
    aws.faults.add(Fault(FaultKind.LOST_ANSWER, "sqs", "SendMessage", times=2, matching=of(url)))
    slot = scheduler.advance_to_next(name)
    found = sorted(bodies(aws, url, 3), key=lambda body: str(body["attempt"]))
    assert [body["attempt"] for body in found] == ["1", "2", "3"]
    assert {body["slot"] for body in found} == {text(slot)}
    assert len({body["execution"] for body in found}) == 3


def test_retries_end_in_the_dead_letter_queue(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    dead_url, dead_arn = queue(aws)
    target = {
        "Arn": arn,
        "RoleArn": sender(aws, arn, dead_arn),
        "Input": ATTRIBUTES,
        "DeadLetterConfig": {"Arn": dead_arn},
    }
    by_attempts = {**target, "RetryPolicy": {"MaximumRetryAttempts": 2}}
    by_age = {**target, "RetryPolicy": {"MaximumEventAgeInSeconds": 60}}
    aws.faults.add(Fault(FaultKind.ERROR, "sqs", "SendMessage", status=503, matching=of(url)))
    for chosen, condition in ((by_attempts, "MaximumRetryAttempts"), (by_age, "MaximumEventAgeInSeconds")):
        scheduler.advance_to_next(schedule(aws, once(scheduler), chosen))
        found = attributes(received(aws, dead_url, 1)[0])
        assert found["EXHAUSTED_RETRY_CONDITION"] == condition
        assert found["ERROR_CODE"] == "ThrottlingException"
        assert int(found["RETRY_ATTEMPTS"]) >= 2
    assert waiting(aws, url) == 0


def test_a_slot_may_come_twice(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    name = schedule(aws, once(scheduler), {"Arn": arn, "RoleArn": sender(aws, arn), "Input": ATTRIBUTES})
    aws.faults.add(Fault(FaultKind.DUPLICATE, "sqs", "SendMessage", times=1, matching=of(url)))
    slot = scheduler.advance_to_next(name)
    assert [body["slot"] for body in bodies(aws, url, 2)] == [text(slot)] * 2


def test_a_universal_target_calls_any_operation_with_the_schedules_role(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "RoleArn": sender(aws, arn),
        "Input": json.dumps({"QueueUrl": url, "MessageBody": "<aws.scheduler.scheduled-time>"}),
    }
    slot = scheduler.advance_to_next(schedule(aws, once(scheduler), target))
    assert received(aws, url, 1)[0]["Body"] == text(slot)


def test_a_universal_target_that_refuses(aws: Sandbox, scheduler: Scheduler) -> None:
    dead_url, dead_arn = queue(aws)
    may = [{"Action": "glue:StartJobRun", "Resource": "*"}, {"Action": "sqs:SendMessage", "Resource": dead_arn}]
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun",
        "RoleArn": role(aws, PRINCIPAL, *may),
        "Input": json.dumps(
            {"JobName": unique("none"), "Arguments": {"--scheduled_time": "<aws.scheduler.scheduled-time>"}}
        ),
        "DeadLetterConfig": {"Arn": dead_arn},
    }
    slot = scheduler.advance_to_next(schedule(aws, once(scheduler), target))
    (message,) = received(aws, dead_url, 1)
    assert attributes(message)["ERROR_CODE"] == "EntityNotFoundException"
    assert json.loads(message["Body"])["Arguments"] == {"--scheduled_time": text(slot)}


def test_functions_and_machines(aws: Sandbox, scheduler: Scheduler) -> None:
    url, queue_arn = queue(aws)
    code = (
        "import boto3, json\ndef handle(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl='{url}', MessageBody=json.dumps(event))"
    )
    function = aws.client("lambda").create_function(
        FunctionName=unique("f"),
        Runtime="python3.13",
        Role=role(aws, "lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": queue_arn}),
        Handler="code.handle",
        Code={"ZipFile": zipped(code)},
        Timeout=20,
    )["FunctionArn"]
    machine = aws.client("stepfunctions").create_state_machine(
        name=unique("m"),
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn=role(aws, "states.amazonaws.com"),
    )["stateMachineArn"]
    may = [
        {"Action": "lambda:InvokeFunction", "Resource": function},
        {"Action": "states:StartExecution", "Resource": machine},
    ]
    role_arn = role(aws, PRINCIPAL, *may)
    slot = scheduler.advance_to_next(schedule(aws, once(scheduler), {"Arn": function, "RoleArn": role_arn}))
    (event,) = bodies(aws, url, 1)
    assert (event["detail-type"], event["source"], event["time"]) == ("Scheduled Event", "aws.scheduler", text(slot))
    target = {"Arn": machine, "RoleArn": role_arn, "Input": ATTRIBUTES}
    slot = scheduler.advance_to_next(schedule(aws, once(scheduler), target))
    states = aws.client("stepfunctions")
    (execution,) = wait_until(
        lambda: states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"], "it has run"
    )
    given = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    assert (given["slot"], given["execution"]) == (text(slot), execution["name"])


def test_a_completed_schedule_is_deleted_where_it_asks_for_it(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    target = {"Arn": arn, "RoleArn": sender(aws, arn), "Input": "x"}
    client = aws.client("scheduler")
    kept = schedule(aws, once(scheduler), target)
    gone = schedule(aws, once(scheduler), target, ActionAfterCompletion="DELETE")
    scheduler.advance_to(scheduler.now() + timedelta(hours=2))
    received(aws, url, 2)
    wait_until(lambda: not client.list_schedules(NamePrefix=gone)["Schedules"], "the schedule is deleted")
    assert code_of(client.get_schedule, Name=gone) == "ResourceNotFoundException"
    assert client.get_schedule(Name=kept)["State"] == "ENABLED"
    with pytest.raises(ValueError, match="never fires again"):
        scheduler.advance_to_next(kept)


def test_disabled_updated_and_deleted_schedules(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    client = aws.client("scheduler")
    target = {"Arn": arn, "RoleArn": sender(aws, arn)}
    disabled = schedule(aws, once(scheduler), {**target, "Input": "disabled"}, State="DISABLED")
    updated = schedule(aws, once(scheduler), {**target, "Input": "old"}, Description="was")
    deleted = schedule(aws, once(scheduler), {**target, "Input": "deleted"})
    created = client.get_schedule(Name=updated)["CreationDate"]
    client.update_schedule(
        Name=updated,
        ScheduleExpression=once(scheduler, 7200),
        FlexibleTimeWindow=OFF,
        Target={**target, "Input": "new"},
    )
    client.delete_schedule(Name=deleted)
    scheduler.advance_to(scheduler.now() + timedelta(hours=3))
    assert received(aws, url, 1)[0]["Body"] == "new"
    found = client.get_schedule(Name=updated)
    assert found["CreationDate"] == created
    assert "Description" not in found
    assert client.get_schedule(Name=disabled)["State"] == "DISABLED"
    assert waiting(aws, url) == 0


def test_start_end_and_flexible_window(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    start = scheduler.now().replace(microsecond=0) + timedelta(days=10)
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}
    name = schedule(
        aws,
        "rate(1 day)",
        {"Arn": arn, "RoleArn": sender(aws, arn), "Input": ATTRIBUTES},
        StartDate=start,
        EndDate=start + timedelta(days=1, hours=12),
        FlexibleTimeWindow=window,
    )
    for slot in (start, start + timedelta(days=1)):
        assert scheduler.advance_to_next(name) == slot
        assert slot < scheduler.now() < slot + timedelta(minutes=31)
        assert bodies(aws, url, 1)[0]["slot"] == text(slot)
    with pytest.raises(ValueError, match="never fires again"):
        scheduler.advance_to_next(name)


def test_a_trust_policy_may_name_the_schedules_group(aws: Sandbox, scheduler: Scheduler) -> None:
    url, arn = queue(aws)
    client, group = aws.client("scheduler"), unique("g")
    group_arn = client.create_schedule_group(Name=group)["ScheduleGroupArn"]
    statement = {"Action": "sqs:SendMessage", "Resource": arn}
    target = {"Arn": arn, "RoleArn": role(aws, PRINCIPAL, statement, source_arn=group_arn), "Input": "x"}
    expression = once(scheduler)
    wrong = {"Name": unique("s"), "ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": target}
    assert code_of(client.create_schedule, **wrong) == "ValidationException"
    name = schedule(aws, expression, target, GroupName=group)
    scheduler.advance_to_next(name, group)
    assert received(aws, url, 1)[0]["Body"] == "x"
    assert client.get_schedule(Name=name, GroupName=group)["Arn"].endswith(f":schedule/{group}/{name}")
    client.delete_schedule_group(Name=group)
    assert code_of(client.get_schedule, Name=name, GroupName=group) == "ResourceNotFoundException"


def test_groups_lists_tags_and_repeats(aws: Sandbox) -> None:
    _, arn = queue(aws)
    client, group, prefix = aws.client("scheduler"), unique("g"), unique("listed")
    tags = [{"Key": "k", "Value": "v"}]
    group_arn = client.create_schedule_group(Name=group, Tags=tags, ClientToken="one")["ScheduleGroupArn"]
    assert client.create_schedule_group(Name=group, ClientToken="one")["ScheduleGroupArn"] == group_arn
    assert code_of(client.create_schedule_group, Name=group, ClientToken="two") == "ConflictException"
    client.tag_resource(ResourceArn=group_arn, Tags=[{"Key": "k2", "Value": "v2"}])
    client.untag_resource(ResourceArn=group_arn, TagKeys=["k"])
    assert client.list_tags_for_resource(ResourceArn=group_arn)["Tags"] == [{"Key": "k2", "Value": "v2"}]
    assert {"default", group} <= {found["Name"] for found in client.list_schedule_groups()["ScheduleGroups"]}
    assert client.get_schedule_group(Name=group)["State"] == "ACTIVE"
    assert code_of(client.delete_schedule_group, Name="default") == "ValidationException"
    target = {"Arn": arn, "RoleArn": sender(aws, arn), "Input": "x"}
    far = "at(2190-01-01T00:00:00)"
    for number in range(3):
        schedule(aws, far, target, Name=f"{prefix}-{number}", GroupName=group, ClientToken=f"token-{number}")
    schedule(aws, far, target, Name=f"{prefix}-0", GroupName=group, ClientToken="token-0")
    again = {"ScheduleExpression": far, "FlexibleTimeWindow": OFF, "Target": target, "GroupName": group}
    assert code_of(client.create_schedule, Name=f"{prefix}-0", ClientToken="other", **again) == "ConflictException"
    page = client.list_schedules(GroupName=group, NamePrefix=prefix, MaxResults=2)
    assert [found["Name"] for found in page["Schedules"]] == [f"{prefix}-0", f"{prefix}-1"]
    page = client.list_schedules(GroupName=group, MaxResults=2, NextToken=page["NextToken"])
    assert [found["Name"] for found in page["Schedules"]] == [f"{prefix}-2"]
    assert client.list_schedules(GroupName=group, State="DISABLED")["Schedules"] == []
    client.delete_schedule_group(Name=group)


def test_bad_schedules_are_refused_before_anything_happens(aws: Sandbox, scheduler: Scheduler) -> None:
    _, arn = queue(aws)
    _, fifo = queue(aws, fifo=True)
    now, name = scheduler.now(), unique("s")
    target = {"Arn": arn, "RoleArn": sender(aws, arn), "Input": "x"}
    good = {"Name": name, "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": OFF, "Target": target}

    def sdk(action: str, **parameters: Any) -> dict[str, Any]:
        return {"Target": {**target, "Arn": f"arn:aws:scheduler:::aws-sdk:{action}", "Input": json.dumps(parameters)}}

    bad: list[dict[str, Any]] = [
        {"ScheduleExpression": "cron(bogus)"},
        {"ScheduleExpression": "cron(0 8 * * * *)"},
        {"ScheduleExpression": "rate(0 minutes)"},
        {"ScheduleExpression": "at(tomorrow)"},
        {"ScheduleExpressionTimezone": "Mars/Olympus"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        {"StartDate": now + timedelta(days=2), "EndDate": now + timedelta(days=1)},
        {"StartDate": now - timedelta(days=1)},
        {"EndDate": now - timedelta(seconds=1)},
        {"Target": {**target, "Arn": "arn:aws:ec2:eu-central-1:000000000000:instance/i"}},
        {"Target": {**target, "Arn": fifo}},
        {"Target": {**target, "SqsParameters": {"MessageGroupId": "g"}}},
        {"Target": {**target, "KinesisParameters": {"PartitionKey": "k"}}},
        {"Target": {**target, "RoleArn": role(aws, "lambda.amazonaws.com")}},
        {"Target": {**target, "RoleArn": "arn:aws:iam::000000000000:role/none"}},
        {"Target": {**target, "RetryPolicy": {"MaximumRetryAttempts": 186}}},
        {"Target": {**target, "DeadLetterConfig": {"Arn": fifo}}},
        {"Target": {**sdk("glue:startJobRun")["Target"], "Input": "{"}},
        {"Target": {**sdk("glue:startJobRun")["Target"], "Input": "[]"}},
        sdk("glue:startJobRun", JobNme="x"),
        sdk("glue:startJobRun", jobName="x"),
        sdk("glue:startJobRun"),
        sdk("glue:startJobRun", JobName=5),
        sdk("glue:startJob", JobName="x"),
        sdk("glue:getJobRun", JobName="x", RunId="y"),
        sdk("nothing:doIt"),
    ]
    client = aws.client("scheduler")
    for wrong in bad:
        assert code_of(client.create_schedule, **{**good, **wrong}) == "ValidationException", wrong
    assert code_of(client.get_schedule, Name=name) == "ResourceNotFoundException"
    assert code_of(client.update_schedule, **good) == "ResourceNotFoundException"
    assert code_of(client.create_schedule, **good, GroupName=unique("none")) == "ResourceNotFoundException"


PROGRAM = """
import json, pulumi, pulumi_aws as aws
group = aws.scheduler.ScheduleGroup("group")
queue = aws.sqs.Queue("queue")
dead = aws.sqs.Queue("dead")
role = aws.iam.Role("role", assume_role_policy=group.arn.apply(lambda arn: json.dumps({"Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"},
    "Condition": {"ArnEquals": {"aws:SourceArn": arn}}}]})))
aws.iam.RolePolicy("may-send", role=role.name, policy=queue.arn.apply(lambda arn: json.dumps({"Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}]})))
schedule = aws.scheduler.Schedule("daily", group_name=group.name, schedule_expression="cron(0 3 * * ? *)",
    schedule_expression_timezone="Europe/Berlin", flexible_time_window={"mode": "OFF"}, target={
        "arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "role_arn": role.arn,
        "input": queue.url.apply(lambda url: json.dumps(
            {"QueueUrl": url, "MessageBody": "<aws.scheduler.scheduled-time>"})),
        "dead_letter_config": {"arn": dead.arn},
        "retry_policy": {"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 5}})
pulumi.export("group", group.name)
pulumi.export("name", schedule.name)
pulumi.export("url", queue.url)
"""


def test_a_program_deploys_a_schedule(aws: Sandbox, scheduler: Scheduler, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: schedules\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    stack = deploy(aws.cloud, tmp_path / "__main__.py", "test")
    group, name = stack.outputs["group"], stack.outputs["name"]
    slot = scheduler.advance_to_next(name, group)
    assert slot.tzinfo is UTC
    assert received(aws, stack.outputs["url"], 1)[0]["Body"] == text(slot)
    found = aws.client("scheduler").get_schedule(Name=name, GroupName=group)
    assert found["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5}
    destroy(aws.cloud, stack)
    assert code_of(aws.client("scheduler").get_schedule_group, Name=group) == "ResourceNotFoundException"
