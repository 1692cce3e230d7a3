"""``POST /readings``: a reading becomes an event of the bus; a repeat gets the first answer."""

import json
from typing import Any

from eda_runtime import links
from eda_runtime.http import Problem, Response, json_body, response
from eda_runtime.logger import logger

_bus = links.bus


def handle(event: dict[str, Any], _context: Any) -> Response:
    """Take it; 503 when the bus does not."""
    id = str(logger.get_correlation_id())
    detail = {"id": id, **json_body(event, 8_000), "envelope": {"correlation_id": id}}
    entry = {"EventBusName": _bus.event_bus_name, "Source": "sensors", "DetailType": "Reading taken"}
    if _bus.client.put_events(Entries=[{**entry, "Detail": json.dumps(detail)}])["FailedEntryCount"]:
        raise Problem(503, "the reading cannot be taken now")
    return response(202, {"id": id})
