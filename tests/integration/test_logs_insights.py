"""CloudWatch Logs Insights and X-Ray's configuration through the front door: with permissions, pages and errors."""

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.deploy import deploy
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.table import resource_type

from tests.integration.stream_parts import create_role, put_policy
from tests.waiting import wait_until

QUERY = "fields @message | filter n > 1 | sort @timestamp, n"


def write(aws: Sandbox, group: str, lines: list[str], stream: str = "s") -> None:
    logs = aws.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def ask(logs: Any, query: str, *groups: str, **more: Any) -> str:
    now = int(time.time())
    started = logs.start_query(logGroupNames=groups, startTime=now - 600, endTime=now + 600, queryString=query, **more)
    return str(started["queryId"])


def complete(logs: Any, id: str) -> dict[str, Any]:
    wait_until(lambda: logs.get_query_results(queryId=id)["status"] not in ("Running", "Scheduled"), "the query")
    found: dict[str, Any] = logs.get_query_results(queryId=id)
    return found


def messages(found: dict[str, Any]) -> list[str]:
    return [next(cell["value"] for cell in row if cell["field"] == "@message") for row in found["results"]]


def test_a_query_reads_all_its_groups_and_counts_what_it_read(aws: Sandbox) -> None:
    write(aws, "/insights/a", ['{"n": 1}', '{"n": 2}'])
    write(aws, "/insights/b", ['{"n": 3}', "plain"])
    logs = aws.client("logs")
    id = ask(logs, QUERY, "/insights/a", "/insights/b")
    found = complete(logs, id)
    assert found["status"] == "Complete"
    assert messages(found) == ['{"n": 2}', '{"n": 3}']
    assert found["statistics"]["recordsMatched"] == 2
    assert found["statistics"]["recordsScanned"] == 4
    assert {cell["field"] for cell in found["results"][0]} == {"@message", "@ptr"}
    first = logs.get_query_results(queryId=id, maxItems=1)
    rest = logs.get_query_results(queryId=id, maxItems=1, nextToken=first["nextToken"])
    assert messages(first) + messages(rest) == messages(found)
    assert "nextToken" not in rest
    described = logs.describe_queries(logGroupName="/insights/a", status="Complete")["queries"]
    assert id in [query["queryId"] for query in described]
    with pytest.raises(ClientError, match="already completed"):
        logs.stop_query(queryId=id)


def test_more_events_than_one_answer_holds_are_all_read(aws: Sandbox) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/insights/many")
    logs.create_log_stream(logGroupName="/insights/many", logStreamName="s")
    now = int(time.time() * 1000) - 30_000
    for batch in range(3):
        events = [{"timestamp": now + batch * 5_000 + number // 2, "message": "x"} for number in range(7_000)]
        logs.put_log_events(logGroupName="/insights/many", logStreamName="s", logEvents=events)
    found = complete(logs, ask(logs, "stats count(*) as lines", "/insights/many"))
    assert found["results"] == [[{"field": "lines", "value": "21000"}]]


def test_the_callers_role_decides_on_each_group(aws: Sandbox) -> None:
    write(aws, "/insights/open", ["x"])
    write(aws, "/insights/closed", ["x"])
    role = create_role(aws, "insights-reader", "lambda.amazonaws.com", {})
    open_group = aws.cloud.arn("logs", "log-group:/insights/open:*")
    logs = aws.cloud.client("logs", role, "lambda.amazonaws.com")
    with pytest.raises(ClientError, match="not authorized to perform: logs:StartQuery"):
        ask(logs, "limit 1", "/insights/open")
    results = (["logs:GetQueryResults"], "*")
    put_policy(aws, "insights-reader", {"Query": (["logs:StartQuery"], open_group), "Results": results})
    assert len(complete(logs, ask(logs, "limit 1", "/insights/open"))["results"]) == 1
    with pytest.raises(ClientError, match="not authorized"):
        ask(logs, "limit 1", "/insights/open", "/insights/closed")


def test_what_cannot_be_asked_is_refused_with_awss_errors(aws: Sandbox) -> None:
    write(aws, "/insights/errors", ["x"])
    logs = aws.client("logs")
    with pytest.raises(logs.exceptions.MalformedQueryException, match="unexpected symbol found") as malformed:
        ask(logs, "fields @message | filter =", "/insights/errors")
    assert malformed.value.response["queryCompileError"]["location"]["startCharOffset"] == 25
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        ask(logs, "limit 1", "/insights/none")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.start_query(logGroupName="/insights/errors", startTime=2, endTime=1, queryString="limit 1")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        ask(logs, "limit 1", "/insights/errors", queryLanguage="SQL")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        ask(logs, "limit 1", *(f"/g/{number}" for number in range(51)))
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_query_results(queryId="none")
    with pytest.raises(logs.exceptions.MalformedQueryException):
        logs.put_query_definition(name="bad", queryString="nonsense")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_query_definition(queryDefinitionId="none")


PROGRAM = """
import pulumi, pulumi_aws as aws
group = aws.cloudwatch.LogGroup("lines", retention_in_days=7)
saved = aws.cloudwatch.QueryDefinition("saved", name="orders/by-id", query_string="fields @message | limit 5",
                                       log_group_names=[group.name])
traces = aws.xray.Group("traces", group_name="orders", filter_expression='annotation.order_id = "1"',
                        insights_configuration={"insights_enabled": True}, tags={"a": "1"})
rule = aws.xray.SamplingRule("rule", rule_name="orders", fixed_rate=0.05, reservoir_size=1, priority=100, version=1,
                             host="*", http_method="*", resource_arn="*", service_name="orders", service_type="*",
                             url_path="*")
pulumi.export("id", saved.query_definition_id)
pulumi.export("group", traces.arn)
pulumi.export("rule", rule.arn)
"""


def test_saved_queries_groups_and_sampling_rules_deploy_change_and_go(aws: Sandbox, tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text(PROGRAM)
    (tmp_path / "Pulumi.yaml").write_text("name: queries\nruntime: python\n")
    stack = deploy(aws.cloud, program)
    logs, xray = aws.client("logs"), aws.client("xray")
    [saved] = logs.describe_query_definitions(queryDefinitionNamePrefix="orders/")["queryDefinitions"]
    assert (saved["queryDefinitionId"], saved["queryString"]) == (stack.outputs["id"], "fields @message | limit 5")
    assert len(saved["logGroupNames"]) == 1
    group = xray.get_group(GroupName="orders")["Group"]
    assert group["GroupARN"] == stack.outputs["group"]
    assert group["InsightsConfiguration"]["InsightsEnabled"] is True
    assert xray.list_tags_for_resource(ResourceARN=group["GroupARN"])["Tags"] == [{"Key": "a", "Value": "1"}]

    # Other stacks of this account have theirs.
    def rules() -> list[dict[str, Any]]:
        found = [record["SamplingRule"] for record in xray.get_sampling_rules()["SamplingRuleRecords"]]
        return [rule for rule in found if rule["RuleARN"] == stack.outputs["rule"]]

    assert len(rules()) == 1
    changes = {
        "aws:cloudwatch/queryDefinition:QueryDefinition": {"name": "orders/by-id", "queryString": "limit 6"},
        "aws:xray/group:Group": {"groupName": "orders", "filterExpression": "error = true"},
        "aws:xray/samplingRule:SamplingRule": {"ruleName": "orders", "version": 1, "fixedRate": 0.5},
    }
    for token, name, id, state in stack.resources:
        if token in changes:
            update = resource_type(token).update
            assert update is not None
            update(Context(aws.cloud, f"urn:{name}", name), id, state, Inputs(token, changes[token]))
    mine = logs.describe_query_definitions(queryDefinitionNamePrefix="orders/by-id")["queryDefinitions"]
    assert [found["queryString"] for found in mine] == ["limit 6"]
    assert xray.get_group(GroupName="orders")["Group"]["FilterExpression"] == "error = true"
    assert [rule["FixedRate"] for rule in rules()] == [0.5]
    for token, name, id, state in reversed(stack.resources):
        resource_type(token).delete(Context(aws.cloud, f"urn:{name}", name), id, state)
    assert logs.describe_query_definitions(queryDefinitionNamePrefix="orders/by-id")["queryDefinitions"] == []
    assert "orders" not in [found["GroupName"] for found in xray.get_groups()["Groups"]]
    assert rules() == []
