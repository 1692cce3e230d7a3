"""Idempotency through the sandbox: requests, messages, events and changes come again; their effects are counted."""

import itertools
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from eda_sandbox.embedded import Sandbox
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.waiting import wait_until

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import EventApi, IdempotentLambda, archives
def table(name, **more):
    return aws.dynamodb.Table(name, hash_key="id", billing_mode="PAY_PER_REQUEST",
                              attributes=[{"name": "id", "type": "S"}], **more)
effects, attempts = table("effects"), table("attempts")
changes = table("changes", stream_enabled=True, stream_view_type="NEW_IMAGE")
def function(name, mode, token, **more):
    idempotency = {"token": token, "mode": mode, **more.pop("idempotency", {})}
    return IdempotentLambda(f"{name}-{mode.lower()}", {
        "code": archives.directory_archive("code"),
        # An environment that was ended by force starts anew within it.
        "timeout": 8,
        "environment": {"EFFECTS": effects.name, "ATTEMPTS": attempts.name, "MODE": mode},
        "grants": {"Count": {"actions": ["dynamodb:UpdateItem"], "resources": [effects.arn, attempts.arn]}},
        "idempotency": idempotency,
        **more,
    })
routes = {}
for mode in ("RECORD", "TRANSACTION"):
    request = function("request", mode, "CLIENT", timeout=20, idempotency={"in_progress_wait_seconds": 15})
    routes[f"POST /{mode.lower()}"] = {
        "function": {"function_name": request.function_name, "invoke_arn": request.invoke_arn}}
    queue = function("queue", mode, "EVENT", queue_source={"max_receive_count": 5})
    event = function("event", mode, "EVENT", asynchronous=True, timeout=4)
    stream = function("stream", mode, "EVENT", stream_source={
        "stream_arn": changes.stream_arn, "starting_position": "TRIM_HORIZON"})
    pulumi.export(f"{mode}_queue", queue.queue_url)
    pulumi.export(f"{mode}_event", event.function_name)
    pulumi.export(f"{mode}_event_dlq", event.dead_letter_queue_arn)
    pulumi.export(f"{mode}_stream", stream.function_name)
    pulumi.export(f"{mode}_records", request.idempotency_table_name)
fifo = function("fifo", "RECORD", "EVENT", queue_source={"fifo": True, "max_receive_count": 5})
pulumi.export("fifo_queue", fifo.queue_url)
api = EventApi("api", {"routes": routes, "authorization": "NONE", "throttling_rate_limit": 1000,
                       "throttling_burst_limit": 1000})
pulumi.export("url", api.url)
pulumi.export("effects", effects.name)
pulumi.export("changes", changes.name)
"""
HANDLER = """
import os, threading, boto3
from eda_runtime.http import header, response
from eda_runtime.transaction import Transaction
table, never = boto3.client("dynamodb"), threading.Event()
def add(table_name, id):
    return {"TableName": os.environ[table_name], "Key": {"id": {"S": id}}, "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}}}
def id_of(event):
    if "httpMethod" in event:
        return header(event, "x-id")
    if "body" in event:
        return event["body"]
    if "dynamodb" in event:
        return event["dynamodb"]["Keys"]["id"]["S"]
    return event["detail"]["id"]
def handle(event, context):
    id = id_of(event)
    attempt = int(table.update_item(**add("ATTEMPTS", id), ReturnValues="ALL_NEW")["Attributes"]["n"]["N"])
    if "poison" in id:
        raise ValueError("on purpose")
    if attempt == 1 and "hangs" in id:
        never.wait(60)
    if attempt == 1 and "crashes" in id:
        os._exit(1)
    result = response(201, {"attempt": attempt}) if "httpMethod" in event else {"attempt": attempt}
    effect = add("EFFECTS", os.environ["MODE"] + "/" + id)
    if os.environ["MODE"] == "TRANSACTION":
        return Transaction(result, [{"Update": effect}])
    table.update_item(**effect)
    return result
"""
MODES = pytest.mark.parametrize("mode", ["RECORD", "TRANSACTION"])


@pytest.fixture(scope="module")
def users(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder: Path = tmp_path_factory.mktemp("repeats")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: repeats\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


@pytest.fixture
def name() -> str:
    """Something that no other test's ids begin with."""
    return secrets.token_hex(4)


def effects(aws: Sandbox, users: Stack, mode: str, name: str) -> dict[str, int]:
    """How often what begins with a name had its effect."""
    items = aws.client("dynamodb").scan(TableName=users.outputs["effects"], ConsistentRead=True)["Items"]
    prefix = f"{mode}/{name}"
    return {
        item["id"]["S"].removeprefix(f"{mode}/"): int(item["n"]["N"])
        for item in items
        if item["id"]["S"].startswith(prefix)
    }


def post(users: Stack, mode: str, id: str, key: str) -> tuple[int, dict[str, str], Any]:
    """``POST`` with a key; status, headers and body."""
    answer = urllib3.request(
        "POST",
        f"{users.outputs['url']}/{mode.lower()}",
        json={"order": id},
        headers={"Idempotency-Key": key, "X-Id": id},
        retries=False,
        timeout=60,
    )
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.json()


@MODES
def test_fifty_parallel_repeats_of_a_request_have_one_effect_and_one_answer(
    aws: Sandbox, users: Stack, mode: str, name: str
) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(users, mode, name, f"key-{name}"), range(50)))
    assert {status for status, _, _ in answers} == {201}
    assert {json.dumps(body) for _, _, body in answers} == {'{"attempt": 1}'}
    replayed = [headers for _, headers, _ in answers if headers.get("idempotency-replayed") == "true"]
    assert len(replayed) == 49
    assert effects(aws, users, mode, name) == {name: 1}


@MODES
def test_answers_of_the_table_that_are_lost_and_calls_that_come_twice_have_one_effect(
    aws: Sandbox, users: Stack, mode: str, name: str
) -> None:
    records = users.outputs[f"{mode}_records"].encode()
    for kind in (FaultKind.LOST_ANSWER, FaultKind.DUPLICATE):
        for operation in ("PutItem", "UpdateItem", "TransactWriteItems"):
            on_records = Fault(kind, "dynamodb", operation, times=3, matching=lambda request: records in request.body)
            aws.faults.add(on_records)
    ids = [f"{name}-{number}" for number in range(6)]
    for id, _ in itertools.product(ids, range(2)):
        status, _, body = post(users, mode, id, f"key-{id}")
        assert (status, body) == (201, {"attempt": 1})
    assert len(aws.faults.injected) >= 6
    assert effects(aws, users, mode, name) == dict.fromkeys(ids, 1)


def receive_again_after(aws: Sandbox, url: str, seconds: int) -> None:
    """Shorten a queue's visibility time-out, which is six function time-outs, for the test's sake."""
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})


def empty(aws: Sandbox, url: str) -> bool:
    """Whether a queue holds nothing, not even what is being worked on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(int(found[name]) == 0 for name in names)


def send(aws: Sandbox, url: str, bodies: list[str], group: Callable[[str], str] | None = None) -> None:
    entries: list[dict[str, Any]] = []
    for number, body in enumerate(bodies):
        more = {} if group is None else {"MessageGroupId": group(body), "MessageDeduplicationId": body}
        entries.append({"Id": str(number), "MessageBody": body, **more})
    assert not aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


@MODES
def test_messages_redelivered_after_their_consumers_time_out_have_one_effect(
    aws: Sandbox, users: Stack, mode: str, name: str
) -> None:
    """The batch is cut off in one message; those before it are done, and come again with it."""
    url = users.outputs[f"{mode}_queue"]
    receive_again_after(aws, url, 10)
    ids = [f"{name}-{kind}" for kind in ("a", "b", "hangs", "c", "crashes", "d")]
    send(aws, url, ids)
    wait_until(lambda: len(effects(aws, users, mode, name)) == len(ids), "all messages are handled")
    wait_until(lambda: empty(aws, url), "no message comes again")
    assert effects(aws, users, mode, name) == dict.fromkeys(ids, 1)


@MODES
def test_a_poison_message_is_set_aside_and_its_neighbours_have_one_effect(
    aws: Sandbox, users: Stack, mode: str, name: str
) -> None:
    url = users.outputs[f"{mode}_queue"]
    receive_again_after(aws, url, 1)
    sqs = aws.client("sqs")
    redrive = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"])
    dlq = sqs.get_queue_url(QueueName=redrive["deadLetterTargetArn"].rsplit(":", 1)[-1])["QueueUrl"]
    send(aws, url, [f"{name}-a", f"{name}-poison", f"{name}-b"])
    message = wait_until(lambda: sqs.receive_message(QueueUrl=dlq).get("Messages"), "the poison is set aside")[0]
    assert message["Body"] == f"{name}-poison"
    sqs.delete_message(QueueUrl=dlq, ReceiptHandle=message["ReceiptHandle"])
    assert effects(aws, users, mode, name) == {f"{name}-a": 1, f"{name}-b": 1}


def test_a_fifo_queues_messages_have_one_effect_when_one_of_a_group_is_tried_again(
    aws: Sandbox, users: Stack, name: str
) -> None:
    url = users.outputs["fifo_queue"]
    receive_again_after(aws, url, 10)
    ids = [f"{name}-{kind}" for kind in ("x1", "x2-hangs", "x3", "y1")]
    send(aws, url, ids, lambda body: body.split("-")[1][0])
    wait_until(lambda: len(effects(aws, users, "RECORD", name)) == len(ids), "all messages are handled")
    wait_until(lambda: empty(aws, url), "no message comes again")
    assert effects(aws, users, "RECORD", name) == dict.fromkeys(ids, 1)


def dead_letters(aws: Sandbox, arn: str) -> list[Any]:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
    return list(sqs.receive_message(QueueUrl=url).get("Messages", []))


@MODES
def test_asynchronous_events_that_are_retried_or_come_twice_have_one_effect(
    aws: Sandbox, users: Stack, mode: str, name: str
) -> None:
    ids = [f"{name}-{kind}" for kind in ("a", "hangs", "crashes")]
    events = [{"id": f"event-{id}", "source": "s", "detail-type": "t", "detail": {"id": id}} for id in ids]
    for event, _ in itertools.product(events, range(3)):
        payload = json.dumps(event)
        aws.client("lambda").invoke(
            FunctionName=users.outputs[f"{mode}_event"], InvocationType="Event", Payload=payload
        )
    wait_until(lambda: len(effects(aws, users, mode, name)) == len(ids), "all events are handled")
    # What comes after the effect is a repeat, too.
    for event in events:
        answer = aws.client("lambda").invoke(FunctionName=users.outputs[f"{mode}_event"], Payload=json.dumps(event))
        assert "FunctionError" not in answer
    assert effects(aws, users, mode, name) == dict.fromkeys(ids, 1)
    assert dead_letters(aws, users.outputs[f"{mode}_event_dlq"]) == []


@MODES
def test_a_stream_shard_that_is_read_again_has_one_effect_for_each_change(
    aws: Sandbox, users: Stack, mode: str, name: str
) -> None:
    ids = [f"{name}-{number}" for number in range(12)]
    for id in ids:
        aws.client("dynamodb").put_item(TableName=users.outputs["changes"], Item={"id": {"S": id}})
    wait_until(lambda: len(effects(aws, users, mode, name)) == len(ids), "all changes are handled")
    function = users.outputs[f"{mode}_stream"]
    lambda_ = aws.client("lambda")
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    last = f"{name}-last"
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    # As long as it is being deleted Lambda takes no second one of the stream.
    wait_until(
        lambda: not lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"], "it is gone"
    )
    again = lambda_.create_event_source_mapping(
        EventSourceArn=mapping["EventSourceArn"],
        FunctionName=function,
        StartingPosition="TRIM_HORIZON",
        BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    aws.client("dynamodb").put_item(TableName=users.outputs["changes"], Item={"id": {"S": last}})
    # The second reader comes to the last change through all those before it.
    wait_until(lambda: last in effects(aws, users, mode, name), "the last change is handled")
    assert again["UUID"] != mapping["UUID"]
    assert effects(aws, users, mode, name) == dict.fromkeys([*ids, last], 1)
