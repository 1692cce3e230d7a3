"""IdempotentLambda: its exact children, defaults, overrides and errors."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
from eda_runtime.idempotency import from_settings
from pulumi_aws_eda import ArgumentError, IdempotencyMode, IdempotencyToken, IdempotentLambda, archives
from pulumi_aws_eda.testing import Recording, record

CODE = archives.directory_archive(Path(__file__).parents[2] / "functions" / "get_order")
FUNCTION = "aws:lambda/function:Function"
TOPIC = {"topic_arn": "arn:aws:sns:eu-central-1:123456789012:readings.fifo"}
SCHEDULE = {"expression": "rate(1 hour)"}
WINDOW = {"maximum_batching_window_in_seconds": 1}
QUEUE, MAPPING = "aws:sqs/queue:Queue", "aws:lambda/eventSourceMapping:EventSourceMapping"
BASE = {
    ("aws:cloudwatch/logGroup:LogGroup", "f-log"),
    ("aws:iam/role:Role", "f-role"),
    ("aws:iam/rolePolicy:RolePolicy", "f-role"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-runtime"),
    ("aws:lambda/layerVersion:LayerVersion", "eda-powertools"),
    (FUNCTION, "f-function"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "f-errors"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "f-throttles"),
}


def make(**args: Any) -> Recording:
    return record(lambda: IdempotentLambda("f", {"code": CODE, **args}))


def test_the_defaults_make_exactly_a_function_with_its_role_log_layers_and_alarms() -> None:
    made = make()
    assert made.names() == BASE
    function = made.one(FUNCTION).inputs
    assert (function["memorySize"], function["timeout"], function["runtime"]) == (128, 10, "python3.13")
    assert function["architectures"] == ["arm64"]
    assert function["tracingConfig"] == {"mode": "Active"}
    assert function["loggingConfig"]["logFormat"] == "JSON"
    assert function["loggingConfig"]["logGroup"] == "/aws/lambda/project-test-f"
    assert function["handler"] == "eda_runtime.entrypoint.handler"
    assert function["environment"]["variables"]["EDA_HANDLER"] == "handler.handle"
    assert "reservedConcurrentExecutions" not in function
    assert made.one("aws:cloudwatch/logGroup:LogGroup").inputs["retentionInDays"] == 30


def test_code_is_an_archive_a_folders_path_or_the_folder_of_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])

    def program() -> None:
        IdempotentLambda("archive", {"code": CODE})
        IdempotentLambda("text", code="functions/get_order", timeout=30)
        IdempotentLambda("path", code=Path("functions") / "get_order", opts=pulumi.ResourceOptions(protect=True))
        IdempotentLambda("handler", handler="functions/get_order/handler.handle")
        IdempotentLambda("package", code="functions", handler="get_order/handler.handle")
        with pytest.raises(ArgumentError, match="'tiemout' is unknown; is 'timeout' meant"):
            IdempotentLambda("misspelt", code=CODE, tiemout=30)

    made = record(program).of(FUNCTION)
    folder = [made[f"{name}-function"].inputs for name in ("archive", "text", "path", "handler")]
    assert {function["code"].path for function in folder} == {CODE.path}
    assert {function["environment"]["variables"]["EDA_HANDLER"] for function in folder} == {"handler.handle"}
    package = made["package-function"].inputs
    assert package["code"].path != CODE.path
    assert package["environment"]["variables"]["EDA_HANDLER"] == "get_order.handler.handle"
    assert made["text-function"].inputs["timeout"] == 30


def test_machine_code_may_be_for_x86_64_and_temporary_files_may_be_large() -> None:
    function = make(architecture="x86_64", ephemeral_storage={"size": 2048}).one(FUNCTION).inputs
    assert (function["architectures"], function["ephemeralStorage"]) == (["x86_64"], {"size": 2048})
    assert "ephemeralStorage" not in make().one(FUNCTION).inputs


def test_debug_lines_are_sampled_and_opentelemetrys_layer_wraps_the_function() -> None:
    arn = "arn:aws:lambda:eu-central-1:901920570463:layer:aws-otel-python-arm64-ver-1-32-0:2"
    function = make(debug_sample_rate=0.05, adot_layer_arn=arn, layers=["arn:mine"]).one(FUNCTION).inputs
    variables = function["environment"]["variables"]
    assert variables["POWERTOOLS_LOGGER_SAMPLE_RATE"] == "0.05"
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
    assert function["loggingConfig"]["applicationLogLevel"] == "DEBUG"
    assert function["layers"][2:] == [arn, "arn:mine"]
    plain = make().one(FUNCTION).inputs
    assert plain["loggingConfig"]["applicationLogLevel"] == "INFO"
    assert not {"POWERTOOLS_LOGGER_SAMPLE_RATE", "AWS_LAMBDA_EXEC_WRAPPER"} & set(plain["environment"]["variables"])
    with pytest.raises(ArgumentError, match="debug_sample_rate"):
        make(debug_sample_rate=2)


def test_the_role_holds_a_statement_for_each_need_and_no_other() -> None:
    assert set(make().statements("f-role")) == {"WriteLog", "Trace"}
    grants = {"ReadOrder": {"actions": ["dynamodb:GetItem"], "resources": ["arn:aws:dynamodb:eu:1:table/t"]}}
    made = make(grants=grants, asynchronous=True, idempotency={"token": IdempotencyToken.EVENT})
    statements = made.statements("f-role")
    assert set(statements) == {"WriteLog", "Trace", "Idempotency", "FailureDestination", "ReadOrder"}
    assert statements["ReadOrder"]["Action"] == ["dynamodb:GetItem"]
    assert statements["ReadOrder"]["Resource"] == ["arn:aws:dynamodb:eu:1:table/t"]


def runtime_settings(made: Recording) -> dict[str, Any]:
    """What the runtime is told."""
    found: dict[str, Any] = json.loads(made.one(FUNCTION).inputs["environment"]["variables"]["EDA_IDEMPOTENCY"])
    return found


def test_idempotency_makes_a_table_with_ttl_and_tells_the_runtime() -> None:
    made = make(idempotency={"token": "PAYLOAD", "expires_after_seconds": 60, "payload_jmespath": "body"})
    table = made.one("aws:dynamodb/table:Table", "f-idempotency").inputs
    assert table["hashKey"] == "id"
    assert table["ttl"] == {"attributeName": "expiration", "enabled": True}
    assert runtime_settings(made) == {
        "token": "PAYLOAD",
        "mode": "RECORD",
        "table": "project-test-f-idempotency",
        "payload": "body",
        "expires_after_seconds": 60,
        "in_progress_wait_seconds": 0,
        "use_local_cache": False,
        "key_prefix": "f",
    }


def test_all_idempotency_arguments_reach_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    given = {
        "token": IdempotencyToken.CLIENT,
        "mode": IdempotencyMode.TRANSACTION,
        "key_jmespath": "powertools_json(body).[order, tenant]",
        "in_progress_wait_seconds": 3,
        "use_local_cache": True,
        "table_name": "shared",
        "table_arn": "arn:aws:dynamodb:eu:1:table/shared",
        "hash_key": "pk",
        "range_key": "sk",
    }
    settings = runtime_settings(make(idempotency=given))
    assert {name: settings[name] for name in ("mode", "key", "in_progress_wait_seconds", "use_local_cache")} == {
        "mode": "TRANSACTION",
        "key": "powertools_json(body).[order, tenant]",
        "in_progress_wait_seconds": 3,
        "use_local_cache": True,
    }
    assert (settings["table"], settings["hash_key"], settings["range_key"]) == ("shared", "pk", "sk")
    # The runtime takes what the component writes.
    from_settings(lambda event, context: None, json.dumps(settings))


@pytest.mark.parametrize(
    ("idempotency", "reads"),
    [
        ({}, False),
        ({"in_progress_wait_seconds": 2}, True),
        ({"mode": "TRANSACTION"}, True),
    ],
)
def test_the_role_may_read_records_only_where_something_is_waited_for(idempotency: Any, reads: bool) -> None:
    statement = make(idempotency={"token": "EVENT", **idempotency}).statements("f-role")["Idempotency"]
    writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    assert statement["Action"] == (["dynamodb:GetItem", *writes] if reads else writes)


def test_repeats_of_asynchronous_events_wait_half_of_the_timeout_unless_they_are_told_otherwise() -> None:
    waits = [
        runtime_settings(make(timeout=7, idempotency={"token": "EVENT", **more}, **args))["in_progress_wait_seconds"]
        for args, more in (
            ({}, {}),
            ({"asynchronous": True}, {}),
            ({"asynchronous": True}, {"in_progress_wait_seconds": 0}),
        )
    ]
    assert waits == [0, 3, 0]


@pytest.mark.parametrize(
    ("args", "seconds"),
    [
        ({}, 3600),
        ({"timeout": 900}, 3600),
        ({"asynchronous": True}, 21600 + 10),
        ({"asynchronous": True, "maximum_event_age_in_seconds": 60}, 3600 + 10),
        ({"queue_source": {}, "timeout": 300}, 5 * 6 * 300 + 300),
        ({"queue_source": {"max_receive_count": 2}}, 3600 + 10),
        ({"stream_source": {"stream_arn": "arn", "maximum_record_age_in_seconds": 86400}}, 86400 + 10),
        ({"kinesis_source": {"stream_arn": "arn", "maximum_record_age_in_seconds": 86400}}, 86400 + 10),
        ({"queue_source": {"queue_arn": "arn"}}, 14 * 86400 + 10),
        ({"topic_source": {"topic_arn": "arn"}}, 23 * 86400 + 5 * 6 * 10 + 10),
        ({"object_source": {"bucket_name": "b"}}, 86400 + 5 * 6 * 10 + 10),
        ({"schedule": {"expression": "rate(1 hour)", "maximum_event_age_in_seconds": 7200}}, 7200 + 5 * 6 * 10 + 10),
    ],
)
def test_a_key_is_remembered_as_long_as_its_event_may_come_again(args: Any, seconds: int) -> None:
    assert runtime_settings(make(idempotency={"token": "EVENT"}, **args))["expires_after_seconds"] == seconds
    given = make(idempotency={"token": "EVENT", "expires_after_seconds": 5}, **args)
    assert runtime_settings(given)["expires_after_seconds"] == 5


def test_a_shared_idempotency_table_is_used_and_not_made() -> None:
    made = make(
        idempotency={"token": "EVENT", "table_name": "shared", "table_arn": "arn:aws:dynamodb:eu:1:table/shared"}
    )
    assert made.names() == BASE
    assert made.statements("f-role")["Idempotency"]["Resource"] == ["arn:aws:dynamodb:eu:1:table/shared"]


def test_an_asynchronous_function_has_a_failure_destination_with_an_alarm() -> None:
    made = make(asynchronous=True, maximum_retry_attempts=1, maximum_event_age_in_seconds=300)
    config = made.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    queue = made.one("aws:sqs/queue:Queue").inputs
    assert (config["maximumRetryAttempts"], config["maximumEventAgeInSeconds"]) == (1, 300)
    assert config["destinationConfig"]["onFailure"]["destination"].endswith("project-test-f-dlq")
    assert queue["messageRetentionSeconds"] == 14 * 24 * 3600
    assert queue["sqsManagedSseEnabled"] is True
    alarm = made.one("aws:cloudwatch/metricAlarm:MetricAlarm", "f-dlq-messages").inputs
    assert alarm["dimensions"] == {"QueueName": "project-test-f-dlq"}
    assert alarm["threshold"] == 1


def test_a_dead_letter_queue_that_exists_is_used() -> None:
    made = make(asynchronous=True, dead_letter_queue_arn="arn:queue")
    assert not made.of("aws:sqs/queue:Queue")
    assert made.statements("f-role")["FailureDestination"]["Resource"] == ["arn:queue"]
    events = made.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    assert events["destinationConfig"] == {"onFailure": {"destination": "arn:queue"}}


def test_a_queue_source_makes_a_queue_that_waits_six_time_outs_and_gives_up_in_the_dead_letter_queue() -> None:
    made = make(timeout=20, queue_source={"max_receive_count": 3, "batch_size": 5})
    queue = made.one("aws:sqs/queue:Queue", "f-source")
    assert queue.inputs["visibilityTimeoutSeconds"] == 120
    redrive = queue.json("redrivePolicy")
    assert redrive["maxReceiveCount"] == 3
    assert redrive["deadLetterTargetArn"].endswith("project-test-f-dlq")
    mapping = made.one("aws:lambda/eventSourceMapping:EventSourceMapping", "f-queue").inputs
    assert (mapping["batchSize"], mapping["functionResponseTypes"]) == (5, ["ReportBatchItemFailures"])
    assert set(made.statements("f-role")) == {"WriteLog", "Trace", "ReadQueue"}
    assert not made.of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")


def test_a_fifo_source_has_a_fifo_dead_letter_queue() -> None:
    queues = make(queue_source={"fifo": True}).of("aws:sqs/queue:Queue")
    assert {queue.inputs["fifoQueue"] for queue in queues.values()} == {True}
    assert all(queue.inputs["name"].endswith(".fifo") for queue in queues.values())


def test_a_stream_source_is_bounded_and_points_to_what_it_gave_up() -> None:
    stream = "arn:aws:dynamodb:eu-central-1:1:table/t/stream/x"
    made = make(stream_source={"stream_arn": stream})
    mapping = made.one("aws:lambda/eventSourceMapping:EventSourceMapping", "f-stream").inputs
    assert mapping["bisectBatchOnFunctionError"] is True
    assert (mapping["maximumRetryAttempts"], mapping["maximumRecordAgeInSeconds"]) == (5, 3600)
    assert mapping["destinationConfig"]["onFailure"]["destinationArn"].endswith("project-test-f-dlq")
    statements = made.statements("f-role")
    assert statements["ReadStream"]["Resource"] == [stream]
    assert set(statements) == {"WriteLog", "Trace", "FailureDestination", "ReadStream", "ListStreams"}


def test_a_queue_that_exists_is_read_and_nothing_is_made_for_it() -> None:
    arn = "arn:aws:sqs:eu-central-1:1:inbox"
    source = {"queue_arn": arn, "kms_key_arn": "arn:key", "filters": [{"body": {"kind": ["a"]}}], **WINDOW}
    made = make(queue_source={**source, "batch_size": 50}, idempotency={})
    assert not made.of(QUEUE)
    mapping = made.one(MAPPING, "f-queue").inputs
    assert (mapping["eventSourceArn"], mapping["batchSize"], mapping["maximumBatchingWindowInSeconds"]) == (arn, 50, 1)
    assert mapping["filterCriteria"] == {"filters": [{"pattern": '{"body": {"kind": ["a"]}}'}]}
    statements = made.statements("f-role")
    assert statements["ReadQueue"]["Resource"] == [arn]
    assert statements["DecryptWithKey"]["Resource"] == ["arn:key"]
    assert runtime_settings(made)["token"] == "EVENT"


def policy_of(made: Recording, queue: str) -> dict[str, Any]:
    statements = made.one("aws:sqs/queuePolicy:QueuePolicy", queue).json("policy")["Statement"]
    return {statement["Sid"]: statement for statement in statements}


@pytest.mark.parametrize(
    ("source", "given", "sender"),
    [
        ("topic", {"topic_source": TOPIC}, "Topic1"),
        ("event", {"event_source": {"pattern": {"source": ["s"], "detail-type": ["t"]}}}, "Rule1"),
        ("object", {"object_source": {"bucket_name": "b"}}, "Rule1"),
        ("schedule", {"schedule": SCHEDULE}, None),
    ],
)
def test_what_pushes_sends_to_a_queue_of_its_own_and_alone(source: str, given: Any, sender: str | None) -> None:
    made = make(timeout=20, **given)
    queue = made.one(QUEUE, f"f-{source}")
    assert queue.inputs["visibilityTimeoutSeconds"] == 120
    assert queue.json("redrivePolicy")["deadLetterTargetArn"].endswith("project-test-f-dlq")
    assert made.one(MAPPING, f"f-{source}").inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert made.statements("f-role")["ReadSources"]["Resource"] == [
        f"arn:aws:sqs:eu-central-1:123456789012:queue/{queue.inputs['name']}"
    ]
    for name in (source, "dlq"):
        policy = policy_of(made, f"f-{name}")
        assert set(policy) == {"TlsOnly", *([sender] if sender else [])}
        if sender:
            assert policy[sender]["Condition"]["ArnEquals"]["aws:SourceArn"]


def test_a_topic_is_subscribed_with_its_envelope_and_its_dead_letters() -> None:
    subscription = make(topic_source={**TOPIC, "filter_policy": {"kind": ["a"]}}).one(
        "aws:sns/topicSubscription:TopicSubscription"
    )
    assert "rawMessageDelivery" not in subscription.inputs
    assert subscription.json("filterPolicy") == {"kind": ["a"]}
    assert subscription.inputs["filterPolicyScope"] == "MessageAttributes"
    assert subscription.json("redrivePolicy")["deadLetterTargetArn"].endswith("project-test-f-dlq")
    fifo = make(topic_source={**TOPIC, "fifo": True}).of(QUEUE)
    assert {queue.inputs["fifoQueue"] for queue in fifo.values()} == {True}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, None),
        ({"prefix": "in/"}, {"prefix": "in/"}),
        ({"suffix": ".csv"}, {"suffix": ".csv"}),
        ({"prefix": "a*\\", "suffix": ".csv"}, {"wildcard": "a\\*\\\\*.csv"}),
    ],
)
def test_a_buckets_objects_are_told_of_by_kind_and_key(given: Any, key: Any) -> None:
    made = make(object_source={"bucket_name": "b", "events": ["Object Created", "Object Deleted"], **given})
    pattern = made.one("aws:cloudwatch/eventRule:EventRule", "f-object").json("eventPattern")
    assert pattern == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": ["b"]}, **({"object": {"key": [key]}} if key else {})},
    }


def test_an_events_bus_is_the_rules_the_targets_and_the_metrics() -> None:
    pattern = {"source": ["s"], "detail-type": ["t"]}
    made = make(event_source={"pattern": pattern, "event_bus_name": "orders", "maximum_retry_attempts": 3})
    assert made.one("aws:cloudwatch/eventRule:EventRule").inputs["eventBusName"] == "orders"
    target = made.one("aws:cloudwatch/eventTarget:EventTarget").inputs
    assert target["eventBusName"] == "orders"
    assert target["retryPolicy"] == {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 86400}
    alarm = made.one("aws:cloudwatch/metricAlarm:MetricAlarm", "f-event-failed-invocations").inputs
    assert alarm["dimensions"] == {"EventBusName": "orders", "RuleName": "project-test-f-event"}


def test_a_schedules_slots_are_events_that_name_schedule_and_slot() -> None:
    made = make(
        schedule={"expression": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin", "flexible_time_window_in_minutes": 5},
        dead_letter_queue_arn="arn:queue",
    )
    schedule = made.one("aws:scheduler/schedule:Schedule").inputs
    assert schedule["scheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["flexibleTimeWindow"] == {"mode": "FLEXIBLE", "maximumWindowInMinutes": 5}
    event = json.loads(schedule["target"]["input"])
    assert event["id"] == "<aws.scheduler.schedule-arn>/<aws.scheduler.scheduled-time>"
    assert event["detail"]["envelope"]["correlation_id"] == "project-test-f-schedule/<aws.scheduler.scheduled-time>"
    statements = made.statements("f-schedule-role")
    assert statements["DeadLetter"]["Resource"] == ["arn:queue"]
    assert statements["Call"]["Action"] == ["sqs:SendMessage"]


def test_a_kinesis_source_starts_where_it_is_told_and_may_read_its_stream_alone() -> None:
    arn = "arn:aws:kinesis:eu-central-1:1:stream/readings"
    start = {"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "2026-01-31T12:00:00Z"}
    made = make(kinesis_source={"stream_arn": arn, "parallelization_factor": 4, **start, **WINDOW})
    mapping = made.one(MAPPING, "f-kinesis").inputs
    assert (mapping["startingPosition"], mapping["startingPositionTimestamp"]) == tuple(start.values())
    assert (mapping["parallelizationFactor"], mapping["maximumBatchingWindowInSeconds"]) == (4, 1)
    assert mapping["bisectBatchOnFunctionError"] is True
    assert mapping["destinationConfig"]["onFailure"]["destinationArn"].endswith("project-test-f-dlq")
    statements = made.statements("f-role")
    assert statements["ReadKinesis"]["Resource"] == [arn]
    assert set(statements) == {"WriteLog", "Trace", "FailureDestination", "ReadKinesis"}


def test_overrides_reach_the_function() -> None:
    made = make(
        memory_size=2048,
        timeout=120,
        reserved_concurrent_executions=7,
        environment={"A": "b"},
        powertools_layer_arn="arn:aws:lambda:eu-central-1:1:layer:Powertools:1",
        permissions_boundary="arn:aws:iam::1:policy/b",
        kms_key_arn="arn:aws:kms:eu:1:key/k",
        alarm_actions=["arn:aws:sns:eu:1:t"],
        log_retention_in_days=7,
        tags={"team": "a"},
        vpc_config={"subnet_ids": ["s"], "security_group_ids": ["g"]},
    )
    function = made.one(FUNCTION).inputs
    assert (function["memorySize"], function["timeout"], function["reservedConcurrentExecutions"]) == (2048, 120, 7)
    assert function["environment"]["variables"]["A"] == "b"
    assert function["layers"][1] == "arn:aws:lambda:eu-central-1:1:layer:Powertools:1"
    assert function["vpcConfig"] == {"subnetIds": ["s"], "securityGroupIds": ["g"]}
    assert function["kmsKeyArn"] == "arn:aws:kms:eu:1:key/k"
    assert made.one("aws:iam/role:Role").inputs["permissionsBoundary"] == "arn:aws:iam::1:policy/b"
    assert made.one("aws:cloudwatch/logGroup:LogGroup").inputs["retentionInDays"] == 7
    alarms = made.of("aws:cloudwatch/metricAlarm:MetricAlarm").values()
    assert all(alarm.inputs["alarmActions"] == ["arn:aws:sns:eu:1:t"] for alarm in alarms)
    assert made.statements("f-role-vpc")["Interfaces"]["Resource"] == ["*"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"architecture": "arm"}, "'architecture' is 'arm'; allowed are arm64, x86_64; is 'arm64' meant?"),
        ({"ephemeral_storage": {"size": 511}}, "'size' is 511; allowed are whole numbers from 512 to 10240"),
        ({"memorysize": 128}, "'memorysize' is unknown; is 'memory_size' meant?"),
        ({"memory_size": 64}, "'memory_size' is 64; allowed are whole numbers from 128 to 10240"),
        ({"timeout": 901}, "'timeout' is 901; allowed are whole numbers from 1 to 900"),
        ({"timeout": True}, "'timeout' is True"),
        ({"code": None}, "'code' is missing, and 'handler' names no folder"),
        ({"code": "functions/get_ordr"}, "'code' names the folder 'functions/get_ordr' in "),
        ({"code": None, "handler": "functions/x/handler.handle"}, "'handler' names the folder 'functions/x' in"),
        ({"handler": "functions/get_order/handler"}, "'handler' is 'functions/get_order/handler'; it has to be module"),
        (
            {"idempotency": {"token": "CLENT"}},
            "'token' is 'CLENT'; allowed are CLIENT, EVENT, PAYLOAD; is 'CLIENT' meant?",
        ),
        ({"idempotency": {"token": "EVENT", "table_name": "t"}}, "'table_arn' is missing"),
        ({"idempotency": {"token": "EVENT", "range_key": "s"}}, "'range_key' is of a shared table"),
        ({"idempotency": {"token": "EVENT", "mode": "TRANSACTIONS"}}, "is 'TRANSACTION' meant?"),
        (
            {"idempotency": {"token": "EVENT", "in_progress_wait_seconds": 10}},
            "'in_progress_wait_seconds' is 10; it must be less than the timeout 10",
        ),
        ({"idempotency": {"token": "EVENT", "key_jmespath": "a["}}, "'key_jmespath' is no JMESPath"),
        ({"grants": {"A": {"actions": ["s3:*"], "resources": ["arn:aws:s3:::b"]}}}, "wildcard action 's3:*'"),
        ({"grants": {"A": {"actions": ["s3:GetObject"], "resources": ["*"]}}}, "allows every resource"),
        ({"queue_source": {"batch_size": 11}}, "'batch_size' is 11; allowed are whole numbers from 1 to 10"),
        ({"queue_source": {"fifo": True}, "asynchronous": True}, "'queue_source' is FIFO"),
        ({"topic_source": {**TOPIC, "fifo": True}, "schedule": SCHEDULE}, "'topic_source' is FIFO"),
        ({"queue_source": {"batch_size": 10_001, **WINDOW}}, "allowed are whole numbers from 1 to 10000"),
        ({"queue_source": {"fifo": True, **WINDOW}}, "a FIFO queue has none"),
        ({"queue_source": {"queue_arn": "arn:aws:sqs:eu:1:q.fifo", **WINDOW}}, "a FIFO queue has none"),
        ({"queue_source": {"queue_arn": "arn", "max_receive_count": 2}}, "'max_receive_count' is of a queue that the"),
        ({"queue_source": {"kms_key_arn": "arn"}}, "give its queue_arn too"),
        ({"queue_source": {"filters": [{"body": "x"}]}}, "'filters[0].body' is no list"),
        ({"queue_source": {"filters": [{}]}}, "'filters[0]' is no event pattern"),
        ({"queue_source": {"filters": [{"body": ["x"]}] * 6}}, "has 6 patterns; a mapping has 5 at most"),
        ({"queue_source": {"filters": [{"body": ["x" * 4096]}]}}, "AWS takes 4096"),
        ({"topic_source": {}}, "'topic_arn' is missing"),
        ({"topic_source": {"topic_arn": "arn:aws:sns:eu:1:t", "fifo": True}}, "is true, and the topic"),
        ({"topic_source": {**TOPIC, "filter_policy_scope": "MessageBody"}}, "is of a filter_policy"),
        ({"topic_source": {**TOPIC, "filter_policy": {str(n): ["x"] for n in range(6)}}}, "has 6 names; SNS takes 5"),
        ({"event_source": {"pattern": {}}}, "'pattern' is no event pattern"),
        ({"event_source": {"pattern": {"source": ["x" * 2048]}}}, "AWS takes 2048"),
        ({"event_source": {"pattern": {"source": ["s"]}, "maximum_retry_attempts": 186}}, "from 0 to 185"),
        ({"object_source": {"bucket_name": "b", "events": ["Object Create"]}}, "is 'Object Created' meant?"),
        ({"schedule": {"expression": "1 hour"}}, "allowed are cron(…), rate(…), at(…)"),
        ({"schedule": {**SCHEDULE, "timezone": "Europe/Bärlin"}}, "IANA names"),
        ({"schedule": {**SCHEDULE, "flexible_time_window_in_minutes": 0}}, "from 1 to 1440"),
        ({"schedule": {**SCHEDULE, "detail": {"envelope": {}}}}, "'detail' has an envelope"),
        ({"kinesis_source": {"stream_arn": "arn:aws:dynamodb:eu:1:table/t/stream/x"}}, "is no stream of kinesis"),
        ({"kinesis_source": {"stream_arn": "arn", "starting_position": "AT_TIMESTAMP"}}, "AT_TIMESTAMP needs it"),
        ({"stream_source": {"stream_arn": "arn", "starting_position": "AT_TIMESTAMP"}}, "LATEST, TRIM_HORIZON"),
        ({"topic_source": TOPIC, "dead_letter_queue_arn": "arn:queue"}, "does not go with 'topic_source'"),
        ({"queue_source": {"queue_arn": "arn"}, "dead_letter_queue_arn": "arn:queue"}, "the function is neither"),
        ({"idempotency": {}}, "'token' is missing; only events have one by default"),
        ({"stream_source": {}}, "'stream_arn' is missing"),
        ({"dead_letter_queue_arn": "arn:queue"}, "'dead_letter_queue_arn' is given, but the function is neither"),
        ({"maximum_retry_attempts": 3}, "'maximum_retry_attempts' is 3; allowed are whole numbers from 0 to 2"),
        ({"vpc_config": {"subnet_ids": ["s"]}}, "'security_group_ids' is missing"),
    ],
)
def test_a_wrong_argument_names_component_argument_and_what_is_allowed(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert str(raised.value).startswith("IdempotentLambda 'f'")
    assert message in str(raised.value)


def test_a_physical_name_stays_within_lambdas_limit() -> None:
    made = record(lambda: IdempotentLambda("f" * 80, {"code": CODE}))
    name = made.one(FUNCTION).inputs["name"]
    assert len(name) == 64
    assert name != record(lambda: IdempotentLambda("f" * 81, {"code": CODE})).one(FUNCTION).inputs["name"]


def test_outputs_are_known_to_the_program() -> None:
    def program() -> None:
        made = IdempotentLambda("f", {"code": CODE, "asynchronous": True, "idempotency": {"token": "EVENT"}})
        for name in IdempotentLambda.__annotations__:
            pulumi.export(name, getattr(made, name))

    exports = record(program).exports
    assert set(exports) == set(IdempotentLambda.__annotations__)
    assert exports["function_name"] == "project-test-f"
    assert exports["idempotency_table_name"] == "project-test-f-idempotency"


@pytest.mark.parametrize(
    ("reserved", "given", "limit"),
    [
        (None, None, None),
        (None, 7, 7),
        (5, None, 5),
        (5, 3, 3),
        (2000, None, 1000),
        (-1, None, None),
        (pulumi.Output.from_input(5), None, 5),
    ],
)
def test_a_queue_hands_over_no_more_than_is_reserved(reserved: Any, given: int | None, limit: int | None) -> None:
    source = {} if given is None else {"maximum_concurrency": given}
    more = {} if reserved is None else {"reserved_concurrent_executions": reserved}
    mapping = make(queue_source=source, **more).one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
    assert mapping.get("scalingConfig") == (None if limit is None else {"maximumConcurrency": limit})


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"queue_source": {"maximum_concurrency": 1}}, "'maximum_concurrency' is 1"),
        ({"queue_source": {"maximum_concurrency": 1001}}, "'maximum_concurrency' is 1001"),
        ({"queue_source": {}, "reserved_concurrent_executions": 1}, "'reserved_concurrent_executions' is 1"),
        ({"queue_source": {"maximum_concurrency": 6}, "reserved_concurrent_executions": 5}, "is 6, above"),
        ({"queue_source": {}, "topic_source": TOPIC, "reserved_concurrent_executions": 3}, "2 queues need 4"),
        (
            {"queue_source": {"maximum_concurrency": 4}, "topic_source": TOPIC, "reserved_concurrent_executions": 5},
            "is 4 beside 1 other queues, above",
        ),
        (
            {"grants": {"Trace": {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/*"]}}},
            "has the Sid of a statement that the component makes",
        ),
        (
            {
                "grants": {
                    "Read": {
                        "actions": ["s3:GetObject"],
                        "resources": [f"arn:aws:s3:::bucket-{number:040}/*" for number in range(150)],
                    }
                }
            },
            "'grants' makes policies of",
        ),
    ],
)
def test_what_aws_would_refuse_or_lose_is_refused(args: dict[str, Any], message: str) -> None:
    # Pulumi hands on what an output raises as a ValueError.
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the message is compared
        make(**args)
    assert message in str(raised.value)


@pytest.mark.parametrize(("given", "limits"), [({}, [5, 5]), ({"maximum_concurrency": 3}, [3, 7])])
def test_queues_share_what_is_reserved(given: Any, limits: list[int]) -> None:
    made = make(queue_source=given, topic_source=TOPIC, reserved_concurrent_executions=10)
    found = [made.one(MAPPING, name).inputs["scalingConfig"]["maximumConcurrency"] for name in ("f-queue", "f-topic")]
    assert found == limits


def test_the_rights_to_interfaces_outlive_the_functions_place_in_the_vpc() -> None:
    made = make(vpc_config={"subnet_ids": ["s"], "security_group_ids": ["g"], "replacement_security_group_ids": ["r"]})
    # A policy of its own: Pulumi deletes it after the function has changed, or gone; a statement goes before.
    assert "ec2:DeleteNetworkInterface" in made.statements("f-role-vpc")["Interfaces"]["Action"]
    depends = {request.name: set(request.dependencies) for request, _ in made.registrations}
    urns = {request.name: response.urn for request, response in made.registrations if "rolePolicy" in request.type}
    assert urns["f-role-vpc"] in depends["f-role"] | depends["f-function"]
    assert urns["f-role"] in depends["f-function"]
    function = made.one(FUNCTION).inputs
    assert (function["replaceSecurityGroupsOnDestroy"], function["replacementSecurityGroupIds"]) == (True, ["r"])
    assert "f-role-vpc" not in {name for _, name in make().names()}
