"""Observability deployed: its saved queries run over logs of real calls; dashboard, topic and traces are there."""

import json
import time
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.unit.dashboard_structure import problems
from tests.waiting import wait_until

PROGRAM = """
import pulumi
from pulumi_aws_eda import AlarmTopic, IdempotencyToken, IdempotentLambda, Observability, archives
topic = AlarmTopic("alarms", {"email_addresses": ["on-call@example.com"]})
worker = IdempotentLambda("worker", {
    "code": archives.directory_archive("code"),
    "timeout": 20,
    "idempotency": {"token": IdempotencyToken.EVENT},
    "alarm_actions": [topic.topic_arn],
})
seen = Observability("seen", {"observed": [worker.observed], "alarm_actions": [topic.topic_arn]})
pulumi.export("function", worker.function_name)
pulumi.export("topic", topic.topic_arn)
pulumi.export("key", topic.key_arn)
for name in Observability.__annotations__:
    pulumi.export(name, getattr(seen, name))
"""
HANDLER = """
def handle(event, context):
    if event["detail"].get("fail"):
        raise ValueError("on purpose")
    return {"done": True}
"""


@pytest.fixture(scope="module")
def stack(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("seen")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: seen\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


def call(aws: Sandbox, stack: Stack, id: str, **detail: Any) -> None:
    event = {"id": id, "source": "orders", "detail-type": "Placed", "detail": detail}
    aws.client("lambda").invoke(FunctionName=stack.outputs["function"], Payload=json.dumps(event))


def rows(aws: Sandbox, stack: Stack, key: str) -> list[dict[str, str]]:
    """What the saved query finds, run as the console runs it: by its definition."""
    logs = aws.client("logs")
    name = stack.outputs["query_names"][key]
    (saved,) = logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    now = int(time.time())
    id = logs.start_query(
        logGroupNames=saved["logGroupNames"], startTime=now - 3600, endTime=now + 60, queryString=saved["queryString"]
    )["queryId"]
    wait_until(lambda: logs.get_query_results(queryId=id)["status"] == "Complete", "the query's end")
    return [{f["field"]: f["value"] for f in row} for row in logs.get_query_results(queryId=id)["results"]]


def test_a_repeat_is_found_by_the_saved_query_and_counted(aws: Sandbox, stack: Stack) -> None:
    for _ in range(3):
        call(aws, stack, "event-1")
    wait_until(lambda: [row["repeats"] for row in rows(aws, stack, "duplicates-suppressed")] == ["2"], "two repeats")
    (group,) = stack.outputs["log_group_names"]
    events = aws.client("logs").filter_log_events(logGroupName=group)["events"]
    counted = [line for event in events if "DuplicatesSuppressed" in (line := json.loads(event["message"]))]
    assert [line["FunctionName"] for line in counted] == [stack.outputs["function"]] * 2


def test_a_failure_is_found_by_the_saved_query(aws: Sandbox, stack: Stack) -> None:
    call(aws, stack, "event-2", fail=True)

    def found() -> bool:
        return any("ValueError" in row["@message"] for row in rows(aws, stack, "failures-and-dead-letters"))

    wait_until(found, "the failure")


@pytest.mark.parametrize(
    "key", ["by-correlation-id", "latency-per-hop", "slowest-external-calls", "cold-starts", "duplicates-suppressed"]
)
def test_each_saved_query_runs(aws: Sandbox, stack: Stack, key: str) -> None:
    rows(aws, stack, key)


def test_the_dashboard_is_there_and_shows_the_function(aws: Sandbox, stack: Stack) -> None:
    text = aws.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["dashboard_name"])["DashboardBody"]
    assert problems(json.loads(text)) == []
    assert stack.outputs["function"] in text


def test_alarms_notify_an_encrypted_topic_and_name_their_page(aws: Sandbox, stack: Stack) -> None:
    found = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="seen-test-worker")["MetricAlarms"]
    assert {alarm["MetricName"] for alarm in found} == {"Errors", "Throttles"}
    for alarm in found:
        assert alarm["AlarmActions"] == [stack.outputs["topic"]]
        assert "\nRunbook: docs/runbooks/function-" in alarm["AlarmDescription"]
    topic = aws.client("sns").get_topic_attributes(TopicArn=stack.outputs["topic"])["Attributes"]
    assert topic["KmsMasterKeyId"] == stack.outputs["key"]
    assert aws.client("kms").get_key_rotation_status(KeyId=stack.outputs["key"])["KeyRotationEnabled"]


def test_x_ray_has_the_stacks_group_and_rule(aws: Sandbox, stack: Stack) -> None:
    groups = {g["GroupName"]: g["FilterExpression"] for g in aws.client("xray").get_groups()["Groups"]}
    assert groups[stack.outputs["trace_group_name"]] == f'service("{stack.outputs["function"]}")'
    rules = [r["SamplingRule"]["RuleName"] for r in aws.client("xray").get_sampling_rules()["SamplingRuleRecords"]]
    assert stack.outputs["sampling_rule_name"] in rules
