"""Permissions that the emulator asks for otherwise than AWS does: they are checked at the front door.

The Service Authorization Reference has what AWS asks for: https://docs.aws.amazon.com/service-authorization/.
"""

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


def asked_here(service: str, operation: str) -> bool:
    """Whether an operation's permission is checked here."""
    return (service, operation) == ("logs", "PutLogEvents") or (service == "sqs" and operation in _BATCHES)


def check(cloud: Cloud, service: str, operation: str, request: HttpRequest) -> None:
    """Check the caller's permission as AWS does.

    Raises:
        AwsError: the caller may not.
    """
    parameters = request.parameters()
    if service == "sqs":
        account, name = ("/", *urlsplit(parameters.get("QueueUrl", "")).path.split("/"))[-2:]
        action, arn = _BATCHES[operation], f"arn:aws:sqs:{cloud.region}:{account}:{name}"
    else:
        # On the log stream; the emulator looks at the group's ARN.
        where = f"log-group:{parameters.get('logGroupName')}:log-stream:{parameters.get('logStreamName')}"
        action, arn = "logs:PutLogEvents", cloud.arn("logs", where)
    authorization.authorize(request, service, action, cloud.region, arn)
