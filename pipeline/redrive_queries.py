"""Starts queries again that failed, from the queries' dead-letter queue.

Three kinds of messages lie there: events that EventBridge could not deliver, records of runs of the function that
failed, and the function's own messages about queries that failed for good.

Safe to run twice and to stop at any point: only a query that failed, or never was started, is started, and a message is
deleted last.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.backfill import QueryFunction, Requested, request
from pipeline.dead_letters import drain


def event_of(message: Any) -> dict[str, Any] | None:
    """The event to give to the function again; None for a message that is none of the three."""
    match message:
        case {"kind": "query", "bucket": str(bucket), "key": str(key), "version_id": str(version)}:
            return request(bucket, key, version)
        case {"requestContext": {"condition": str()}, "requestPayload": payload}:
            return event_of(payload)
        case {"source": "aws.s3", "detail-type": "Object Created"}:
            return {**message, "source": "eda.pipeline", "detail-type": "Object Query Requested"}
        case {"detail-type": "Object Query Requested" | "Athena Query State Change"}:
            return dict(message)
    return None


class RedriveQueries:
    """Takes messages from the queries' dead-letter queue.

    Args:
        client: gives a client of a service, boto3's name.
        outputs: the stack's exports.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, Any]) -> None:
        self._sqs = client("sqs")
        self._queue = outputs["query_dlq_url"]
        self._bucket, self._workgroup = outputs["raw_bucket_name"], outputs["athena_workgroup_name"]
        self._function = QueryFunction(client("lambda"), outputs["query_function_name"])

    def run(self, limit: int = 1000) -> Iterator[Requested]:
        """Redrive up to ``limit`` messages, one at a time; one that fails stays in the queue and stops no other."""
        return drain(self._sqs, self._queue, limit, self._message, _left)

    def _message(self, message: Mapping[str, Any]) -> Requested:
        try:
            event = event_of(json.loads(message["Body"]))
        except ValueError:
            event = None
        if event is None or not self._is_ours(event):
            return Requested(message["MessageId"], "still in the queue: not about a query of ours", done=False)
        found = event["detail"]
        what = (found.get("object") or {}).get("key") or found.get("queryExecutionId") or message["MessageId"]
        return self._function.call(what, event)

    def _is_ours(self, event: Mapping[str, Any]) -> bool:
        """Whether an event names an object of the raw data, or a query of the workgroup: the function has nothing to do
        for another workgroup's, and says so."""
        match event.get("detail"):
            case {"bucket": {"name": str(bucket)}, "object": {}}:
                return bool(bucket == self._bucket)
            case {"workgroupName": str(workgroup), "queryExecutionId": str()}:
                return bool(workgroup == self._workgroup)
        return False


def _left(message: Mapping[str, Any], reason: str) -> Requested:
    return Requested(message["MessageId"], f"still in the queue: {reason}", done=False)
