"""What optimised integrations tell of the HTTP of the call that they made."""

import secrets
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

_NAMES = ("Content-Length", "Content-Type", "Date", "x-amzn-RequestId")
_MORE = {
    "dynamodb": ("Server", "Connection", "x-amz-crc32"),
    "lambda": (
        "X-Amz-Executed-Version",
        "X-Amz-Log-Result",
        "x-amzn-Remapped-Content-Length",
        "Connection",
        "X-Amzn-Trace-Id",
    ),
    "sns": ("connection",),
    "sqs": ("connection",),
    "stepfunctions": ("connection",),
}
"""Headers of answers as the services write them, beside those that all of them have."""


def of(answer: Mapping[str, Any], service: str) -> dict[str, Any]:
    """The two members that an integration adds to an answer.

    Args:
        answer: as boto3 reads it.
        service: boto3's name of the service that answered.
    """
    metadata = answer.get("ResponseMetadata", {})
    headers = _headers(metadata, service)
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": metadata.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }


def _headers(metadata: Mapping[str, Any], service: str) -> dict[str, str]:
    came = metadata.get("HTTPHeaders", {})
    # What a connection of AWS adds, and a call within this process has not.
    added = {
        "connection": "keep-alive",
        "date": formatdate(usegmt=True),
        "server": "Server",
        "x-amzn-remapped-content-length": "0",
        "x-amzn-requestid": metadata.get("RequestId", ""),
        "x-amzn-trace-id": f"Root=1-{secrets.token_hex(4)}-{secrets.token_hex(12)};Sampled=0",
    }
    found = {**added, **came, "x-amzn-requestid": added["x-amzn-requestid"]}
    names = (*_NAMES, *_MORE.get(service, ()))
    return {name: found[name.lower()] for name in names if name.lower() in found}
