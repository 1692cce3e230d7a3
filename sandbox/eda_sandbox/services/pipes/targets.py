"""Where a pipe's batches go: one call or a few, and which records they did not take."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.services.pipes.configuration import service_of
from eda_sandbox.services.pipes.template import resolve

Client = Callable[[str], Any]
Failures = dict[int, str]
"""Positions of the records in the batch that were not taken, and why."""

FIREHOSE_RECORDS, FIREHOSE_BYTES = 500, 4 * 1024 * 1024
SQS_MESSAGES, SQS_BYTES = 10, 1024 * 1024


def send(
    client: Client,
    configuration: dict[str, Any],
    texts: Sequence[str],
    events: Sequence[dict[str, Any]],
    large_batches: str = "refused",
) -> Failures:
    """Give a batch to the pipe's target.

    Args:
        client: gives clients with the pipe's role.
        configuration: the pipe's.
        texts: what is sent, one for each record.
        events: the records' events, for parameters that are paths.
        large_batches: the value of the doubt ``pipes-large-batches``.
    """
    splits = large_batches == "split"
    target, parameters = configuration["Target"], configuration.get("TargetParameters", {})
    match service_of(target):
        case "firehose":
            parts = _parts(texts, FIREHOSE_RECORDS, FIREHOSE_BYTES if splits else None)
            return _each(parts, FIREHOSE_BYTES, lambda part: _firehose(client, target, part))
        case "sqs":
            own = parameters.get("SqsQueueParameters", {})
            parts = _parts(texts, SQS_MESSAGES, SQS_BYTES if splits else None)
            return _each(parts, SQS_BYTES, lambda part: _sqs(client, target, own, part, events))
        case "lambda":
            own = parameters.get("LambdaFunctionParameters", {})
            return _whole(texts, lambda: _lambda(client, target, own, texts, events))
        case _:
            own = parameters.get("StepFunctionStateMachineParameters", {})
            return _whole(texts, lambda: _states(client, target, own, texts))


def queue_url(sqs: Any, arn: str) -> str:
    """A queue's URL, which needs no call: where the client sends to, the account, the name."""
    account, name = arn.split(":")[4:]
    return f"{sqs.meta.endpoint_url}/{account}/{name}"


Part = list[tuple[int, str]]


def _each(parts: Iterable[Part], size: int, put: Callable[[Part], Failures]) -> Failures:
    """Call for each part; one that is too large for a call fails as a whole."""
    failures: Failures = {}
    for part in parts:
        total = sum(len(text.encode()) for _, text in part)
        if total > size:
            reason = f"the batch has {total} bytes; the target takes {size} in one call"
            failures |= {index: reason for index, _ in part}
            continue
        try:
            failures |= put(part)
        except (ClientError, BotoCoreError) as error:
            failures |= {index: str(error) for index, _ in part}
    return failures


def _parts(texts: Sequence[str], count: int, size: int | None) -> Iterator[Part]:
    """So many records each, and so many bytes where bytes are looked at."""
    part: Part = []
    total = 0
    for index, text in enumerate(texts):
        length = len(text.encode())
        if part and (len(part) == count or (size is not None and total + length > size)):
            yield part
            part, total = [], 0
        part.append((index, text))
        total += length
    if part:
        yield part


def _whole(texts: Sequence[str], put: Callable[[], Failures]) -> Failures:
    try:
        return put()
    except (ClientError, BotoCoreError) as error:
        return dict.fromkeys(range(len(texts)), str(error))


def _firehose(client: Client, target: str, part: Part) -> Failures:
    answer = client("firehose").put_record_batch(
        DeliveryStreamName=target.rpartition("/")[2], Records=[{"Data": text.encode()} for _, text in part]
    )
    if not answer["FailedPutCount"]:
        return {}
    return {
        index: f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
        for (index, _), result in zip(part, answer["RequestResponses"], strict=True)
        if result.get("ErrorCode")
    }


def _sqs(client: Client, target: str, own: dict[str, Any], part: Part, events: Sequence[dict[str, Any]]) -> Failures:
    sqs = client("sqs")
    entries = [
        {
            "Id": str(index),
            "MessageBody": text,
            **{member: _dynamic(value, events[index]) for member, value in own.items()},
        }
        for index, text in part
    ]
    answer = sqs.send_message_batch(QueueUrl=queue_url(sqs, target), Entries=entries)
    return {int(failed["Id"]): f"{failed['Code']}: {failed.get('Message', '')}" for failed in answer.get("Failed", [])}


def _dynamic(value: str, event: dict[str, Any]) -> str:
    return str(resolve(value, event)) if value.startswith("$.") else value


def _lambda(
    client: Client, target: str, own: dict[str, Any], texts: Sequence[str], events: Sequence[dict[str, Any]]
) -> Failures:
    waits = own.get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
    answer = client("lambda").invoke(
        FunctionName=target,
        InvocationType="RequestResponse" if waits else "Event",
        Payload=_array(texts).encode(),
    )
    content = answer["Payload"].read()
    if answer.get("FunctionError"):
        return dict.fromkeys(range(len(texts)), content.decode("utf-8", "replace"))
    return _reported(content, events) if waits else {}


def _reported(content: bytes, events: Sequence[dict[str, Any]]) -> Failures:
    """What a function reports as ``batchItemFailures``, by the records' sequence numbers."""
    everything = dict.fromkeys(range(len(events)), "the function's answer is no report of its failures")
    try:
        answer = json.loads(content or b"null")
    except ValueError:
        return everything
    if not isinstance(answer, dict) or not answer.get("batchItemFailures"):
        return {}
    numbers = {
        str(event["dynamodb"]["SequenceNumber"] if "dynamodb" in event else event["sequenceNumber"]): index
        for index, event in enumerate(events)
    }
    try:
        failed = [numbers[str(item["itemIdentifier"])] for item in answer["batchItemFailures"]]
    except (KeyError, TypeError):
        return everything
    return dict.fromkeys(failed, "reported by the function")


def _states(client: Client, target: str, own: dict[str, Any], texts: Sequence[str]) -> Failures:
    states, content = client("stepfunctions"), _array(texts)
    if own.get("InvocationType", "REQUEST_RESPONSE") == "FIRE_AND_FORGET":
        states.start_execution(stateMachineArn=target, input=content)
        return {}
    answer = states.start_sync_execution(stateMachineArn=target, input=content)
    if answer["status"] == "SUCCEEDED":
        return {}
    return dict.fromkeys(range(len(texts)), f"{answer['status']}: {answer.get('error', '')} {answer.get('cause', '')}")


def _array(texts: Sequence[str]) -> str:
    return f"[{','.join(texts)}]"
