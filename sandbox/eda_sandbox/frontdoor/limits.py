"""Limits of the services that the emulator serves, where it takes what AWS refuses."""

import re
from urllib.parse import parse_qsl

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor import iam_documents, resource_documents, shapes
from eda_sandbox.frontdoor.dynamodb import checking as dynamodb
from eda_sandbox.frontdoor.kinesis import checking as kinesis
from eda_sandbox.frontdoor.s3 import checking as s3

OBJECT_TAGS = 10
"""Tags of an object (S3 User Guide, object tagging)."""
_NAMES = {
    # From the API references: the models have no patterns for them.
    ("secretsmanager", "CreateSecret"): ("Name", r"[A-Za-z0-9/_+=.@!-]{1,512}", "ValidationException"),
    ("sqs", "CreateQueue"): ("QueueName", r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", "InvalidParameterValue"),
    ("sns", "CreateTopic"): ("Name", r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo", "InvalidParameter"),
    ("iam", "CreateRole"): ("RoleName", r"[\w+=,.@-]{1,64}", "ValidationError"),
    ("dynamodb", "CreateTable"): ("TableName", r"[a-zA-Z0-9_.-]{3,255}", "ValidationException"),
}

_WORDS = {
    "secretsmanager": "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
    "-/_+=.@!",
    "sns": "Invalid parameter: Topic Name",
    "sqs": "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
}
"""What is said of these names (recorded on AWS)."""


def check(service: str, operation: str, request: HttpRequest) -> None:
    """Check a request for the emulator.

    Args:
        service: boto3's name.
        operation: what is asked for.
        request: as it came.

    Raises:
        AwsError: AWS refuses it.
    """
    if service == "s3":
        s3.check(operation, request)
    elif service in ("dynamodb", "sqs") and request.header("x-amz-target"):
        shapes.check(service, operation, request.parameters())
    if (service, operation) in _NAMES:
        member, pattern, code = _NAMES[service, operation]
        name = request.parameters().get(member, "")
        if not re.fullmatch(pattern, name, re.ASCII):
            raise AwsError(code, _WORDS.get(service, f"{member} {name!r} does not match {pattern}"), 400)
    resource_documents.check(service, operation, request)
    if service == "iam":
        iam_documents.check(operation, request.parameters())
    elif service == "sts":
        iam_documents.check_session(request.parameters())
    elif service == "dynamodb" and operation in dynamodb.CHECKED:
        dynamodb.check(operation, request.parameters())
    elif service == "kinesis":
        kinesis.check(operation, request)
    elif service == "s3" and operation in ("PutObject", "CreateMultipartUpload", "PutObjectTagging"):
        count = _object_tags(operation, request)
        if count > OBJECT_TAGS:
            raise AwsError("BadRequest", f"Object tags cannot be greater than {OBJECT_TAGS}", 400)


def _object_tags(operation: str, request: HttpRequest) -> int:
    if operation != "PutObjectTagging":
        return len(parse_qsl(request.header("x-amz-tagging") or "", keep_blank_values=True))
    return request.body.count(b"<Tag>")
