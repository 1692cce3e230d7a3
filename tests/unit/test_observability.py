"""Observability and AlarmTopic: their exact children, what is shown of any stack, its alarms, every error."""

import json
from functools import cache
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_aws_eda
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_aws_eda import (
    AlarmTopic,
    AnalyticsChain,
    ArgumentError,
    BatchedFirehoseSink,
    CallbackWorkflow,
    EventApi,
    FanOut,
    IdempotencyToken,
    IdempotentLambda,
    Observability,
    ObservabilityArgs,
    PayloadStore,
    log_queries,
)
from pulumi_aws_eda._parts import observed
from pulumi_aws_eda._parts.observability import dashboard
from pulumi_aws_eda.testing import Recorded, Recording, record

from tests.examples import examples
from tests.unit.component_cases import CASES, CODE, FUNCTION, LOAD, MACHINE, QUERY, TABLE, USER, recorded
from tests.unit.dashboard_structure import problems
from tests.unit.test_pipeline import run

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
SAVED = "aws:cloudwatch/queryDefinition:QueryDefinition"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
KINDS = {
    "aws:apigateway/restApi:RestApi": ("apis", "name"),
    "aws:athena/workgroup:Workgroup": ("athena_workgroups", "name"),
    "aws:cloudwatch/eventRule:EventRule": ("rules", "name"),
    "aws:cloudwatch/logGroup:LogGroup": ("log_groups", "name"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("alarms", "arn"),
    "aws:dynamodb/table:Table": ("tables", "name"),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": ("delivery_streams", "name"),
    "aws:kinesis/stream:Stream": ("streams", "name"),
    "aws:lambda/function:Function": ("functions", "name"),
    "aws:pipes/pipe:Pipe": ("pipes", "name"),
    "aws:quicksight/dataSet:DataSet": ("data_sets", "dataSetId"),
    "aws:redshiftserverless/workgroup:Workgroup": ("redshift_workgroups", "workgroupName"),
    "aws:sfn/stateMachine:StateMachine": ("state_machines", "arn"),
    "aws:sns/topic:Topic": ("topics", "name"),
    "aws:sqs/queue:Queue": ("queues", "name"),
}
"""What can be watched, by type: its kind, and the property by which it is."""
ALARMED = {
    "functions": "FunctionName",
    "state_machines": "StateMachineArn",
    "delivery_streams": "DeliveryStreamName",
    "pipes": "PipeName",
    "dead_letter_queues": "QueueName",
}
"""What must have an alarm, and the dimension that names it."""


def watched(made: Recording) -> dict[str, set[str]]:
    """All that can be watched, found by walking what was registered."""
    found: dict[str, set[str]] = {}
    subscriptions = made.of("aws:sns/topicSubscription:TopicSubscription").values()
    told = {
        each.inputs["topic"].replace("/", ":").rpartition(":")[2]
        for each in subscriptions
        if each.inputs["protocol"] == "sqs"
    }
    for resource in made.resources:
        # Whom an alarm's topic tells is a person.
        if resource.type == "aws:sns/topic:Topic" and resource.inputs["name"] not in told:
            continue
        if resource.type in KINDS:
            kind, key = KINDS[resource.type]
            if kind == "queues" and "redrivePolicy" not in resource.inputs:
                kind = "dead_letter_queues"
            found.setdefault(kind, set()).add(_identity(resource, key))
        if resource.type == "aws:scheduler/schedule:Schedule":
            found.setdefault("schedule_groups", set()).add(resource.inputs.get("groupName", "default"))
    return found


def _identity(resource: Recorded, key: str) -> str:
    if key == "arn":
        service = {"sfn": "states"}.get(module := resource.type[4:].partition("/")[0], module)
        token = resource.type.rpartition(":")[2].lower()
        return f"arn:aws:{service}:eu-central-1:123456789012:{token}/{resource.inputs['name']}"
    # A table that is not named gets its name from the provider, here its logical one.
    name = str(resource.inputs.get(key, resource.name))
    bus = resource.inputs.get("eventBusName")
    return f"{bus}/{name}" if bus else name


def observed_by(made: Recording, type: str) -> dict[str, set[str]]:
    """The output ``observed`` of a component."""
    outputs = next(found for urn, found in made.outputs.items() if urn.rpartition("::")[0].endswith(type))
    return {kind: set(names) for kind, names in MessageToDict(outputs).get("observed", {}).items()}


def body(made: Recording) -> dict[str, Any]:
    found: dict[str, Any] = made.one(DASHBOARD).json("dashboardBody")
    return found


def shown(made: Recording) -> set[str]:
    """All names on a dashboard: of dimensions, alarms, searches and sources."""
    names: set[str] = set()
    for widget in body(made)["widgets"]:
        properties = widget["properties"]
        names.update(properties.get("alarms", ()))
        names.update(part.split("'")[1] for part in properties.get("query", "").split(" | ") if "SOURCE" in part)
        for metric in properties.get("metrics", ()):
            names.update(metric[3:-1:2] or metric[0]["expression"].split('"')[1:2])
    return names


@cache
def stack() -> Recording:
    """A stack of several components, beside resources of its own."""

    def program() -> None:
        worker = IdempotentLambda(
            "worker",
            {
                "code": CODE,
                "asynchronous": True,
                "idempotency": {"token": IdempotencyToken.EVENT},
                "queue_source": {},
                "stream_source": {"stream_arn": f"{TABLE}/stream/x"},
                "alarm_actions": [TOPIC],
            },
        )
        workflow = CallbackWorkflow(
            "flow",
            {"call_function_arn": FUNCTION, "table_name": "orders", "table_arn": TABLE, "alarm_actions": [TOPIC]},
        )
        api = EventApi(
            "api",
            {
                "routes": {
                    "POST /orders": {
                        "workflow": {
                            "state_machine_arn": workflow.state_machine_arn,
                            "table_name": "orders",
                            "table_arn": TABLE,
                            "location": "/orders/{id}",
                        }
                    }
                },
                "alarm_actions": [TOPIC],
            },
        )
        changes = BatchedFirehoseSink(
            "changes",
            {
                "table_stream_source": {"stream_arn": f"{TABLE}/stream/x", "key": "order_id", "attributes": ["status"]},
                "alarm_actions": [TOPIC],
            },
        )
        replayable = BatchedFirehoseSink(
            "replayable", {"kinesis_source": {"table_name": "orders"}, "alarm_actions": [TOPIC]}
        )
        chain = AnalyticsChain(
            "chain",
            {
                "query": QUERY,
                "redshift": LOAD,
                "quicksight": {"data_sets": {"orders": {}}, "owner_arns": [USER]},
                "alarm_actions": [TOPIC],
            },
        )
        readings = FanOut("readings", {"queues": {"billing": {}}, "alarm_actions": [TOPIC]})
        PayloadStore("payloads", {})
        queue = aws.sqs.Queue("own-dlq", name="own-dlq")
        function = aws.lambda_.Function("own", name="own", role="arn:aws:iam::1:role/r", runtime="python3.13")
        group = aws.cloudwatch.LogGroup("own", name="/aws/lambda/own")
        table = aws.dynamodb.Table("own", name="own", attributes=[{"name": "id", "type": "S"}], hash_key="id")
        Observability(
            "seen",
            {
                "observed": [
                    *(part.observed for part in (worker, workflow, api, changes, replayable, chain, readings)),
                    {"tables": [table.name], "log_groups": [group.name]},
                ],
                "functions": {"own": function.name},
                "dead_letter_queues": {"own-dlq": queue.name},
                "alarm_actions": [TOPIC],
            },
        )

    return record(program)


def test_the_stack_has_at_least_one_of_all_that_can_be_watched() -> None:
    assert set(watched(stack())) == set(observed.KINDS)


@pytest.mark.parametrize("name", CASES)
def test_what_a_component_makes_is_what_its_output_says(name: str) -> None:
    made = recorded(name)
    if "observed" in getattr(pulumi_aws_eda, name).__annotations__:
        found = observed_by(made, f"aws-eda:index:{name}")
        # A component also watches data sets that another one made, and the Kinesis stream that its function reads.
        others = ("data_sets", "streams" if name == "IdempotentLambda" else "")
        expected = watched(made)
        assert {kind: names for kind, names in found.items() if kind not in others} == {
            kind: names for kind, names in expected.items() if kind not in others
        }
        assert expected.get("data_sets", set()) <= found.get("data_sets", set())
    else:
        assert set(watched(made)) <= {"alarms"}


def test_a_rule_on_a_bus_of_its_own_is_counted_by_bus_and_rule() -> None:
    widgets = json.loads(dashboard.body({"rules": ["orders/placed", "daily"]}, "eu-central-1"))["widgets"]
    lines = [metric[2:-1] for widget in widgets for metric in widget["properties"].get("metrics", ())]
    assert ["EventBusName", "orders", "RuleName", "placed"] in lines
    assert ["RuleName", "daily"] in lines


def test_all_of_a_stack_is_on_the_dashboard() -> None:
    names = shown(stack())
    for kind, found in watched(stack()).items():
        assert found <= names, kind


def test_each_function_machine_stream_pipe_and_dead_letter_queue_has_an_alarm_that_tells_somebody() -> None:
    alarms = stack().of(ALARM).values()
    for kind, dimension in ALARMED.items():
        for name in watched(stack())[kind]:
            assert [a for a in alarms if a.inputs["dimensions"] == {dimension: name}], (kind, name)
    assert all(alarm.inputs["alarmActions"] == [TOPIC] for alarm in alarms)


@pytest.mark.parametrize("name", ["dev", "prod", "sandbox"])
def test_all_of_the_pipeline_is_on_its_dashboard_and_its_alarms_tell_somebody(name: str) -> None:
    made = run(name)
    assert problems(body(made)) == []
    for kind, found in watched(made).items():
        assert found <= shown(made), kind
    for kind, dimension in ALARMED.items():
        alarmed = {alarm.inputs["dimensions"].get(dimension) for alarm in made.of(ALARM).values()}
        assert watched(made)[kind] <= alarmed, kind
    (topic,) = {tuple(alarm.inputs["alarmActions"]) for alarm in made.of(ALARM).values()}
    assert topic == (made.exports["alarm_topic_arn"],)
    assert set(made.exports["log_group_names"]) == watched(made)["log_groups"]


def test_nothing_has_the_same_alarm_twice() -> None:
    keys = [
        (a.inputs["namespace"], a.inputs["metricName"], json.dumps(a.inputs["dimensions"], sort_keys=True))
        for a in stack().of(ALARM).values()
    ]
    assert len(keys) == len(set(keys))


def test_each_saved_query_reads_all_log_groups_and_is_the_text_that_trace_runs() -> None:
    saved = stack().of(SAVED)
    assert {query.inputs["name"]: query.inputs["queryString"] for query in saved.values()} == {
        f"project-test-seen/{key}": text for key, text in log_queries.QUERIES.items()
    }
    for query in saved.values():
        assert set(query.inputs["logGroupNames"]) == watched(stack())["log_groups"]


@pytest.mark.parametrize("name", CASES)
def test_the_dashboard_of_each_component_is_one_that_cloudwatch_takes(name: str) -> None:
    kinds = watched(recorded(name))
    assert problems(json.loads(dashboard.body({k: sorted(v) for k, v in kinds.items()}, "eu-central-1"))) == []


def test_the_dashboard_of_a_stack_is_one_that_cloudwatch_takes() -> None:
    assert problems(body(stack())) == []


@settings(deadline=None, max_examples=examples(50))
@given(st.dictionaries(st.sampled_from(sorted(observed.KINDS)), st.integers(0, 150)))
def test_a_dashboard_of_any_size_is_one_that_cloudwatch_takes_or_is_refused(sizes: dict[str, int]) -> None:
    prefix = {
        "alarms": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:",
        "state_machines": "arn:aws:states:x:1:m:",
    }
    names = {kind: [f"{prefix.get(kind, '')}n{number}" for number in range(size)] for kind, size in sizes.items()}
    made = _body(names)
    if made is None:
        # A kind has up to 13 metrics for each name.
        assert sum(sizes.values()) > dashboard.MOST_METRICS_OF_ALL / 13
    else:
        assert problems(json.loads(made)) == []


def _body(names: dict[str, list[str]]) -> str | None:
    try:
        return dashboard.body(names, "eu-central-1")
    except ValueError:
        return None


def test_the_checker_finds_what_cloudwatch_refuses() -> None:
    def widget(**changes: Any) -> dict[str, Any]:
        return {"type": "text", "x": 0, "y": 0, "width": 24, "height": 1, "properties": {"markdown": "a"}, **changes}

    assert problems({"widgets": [widget()]}) == []
    assert problems({}) == ["the body is no object with an array `widgets`"]
    wrong: list[dict[str, Any]] = [
        {"type": "graph"},
        {"x": 1},
        {"width": 25},
        {"properties": {}},
        {"properties": {"markdown": "a", "colour": "red"}},
        {"type": "metric", "properties": {"region": "r", "metrics": [["AWS/Lambda"]]}},
        {"type": "metric", "properties": {"region": "r", "metrics": [["AWS/Lambda", "Errors", "FunctionName"]]}},
        {"type": "metric", "properties": {"region": "r", "metrics": []}},
        {"type": "metric", "properties": {"region": "r", "metrics": [["A", "B", {"stat": "Mean"}]]}},
        {"type": "metric", "properties": {"region": "r", "metrics": [["A", "B"]], "period": 7}},
        {"type": "log", "properties": {"region": "r", "query": "fields @message"}},
        {"type": "alarm", "properties": {"alarms": ["name"]}},
    ]
    for change in wrong:
        assert problems({"widgets": [widget(**change)]}), change
    assert problems({"widgets": [widget(), widget()]}) == ["widgets 0 and 1 overlap"]


def see(**args: Any) -> Recording:
    given: ObservabilityArgs = {**args}  # type: ignore[typeddict-item]  # arguments of a test, some of them wrong
    return record(lambda: Observability("seen", given))


BASE = {
    (DASHBOARD, "seen-dashboard"),
    ("aws:xray/group:Group", "seen-traces"),
    ("aws:xray/samplingRule:SamplingRule", "seen-sampling"),
    *((SAVED, f"seen-{key}") for key in log_queries.QUERIES),
}
OWN_TOPIC = {
    ("aws:kms/key:Key", "seen-alarms-key"),
    ("aws:sns/topic:Topic", "seen-alarms-topic"),
    ("aws:sns/topicPolicy:TopicPolicy", "seen-alarms-topic"),
}


@pytest.mark.parametrize(
    ("args", "children"),
    [
        ({"alarm_actions": [TOPIC]}, set()),
        ({}, OWN_TOPIC),
        ({"kms_key_arn": "arn:key"}, OWN_TOPIC - {("aws:kms/key:Key", "seen-alarms-key")}),
        (
            {"functions": {"f": "f"}, "alarm_actions": [TOPIC]},
            {(ALARM, "seen-f-errors"), (ALARM, "seen-f-throttles")},
        ),
        (
            {"state_machines": {"m": MACHINE}, "alarm_actions": [TOPIC]},
            {(ALARM, "seen-m-executionsfailed"), (ALARM, "seen-m-executionstimedout")},
        ),
        (
            {"delivery_streams": {"d": "d"}, "alarm_actions": [TOPIC]},
            {
                (ALARM, "seen-d-deliverytos3-datafreshness"),
                (ALARM, "seen-d-deliverytos3-success"),
                (ALARM, "seen-d-failedconversion-records"),
                (ALARM, "seen-d-throttledrecords"),
            },
        ),
        (
            {"pipes": {"p": "p"}, "alarm_actions": [TOPIC]},
            {
                (ALARM, "seen-p-executionfailed"),
                (ALARM, "seen-p-executionpartiallyfailed"),
                (ALARM, "seen-p-executionthrottled"),
                (ALARM, "seen-p-executiontimeout"),
            },
        ),
        ({"dead_letter_queues": {"q": "q"}, "alarm_actions": [TOPIC]}, {(ALARM, "seen-q-messages")}),
    ],
)
def test_each_argument_makes_exactly_its_children(args: dict[str, Any], children: set[tuple[str, str]]) -> None:
    assert see(**args).names() == BASE | children


def test_alarms_notify_the_topic_that_the_component_made() -> None:
    made = see(functions={"f": "f"})
    arn = "arn:aws:sns:eu-central-1:123456789012:topic/project-test-seen-alarms"
    for alarm in made.of(ALARM).values():
        assert alarm.inputs["alarmActions"] == [arn]


def test_traces_are_those_of_the_stacks_functions_and_machines() -> None:
    made = see(functions={"f": "worker"}, observed=[{"state_machines": [MACHINE]}], alarm_actions=[TOPIC])
    group = made.one("aws:xray/group:Group").inputs
    assert group["filterExpression"] == 'service("worker") OR service("orders")'
    assert see().one("aws:xray/group:Group").inputs["filterExpression"] == "ok OR error OR fault"


def test_sampling_is_of_the_stacks_api_and_can_be_set() -> None:
    rule = see().one("aws:xray/samplingRule:SamplingRule").inputs
    assert (rule["reservoirSize"], rule["fixedRate"], rule["priority"]) == (1, 0.05, 1000)
    assert rule["serviceName"] == "project-test-*"
    rule = (
        see(sampling={"reservoir_size": 5, "fixed_rate": 1, "priority": 7})
        .one("aws:xray/samplingRule:SamplingRule")
        .inputs
    )
    assert (rule["reservoirSize"], rule["fixedRate"], rule["priority"]) == (5, 1, 7)


def test_names_stay_within_the_limits_of_the_services() -> None:
    made = record(lambda: Observability("o" * 90, {}), project="p" * 50)
    assert len(made.one("aws:xray/group:Group").inputs["groupName"]) <= 32
    assert len(made.one("aws:xray/samplingRule:SamplingRule").inputs["ruleName"]) <= 32
    assert len(made.one("aws:xray/samplingRule:SamplingRule").inputs["serviceName"]) <= 64
    for query in made.of(SAVED).values():
        assert len(query.inputs["name"]) <= 255


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"observe": []}, "'observe' is unknown; is 'observed' meant?"),
        ({"observed": [{"function": ["f"]}]}, "'observed[0]' has the unknown kind 'function'; is 'functions' meant?"),
        ({"sampling": {"fixed_rate": 2}}, "'fixed_rate' is 2; allowed are numbers from 0 to 1"),
        ({"sampling": {"priority": 0}}, "'priority' is 0; allowed are whole numbers from 1 to 9999"),
        ({"sampling": {"rate": 1}}, "'rate' is unknown"),
    ],
)
def test_a_wrong_argument_names_component_argument_and_what_is_allowed(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        see(**args)
    assert str(raised.value).startswith("Observability 'seen'")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("observed", "args", "message"),
    [
        ({"lambdas": ["f"]}, {}, "'observed[0]' has the unknown kind 'lambdas'"),
        ({"functions": ["f"]}, {"functions": {"mine": "f"}}, "'functions' has 'f', which is in 'observed' too"),
        ({"log_groups": [f"g{n}" for n in range(51)]}, {}, "'observed' has 51 log groups; one query reads 50"),
        ({"functions": [f"f{n}" for n in range(250)]}, {}, "a dashboard shows 2500: use one Observability for each"),
    ],
)
def test_what_is_known_only_later_is_refused_then(observed: Any, args: dict[str, Any], message: str) -> None:
    def program() -> None:
        late: pulumi.Output[Any] = pulumi.Output.from_input(observed)
        Observability("seen", {"observed": [late], **args})  # type: ignore[typeddict-item]  # arguments of a test

    # Pulumi wraps what is raised in an output in errors of its own.
    with pytest.raises(ValueError, match="Observability 'seen'") as raised:
        record(program)
    assert message in str(raised.value)


def test_a_preview_with_unknown_names_makes_the_same() -> None:
    def program() -> None:
        worker = IdempotentLambda("f", {"code": CODE})
        Observability("seen", {"observed": [worker.observed]})

    known, unknown = record(program), record(program, preview=True)
    assert {r.name for r in known.resources} == {r.name for r in unknown.resources}
    assert "dashboardBody" in known.one(DASHBOARD).inputs


def topic(**args: Any) -> Recording:
    return record(lambda: AlarmTopic("alarms", args))  # type: ignore[arg-type]  # arguments of a test


def test_alarms_of_this_account_may_publish_and_nobody_without_tls() -> None:
    made = topic()
    account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    statements = {s["Sid"]: s for s in made.one("aws:sns/topicPolicy:TopicPolicy").json("policy")["Statement"]}
    assert set(statements) == {"TlsOnly", "Alarms"}
    assert statements["Alarms"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statements["Alarms"]["Condition"] == account
    assert statements["TlsOnly"]["Effect"] == "Deny"
    assert statements["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_topic_has_a_key_that_cloudwatch_may_use_for_this_account() -> None:
    made = topic()
    key = made.one("aws:kms/key:Key")
    assert key.inputs["enableKeyRotation"] is True
    publish = next(s for s in key.json("policy")["Statement"] if s["Sid"] == "Alarms")
    assert publish["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert publish["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert made.one("aws:sns/topic:Topic").inputs["kmsMasterKeyId"].endswith("key/alarms-key")


def test_a_key_of_the_users_own_is_taken() -> None:
    made = topic(kms_key_arn="arn:key")
    assert not made.of("aws:kms/key:Key")
    assert made.one("aws:sns/topic:Topic").inputs["kmsMasterKeyId"] == "arn:key"


def test_addresses_are_subscribed() -> None:
    made = topic(email_addresses=["a@example.com", "b@example.com"])
    found = made.of("aws:sns/topicSubscription:TopicSubscription").values()
    assert sorted((s.inputs["protocol"], s.inputs["endpoint"]) for s in found) == [
        ("email", "a@example.com"),
        ("email", "b@example.com"),
    ]


def test_a_misspelt_argument_of_the_topic_is_refused() -> None:
    with pytest.raises(ArgumentError, match="is 'email_addresses' meant"):
        topic(email_adresses=["a@example.com"])
