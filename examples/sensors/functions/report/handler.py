"""The day's report: how many readings each sensor has had, and their mean."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from eda_runtime import links
from eda_runtime.records import message_of
from eda_runtime.transaction import Transaction

_readings, _results = links.readings, links.results


def handle(record: dict[str, Any], _context: Any) -> Transaction:
    """Write it."""
    slot = message_of(record)["time"]
    celsius: dict[str, list[Decimal]] = defaultdict(list)
    for page in _readings.client.get_paginator("scan").paginate(TableName=_readings.table_name, ConsistentRead=True):
        for item in page["Items"]:
            celsius[item["sensor"]["S"]].append(Decimal(item["celsius"]["N"]))
    update = {
        "TableName": _results.table_name,
        "Key": {"id": {"S": f"report:{slot}"}},
        "UpdateExpression": "ADD reports :one SET means = :means",
        "ExpressionAttributeValues": {
            ":one": {"N": "1"},
            ":means": {"M": {name: {"N": f"{sum(all) / len(all):.3f}"} for name, all in celsius.items()}},
        },
    }
    return Transaction({"slot": slot}, [{"Update": update}])
