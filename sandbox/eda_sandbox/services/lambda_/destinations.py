"""Where Lambda puts what is told of invocations: queues, topics, functions, event buses and buckets."""

import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.retry_policy import is_transient, refused_entry, wait_before
from eda_sandbox.services.lambda_.function import PRINCIPAL

OF_INVOCATIONS = frozenset({"sqs", "sns", "lambda", "events"})
"""What asynchronous invocations can be told to; failures to buckets, too."""
OF_STREAMS = frozenset({"sqs", "sns", "s3"})
"""What the records that a stream's mapping gives up can be told to."""
log = logging.getLogger(__name__)


def service_of(destination: str) -> str:
    """The service that a destination's ARN names."""
    return destination.split(":")[2] if destination.startswith("arn:") else ""


class Destinations:
    """Delivers records in the name of functions' roles.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def deliver(
        self,
        destination: str,
        role_arn: str,
        record: str,
        *,
        function: str,
        resources: tuple[str, ...] = (),
        succeeded: bool = False,
        attributes: Mapping[str, Any] | None = None,
        folder: str = "",
    ) -> None:
        """Deliver a record, until it is taken or refused for good; a refusal is logged and nothing else, as on AWS.

        Args:
            destination: an ARN.
            role_arn: in whose name.
            record: as JSON.
            function: whose it is, for the log.
            resources: of an event on a bus.
            succeeded: whether an event on a bus tells of a success.
            attributes: of a message; default none.
            folder: of an object in a bucket.
        """
        retry = 0
        while not self._cloud.stopping.is_set():
            try:
                self._send(destination, role_arn, record, resources, succeeded, attributes or {}, folder)
                return
            except Exception as error:
                # A record that is dropped here would be lost without a trace.
                if not is_transient(error):
                    log.warning("%s: the destination %s took nothing: %s", function, destination, error)
                    return
            retry += 1
            self._cloud.clock.wait(wait_before(retry), self._cloud.stopping)

    def _send(
        self,
        destination: str,
        role_arn: str,
        record: str,
        resources: tuple[str, ...],
        succeeded: bool,
        attributes: Mapping[str, Any],
        folder: str,
    ) -> None:
        service = service_of(destination)
        client = self._cloud.client(service, role_arn, PRINCIPAL)
        match service:
            case "sqs":
                url = self._cloud.queue_url(destination)
                client.send_message(QueueUrl=url, MessageBody=record, MessageAttributes=attributes)
            case "sns":
                client.publish(TopicArn=destination, Message=record, MessageAttributes=attributes)
            case "lambda":
                client.invoke(FunctionName=destination, InvocationType="Event", Payload=record.encode())
            case "events":
                entry = {
                    "EventBusName": destination,
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}",
                    "Detail": record,
                    "Resources": [destination, *resources],
                }
                if refused := refused_entry(client.put_events(Entries=[entry])):
                    raise refused
            case "s3":
                now = datetime.now(UTC)
                key = f"{folder}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
                client.put_object(Bucket=destination.rpartition(":")[2], Key=key, Body=record.encode())


def dead_letter_attributes(request_id: str, payload: bytes) -> dict[str, Any]:
    """What a message in a function's dead-letter queue says of the error (Lambda Developer Guide, dead-letter queues).

    Args:
        request_id: the invocation's.
        payload: the function's last answer.
    """
    try:
        message = json.loads(payload).get("errorMessage") or ""
    except (ValueError, AttributeError):
        message = ""
    return {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        # An attribute's value cannot be empty.
        "ErrorMessage": {"DataType": "String", "StringValue": str(message)[:1024] or "-"},
    }
