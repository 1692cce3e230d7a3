"""Condition keys that are a request's own parameters, for the services that the emulator serves.

Their names are in the Service Authorization Reference, in each service's table of condition keys.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions

KEYS: Mapping[str, Mapping[str, str]] = {
    "iam": {
        "AWSServiceName": "iam:AWSServiceName",
        "PermissionsBoundary": "iam:PermissionsBoundary",
        "PolicyArn": "iam:PolicyARN",
    },
    "monitoring": {"Namespace": "cloudwatch:namespace"},
    "secretsmanager": {
        "ForceDeleteWithoutRecovery": "secretsmanager:ForceDeleteWithoutRecovery",
        "KmsKeyId": "secretsmanager:KmsKeyId",
        "Name": "secretsmanager:Name",
        "RecoveryWindowInDays": "secretsmanager:RecoveryWindowInDays",
        "SecretId": "secretsmanager:SecretId",
        "VersionId": "secretsmanager:VersionId",
        "VersionStage": "secretsmanager:VersionStage",
    },
    "sns": {"Endpoint": "sns:Endpoint", "Protocol": "sns:Protocol"},
    "ssm": {"Overwrite": "ssm:Overwrite", "Recursive": "ssm:Recursive"},
    "sts": {
        "DurationSeconds": "sts:DurationSeconds",
        "ExternalId": "sts:ExternalId",
        "RoleSessionName": "sts:RoleSessionName",
    },
}
"""By the emulator's name of the service: the parameter and its key."""
_CONTEXT = iam_actions.request_tag_context


def install() -> None:
    """Let the emulator see them beside the tags that a request sets."""
    replaced: Any = iam_actions
    replaced.request_tag_context = _with_parameters(_CONTEXT)


def _with_parameters(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def context(service: str, iam_action: str, body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
        found = original(service, iam_action, body, params)
        named = KEYS.get(service)
        if named is not None:
            given = _read(body) if body[:1] == b"{" else params
            for parameter, key in named.items():
                value = given.get(parameter)
                if isinstance(value, list):
                    value = next(iter(value), None)
                if value is not None:
                    found[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return found

    return context


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
