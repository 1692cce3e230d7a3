"""The provider as the engine uses it: each call, and each type of the pipeline's stack, without an engine."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import stack_config
from eda_sandbox.provider.server import MESSAGE_BYTES, VERSION, serve
from eda_sandbox.provider.table import TABLE
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from pipeline.demo.external_api import ExternalApi
from tests.integration.provider_client import Engine, Made

ROOT = Path(__file__).parents[2]
NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
QUEUE = "aws:sqs/queue:Queue"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stub(aws: Sandbox) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    limits = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    with serve(aws.cloud) as port, grpc.insecure_channel(f"127.0.0.1:{port}", limits) as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


@pytest.fixture
def engine(stub: provider_pb2_grpc.ResourceProviderStub) -> Engine:
    return Engine(stub)


@pytest.fixture(scope="module")
def stack(stub: provider_pb2_grpc.ResourceProviderStub, external: ExternalApi) -> Engine:
    """The pipeline's own program, its resources made over gRPC."""
    engine = Engine(stub)
    config = {**stack_config(ROOT, "orders", "sandbox"), "orders:external_api_url": external.url}
    # A name of its own: other tests of this process may have deployed the stack `sandbox`.
    engine.run(ROOT / "__main__.py", "orders", "grpc", config)
    return engine


@pytest.fixture(scope="module")
def types(stack: Engine) -> dict[str, list[Made]]:
    found: dict[str, list[Made]] = defaultdict(list)
    for made in stack.made:
        found[made.type].append(made)
    return found


def struct(**values: Any) -> Struct:
    made = Struct()
    made.update(values)
    return made


def urn(type: str, name: str) -> str:
    return f"urn:pulumi:test::project::{type}::{name}"


def test_it_is_attached_to_and_says_what_it_is(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    handshake = stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert not handshake.accept_secrets
    # The SDK's stub lacks the method, as its servicer does.
    stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == VERSION
    assert json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)["name"] == "aws"
    region = struct(region="eu-central-1")
    assert stub.CheckConfig(provider_pb2.CheckRequest(news=region)).inputs == region
    assert stub.DiffConfig(provider_pb2.DiffRequest(olds=region, news=struct())).changes == NONE
    assert stub.Configure(provider_pb2.ConfigureRequest(args=region)).supportsPreview
    stub.Cancel(empty_pb2.Empty())


def test_invokes_say_where_the_program_runs_and_others_are_refused(
    stub: provider_pb2_grpc.ResourceProviderStub, aws: Sandbox
) -> None:
    answer = stub.Invoke(provider_pb2.InvokeRequest(tok="aws:index/getCallerIdentity:getCallerIdentity"))
    assert getattr(answer, "return")["accountId"] == aws.cloud.account
    with pytest.raises(grpc.RpcError, match="getAvailabilityZones"):
        stub.Invoke(provider_pb2.InvokeRequest(tok="aws:index/getAvailabilityZones:getAvailabilityZones"))


def test_what_the_sandbox_does_not_know_is_refused_before_anything_is_made(engine: Engine, aws: Sandbox) -> None:
    queues = aws.client("sqs").list_queues().get("QueueUrls")
    [unknown] = engine.check("aws:sqs/que:Que", urn("aws:sqs/que:Que", "q"), "q", struct()).failures
    assert "aws:sqs/que:Que" in unknown.reason
    assert QUEUE in unknown.reason
    [misspelt] = engine.check(QUEUE, urn(QUEUE, "q"), "q", struct(visibilityTimeout=3)).failures
    assert misspelt.property == "visibilityTimeout"
    assert "is 'visibilityTimeoutSeconds' meant?" in misspelt.reason
    layer = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    [mistyped] = engine.check(layer, urn(layer, "f"), "f", struct(functionName="f", destinationConfig=["x"])).failures
    assert mistyped.reason
    missing = engine.check("aws:s3/bucketPolicy:BucketPolicy", "urn", "p", struct(bucket="b")).failures
    assert "'policy' is missing" in missing[0].reason
    assert aws.client("sqs").list_queues().get("QueueUrls") == queues


def test_what_is_not_known_before_the_deployment_is_no_failure(engine: Engine) -> None:
    for values in (
        struct(visibilityTimeoutSeconds=rpc.UNKNOWN, redrivePolicy=rpc.UNKNOWN),
        struct(tags=rpc.UNKNOWN),
    ):
        assert not engine.check(QUEUE, urn(QUEUE, "q"), "q", values).failures
    [failure] = engine.check(QUEUE, urn(QUEUE, "q"), "q", struct(redrivePolicy=rpc.UNKNOWN, unheardOf=1)).failures
    assert failure.property == "unheardOf"


def test_a_preview_makes_and_changes_nothing(engine: Engine, aws: Sandbox) -> None:
    inputs = struct(name="previewed", visibilityTimeoutSeconds=30)
    request = provider_pb2.CreateRequest(urn=urn(QUEUE, "p"), properties=inputs, type=QUEUE, name="p", preview=True)
    answer = engine.stub.Create(request)
    assert answer.id == ""
    assert "arn" not in answer.properties
    assert not aws.client("sqs").list_queues(QueueNamePrefix="previewed").get("QueueUrls")
    made = engine.create(QUEUE, urn(QUEUE, "p"), "p", inputs)
    engine.update(made, made.changed({"visibilityTimeoutSeconds": 60}), preview=True)
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "30"
    engine.delete(made)


@pytest.mark.parametrize(("serde", "expected"), [({}, None), ({"name": "-"}, {"Name": "-"})])
def test_a_block_in_which_nothing_stands_is_not_sent(
    engine: Engine, aws: Sandbox, serde: dict[str, str], expected: dict[str, str] | None
) -> None:
    database, view = "aws:glue/catalogDatabase:CatalogDatabase", "aws:glue/catalogTable:CatalogTable"
    made = engine.create(database, urn(database, "serdes"), "serdes", struct(name="serdes"))
    storage = {"columns": [{"name": "id", "type": "string"}], "serDeInfo": serde}
    values = struct(name="v", databaseName="serdes", tableType="VIRTUAL_VIEW", storageDescriptor=storage)
    table = engine.create(view, urn(view, "v"), "v", values)
    stored = aws.client("glue").get_table(DatabaseName="serdes", Name="v")["Table"]["StorageDescriptor"]
    assert stored.get("SerdeInfo") == expected
    engine.delete(table)
    engine.delete(made)


def test_a_failure_is_told_with_the_resources_name(engine: Engine) -> None:
    policy = "aws:sqs/queuePolicy:QueuePolicy"
    with pytest.raises(grpc.RpcError, match="lonely: ") as failure:
        engine.create(policy, urn(policy, "lonely"), "lonely", struct(queueUrl="http://127.0.0.1:1/q", policy="{}"))
    assert failure.value.code() == grpc.StatusCode.UNKNOWN


def test_a_position_inside_a_block_replaces_a_pipe_and_the_rest_of_the_block_does_not(
    stack: Engine, types: dict[str, list[Made]]
) -> None:
    pipe = types["aws:pipes/pipe:Pipe"][0]
    parameters = pipe.told()["sourceParameters"]["dynamodbStreamParameters"]
    for name, value, replaces in (("batchSize", 7, []), ("startingPosition", "LATEST", ["sourceParameters"])):
        block = {"dynamodbStreamParameters": {**parameters, name: value}}
        told = stack.diff(pipe, pipe.changed({"sourceParameters": block}))
        assert (told.changes, list(told.replaces)) == (SOME, replaces)


def test_every_type_of_the_stack_refuses_a_property_that_it_does_not_take(
    stack: Engine, types: dict[str, list[Made]]
) -> None:
    for type, [made, *_] in types.items():
        [failure] = stack.check(type, made.urn, made.name, made.changed({"unheardOf": "x"})).failures
        assert failure.property.rpartition(".")[2] == "unheardOf", type
        assert failure.reason.startswith(f"{type}: "), failure.reason
        assert "unheardOf'" in failure.reason


def test_what_did_not_change_has_no_diff(stack: Engine) -> None:
    assert len(stack.made) > 200
    for made in stack.made:
        assert stack.diff(made, made.inputs).changes == NONE, made.urn


def test_every_resource_is_read_as_it_is(stack: Engine) -> None:
    for made in stack.made:
        read = stack.read(made)
        assert (read.id, read.properties, read.inputs) == (made.id, made.state, made.inputs), made.urn


def test_tags_change_in_place_on_everything_that_has_them(stack: Engine, types: dict[str, list[Made]]) -> None:
    tagged = [made for [made, *_] in types.values() if "tags" in made.inputs]
    assert len(tagged) > 20
    for made in tagged:
        before = made.told()["tags"]
        assert before, made.urn
        news = made.changed({"tags": {**dict(list(before.items())[1:]), "added": "yes"}})
        told = stack.diff(made, news)
        assert (told.changes, list(told.replaces)) == (SOME, []), made.urn
        stack.update(made, news)
        assert made.told()["tagsAll"] == made.told()["tags"], made.urn
        assert stack.diff(made, news).changes == NONE


def tags_of(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair.get("Key", pair.get("key", "")): pair.get("Value", pair.get("value", "")) for pair in pairs}


@pytest.mark.parametrize(
    ("type", "shown"),
    [
        (
            "aws:dynamodb/table:Table",
            lambda c, it: tags_of(c("dynamodb").list_tags_of_resource(ResourceArn=it["arn"])["Tags"]),
        ),
        ("aws:s3/bucket:Bucket", lambda c, it: tags_of(c("s3").get_bucket_tagging(Bucket=it["id"])["TagSet"])),
        ("aws:lambda/function:Function", lambda c, it: c("lambda").list_tags(Resource=it["arn"])["Tags"]),
        (
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            lambda c, it: c("lambda").list_tags(Resource=it["arn"])["Tags"],
        ),
        ("aws:sqs/queue:Queue", lambda c, it: c("sqs").list_queue_tags(QueueUrl=it["id"])["Tags"]),
        ("aws:iam/role:Role", lambda c, it: tags_of(c("iam").list_role_tags(RoleName=it["id"])["Tags"])),
        (
            "aws:sfn/stateMachine:StateMachine",
            lambda c, it: tags_of(c("stepfunctions").list_tags_for_resource(resourceArn=it["arn"])["tags"]),
        ),
        ("aws:apigateway/restApi:RestApi", lambda c, it: c("apigateway").get_tags(resourceArn=it["arn"])["tags"]),
        ("aws:apigateway/stage:Stage", lambda c, it: c("apigateway").get_tags(resourceArn=it["arn"])["tags"]),
    ],
)
def test_the_service_shows_the_tags_that_were_changed(
    aws: Sandbox, stack: Engine, types: dict[str, list[Made]], type: str, shown: Callable[[Any, Any], dict[str, str]]
) -> None:
    made = types[type][0]
    before = made.told()["tags"]
    assert shown(aws.client, made.told()) == before
    after = {**dict(list(before.items())[1:]), "again": "1"}
    stack.update(made, made.changed({"tags": after}))
    assert shown(aws.client, made.told()) == after


class Change(NamedTuple):
    """A change in place, and how the service shows it."""

    properties: Callable[[dict[str, Any]], dict[str, Any]]
    shown: Callable[[Callable[[str], Any], dict[str, Any]], object]


def described(key: str = "description", text: str = "changed") -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda it: {key: text}


def statement(it: dict[str, Any], key: str = "policy") -> dict[str, Any]:
    document = json.loads(it[key])
    document["Statement"][0]["Sid"] = "Changed"
    return {key: json.dumps(document)}


def lambda_of(c: Callable[[str], Any], it: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = c("lambda").get_function_configuration(FunctionName=it["name"])
    return found


def titled(document: str, title: str) -> str:
    found = json.loads(document)
    return json.dumps({**found, "info": {**found["info"], "title": title}})


CHANGES: dict[str, Change] = {
    "aws:apigateway/restApi:RestApi": Change(
        lambda it: {"body": titled(it["body"], "Changed")},
        lambda c, it: c("apigateway").get_rest_api(restApiId=it["id"])["name"] == "Changed",
    ),
    "aws:apigateway/stage:Stage": Change(
        lambda it: {"accessLogSettings": None, "xrayTracingEnabled": False},
        lambda c, it: (
            "accessLogSettings"
            not in (s := c("apigateway").get_stage(restApiId=it["restApi"], stageName=it["stageName"]))
            and s["tracingEnabled"] is False
        ),
    ),
    "aws:apigateway/methodSettings:MethodSettings": Change(
        lambda it: {"settings": {"throttlingBurstLimit": 7}},
        lambda c, it: (
            7
            in [
                setting["throttlingBurstLimit"]
                for setting in c("apigateway")
                .get_stage(restApiId=it["restApi"], stageName=it["stageName"])["methodSettings"]
                .values()
            ]
        ),
    ),
    "aws:athena/workgroup:Workgroup": Change(
        described(),
        lambda c, it: c("athena").get_work_group(WorkGroup=it["id"])["WorkGroup"]["Description"] == "changed",
    ),
    "aws:cloudwatch/dashboard:Dashboard": Change(
        lambda it: {"dashboardBody": '{"widgets": []}'},
        lambda c, it: c("cloudwatch").get_dashboard(DashboardName=it["id"])["DashboardBody"] == '{"widgets": []}',
    ),
    "aws:cloudwatch/eventRule:EventRule": Change(
        described(),
        lambda c, it: (
            c("events").describe_rule(Name=it["name"], EventBusName=it["eventBusName"])["Description"] == "changed"
        ),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Change(
        lambda it: {"retryPolicy": {"maximumRetryAttempts": 7, "maximumEventAgeInSeconds": 600}},
        lambda c, it: (
            c("events").list_targets_by_rule(Rule=it["rule"])["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"] == 7
        ),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Change(
        lambda it: {"retentionInDays": 30},
        lambda c, it: (
            c("logs").describe_log_groups(logGroupNamePrefix=it["id"])["logGroups"][0]["retentionInDays"] == 30
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Change(
        lambda it: {"threshold": 77},
        lambda c, it: c("cloudwatch").describe_alarms(AlarmNames=[it["id"]])["MetricAlarms"][0]["Threshold"] == 77,
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Change(
        lambda it: {"queryString": "fields @message"},
        lambda c, it: (
            "fields @message" in [q["queryString"] for q in c("logs").describe_query_definitions()["queryDefinitions"]]
        ),
    ),
    "aws:dynamodb/table:Table": Change(
        lambda it: {"deletionProtectionEnabled": True, "pointInTimeRecovery": {"enabled": False}},
        lambda c, it: (
            c("dynamodb").describe_continuous_backups(TableName=it["id"])["ContinuousBackupsDescription"][
                "PointInTimeRecoveryDescription"
            ]["PointInTimeRecoveryStatus"]
            == "DISABLED"
        ),
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": Change(
        described(), lambda c, it: c("glue").get_database(Name=it["name"])["Database"].get("Description") == "changed"
    ),
    "aws:glue/catalogTable:CatalogTable": Change(
        described(),
        lambda c, it: (
            c("glue").get_table(DatabaseName=it["databaseName"], Name=it["name"])["Table"].get("Description")
            == "changed"
        ),
    ),
    "aws:glue/job:Job": Change(
        lambda it: {"timeout": 7}, lambda c, it: c("glue").get_job(JobName=it["id"])["Job"]["Timeout"] == 7
    ),
    "aws:iam/role:Role": Change(
        lambda it: {**described()(it), **statement(it, "assumeRolePolicy")},
        lambda c, it: (
            (role := c("iam").get_role(RoleName=it["id"])["Role"])["Description"] == "changed"
            and role["AssumeRolePolicyDocument"]["Statement"][0]["Sid"] == "Changed"
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": Change(
        statement,
        lambda c, it: (
            c("iam").get_role_policy(RoleName=it["role"], PolicyName=it["name"])["PolicyDocument"]["Statement"][0][
                "Sid"
            ]
            == "Changed"
        ),
    ),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Change(
        lambda it: {"extendedS3Configuration": {**it["extendedS3Configuration"], "bufferingInterval": 77}},
        lambda c, it: (
            c("firehose").describe_delivery_stream(DeliveryStreamName=it["name"])["DeliveryStreamDescription"][
                "VersionId"
            ]
            == it["versionId"]
            == "2"
        ),
    ),
    "aws:kms/key:Key": Change(
        lambda it: {**described()(it), "enableKeyRotation": False},
        lambda c, it: (
            c("kms").describe_key(KeyId=it["id"])["KeyMetadata"]["Description"] == "changed"
            and not c("kms").get_key_rotation_status(KeyId=it["id"])["KeyRotationEnabled"]
        ),
    ),
    "aws:lambda/function:Function": Change(
        lambda it: {"memorySize": 777, "description": None, "reservedConcurrentExecutions": 3},
        lambda c, it: (
            (lambda_of(c, it)["MemorySize"], lambda_of(c, it)["Description"]) == (777, "")
            and c("lambda").get_function_concurrency(FunctionName=it["name"])["ReservedConcurrentExecutions"] == 3
        ),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Change(
        lambda it: {"maximumRetryAttempts": 1},
        lambda c, it: c("lambda").get_function_event_invoke_config(FunctionName=it["id"])["MaximumRetryAttempts"] == 1,
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Change(
        lambda it: {"batchSize": 3, "enabled": False},
        lambda c, it: (
            (found := c("lambda").get_event_source_mapping(UUID=it["id"]))["BatchSize"] == 3
            and found["State"] == "Disabled"
        ),
    ),
    "aws:pipes/pipe:Pipe": Change(
        described(), lambda c, it: c("pipes").describe_pipe(Name=it["id"])["Description"] == "changed"
    ),
    "aws:quicksight/dataSource:DataSource": Change(
        described("name", "Changed"),
        lambda c, it: (
            c("quicksight").describe_data_source(AwsAccountId=it["awsAccountId"], DataSourceId=it["dataSourceId"])[
                "DataSource"
            ]["Name"]
            == "Changed"
        ),
    ),
    "aws:quicksight/dataSet:DataSet": Change(
        described("name", "Changed"),
        lambda c, it: (
            c("quicksight").describe_data_set(AwsAccountId=it["awsAccountId"], DataSetId=it["dataSetId"])["DataSet"][
                "Name"
            ]
            == "Changed"
        ),
    ),
    "aws:redshiftserverless/namespace:Namespace": Change(
        lambda it: {"logExports": ["userlog"]},
        lambda c, it: (
            c("redshift-serverless").get_namespace(namespaceName=it["id"])["namespace"]["logExports"] == ["userlog"]
        ),
    ),
    "aws:redshiftserverless/usageLimit:UsageLimit": Change(
        lambda it: {"amount": 12},
        lambda c, it: c("redshift-serverless").get_usage_limit(usageLimitId=it["id"])["usageLimit"]["amount"] == 12,
    ),
    "aws:secretsmanager/secret:Secret": Change(
        described(), lambda c, it: c("secretsmanager").describe_secret(SecretId=it["id"])["Description"] == "changed"
    ),
    "aws:redshiftserverless/workgroup:Workgroup": Change(
        lambda it: {"baseCapacity": 16},
        lambda c, it: (
            c("redshift-serverless").get_workgroup(workgroupName=it["id"])["workgroup"]["baseCapacity"]
            == it["baseCapacity"]
            == 16
        ),
    ),
    "aws:s3/bucket:Bucket": Change(
        lambda it: {"forceDestroy": True}, lambda c, it: c("s3").head_bucket(Bucket=it["id"]) and it["forceDestroy"]
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Change(
        lambda it: {"versioningConfiguration": {"status": "Suspended"}},
        lambda c, it: c("s3").get_bucket_versioning(Bucket=it["bucket"])["Status"] == "Suspended",
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Change(
        lambda it: {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
        lambda c, it: (
            c("s3").get_bucket_encryption(Bucket=it["bucket"])["ServerSideEncryptionConfiguration"]["Rules"][0][
                "ApplyServerSideEncryptionByDefault"
            ]["SSEAlgorithm"]
            == "aws:kms"
        ),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Change(
        lambda it: {"blockPublicAcls": False},
        lambda c, it: (
            not c("s3").get_public_access_block(Bucket=it["bucket"])["PublicAccessBlockConfiguration"][
                "BlockPublicAcls"
            ]
        ),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Change(
        lambda it: {"rules": [{**it["rules"][0], "id": "changed"}]},
        lambda c, it: c("s3").get_bucket_lifecycle_configuration(Bucket=it["bucket"])["Rules"][0]["ID"] == "changed",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Change(
        statement, lambda c, it: '"Changed"' in c("s3").get_bucket_policy(Bucket=it["bucket"])["Policy"]
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Change(
        lambda it: {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        lambda c, it: (
            c("s3").get_bucket_ownership_controls(Bucket=it["bucket"])["OwnershipControls"]["Rules"][0][
                "ObjectOwnership"
            ]
            == "BucketOwnerPreferred"
        ),
    ),
    "aws:s3/bucketNotification:BucketNotification": Change(
        lambda it: {"eventbridge": False},
        lambda c, it: (
            "EventBridgeConfiguration" not in c("s3").get_bucket_notification_configuration(Bucket=it["bucket"])
        ),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Change(
        lambda it: {"source": None, "content": "changed"},
        lambda c, it: c("s3").get_object(Bucket=it["bucket"], Key=it["key"])["Body"].read() == b"changed",
    ),
    "aws:scheduler/schedule:Schedule": Change(
        described(),
        lambda c, it: (
            c("scheduler").get_schedule(GroupName=it["groupName"], Name=it["name"])["Description"] == "changed"
        ),
    ),
    "aws:sfn/stateMachine:StateMachine": Change(
        lambda it: {"tracingConfiguration": None},
        lambda c, it: (
            not c("stepfunctions").describe_state_machine(stateMachineArn=it["id"])["tracingConfiguration"]["enabled"]
        ),
    ),
    "aws:sns/topic:Topic": Change(
        described("displayName"),
        lambda c, it: c("sns").get_topic_attributes(TopicArn=it["id"])["Attributes"]["DisplayName"] == "changed",
    ),
    "aws:sns/topicPolicy:TopicPolicy": Change(
        statement, lambda c, it: '"Changed"' in c("sns").get_topic_attributes(TopicArn=it["id"])["Attributes"]["Policy"]
    ),
    "aws:sqs/queue:Queue": Change(
        lambda it: {"visibilityTimeoutSeconds": 77, "messageRetentionSeconds": None},
        lambda c, it: (
            (a := c("sqs").get_queue_attributes(QueueUrl=it["id"], AttributeNames=["All"])["Attributes"])
            and (a["VisibilityTimeout"], a["MessageRetentionPeriod"]) == ("77", "345600")
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Change(
        statement,
        lambda c, it: (
            '"Changed"'
            in c("sqs").get_queue_attributes(QueueUrl=it["id"], AttributeNames=["Policy"])["Attributes"]["Policy"]
        ),
    ),
    "aws:xray/group:Group": Change(
        described("filterExpression", "fault"),
        lambda c, it: c("xray").get_group(GroupARN=it["id"])["Group"]["FilterExpression"] == "fault",
    ),
    "aws:xray/samplingRule:SamplingRule": Change(
        lambda it: {"fixedRate": 0.7},
        lambda c, it: (
            0.7 in [r["SamplingRule"]["FixedRate"] for r in c("xray").get_sampling_rules()["SamplingRuleRecords"]]
        ),
    ),
}
REPLACED = {
    "aws:apigateway/deployment:Deployment": {"triggers": {"changed": "yes"}},
    "aws:cloudwatch/logStream:LogStream": {"name": "changed"},
    "aws:glue/securityConfiguration:SecurityConfiguration": {"name": "changed"},
    "aws:lambda/invocation:Invocation": {"triggers": {"changed": "yes"}},
    "aws:lambda/layerVersion:LayerVersion": {"description": "changed"},
    "aws:lambda/permission:Permission": {"action": "lambda:GetFunction"},
    "aws:dynamodb/table:Table": {"hashKey": "changed"},
    "aws:s3/bucket:Bucket": {"bucket": "changed"},
    "aws:lambda/function:Function": {"name": "changed"},
    "aws:sfn/stateMachine:StateMachine": {"type": "EXPRESS"},
    "aws:sqs/queue:Queue": {"fifoQueue": True},
    "aws:iam/role:Role": {"path": "/changed/"},
    "aws:scheduler/schedule:Schedule": {"groupName": "changed"},
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": {"name": "changed"},
    "aws:redshiftserverless/namespace:Namespace": {"dbName": "changed"},
}


def test_each_type_of_the_stack_changes_in_place_or_is_replaced(types: dict[str, list[Made]]) -> None:
    assert set(types) - set(CHANGES) - set(REPLACED) == set()
    assert {type for type in CHANGES if TABLE[type].update is None} == set()


@pytest.mark.parametrize("type", CHANGES)
def test_a_change_in_place_reaches_the_service(
    aws: Sandbox, stack: Engine, types: dict[str, list[Made]], type: str
) -> None:
    made = types[type][0]
    properties = CHANGES[type].properties(made.told())
    assert not CHANGES[type].shown(aws.client, made.told())
    news = made.changed(properties)
    told = stack.diff(made, news)
    assert (told.changes, set(told.diffs), list(told.replaces)) == (SOME, set(properties), [])
    stack.update(made, news)
    assert CHANGES[type].shown(aws.client, made.told())
    assert stack.diff(made, news).changes == NONE


@pytest.mark.parametrize("type", REPLACED)
def test_what_cannot_be_changed_is_replaced(stack: Engine, types: dict[str, list[Made]], type: str) -> None:
    made = types[type][0]
    told = stack.diff(made, made.changed(REPLACED[type]))
    assert (told.changes, list(told.replaces)) == (SOME, list(REPLACED[type]))
    # A name that is given can be taken once; where it changes, or none is given, the new one comes first.
    names = {"name", "bucket"}
    assert told.deleteBeforeReplace == bool(names & {*made.inputs} - set(REPLACED[type]))


def test_a_resource_that_is_made_again_gets_another_name(engine: Engine) -> None:
    """As long as it is replaced, there are two of it."""
    type = "aws:sqs/queue:Queue"
    first, second = (engine.create(type, urn(type, "again"), "again", struct()) for _ in range(2))
    assert first.id != second.id
    assert all("/again-" in made.id for made in (first, second))


def test_a_secret_is_made_again_while_the_one_before_can_still_be_restored(
    stub: provider_pb2_grpc.ResourceProviderStub, aws: Sandbox
) -> None:
    """Its name is not free before its recovery window ends."""
    type, names, inputs = "aws:secretsmanager/secret:Secret", set(), struct(namePrefix="again-")
    for _ in range(3):
        # Each time another provider, which knows nothing of the last one's resources, as after a destroy.
        with serve(aws.cloud) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            engine = Engine(provider_pb2_grpc.ResourceProviderStub(channel))
            made = engine.create(type, urn(type, "again"), "again", inputs)
            names.add(made.told()["name"])
            engine.delete(made)
    assert len(names) == 3


def test_a_table_gets_a_stream_and_an_index_in_place(engine: Engine, aws: Sandbox) -> None:
    type = "aws:dynamodb/table:Table"
    attributes = [{"name": "id", "type": "S"}]
    inputs = struct(hashKey="id", billingMode="PAY_PER_REQUEST", attributes=attributes)
    made = engine.create(type, urn(type, "plain"), "plain", inputs)
    assert "streamArn" not in made.told()
    index = {"name": "by-owner", "hashKey": "owner", "projectionType": "ALL"}
    news = made.changed(
        {
            "attributes": [*attributes, {"name": "owner", "type": "S"}],
            "globalSecondaryIndexes": [index],
            "streamEnabled": True,
            "streamViewType": "NEW_IMAGE",
            "ttl": {"enabled": True, "attributeName": "expires_at"},
        }
    )
    assert list(engine.diff(made, news).replaces) == []
    engine.update(made, news)
    table = aws.client("dynamodb").describe_table(TableName=made.id)["Table"]
    assert made.told()["streamArn"] == table["LatestStreamArn"]
    assert [found["IndexName"] for found in table["GlobalSecondaryIndexes"]] == ["by-owner"]
    engine.delete(made)


def test_a_change_in_place_knows_an_archive_by_its_hash_alone(
    stack: Engine, types: dict[str, list[Made]], aws: Sandbox
) -> None:
    made = next(it for it in types["aws:lambda/function:Function"] if it.name == "add-details-function")
    # The engine's state holds no content.
    archive = made.state["code"]
    for member in ("assets", "path"):
        archive.fields.pop(member, None)
    archive.update({"hash": "0" * 64})
    stack.update(made, made.changed({"memorySize": 192, "description": "by its hash"}))
    found = aws.client("lambda").get_function_configuration(FunctionName=made.id)
    assert (found["MemorySize"], found["Description"]) == (192, "by its hash")
    stack.update(made, made.changed({"memorySize": 128}))


def test_a_bucket_with_more_than_a_page_of_objects_is_emptied(engine: Engine, aws: Sandbox) -> None:
    type, s3 = "aws:s3/bucket:Bucket", aws.client("s3")
    made = engine.create(type, urn(type, "full"), "full", struct(bucket="full-bucket", forceDestroy=True))
    for number in range(1001):
        s3.put_object(Bucket=made.id, Key=f"{number}", Body=b"")
    engine.delete(made)
    assert made.id not in {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_what_is_set_for_a_qualifier_is_found_and_removed_there(engine: Engine, aws: Sandbox) -> None:
    one = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    role = engine.create("aws:iam/role:Role", "urn", "qualified", struct(name="qualified", assumeRolePolicy=trust))
    handler = {rpc._special_sig_key: rpc._special_asset_sig, "text": "def handle(event, context): return 1"}
    code = {rpc._special_sig_key: rpc._special_archive_sig, "assets": {"handler.py": handler}}
    inputs = struct(
        name="qualified", role=role.told()["arn"], runtime="python3.13", handler="handler.handle", code=code
    )
    function = engine.create("aws:lambda/function:Function", "urn", "qualified", inputs)
    type = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    given = struct(functionName="qualified", qualifier="$LATEST", maximumRetryAttempts=1)
    made = engine.create(type, urn(type, "qualified"), "qualified", given)
    assert made.id == "qualified:$LATEST"
    assert (engine.read(made).id, engine.read(made).inputs) == (made.id, given)
    found = engine.stub.Read(provider_pb2.ReadRequest(id=made.id, urn=made.urn, type=type, name=made.name))
    assert (found.id, found.inputs) == (made.id, given)
    for each in (made, function, role):
        engine.delete(each)
        assert engine.read(each).id == ""


def test_settings_of_a_bucket_that_is_gone_are_gone(engine: Engine, aws: Sandbox) -> None:
    bucket = engine.create("aws:s3/bucket:Bucket", "urn", "lost", struct(bucket="lost-bucket"))
    versioning, encryption = (
        engine.create(f"aws:s3/{kind}", "urn", "lost", struct(bucket="lost-bucket", **values))
        for kind, values in (
            ("bucketVersioning:BucketVersioning", {"versioningConfiguration": {"status": "Enabled"}}),
            (
                "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
                {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
            ),
        )
    )
    aws.client("s3").delete_bucket(Bucket="lost-bucket")
    assert [engine.read(made).id for made in (bucket, versioning, encryption)] == ["", "", ""]


def test_a_default_comes_back_when_a_property_is_given_no_more(engine: Engine, aws: Sandbox) -> None:
    key = engine.create("aws:kms/key:Key", urn("aws:kms/key:Key", "own"), "own", struct(deletionWindowInDays=7))
    for type, inputs in (
        ("aws:secretsmanager/secret:Secret", struct(name="keyed", kmsKeyId=key.told()["arn"], recoveryWindowInDays=0)),
        ("aws:ssm/parameter:Parameter", struct(name="keyed", type="SecureString", value="s", keyId=key.id)),
    ):
        made = engine.create(type, urn(type, "keyed"), "keyed", inputs)
        news = made.changed({"keyId" if "keyId" in inputs else "kmsKeyId": None})
        engine.update(made, news)
        read = engine.read(made)
        assert (read.inputs, engine.diff(made, news).changes) == (news, NONE)
        engine.delete(made)


def test_a_relative_path_begins_in_the_programs_folder(aws: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "text").write_text("found")
    bucket, stored = "aws:s3/bucket:Bucket", "aws:s3/bucketObjectv2:BucketObjectv2"
    asset = {rpc._special_sig_key: rpc._special_asset_sig, "path": "parts/text"}
    with serve(aws.cloud, folder=tmp_path) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        engine = Engine(provider_pb2_grpc.ResourceProviderStub(channel))
        made = engine.create(bucket, urn(bucket, "paths"), "paths", struct(bucket="paths-bucket", forceDestroy=True))
        engine.create(stored, urn(stored, "text"), "text", struct(bucket="paths-bucket", key="text", source=asset))
        assert aws.client("s3").get_object(Bucket="paths-bucket", Key="text")["Body"].read() == b"found"
        engine.delete(made)


def test_every_resource_is_deleted_once_and_deleting_it_again_is_no_failure(
    stack: Engine, types: dict[str, list[Made]]
) -> None:
    for bucket in types["aws:s3/bucket:Bucket"]:
        stack.update(bucket, bucket.changed({"forceDestroy": True}))
    for table in types["aws:dynamodb/table:Table"]:
        if table.told().get("deletionProtectionEnabled"):
            stack.update(table, table.changed({"deletionProtectionEnabled": False}))
    for made in reversed(stack.made):
        stack.delete(made)
        # What an invocation did stays done.
        gone = TABLE[made.type].exists is not None
        assert (stack.read(made).id == "") == gone, made.urn
        stack.delete(made)
