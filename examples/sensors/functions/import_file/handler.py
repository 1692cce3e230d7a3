"""A file of readings, one JSON object a line: each line becomes an event of the bus, by the file and its place there.

A file that comes again, or whose function ended in its middle, sends the same ids: who consumes them has had them.
"""

import json
from typing import Any

from eda_runtime import links
from eda_runtime.records import message_of

_bus, _files = links.bus, links.files
LARGEST_BATCH = 10
"""Entries of one call (EventBridge API, PutEvents)."""


class NotTaken(Exception):
    """The bus did not take all events; the file is read again."""


def handle(record: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Import one file."""
    key = message_of(record)["detail"]["object"]["key"]
    body = _files.client.get_object(Bucket=_files.bucket_name, Key=key)["Body"].read().decode()
    entries = []
    for number, line in enumerate(body.splitlines()):
        id = f"{key}:{number}"
        detail = {"id": id, **json.loads(line), "envelope": {"correlation_id": id}}
        entry = {"EventBusName": _bus.event_bus_name, "Source": "sensors", "DetailType": "Reading imported"}
        entries.append({**entry, "Detail": json.dumps(detail)})
    for first in range(0, len(entries), LARGEST_BATCH):
        if _bus.client.put_events(Entries=entries[first : first + LARGEST_BATCH])["FailedEntryCount"]:
            raise NotTaken(key)
    return {"key": key, "readings": len(entries)}
