"""``POST /visits/{visit_id}/report``: what the technician found, which the visit waits for."""

from typing import Any

from eda_runtime import links
from eda_runtime.callbacks import Delivery
from eda_runtime.http import Problem, Response, json_body, response

_store = links.workflow.callbacks()


def handle(event: dict[str, Any], _context: Any) -> Response:
    """Take the report; 409 when there is another one, or the visit no longer waits."""
    visit_id = event["pathParameters"]["visit_id"]
    if _store.deliver(visit_id, json_body(event, 8_000)) in (Delivery.CONFLICT, Delivery.CLOSED):
        raise Problem(409, "the visit has another report already, or no longer waits for one")
    return response(202, {"visit_id": visit_id})
