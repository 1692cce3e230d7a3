"""What is told of the records that a stream's mapping gives up."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.services.lambda_.function import Outcome
from eda_sandbox.services.lambda_.source_records import arrived, identifier


def pointer(
    records: Sequence[Mapping[str, Any]],
    condition: str,
    function_arn: str,
    shard: str,
    stream: str,
    attempts: int,
    outcome: Outcome | None,
) -> dict[str, Any]:
    """The metadata of records that are given up; it names them, and has none of their data.

    Args:
        records: as the function saw them.
        condition: why they are given up.
        function_arn: whose mapping it is.
        shard: of the stream.
        stream: its ARN.
        attempts: how often the function was called with them.
        outcome: of the last call, None where there was none.
    """
    of_table = ":dynamodb:" in stream
    times = [_time(arrived(record), of_table) for record in (records[0], records[-1])]
    context: dict[str, Any] = {"requestId": outcome.request_id if outcome else None, "functionArn": function_arn}
    return {
        "requestContext": {**context, "condition": condition, "approximateInvokeCount": attempts},
        "responseContext": None
        if outcome is None
        else {"statusCode": 200, "executedVersion": "$LATEST", "functionError": outcome.function_error},
        "version": "1.0",
        "timestamp": rfc3339(datetime.now(UTC)),
        "DDBStreamBatchInfo" if of_table else "KinesisBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": identifier(records[0]),
            "endSequenceNumber": identifier(records[-1]),
            "approximateArrivalOfFirstRecord": times[0],
            "approximateArrivalOfLastRecord": times[1],
            "batchSize": len(records),
            "streamArn": stream,
        },
    }


def _time(seconds: float, of_table: bool) -> str:
    found = datetime.fromtimestamp(seconds, UTC)
    # A table's stream tells the second.
    return f"{found:%Y-%m-%dT%H:%M:%SZ}" if of_table else rfc3339(found)
