"""The resources that tasks name, and what is offered of them."""

import functools
import re
from dataclasses import dataclass

from botocore.exceptions import UnknownServiceError

from eda_sandbox.foundation.cloud import service_model

CALLBACK = ".waitForTaskToken"
_SERVICE = re.compile(r"arn:[\w-]+:states:(?:[\w-]*):(?:\d*):(?:(aws-sdk):)?([\w-]+):(\w+)((?:\.\w+(?::\d)?)?)")
_FUNCTION = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d+:function:.+")
_ACTIVITY = re.compile(r"arn:[\w-]+:states:[\w-]+:\d+:activity:.+")
_OFFERED = {
    "dynamodb": {"getItem", "putItem", "updateItem", "deleteItem"},
    "events": {"putEvents"},
    "lambda": {"invoke"},
    "sns": {"publish"},
    "sqs": {"sendMessage"},
    "states": {"startExecution"},
}
_CALLBACKS = {"events", "lambda", "sns", "sqs", "states"}
# Optimised integrations of AWS's that the sandbox has not.
_OTHERS = frozenset(
    {
        *("apigateway", "athena", "batch", "bedrock", "codebuild", "databrew", "ecs", "eks", "elasticmapreduce"),
        *("emr-containers", "emr-serverless", "evidently", "glue", "http", "mediaconvert", "sagemaker"),
    }
)
# boto3's names of what the States Language calls otherwise.
_CLIENTS = {
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "eventbridge": "events",
    "redshiftdata": "redshift-data",
    "redshiftserverless": "redshift-serverless",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}


class NotRecognised(ValueError):
    """What is wrong with a resource, as ``CreateStateMachine`` says it."""


@dataclass(frozen=True)
class Resource:
    """What a task calls.

    Attributes:
        arn: as the task names it.
        function: it is a function, by its ARN.
        sdk: it is a call of an ``aws-sdk:`` integration.
        service: as the States Language spells it.
        action: for example ``sendMessage``.
        pattern: ``""``, ``.waitForTaskToken`` or ``.sync``.
    """

    arn: str
    function: bool = False
    sdk: bool = False
    service: str = "lambda"
    action: str = "invoke"
    pattern: str = ""

    @property
    def waits_for_token(self) -> bool:
        """Whether the task ends by ``SendTaskSuccess`` or ``SendTaskFailure``."""
        return self.pattern == CALLBACK

    @property
    def kind(self) -> str:
        """The ``resourceType`` of its events."""
        return f"aws-sdk:{self.service}" if self.sdk else self.service

    @property
    def call(self) -> str:
        """The ``resource`` of its events."""
        return f"{self.action}{self.pattern}"

    @property
    def client(self) -> str:
        """boto3's name of the service."""
        return _CLIENTS.get(self.service, self.service)

    @property
    def operation(self) -> str:
        """The operation's name in the service's API model."""
        return self.action[0].upper() + self.action[1:]


@functools.lru_cache(maxsize=512)
def parse(arn: str) -> Resource:
    """Read a resource.

    Raises:
        NotRecognised: it is none that AWS or the sandbox has.
    """
    if _FUNCTION.fullmatch(arn):
        return Resource(arn, function=True)
    if _ACTIVITY.fullmatch(arn):
        raise NotRecognised(f"the sandbox does not offer activities ({arn})")
    match = _SERVICE.fullmatch(arn)
    if match is None:
        raise _unknown(arn)
    found = Resource(arn, False, bool(match[1]), match[2], match[3], match[4])
    if not found.sdk and found.service in _OTHERS:
        raise NotRecognised(f"the sandbox does not offer the integration with {found.service} ({arn})")
    if found.sdk:
        _check_sdk(found)
    elif found.action not in _OFFERED.get(found.service, ()):
        raise _unknown(arn)
    if found.pattern.startswith(".sync"):
        raise NotRecognised(f"the sandbox does not offer the integration pattern {found.pattern} ({arn})")
    if found.pattern not in ("", CALLBACK) or (found.pattern and not found.sdk and found.service not in _CALLBACKS):
        raise _unknown(arn)
    return found


def _check_sdk(found: Resource) -> None:
    try:
        operations = service_model(found.client).operation_names
    except UnknownServiceError as error:
        raise NotRecognised(f"the sandbox does not know the service {found.service} ({found.arn})") from error
    if found.operation not in operations or not found.action[0].islower():
        raise _unknown(found.arn)


def _unknown(arn: str) -> NotRecognised:
    return NotRecognised(
        f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the resource is not "
        "available in this region."
    )
