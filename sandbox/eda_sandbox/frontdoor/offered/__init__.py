"""What the sandbox offers of the services that the emulator serves."""

import json
import re

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.offered import Offered
from eda_sandbox.frontdoor.faults import query_error
from eda_sandbox.frontdoor.offered.dynamodb import DYNAMODB, STREAMS
from eda_sandbox.frontdoor.offered.given import given
from eda_sandbox.frontdoor.offered.identity import COGNITO, IAM, STS
from eda_sandbox.frontdoor.offered.kinesis import KINESIS
from eda_sandbox.frontdoor.offered.messaging import SNS, SQS
from eda_sandbox.frontdoor.offered.s3 import S3
from eda_sandbox.frontdoor.offered.secrets import KMS, SECRETS_MANAGER, SSM
from eda_sandbox.frontdoor.offered.watching import CLOUDWATCH, LOGS

BEHIND: dict[str, Offered] = {
    one.service: one
    for one in (
        *(CLOUDWATCH, COGNITO, DYNAMODB, IAM, KINESIS, KMS, LOGS, S3),
        *(SECRETS_MANAGER, SNS, SQS, SSM, STREAMS, STS),
    )
}
"""By boto3's name of the service."""


class NotOffered(AwsError):
    """A service that the sandbox does not offer at all; in which form it answers, its requests tell."""


_ANSWER_IN_XML = frozenset({"iam", "sns", "sts"})
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 has not."""


def check(service: str, operation: str, request: HttpRequest) -> None:
    """Refuse what a request for the emulator asks for and the sandbox does not offer.

    Raises:
        NotOffered: the service is not offered.
        AwsError: the operation, or a member of its input, is not.
    """
    offered, asked = BEHIND.get(service), operation or f"{request.method} {request.path}"
    if offered is None:
        raise NotOffered("UnknownOperationException", f"{service}:{asked} is not offered by the sandbox", 400)
    offered.check_operation(asked)
    if service in _ANSWER_IN_XML and _NOT_IN_XML.search("".join(request.form().values())):
        # The answer would quote it, and be none that a client can read.
        raise AwsError(offered.code, "a parameter has control characters, which this service does not take", 400)
    offered.check(operation, given(service_model(service).operation_model(operation), request))


def answer(refused: NotOffered, request: HttpRequest) -> HttpResponse:
    """The refusal of a service of which the sandbox knows nothing."""
    if request.header("x-amz-target") is None and request.form().get("Action"):
        return query_error(refused.code, 400, refused.message)
    body = json.dumps({"__type": refused.code, "message": refused.message})
    headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", refused.code)]
    return HttpResponse(400, headers, body.encode())
