"""A file of readings, one JSON object a line: each line becomes an event of the bus, by the file and its place there.

A file that comes again, or whose function ended in its middle, sends the same ids: who consumes them has had them. One
that was deleted before it is read has no readings.
"""

import json
from typing import Any

from eda_runtime import links
from eda_runtime.records import envelope_of, message_of
from eda_runtime.senders.bus import Event

_files, _bus = links.files, links.bus.sender("sensors")


def handle(record: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Import one file; what the bus does not take fails, and the file is read again."""
    key = message_of(record)["detail"]["object"]["key"]
    try:
        body = _files.client.get_object(Bucket=_files.bucket_name, Key=key)["Body"].read().decode()
    except _files.client.exceptions.NoSuchKey:
        return {"key": key, "readings": 0}
    lines = body.splitlines()
    readings = [{"id": f"{key}:{number}", **json.loads(line)} for number, line in enumerate(lines)]
    _bus.send([Event("Reading imported", reading) for reading in readings], envelope_of(record))
    return {"key": key, "readings": len(readings)}
