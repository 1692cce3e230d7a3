"""How the States Language spells the errors of the services that tasks call.

Step Functions calls services with AWS's SDK for Java, whose exceptions give the names: an error of the service's API
model is an exception of its own, all others are the service's one general exception. Optimised integrations are on
the SDK's first version, ``aws-sdk:`` calls on its second.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from botocore.model import ServiceModel, StructureShape

from eda_sandbox.services.stepfunctions.resources import Resource

_GENERAL = {
    "dynamodb": "AmazonDynamoDBException",
    "events": "AmazonEventBridgeException",
    "lambda": "AWSLambdaException",
    "sns": "AmazonSNSException",
    "sqs": "AmazonSQSException",
    "states": "AWSStepFunctionsException",
}
# What the first version's exceptions call their services.
_SERVICES = {
    "dynamodb": "AmazonDynamoDBv2",
    "events": "AmazonEventBridge",
    "lambda": "AWSLambda",
    "sns": "AmazonSNS",
    "sqs": "AmazonSQS",
    "states": "AWSStepFunctions",
}


def error_name(
    model: ServiceModel, prefix: str, service: str, code: str, *, sdk: bool, throttle: str = "general"
) -> str:
    """The error's name behind a failed call, ``DynamoDB.ConditionalCheckFailedException``.

    Args:
        model: the called service's API model.
        prefix: how the States Language spells the service.
        service: the service as the task's resource names it.
        code: the error code of the answer.
        sdk: it is an ``aws-sdk:`` call.
        throttle: the value of the doubt ``stepfunctions-sdk-throttle``.
    """
    plain = code.rpartition("#")[2]
    shape = _shape(model, plain)
    if shape is not None:
        return f"{prefix}.{_exception(shape.name)}"
    if sdk and throttle == "code":
        return f"{prefix}.{_exception(plain)}"
    return general_error_name(prefix, service, sdk=sdk)


def _shape(model: ServiceModel, code: str) -> Any:
    shapes: list[Any] = model.error_shapes
    names = {code, code.rpartition(".")[2]}
    return next((shape for shape in shapes if names & {shape.name, shape.error_code}), None)


def plain_code(model: ServiceModel, code: str) -> str:
    """An error code as the service's API model has it."""
    plain = code.rpartition("#")[2]
    shape = _shape(model, plain)
    return plain.rpartition(".")[2] if shape is None else str(shape.error_code)


def general_error_name(prefix: str, service: str, *, sdk: bool) -> str:
    """The name of the errors that a service's API model does not have."""
    return f"{prefix}.{prefix}Exception" if sdk else f"{prefix}.{_GENERAL[service]}"


def cause(called: Resource, prefix: str, message: str, status: int, code: str, request_id: str = "") -> str:
    """What an error of a called service says, as the SDK's exceptions print it.

    Args:
        called: the task's resource.
        prefix: how the States Language spells the service.
        message: the service's own message.
        status: of HTTP.
        code: the error code of the answer.
        request_id: of the answer; default a new one.
    """
    request_id = request_id or str(uuid.uuid4())
    if called.sdk:
        extended = f", Extended Request ID: {request_id}" if called.client == "s3" else ""
        details = f"(Service: {prefix}, Status Code: {status}, Request ID: {request_id}{extended})"
        return f"{message} {details} (SDK Attempt Count: 1)"
    return (
        f"{message} (Service: {_SERVICES[called.service]}; Status Code: {status}; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )


def missing(shape: Any, request: Mapping[str, Any]) -> str | None:
    """A member of a request that its model asks for and that is not there."""
    if not isinstance(shape, StructureShape):
        return None
    return next((name for name in shape.required_members if name not in request), None)


def _exception(shape: str) -> str:
    name = shape[0].upper() + shape[1:]
    return name if name.endswith("Exception") else f"{name.removesuffix('Fault')}Exception"
