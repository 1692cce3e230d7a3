"""Who may read a table's stream: the emulator behind asks for its actions on every resource, AWS on the stream."""

import base64
import dataclasses
import hashlib
import hmac
import json
import secrets
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor import authorization
from eda_sandbox.frontdoor.asked import Asked

SERVICE = "dynamodbstreams"
TARGET = "DynamoDBStreams_20120810."
SEPARATOR = "|1|"


class StreamAccess:
    """Checks each call on the ARN of its stream, and makes shard iterators that lead back to theirs.

    An iterator of the emulator's goes out as AWS writes them, ``<stream's ARN>|1|<opaque>``, and sealed, so that a
    reader of one stream cannot make itself an iterator of another.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._key = secrets.token_bytes(32)

    def admit(self, operation: str, request: HttpRequest) -> tuple[HttpRequest, str]:
        """The request as the emulator takes it, and the ARN of the stream that it reads.

        Args:
            operation: as the API model spells it.
            request: the request as it came.

        Raises:
            AwsError: the caller may not, or the iterator is none that was handed out.
        """
        body = self._body(request)
        arn, inner = str(body.get("StreamArn", "*")), None
        if operation == "GetRecords":
            arn, inner = self._opened(str(body.get("ShardIterator", "")))
        # Listing has no resource level (Service Authorization Reference).
        resource = "*" if operation == "ListStreams" else arn
        authorization.check(request, "dynamodb", [Asked(f"dynamodb:{operation}", resource)], self._region)
        if inner is None:
            return request, arn
        content = json.dumps({**body, "ShardIterator": inner}).encode()
        headers = [(name, str(len(content)) if name == "content-length" else value) for name, value in request.headers]
        return dataclasses.replace(request, headers=headers, body=content), arn

    def seal(self, arn: str, response: HttpResponse) -> HttpResponse:
        """The emulator's answer, its iterators sealed."""
        if response.status != 200:
            return response
        answer = json.loads(response.body)
        for name in ("ShardIterator", "NextShardIterator"):
            if answer.get(name):
                answer[name] = f"{arn}{SEPARATOR}{self._signature(arn, answer[name])}.{answer[name]}"
        # The checksum is of the body as it was.
        headers = [(name, value) for name, value in response.headers if name.lower() != "x-amz-crc32"]
        return HttpResponse(response.status, headers, json.dumps(answer).encode())

    def _opened(self, iterator: str) -> tuple[str, str]:
        arn, _, sealed = iterator.partition(SEPARATOR)
        signature, _, inner = sealed.partition(".")
        if not inner or not hmac.compare_digest(signature, self._signature(arn, inner)):
            raise AwsError("ValidationException", "Invalid ShardIterator", 400)
        return arn, inner

    def _signature(self, arn: str, inner: str) -> str:
        digest = hmac.new(self._key, f"{arn} {inner}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:18]).decode()

    def _body(self, request: HttpRequest) -> dict[str, Any]:
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "the request is no JSON", 400) from None
        if not isinstance(body, dict):
            raise AwsError("SerializationException", "the request is no JSON object", 400)
        return body
