"""Samples of a sensor, many in a record: what is kept is their median and how far they spread."""

from typing import Any

import numpy
from eda_runtime import links
from eda_runtime.records import message_of
from eda_runtime.transaction import Transaction

_results = links.results


def handle(record: dict[str, Any], _context: Any) -> Transaction:
    """Smooth one record."""
    samples = message_of(record)
    celsius = numpy.array(samples["celsius"])
    update = {
        "TableName": _results.table_name,
        "Key": {"id": {"S": f"samples:{samples['id']}"}},
        "UpdateExpression": "ADD smoothed :one SET median = :median, spread = :spread",
        "ExpressionAttributeValues": {
            ":one": {"N": "1"},
            ":median": {"N": str(float(numpy.median(celsius)))},
            ":spread": {"N": str(round(float(celsius.std()), 3))},
        },
    }
    return Transaction({"id": samples["id"]}, [{"Update": update}])
