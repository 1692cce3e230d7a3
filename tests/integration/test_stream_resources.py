"""The provider makes, changes and removes the resources between a table and its bucket."""

import json
from pathlib import Path

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.deploy import Stack
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.table import resource_type

from tests.conftest import Deploy
from tests.integration.stream_parts import objects_of, put_items, until_state
from tests.waiting import wait_until

PIPE = "aws:pipes/pipe:Pipe"
DELIVERY_STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
PROGRAM = """
import json
import pulumi, pulumi_aws as aws
def role(name, service, statements):
    made = aws.iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}))
    policy = aws.iam.RolePolicy(name, role=made.name, policy=pulumi.Output.json_dumps({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}
                      for actions, resources in statements]}))
    return made, policy
table = aws.dynamodb.Table("orders", hash_key="id", billing_mode="PAY_PER_REQUEST", stream_enabled=True,
                           stream_view_type="NEW_AND_OLD_IMAGES", attributes=[{"name": "id", "type": "S"}])
bucket = aws.s3.Bucket("raw", force_destroy=True)
group = aws.cloudwatch.LogGroup("errors", retention_in_days=7)
log_stream = aws.cloudwatch.LogStream("s3", log_group_name=group.name)
stream = aws.kinesis.Stream("changes", shard_count=1, retention_period=48, tags={"a": "1"})
aws.dynamodb.KinesisStreamingDestination("changes", table_name=table.name, stream_arn=stream.arn,
                                         approximate_creation_date_time_precision="MILLISECOND")
writer, write = role("writer", "firehose.amazonaws.com", [
    (["s3:GetBucketLocation"], bucket.arn), (["s3:PutObject"], pulumi.Output.concat(bucket.arn, "/*")),
    (["logs:PutLogEvents"], pulumi.Output.concat(group.arn, ":*")),
    (["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"], stream.arn)])
def delivery(name, **more):
    return aws.kinesis.FirehoseDeliveryStream(name, destination="extended_s3", extended_s3_configuration={
        "role_arn": writer.arn, "bucket_arn": bucket.arn, "prefix": f"{name}/dt=!{{timestamp:yyyy-MM-dd}}/",
        "error_output_prefix": f"errors/{name}/!{{firehose:error-output-type}}/",
        "buffering_interval": 20, "buffering_size": 5, "compression_format": "UNCOMPRESSED",
        "cloudwatch_logging_options": {"enabled": True, "log_group_name": group.name,
                                       "log_stream_name": log_stream.name},
        "processing_configuration": {"enabled": True, "processors": [{"type": "AppendDelimiterToRecord",
            "parameters": [{"parameter_name": "Delimiter", "parameter_value": "\\\\n"}]}]},
    }, opts=pulumi.ResourceOptions(depends_on=[write]), tags={"team": "orders"}, **more)
direct = delivery("direct", server_side_encryption={"enabled": True, "key_type": "AWS_OWNED_CMK"})
replayed = delivery("replayed", kinesis_source_configuration={"kinesis_stream_arn": stream.arn, "role_arn": writer.arn})
reader, read = role("reader", "pipes.amazonaws.com", [
    (["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"], table.stream_arn),
    (["dynamodb:ListStreams"], "*"), (["firehose:PutRecordBatch"], direct.arn)])
pipe = aws.pipes.Pipe("flow", role_arn=reader.arn, source=table.stream_arn, target=direct.arn,
    source_parameters={
        "dynamodb_stream_parameters": {"starting_position": "LATEST", "batch_size": 100,
            "maximum_batching_window_in_seconds": 1, "maximum_retry_attempts": 3,
            "on_partial_batch_item_failure": "AUTOMATIC_BISECT"},
        "filter_criteria": {"filters": [{"pattern": json.dumps({"eventName": ["INSERT"]})}]}},
    target_parameters={"input_template": '{"id": <$.dynamodb.Keys.id.S>}'}, tags={"team": "orders"},
    opts=pulumi.ResourceOptions(depends_on=[read]))
pulumi.export("table", table.name)
pulumi.export("bucket", bucket.bucket)
pulumi.export("pipe", pipe.name)
pulumi.export("direct", direct.name)
pulumi.export("direct_arn", direct.arn)
"""


@pytest.fixture(scope="module")
def flow(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder: Path = tmp_path_factory.mktemp("flow")
    (folder / "Pulumi.yaml").write_text("name: flow\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


def test_a_table_flows_through_the_pipe_and_through_kinesis(aws: Sandbox, flow: Stack) -> None:
    put_items(aws, flow.outputs["table"], ["1", "2", "3"])

    def rows(prefix: str) -> list[dict[str, object]]:
        contents = objects_of(aws, flow.outputs["bucket"], prefix).values()
        return [json.loads(text) for content in contents for text in content.splitlines()]

    wait_until(lambda: len(rows("direct/")) >= 3, "the pipe's rows are in the bucket")
    wait_until(lambda: len(rows("replayed/")) >= 3, "the Kinesis stream's records are in the bucket")
    assert rows("direct/") == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert aws.client("pipes").describe_pipe(Name=flow.outputs["pipe"])["Tags"] == {"team": "orders"}


def test_changes_in_place_and_removal(aws: Sandbox, flow: Stack) -> None:
    name, stream = flow.outputs["pipe"], flow.outputs["direct"]
    [pipe_state] = flow.of_type(PIPE).values()
    streams = flow.of_type(DELIVERY_STREAM)
    state = next(found for found in streams.values() if found["name"] == stream)

    def context(what: str) -> Context:
        return Context(aws.cloud, f"urn:{what}", what)

    pipe, delivery = resource_type(PIPE), resource_type(DELIVERY_STREAM)
    assert pipe.update is not None
    assert delivery.update is not None
    taken = ("roleArn", "source", "target", "sourceParameters", "tags")
    kept = {key: pipe_state[key] for key in taken}
    pipe.update(context(name), name, pipe_state, Inputs(PIPE, {**kept, "desiredState": "STOPPED"}))
    found = until_state(aws, name, "STOPPED")
    assert found["SourceParameters"]["DynamoDBStreamParameters"]["StartingPosition"] == "LATEST"
    extended = {**state["extendedS3Configuration"], "bufferingInterval": 60}
    values = {"name": stream, "destination": "extended_s3", "extendedS3Configuration": extended}
    assert delivery.update(context(stream), state["arn"], state, Inputs(DELIVERY_STREAM, values))["versionId"] == "2"
    firehose = aws.client("firehose")
    described = firehose.describe_delivery_stream(DeliveryStreamName=stream)["DeliveryStreamDescription"]
    hints = described["Destinations"][0]["ExtendedS3DestinationDescription"]["BufferingHints"]
    assert hints == {"IntervalInSeconds": 60, "SizeInMBs": 5}
    pipe.delete(context(name), name, pipe_state)
    delivery.delete(context(stream), state["arn"], state)
    wait_until(lambda: not aws.client("pipes").list_pipes(NamePrefix=name)["Pipes"], "the pipe is gone")
    wait_until(
        lambda: stream not in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"], "the stream is gone"
    )


def test_a_pipe_that_fails_and_a_property_that_is_not_known_are_errors_that_say_why(aws: Sandbox, flow: Stack) -> None:
    [state] = flow.of_type(PIPE).values()
    request = {key: state[key] for key in ("source", "target", "sourceParameters", "roleArn")}
    context = Context(aws.cloud, "urn:other", "other")
    # A service of its own role cannot be assumed by Pipes.
    [writer] = [role["arn"] for name, role in flow.of_type("aws:iam/role:Role").items() if "writer" in name]
    with pytest.raises(SandboxError, match=r"CREATE_FAILED: .*cannot be assumed by pipes"):
        resource_type(PIPE).create(context, Inputs(PIPE, {**request, "roleArn": writer}))
    with pytest.raises(SandboxError, match="does not know the property 'sourceParams'"):
        resource_type(PIPE).create(context, Inputs(PIPE, {**request, "sourceParams": {}}))
