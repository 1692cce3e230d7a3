"""``POST /claims/{claim_id}/report``: the assessor's report, for which the claim waits."""

from typing import Any

from eda_runtime import links
from eda_runtime.callbacks import Delivery
from eda_runtime.http import Problem, Response, json_body, reference, response

_store = links.workflow.callbacks()


def handle(event: dict[str, Any], _context: Any) -> Response:
    """Take the report; 409 when there is another one, or the claim no longer waits."""
    claim_id = event["pathParameters"]["claim_id"]
    delivery = _store.deliver(claim_id, json_body(event, 8_000))
    if delivery in (Delivery.CONFLICT, Delivery.CLOSED):
        raise Problem(409, "the claim has another report already, or no longer waits for one")
    return response(202, {"claim_id": claim_id}, {"Location": reference(event, f"/claims/{claim_id}")})
