"""``GET /claims/{claim_id}``: the claim as the table has it."""

import json
from typing import Any

from eda_runtime import links
from eda_runtime.http import Problem, Response, response

_claims = links.claims


def handle(event: dict[str, Any], _context: Any) -> Response:
    """Answer the request."""
    key = {"claim_id": {"S": event["pathParameters"]["claim_id"]}}
    row = _claims.client.get_item(TableName=_claims.table_name, Key=key, ConsistentRead=True).get("Item")
    if row is None:
        raise Problem(404, "there is no such claim")
    documents = {name: json.loads(row[name]["S"]) for name in ("result", "details", "error") if name in row}
    return response(200, {"claim_id": row["claim_id"]["S"], "status": row["status"]["S"], **documents})
