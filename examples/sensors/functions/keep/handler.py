"""Keeps a reading, hands it to the calibration in its sensor's order, and an odd one to whoever wants to know."""

import json
from decimal import Decimal
from typing import Any

from eda_runtime import links
from eda_runtime.records import message_of

_readings, _calibrate, _odd = links.readings, links.calibrate, links.odd
ODD = 90
"""Degrees."""


def handle(record: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Keep one."""
    reading = message_of(record)["detail"]
    item = {"id": {"S": reading["id"]}, "sensor": {"S": reading["sensor"]}, "celsius": {"N": str(reading["celsius"])}}
    _readings.client.put_item(TableName=_readings.table_name, Item=item)
    told = json.dumps({name: reading[name] for name in ("id", "sensor", "celsius", "envelope")}, sort_keys=True)
    _calibrate.client.send_message(
        QueueUrl=_calibrate.queue_url,
        MessageBody=told,
        MessageGroupId=reading["sensor"],
        MessageDeduplicationId=reading["id"][-128:],
    )
    if Decimal(str(reading["celsius"])) > ODD:
        _odd.client.publish(TopicArn=_odd.topic_arn, Message=told)
    return {"id": reading["id"]}
