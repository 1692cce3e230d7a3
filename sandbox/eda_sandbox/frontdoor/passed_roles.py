"""The roles that a request hands over to a service, for which the caller needs ``iam:PassRole``.

The services of the sandbox say so themselves (``Service.roles``); here are those of the emulator (IAM User Guide,
"Grant a user permissions to pass a role to an AWS service", and each service's guide).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.foundation.service import Service
from eda_sandbox.frontdoor.asked import Asked

ACTION = "iam:PassRole"
_BUCKET_ROLE = re.compile(r"<Role>\s*([^<\s]+)\s*</Role>")


def _topic_roles(given: Mapping[str, Any]) -> Iterable[str]:
    if str(given.get("AttributeName", "")).endswith("RoleArn"):
        yield str(given.get("AttributeValue", ""))
    for name, value in given.items():
        if name.endswith(".key") and str(value).endswith("RoleArn"):
            yield str(given.get(name[: -len("key")] + "value", ""))


_EMULATED: Mapping[tuple[str, str], tuple[str, Callable[[Mapping[str, Any]], Iterable[str]]]] = {
    ("logs", "PutDestination"): ("logs.amazonaws.com", lambda given: [str(given.get("roleArn", ""))]),
    ("logs", "PutSubscriptionFilter"): ("logs.amazonaws.com", lambda given: [str(given.get("roleArn", ""))]),
    ("sns", "CreateTopic"): ("sns.amazonaws.com", _topic_roles),
    ("sns", "SetSubscriptionAttributes"): ("sns.amazonaws.com", _topic_roles),
    ("sns", "SetTopicAttributes"): ("sns.amazonaws.com", _topic_roles),
    ("sns", "Subscribe"): ("sns.amazonaws.com", _topic_roles),
}


def of_service(service: Service, operation: str, values: Mapping[str, Any]) -> list[Asked]:
    """What is asked for the roles that a request hands to one of the sandbox's services.

    Args:
        service: the service.
        operation: as the API model spells it.
        values: the request's parameters.
    """
    return [_asked(role, service.principal) for role in service.passed_roles(operation, values)]


def of_request(service: str, operation: str, request: HttpRequest) -> list[Asked]:
    """What is asked for the roles that a request hands to a service of the emulator.

    Args:
        service: boto3's name.
        operation: as the API model spells it.
        request: as it came.
    """
    if (service, operation) == ("s3", "PutBucketReplication"):
        return [
            _asked(role, "s3.amazonaws.com") for role in _BUCKET_ROLE.findall(request.body.decode("utf-8", "replace"))
        ]
    if (service, operation) not in _EMULATED:
        return []
    principal, roles = _EMULATED[service, operation]
    return [_asked(role, principal) for role in roles(request.parameters()) if role]


def _asked(role: str, principal: str) -> Asked:
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return Asked(ACTION, arn, {"iam:passedtoservice": principal})
