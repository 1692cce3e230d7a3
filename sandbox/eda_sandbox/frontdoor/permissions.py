"""Permissions that the emulator asks for otherwise than AWS does: they are checked at the front door.

The Service Authorization Reference has what AWS asks for: https://docs.aws.amazon.com/service-authorization/.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor import authorization

_BATCHES = {
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
"""Batches of SQS need the action of the single call; the emulator asks for one of their own."""

_PARAMETERS = frozenset({"GetParameter", "GetParameters"})
"""The emulator takes a parameter's ARN for a name, and many parameters for all."""
_HERE: Mapping[str, Collection[str]] = {
    "logs": ("PutLogEvents",),
    # SNS has one action for the call and its batch, as SQS does.
    "sns": ("PublishBatch",),
    "sqs": _BATCHES,
    "ssm": _PARAMETERS,
}


def asked_here(service: str, operation: str) -> bool:
    """Whether an operation's permission is checked here."""
    return operation in _HERE.get(service, ())


def parameter_name(given: str) -> str:
    """A parameter's name without the slash that it may begin with, from its name or ARN, with or without a version."""
    return given.partition(":parameter/")[2].partition(":")[0] or given.lstrip("/").partition(":")[0]


def check(cloud: Cloud, service: str, operation: str, request: HttpRequest) -> None:
    """Check the caller's permission as AWS does.

    Raises:
        AwsError: the caller may not.
    """
    parameters = request.parameters()
    if service == "ssm":
        for name in parameters.get("Names", [parameters.get("Name", "")]):
            arn = cloud.arn("ssm", f"parameter/{parameter_name(name)}")
            authorization.authorize(request, service, f"ssm:{operation}", cloud.region, arn)
        return
    if service == "sqs":
        account, name = ("/", *urlsplit(parameters.get("QueueUrl", "")).path.split("/"))[-2:]
        action, arn = _BATCHES[operation], f"arn:aws:sqs:{cloud.region}:{account}:{name}"
    elif service == "sns":
        action, arn = "sns:Publish", parameters.get("TopicArn", "")
    else:
        # On the log stream; the emulator looks at the group's ARN.
        where = f"log-group:{parameters.get('logGroupName')}:log-stream:{parameters.get('logStreamName')}"
        action, arn = "logs:PutLogEvents", cloud.arn("logs", where)
    authorization.authorize(request, service, action, cloud.region, arn)
