"""The keys of a request that conditions look at, and which of them the sandbox has."""

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator

from eda_sandbox.foundation.http import HttpRequest

REQUEST: contextvars.ContextVar[HttpRequest | None] = contextvars.ContextVar("request", default=None)
"""The request that is answered, for what its headers say."""
UNKNOWN: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("unknown_keys", default=None)
"""The keys that a statement about this request looked at and the sandbox does not have; None while nobody asks."""

AWS_SERVICE = "AWSService"
"""The type of a principal that is a service."""
_GLOBAL = frozenset(
    {
        # What every request has, or what the sandbox's requests have none of: no VPC, no federation, no organization.
        "assumedroot",
        "chatbotsourcearn",
        "currenttime",
        "ec2instancesourceprivateipv4",
        "ec2instancesourcevpc",
        "epochtime",
        "federatedprovider",
        "multifactorauthage",
        "multifactorauthpresent",
        "principalaccount",
        "principalarn",
        "principalisawsservice",
        "principalorgid",
        "principalorgpaths",
        "principalservicename",
        "principalservicenameslist",
        "principaltype",
        "referer",
        "requestedregion",
        "resourceaccount",
        "resourceorgid",
        "resourceorgpaths",
        "securetransport",
        "sourceaccount",
        "sourcearn",
        "sourceidentity",
        "sourceip",
        "sourceorgid",
        "sourceorgpaths",
        "sourceowner",
        "sourcevpc",
        "sourcevpcarn",
        "sourcevpce",
        "tagkeys",
        "tokenissuetime",
        "useragent",
        "userid",
        "username",
        "vpceaccount",
        "vpceorgid",
        "vpceorgpaths",
        "vpcsourceip",
    }
)
_TAGGED = frozenset({"dynamodb", "iam", "kms", "lambda", "logs", "secretsmanager", "sns", "sqs", "ssm"})
"""By the names of IAM: the services whose resources' tags the evaluator knows."""
_OF_SERVICES: Mapping[str, frozenset[str]] = {
    "cloudwatch": frozenset({"namespace"}),
    "dynamodb": frozenset(
        {"attributes", "enclosingoperation", "leadingkeys", "returnconsumedcapacity", "returnvalues", "select"}
    ),
    "iam": frozenset({"awsservicename", "passedtoservice", "permissionsboundary", "policyarn"}),
    "kms": frozenset({"calleraccount", "encryptioncontextkeys", "requestalias", "viaservice"}),
    "s3": frozenset(
        {
            "delimiter",
            "if-match",
            "if-none-match",
            "max-keys",
            "object-lock-legal-hold",
            "objectcreationoperation",
            "object-lock-mode",
            "object-lock-retain-until-date",
            "prefix",
            "requestobjecttagkeys",
            "resourceaccount",
            "versionid",
            "x-amz-acl",
            "x-amz-content-sha256",
            "x-amz-copy-source",
            "x-amz-grant-full-control",
            "x-amz-grant-read",
            "x-amz-grant-read-acp",
            "x-amz-grant-write",
            "x-amz-grant-write-acp",
            "x-amz-metadata-directive",
            "x-amz-server-side-encryption",
            "x-amz-server-side-encryption-aws-kms-key-id",
            "x-amz-server-side-encryption-customer-algorithm",
            "x-amz-storage-class",
            "x-amz-website-redirect-location",
        }
    ),
    "secretsmanager": frozenset(
        {
            "forcedeletewithoutrecovery",
            "kmskeyid",
            "name",
            "recoverywindowindays",
            "secretid",
            "versionid",
            "versionstage",
        }
    ),
    "sns": frozenset({"endpoint", "protocol"}),
    "ssm": frozenset({"overwrite", "recursive"}),
    "sts": frozenset({"durationseconds", "externalid", "rolesessionname"}),
}
_HEADERS = {"aws:referer": "referer", "aws:useragent": "user-agent"}
_OF_PRINCIPALS: Mapping[str, Callable[[Any], Any]] = {
    "aws:principalisawsservice": lambda context: str(context.principal_type == AWS_SERVICE).lower(),
    "aws:principalservicename": lambda context: _service(context),
    "aws:principalservicenameslist": lambda context: _service(context),
}
_FAMILIES = (
    "aws:principaltag/",
    "aws:requesttag/",
    "kms:encryptioncontext:",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
)


def is_known(key: str, action: str) -> bool:
    """Whether the sandbox knows what a key is in a request, so that none means none.

    Args:
        key: in lower case.
        action: the IAM action that is asked for.
    """
    if key.startswith("aws:resourcetag/"):
        return action.partition(":")[0] in _TAGGED
    if key.startswith(_FAMILIES):
        return True
    service, _, name = key.partition(":")
    if service == "aws":
        return name in _GLOBAL
    if service == "dynamodb" and action.startswith("dynamodb:PartiQL"):
        return name == "enclosingoperation"
    # A provider's keys (``token.actions.githubusercontent.com:sub``) are of its tokens: other requests have none.
    return "." in service or name in _OF_SERVICES.get(service, ())


def value(key: str, context: Any) -> Any:
    """A key's value in a request: a text, several of them, or None; what the sandbox does not know is noted.

    Args:
        key: as the policy spells it, in lower case.
        context: the evaluator's.
    """
    found = iam_evaluator._resolve_condition_key(key, context)
    if found is not None:
        # What costs something is found when a policy looks at it.
        return found() if callable(found) else found
    if key in _OF_PRINCIPALS:
        return _OF_PRINCIPALS[key](context)
    if key in _HEADERS:
        request = REQUEST.get()
        return request.header(_HEADERS[key]) if request is not None else None
    if key not in context.service_context and not is_known(key, context.action):
        noted = UNKNOWN.get()
        if noted is not None and key not in noted:
            noted.append(key)
        raise UnknownKey(key)
    return None


def _service(context: Any) -> str | None:
    return str(context.principal_arn) if context.principal_type == AWS_SERVICE else None


class UnknownKey(Exception):
    """The sandbox does not have a key that a statement looks at."""
