"""Customer managed keys in the sandbox: what lies encrypted is for those alone who may use its key."""

import io
import json
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION

from tests.integration.event_parts import role, unique
from tests.waiting import wait_until

ROOT_STATEMENT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
    "Action": "kms:*",
    "Resource": "*",
}
LAMBDA = "lambda.amazonaws.com"


def key(aws: Sandbox, *statements: dict[str, Any], account: bool = True) -> str:
    document = {"Version": "2012-10-17", "Statement": [*([ROOT_STATEMENT] if account else []), *statements]}
    kms = aws.client("kms")
    made = kms.create_key(Policy=json.dumps(document), BypassPolicyLockoutSafetyCheck=not account)
    return str(made["KeyMetadata"]["Arn"])


def uses(key_arn: str, *actions: str, via: str) -> dict[str, Any]:
    condition = {"StringLike": {"kms:ViaService": f"{via}.{REGION}.*"}}
    return {"Action": list(actions), "Resource": key_arn, "Condition": condition}


def _messages(receive: Callable[[], Any]) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] | None = receive().get("Messages")
    return found


def error_of(call: Any, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error: dict[str, Any] = caught.value.response["Error"]
    return error


def as_role(aws: Sandbox, service: str, *statements: dict[str, Any]) -> Any:
    return aws.cloud.client(service, role(aws, LAMBDA, *statements), LAMBDA)


def refusal(action: str, key_arn: str, kind: str = "identity") -> str:
    return (
        f"is not authorized to perform: {action} on resource: {key_arn} because no {kind}-based policy allows the "
        f"{action} action"
    )


def queue(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    url = aws.client("sqs").create_queue(QueueName=unique("q"), Attributes={"KmsMasterKeyId": key_arn})["QueueUrl"]
    return lambda client: client.send_message(QueueUrl=url, MessageBody="m")


def receiving(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    url = aws.client("sqs").create_queue(QueueName=unique("q"), Attributes={"KmsMasterKeyId": key_arn})["QueueUrl"]
    return lambda client: client.receive_message(QueueUrl=url)


def batch(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    url = aws.client("sqs").create_queue(QueueName=unique("q"), Attributes={"KmsMasterKeyId": key_arn})["QueueUrl"]
    return lambda client: client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m"}])


def table(aws: Sandbox, key_arn: str) -> str:
    name = unique("t")
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key_arn},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return name


def item(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name = table(aws, key_arn)
    return lambda client: client.put_item(TableName=name, Item={"id": {"S": "1"}})


def transaction(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name = table(aws, key_arn)
    put = {"Put": {"TableName": name, "Item": {"id": {"S": "1"}}}}
    return lambda client: client.transact_write_items(TransactItems=[put])


def bucket(aws: Sandbox, key_arn: str) -> str:
    name = unique("b")
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}}
    aws.client("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return name


def written(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name = bucket(aws, key_arn)
    return lambda client: client.put_object(Bucket=name, Key="k", Body=b"b")


def read(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name = bucket(aws, key_arn)
    aws.client("s3").put_object(Bucket=name, Key="k", Body=b"b")
    return lambda client: client.get_object(Bucket=name, Key="k")


def topic(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    arn = aws.client("sns").create_topic(Name=unique("t"), Attributes={"KmsMasterKeyId": key_arn})["TopicArn"]
    return lambda client: client.publish(TopicArn=arn, Message="m")


def stream(aws: Sandbox, key_arn: str) -> str:
    name, kinesis = unique("s"), aws.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key_arn)
    return name


def put_record(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name = stream(aws, key_arn)
    return lambda client: client.put_record(StreamName=name, Data=b"d", PartitionKey="p")


def get_records(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name, kinesis = stream(aws, key_arn), aws.client("kinesis")
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return lambda client: client.get_records(ShardIterator=iterator["ShardIterator"])


def changes(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name, streams = table(aws, key_arn), aws.client("dynamodbstreams")
    arn = aws.client("dynamodb").describe_table(TableName=name)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return lambda client: client.get_records(ShardIterator=iterator["ShardIterator"])


def secret(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    arn = aws.client("secretsmanager").create_secret(Name=unique("s"), SecretString="s", KmsKeyId=key_arn)["ARN"]
    return lambda client: client.get_secret_value(SecretId=arn)


def parameter(aws: Sandbox, key_arn: str) -> Callable[[Any], Any]:
    name = f"/{unique('p')}"
    aws.client("ssm").put_parameter(Name=name, Value="s", Type="SecureString", KeyId=key_arn)
    return lambda client: client.get_parameter(Name=name, WithDecryption=True)


DECRYPT, ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"
CASES: dict[str, tuple[str, str, Callable[[Sandbox, str], Callable[[Any], Any]], tuple[str, ...], str]] = {
    "a message is sent": ("sqs", "sqs", queue, (DECRYPT, ENCRYPT), "KMS.AccessDeniedException"),
    "messages are sent": ("sqs", "sqs", batch, (DECRYPT, ENCRYPT), "KMS.AccessDeniedException"),
    "messages are received": ("sqs", "sqs", receiving, (DECRYPT,), "KMS.AccessDeniedException"),
    "an item is written": ("dynamodb", "dynamodb", item, (DECRYPT,), "AccessDeniedException"),
    "a transaction is written": ("dynamodb", "dynamodb", transaction, (DECRYPT,), "AccessDeniedException"),
    "changes are read": ("dynamodbstreams", "dynamodb", changes, (DECRYPT,), "AccessDeniedException"),
    "an object is put": ("s3", "s3", written, (ENCRYPT,), "AccessDenied"),
    "an object is got": ("s3", "s3", read, (DECRYPT,), "AccessDenied"),
    "a message is published": ("sns", "sns", topic, (DECRYPT, ENCRYPT), "KMSAccessDenied"),
    "a record is put": ("kinesis", "kinesis", put_record, (ENCRYPT,), "KMSAccessDeniedException"),
    "records are got": ("kinesis", "kinesis", get_records, (DECRYPT,), "KMSAccessDeniedException"),
    "a secret is read": ("secretsmanager", "secretsmanager", secret, (DECRYPT,), "AccessDeniedException"),
    "a parameter is read": ("ssm", "ssm", parameter, (DECRYPT,), "AccessDeniedException"),
}
"""boto3's name of the service, its name in actions, the call, what it asks of the key, and the error's code."""
OWN_WORDS = {
    "secretsmanager": "Access to KMS is not allowed",
    "ssm": "The ciphertext refers to a customer master key that does not exist",
}
"""Where a service does not say what KMS said."""


@pytest.mark.parametrize("case", CASES)
def test_a_role_needs_the_key_beside_the_service(aws: Sandbox, case: str) -> None:
    service, signing, make, actions, code = CASES[case]
    key_arn = key(aws)
    call = make(aws, key_arn)
    allowed = {"Action": f"{signing}:*", "Resource": "*"}
    for missing in actions:
        others = [uses(key_arn, *(action for action in actions if action != missing), via=signing)]
        client = as_role(aws, service, allowed, *(others if len(actions) > 1 else []))
        refused = error_of(partial(call, client))
        assert refused["Code"] == code
        expected = OWN_WORDS.get(service, refusal(missing, key_arn))
        assert expected in refused["Message"]
    elsewhere = uses(key_arn, *actions, via="ec2")
    assert error_of(partial(call, as_role(aws, service, allowed, elsewhere)))["Code"] == code
    call(as_role(aws, service, allowed, uses(key_arn, *actions, via=signing)))
    call(aws.client(service))


def test_a_keys_own_policy_lets_a_role_use_it_or_leaves_it_to_nobody(aws: Sandbox) -> None:
    arn = role(aws, LAMBDA, {"Action": ["sqs:*", "kms:*"], "Resource": "*"})
    own = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": [DECRYPT, ENCRYPT], "Resource": "*"}
    client = aws.cloud.client("sqs", arn, LAMBDA)
    queue(aws, key(aws, own, account=False))(client)
    key_arn = key(aws, {**ROOT_STATEMENT, "Action": "kms:DescribeKey"}, account=False)
    refused = error_of(partial(queue(aws, key_arn), client))
    assert refusal(DECRYPT, key_arn, "resource") in refused["Message"]


def test_what_aws_itself_keeps_keys_for_asks_nobody(aws: Sandbox) -> None:
    send = queue(aws, "alias/aws/sqs")
    send(as_role(aws, "sqs", {"Action": "sqs:*", "Resource": "*"}))


def test_a_change_of_the_key_is_seen_at_once(aws: Sandbox) -> None:
    first, second = key(aws), key(aws)
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=unique("q"), Attributes={"KmsMasterKeyId": first})["QueueUrl"]
    client = as_role(aws, "sqs", {"Action": "sqs:*", "Resource": "*"}, uses(first, DECRYPT, ENCRYPT, via="sqs"))
    client.send_message(QueueUrl=url, MessageBody="m")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": second})
    assert second in error_of(client.send_message, QueueUrl=url, MessageBody="m")["Message"]
    document = {"Version": "2012-10-17", "Statement": [{**ROOT_STATEMENT, "Effect": "Deny"}, ROOT_STATEMENT]}
    aws.client("kms").put_key_policy(
        KeyId=first, PolicyName="default", Policy=json.dumps(document), BypassPolicyLockoutSafetyCheck=True
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": first})
    assert first in error_of(client.send_message, QueueUrl=url, MessageBody="m")["Message"]


@pytest.mark.parametrize("known", [True, False])
def test_a_rule_reaches_a_queue_whose_key_knows_eventbridge(aws: Sandbox, known: bool) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": [DECRYPT, ENCRYPT],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": aws.cloud.account}},
    }
    key_arn, sqs, name = key(aws, *([statement] if known else [])), aws.client("sqs"), unique("q")
    open_policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    document = {"Version": "2012-10-17", "Statement": [{**open_policy, "Resource": aws.cloud.arn("sqs", name)}]}
    attributes = {"KmsMasterKeyId": key_arn, "Policy": json.dumps(document)}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    client = aws.cloud.client("sqs", principal="events.amazonaws.com", source_arn=aws.cloud.arn("events", "rule/r"))
    if known:
        client.send_message(QueueUrl=url, MessageBody="m")
        return
    refused = error_of(client.send_message, QueueUrl=url, MessageBody="m")
    assert refused["Code"] == "KMS.AccessDeniedException"
    assert "User: events.amazonaws.com" in refused["Message"]


def test_a_log_group_takes_a_key_that_knows_it(aws: Sandbox) -> None:
    logs, name = aws.client("logs"), unique("/g")
    refused = error_of(logs.create_log_group, logGroupName=name, kmsKeyId=key(aws))
    assert refused["Code"] == "AccessDeniedException"
    arn = aws.cloud.arn("logs", f"log-group:{name}")
    assert refused["Message"] == (f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'")

    def knows(pattern: str) -> str:
        return key(
            aws,
            {
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": pattern}},
            },
        )

    logs.create_log_group(logGroupName=name, kmsKeyId=knows(arn))
    other = knows(aws.cloud.arn("logs", "log-group:/other*"))
    assert error_of(logs.associate_kms_key, logGroupName=name, kmsKeyId=other)["Code"] == "AccessDeniedException"


def test_a_function_runs_when_its_role_may_decrypt_its_environment(aws: Sandbox) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context):\n    return 1\n")
    key_arn, lambda_ = key(aws), aws.client("lambda")
    for may in (True, False):
        arn = role(aws, LAMBDA, *([uses(key_arn, DECRYPT, via="lambda")] if may else []))
        name = unique("f")
        lambda_.create_function(
            FunctionName=name,
            Role=arn,
            Runtime="python3.13",
            Handler="handler.handle",
            Code={"ZipFile": content.getvalue()},
            Environment={"Variables": {"SECRET": "1"}},
            KMSKeyArn=key_arn,
        )
        if may:
            assert lambda_.invoke(FunctionName=name)["Payload"].read() == b"1"
        else:
            refused = error_of(lambda_.invoke, FunctionName=name)
            assert refused["Code"] == "KMSAccessDeniedException"
            assert refusal(DECRYPT, key_arn) in refused["Message"]
        lambda_.delete_function(FunctionName=name)


def test_a_schedule_calls_when_its_role_may_decrypt_its_input(aws: Sandbox) -> None:
    key_arn, sqs, scheduler = key(aws), aws.client("sqs"), aws.client("scheduler")
    arrived = {}
    for may in (True, False):
        queue_name = unique("q")
        url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
        send = {"Action": "sqs:SendMessage", "Resource": "*"}
        decrypts = [uses(key_arn, DECRYPT, via="scheduler")] if may else []
        arn = role(aws, "scheduler.amazonaws.com", send, *decrypts)
        dead = sqs.create_queue(QueueName=unique("d"))["QueueUrl"]
        name = unique("s")
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            KmsKeyArn=key_arn,
            Target={
                "Arn": aws.cloud.arn("sqs", queue_name),
                "RoleArn": arn,
                "Input": "m",
                "DeadLetterConfig": {"Arn": aws.cloud.arn("sqs", dead.rpartition("/")[2])},
            },
        )
        there = url if may else dead
        receive = partial(sqs.receive_message, QueueUrl=there, MessageAttributeNames=["All"])
        arrived[may] = wait_until(partial(_messages, receive), "the slot's message")[0]
        # One slot is enough.
        scheduler.delete_schedule(Name=name)
    assert arrived[True]["Body"] == "m"
    attributes = arrived[False]["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "AccessDeniedException"
    assert refusal(DECRYPT, key_arn) in attributes["ERROR_MESSAGE"]["StringValue"]
