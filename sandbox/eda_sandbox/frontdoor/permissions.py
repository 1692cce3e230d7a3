"""Permissions that the emulator asks for otherwise than AWS does: they are checked at the front door.

The Service Authorization Reference has what AWS asks for: https://docs.aws.amazon.com/service-authorization/.
"""

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor import authorization, item_access, key_actions
from eda_sandbox.frontdoor.asked import Asked

_BATCHES = {
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
"""Batches of SQS need the action of the single call; the emulator asks for one of their own."""

_PARAMETERS = frozenset({"GetParameter", "GetParameters"})
"""The emulator takes a parameter's ARN for a name, and many parameters for all."""
_HERE: Mapping[str, Collection[str]] = {
    # Condition keys, and the items of batches and transactions.
    "dynamodb": item_access.OPERATIONS,
    # On the key, however it is named.
    "kms": key_actions.OPERATIONS,
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
    authorization.check(request, service, list(_asked(cloud, service, operation, request)), cloud.region)


def _asked(cloud: Cloud, service: str, operation: str, request: HttpRequest) -> Iterator[Asked]:
    given = request.parameters()
    match service:
        case "dynamodb":
            # Who asks for nothing that can be told apart still shows who it is.
            yield from list(item_access.asked(operation, given)) or [Asked(f"dynamodb:{operation}", "*")]
        case "ssm":
            for name in given.get("Names", [given.get("Name", "")]):
                yield Asked(f"ssm:{operation}", cloud.arn("ssm", f"parameter/{parameter_name(name)}"))
        case "sqs":
            account, name = ("/", *urlsplit(given.get("QueueUrl", "")).path.split("/"))[-2:]
            yield Asked(_BATCHES[operation], f"arn:aws:sqs:{cloud.region}:{account}:{name}")
        case "kms":
            yield key_actions.asked(operation, given)
        case "sns":
            yield Asked("sns:Publish", given.get("TopicArn", ""))
        case _:
            # On the log stream; the emulator looks at the group's ARN.
            where = f"log-group:{given.get('logGroupName')}:log-stream:{given.get('logStreamName')}"
            yield Asked("logs:PutLogEvents", cloud.arn("logs", where))
