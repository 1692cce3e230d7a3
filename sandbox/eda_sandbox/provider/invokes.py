"""The provider's functions that say where a program runs."""

from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import SandboxError


def answer(cloud: Cloud, token: str) -> dict[str, Any]:
    """The result of an invoke.

    Args:
        cloud: the embedded AWS.
        token: the function's token, for example ``aws:index/getRegion:getRegion``.

    Raises:
        SandboxError: the sandbox does not answer it.
    """
    match token:
        case "aws:index/getCallerIdentity:getCallerIdentity":
            arn = f"arn:aws:iam::{cloud.account}:root"
            return {"accountId": cloud.account, "arn": arn, "userId": cloud.account, "id": cloud.account}
        case "aws:index/getRegion:getRegion":
            return {"name": cloud.region, "region": cloud.region, "id": cloud.region, "endpoint": cloud.endpoint}
        case "aws:index/getPartition:getPartition":
            suffixes = {"dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}
            return {"partition": "aws", "id": "aws", **suffixes}
    raise SandboxError(f"the sandbox's provider does not answer the invoke {token!r}")
