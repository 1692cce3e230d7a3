"""X-Ray has the segments of what an order passes, and follows messages and events as far as AWS does."""

import io
import json
import secrets
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from pipeline.trace import Trace
from tests.integration.test_orders import BODY, DETAILS, accepted, key, until
from tests.waiting import wait_until

Document = dict[str, Any]
LAMBDA, FUNCTION = "AWS::Lambda", "AWS::Lambda::Function"
STAGE, MACHINE = "AWS::ApiGateway::Stage", "AWS::StepFunctions::StateMachine"


def header() -> tuple[str, str]:
    """A trace that a client begins: its id, and the header."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return root, f"Root={root};Sampled=1"


def documents(aws: Sandbox, trace: str) -> list[Document]:
    traces = aws.client("xray").batch_get_traces(TraceIds=[trace])["Traces"]
    return [json.loads(segment["Document"]) for found in traces for segment in found["Segments"]]


def whole(aws: Sandbox, trace: str, is_whole: Callable[[list[Document]], bool]) -> list[Document]:
    found: list[Document] = []

    def arrived() -> bool:
        found[:] = documents(aws, trace)
        return is_whole(found)

    wait_until(arrived, lambda: f"the trace {trace} is whole; it has {[one['name'] for one in found]}")
    return found


def own(found: list[Document]) -> Counter[tuple[str, str]]:
    """The segments that services sent, by name and origin."""
    return Counter((one["name"], one["origin"]) for one in found if not one.get("inferred"))


def physical(stack: Stack, kind: str, name: str) -> str:
    return str(stack.of_type(kind)[name]["name"])


def test_an_orders_traces_have_each_segment_once(aws: Sandbox, stack: Stack, orders: OrdersClient) -> None:
    function = partial(physical, stack, "aws:lambda/function:Function")
    machine = partial(physical, stack, "aws:sfn/stateMachine:StateMachine")
    root, sent = header()
    answer = orders.send("POST", "/orders", BODY, {"Idempotency-Key": key(), "X-Amzn-Trace-Id": sent})
    order_id = str(answer.body["order_id"])
    until(orders, order_id, "AWAITING_DETAILS")
    resumed, sent = header()
    assert orders.send("POST", f"/orders/{order_id}/details", DETAILS, {"X-Amzn-Trace-Id": sent}).status == 202
    until(orders, order_id, "COMPLETED")
    workflow = machine("orders-workflow-machine")

    def ended(found: list[Document]) -> bool:
        # Who records sends for itself: the machine's end may come before what a function has to say.
        return len(own(found)) >= 7 and any(one["name"] == workflow and "end_time" in one for one in found)

    stage = physical(stack, "aws:apigateway/restApi:RestApi", "orders-api-api") + "/v1"
    caller, keeper = function("call-external-api-function"), function("orders-workflow-token-keeper-function")
    found = whole(aws, root, ended)
    assert own(found) == {
        (stage, STAGE): 1,
        (machine("orders-api-post-orders-admission-machine"), MACHINE): 1,
        (workflow, MACHINE): 1,
        (caller, LAMBDA): 1,
        (caller, FUNCTION): 1,
        (keeper, LAMBDA): 1,
        (keeper, FUNCTION): 1,
    }
    by_id = {one["id"]: one for one in found}
    calls = {call["id"]: one for one in found for state in one.get("subsegments", []) for call in _and_below(state)}
    roots = [one for one in found if "parent_id" not in one]
    assert [one["origin"] for one in roots] == [STAGE]
    assert all(one["parent_id"] in {**by_id, **calls} for one in found if one not in roots)
    assert not any(one.get("fault") or one.get("error") for one in found)
    states = [state["name"] for state in by_id[_id(found, workflow)]["subsegments"]]
    assert states[-1] == "Succeeded"
    assert "WaitForCallback" in states
    details = function("add-details-function")
    found = whole(aws, resumed, lambda found: len(own(found)) == 3)
    assert own(found) == {(stage, STAGE): 1, (details, LAMBDA): 1, (details, FUNCTION): 1}
    traced = Trace(aws.client, stack.outputs).run(order_id)
    assert {root, resumed} <= {trace.id for trace in traced.traces}
    ways = {trace.id: [one.name for one in trace.passed] for trace in traced.traces}
    assert ways[root] == [stage, machine("orders-api-post-orders-admission-machine"), workflow, caller, keeper]


def _id(found: list[Document], name: str) -> str:
    return next(str(one["id"]) for one in found if one["name"] == name)


def _and_below(subsegment: Document) -> list[Document]:
    return [subsegment, *(one for below in subsegment.get("subsegments", []) for one in _and_below(below))]


def test_a_trace_that_its_client_does_not_sample_is_not_recorded(aws: Sandbox, orders: OrdersClient) -> None:
    not_sampled, _ = header()
    sampled, sent = header()
    for value in (f"Root={not_sampled};Sampled=0", sent):
        answer = orders.send("GET", f"/orders/{secrets.token_hex(32)}", None, {"X-Amzn-Trace-Id": value})
        assert answer.status == 404
    # What was sent later is there, so the earlier one would be, too.
    whole(aws, sampled, lambda found: len(own(found)) == 3)
    assert documents(aws, not_sampled) == []


def test_the_groups_graph_has_the_way_of_the_orders(aws: Sandbox, stack: Stack, orders: OrdersClient) -> None:
    begin = time.time()
    order_id = accepted(orders)
    machine = physical(stack, "aws:sfn/stateMachine:StateMachine", "orders-workflow-machine")
    caller = physical(stack, "aws:lambda/function:Function", "call-external-api-function")
    (group,) = (found["groupName"] for found in stack.of_type("aws:xray/group:Group").values())

    def edges() -> set[tuple[str, str]]:
        asked = {"StartTime": begin, "EndTime": time.time() + 1, "GroupName": group}
        services = aws.client("xray").get_service_graph(**asked)["Services"]
        names = {one["ReferenceId"]: one["Name"] for one in services}
        return {(one["Name"], names[edge["ReferenceId"]]) for one in services for edge in one["Edges"]}

    assert orders.post_details(order_id, DETAILS).status == 202
    until(orders, order_id, "COMPLETED")
    # Of an execution that still runs X-Ray has no states yet, so nobody knows who called.
    wait_until(lambda: (machine, caller) in edges(), "the graph has the workflow's call")


@pytest.mark.parametrize("allowed", [True, False])
def test_a_role_without_permission_records_nothing_and_its_function_works(aws: Sandbox, allowed: bool) -> None:
    actions = ["logs:*", *(["xray:PutTraceSegments"] if allowed else [])]
    name = made(aws, "def handler(event, context):\n    return 1\n", actions)
    root, sent = header()
    invoke(aws, name, sent)
    control, sent = header()
    invoke(aws, made(aws, "def handler(event, context):\n    return 1\n", ["*"]), sent)
    whole(aws, control, lambda found: len(found) == 2)
    assert len(documents(aws, root)) == (2 if allowed else 0)


def test_a_failed_invocation_is_a_fault_with_its_cause(aws: Sandbox) -> None:
    name = made(aws, "def handler(event, context):\n    raise ValueError('spider')\n", ["*"])
    root, sent = header()
    invoke(aws, name, sent)
    found = whole(aws, root, lambda found: len(found) == 2)
    assert [one["fault"] for one in found] == [True, True]
    causes = [one["cause"]["exceptions"][0] for one in found if one["origin"] == FUNCTION]
    assert [(cause["type"], cause["message"]) for cause in causes] == [("ValueError", "spider")]


def test_a_message_carries_its_trace_and_a_function_of_the_queue_is_linked_with_it(aws: Sandbox) -> None:
    sqs, client = aws.client("sqs"), aws.client("lambda")
    url = sqs.create_queue(QueueName=f"traced-{secrets.token_hex(4)}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sender = made(
        aws,
        "import boto3\n"
        "def handler(event, context):\n"
        f"    return boto3.client('sqs').send_message(QueueUrl='{url}', MessageBody='x')['MessageId']\n",
        ["*"],
    )
    name = made(aws, "def handler(event, context):\n    print(event['Records'][0]['attributes'])\n", ["*"])
    client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    root, sent = header()
    invoke(aws, sender, sent)

    def linked() -> list[Document]:
        summaries = aws.client("xray").get_trace_summaries(
            StartTime=time.time() - 60, EndTime=time.time() + 1, FilterExpression=f'service("{name}")'
        )["TraceSummaries"]
        return [one for each in summaries for one in documents(aws, each["Id"]) if one["origin"] == LAMBDA]

    (consumed,) = wait_until(linked, "the message's function is traced") or []
    assert consumed["trace_id"] != root
    assert [link["trace_id"] for link in consumed["links"]] == [root]
    spans = [below["id"] for one in documents(aws, root) for below in one.get("subsegments", [])]
    assert consumed["links"][0]["id"] in spans


def test_an_event_takes_the_trace_of_its_request_to_its_targets(aws: Sandbox) -> None:
    events, bus = aws.client("events"), f"traced-{secrets.token_hex(4)}"
    events.create_event_bus(Name=bus)
    name = made(aws, "def handler(event, context):\n    return 1\n", ["*"])
    arn = aws.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"]
    rule = events.put_rule(Name=bus, EventBusName=bus, EventPattern='{"source": ["test"]}')["RuleArn"]
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[{"Id": "f", "Arn": arn}])
    aws.client("lambda").add_permission(
        FunctionName=name, StatementId="bus", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn=rule,
    )  # fmt: skip
    root, sent = header()
    entry = {"EventBusName": bus, "Source": "test", "DetailType": "t", "Detail": "{}", "TraceHeader": sent}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert own(whole(aws, root, lambda found: len(found) == 2)) == {(name, LAMBDA): 1, (name, FUNCTION): 1}


def made(aws: Sandbox, code: str, actions: list[str]) -> str:
    """A traced function whose role may do some things."""
    name, iam = f"traced-{secrets.token_hex(6)}", aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("code.py", code)
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="code.handler",
        Code={"ZipFile": archive.getvalue()},
        Role=role,
        Timeout=20,
        TracingConfig={"Mode": "Active"},
    )
    return name


def invoke(aws: Sandbox, name: str, trace: str) -> Any:
    client = aws.client("lambda")

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = trace

    client.meta.events.register_first("before-sign.lambda.Invoke", add)
    try:
        return client.invoke(FunctionName=name, Payload=b"{}")["Payload"].read()
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", add)
