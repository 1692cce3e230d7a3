"""A table in memory behind the two calls that idempotency makes, as a client of boto3 or as what answers a client.

It holds to none of DynamoDB's conditions but the first: a put of a key that is there is refused with the item. So what
is measured on top of it is the library's own work, and the same two calls under each library.
"""

import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError

REFUSED = "ConditionalCheckFailedException"


class LightTable:
    """A client of boto3, as far as idempotency calls one.

    Attributes:
        items: by their ids.
        calls: how often each operation was called.
    """

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        # Powertools registers its user agent with the client.
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.calls["put_item"] += 1
        found = self.items.setdefault(Item["id"]["S"], Item)
        if found is not Item:
            raise ClientError({"Error": {"Code": REFUSED, "Message": ""}, "Item": found}, "PutItem")  # type: ignore[typeddict-unknown-key]
        return {}

    def update_item(
        self,
        *,
        Key: dict[str, Any],
        UpdateExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, Any],
        **_more: Any,
    ) -> dict[str, Any]:
        self.calls["update_item"] += 1
        item = self.items[Key["id"]["S"]]
        for change in UpdateExpression[4:].split(", "):
            name, _, value = change.partition(" = ")
            item[ExpressionAttributeNames[name]] = ExpressionAttributeValues[value]
        return {}


def answered_by(table: LightTable) -> Any:
    """A real client of botocore whose requests end before a socket: the table answers them."""
    client = botocore.session.Session().create_client(
        "dynamodb",
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )

    operations: dict[str, Callable[..., dict[str, Any]]] = {"PutItem": table.put_item, "UpdateItem": table.update_item}

    def answer(request: Any, **_: Any) -> AWSResponse:
        given = json.loads(request.body)
        operation = operations[request.headers["X-Amz-Target"].decode().partition(".")[2]]
        try:
            status, answered = 200, operation(**given)
        except ClientError as error:
            status, answered = 400, {"__type": REFUSED, "message": "", "Item": error.response["Item"]}  # type: ignore[typeddict-item]
        content = json.dumps(answered).encode()
        return AWSResponse(request.url, status, HTTPHeaders(), _Raw(content))

    client.meta.events.register("before-send.dynamodb", answer)  # type: ignore[arg-type]  # what it returns is the answer
    return client


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content
