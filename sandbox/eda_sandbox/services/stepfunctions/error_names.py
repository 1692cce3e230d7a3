"""How the States Language spells the errors of the services that tasks call.

Step Functions calls services with AWS's SDK for Java, whose exceptions give the names: an error of the service's API
model is an exception of its own, all others are the service's one general exception. Optimised integrations are on
the SDK's first version, ``aws-sdk:`` calls on its second.
"""

from typing import Any

from botocore.model import ServiceModel

_GENERAL = {
    "dynamodb": "AmazonDynamoDBException",
    "events": "AmazonEventBridgeException",
    "lambda": "AWSLambdaException",
    "sns": "AmazonSNSException",
    "sqs": "AmazonSQSException",
    "states": "AWSStepFunctionsException",
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
    shapes: list[Any] = model.error_shapes
    for shape in shapes:
        if {plain, plain.rpartition(".")[2]} & {shape.name, shape.error_code}:
            return f"{prefix}.{_exception(shape.name)}"
    if sdk and throttle == "code":
        return f"{prefix}.{_exception(plain)}"
    return general_error_name(prefix, service, sdk=sdk)


def general_error_name(prefix: str, service: str, *, sdk: bool) -> str:
    """The name of the errors that a service's API model does not have."""
    return f"{prefix}.{prefix}Exception" if sdk else f"{prefix}.{_GENERAL[service]}"


def _exception(shape: str) -> str:
    name = shape[0].upper() + shape[1:]
    return name if name.endswith("Exception") else f"{name.removesuffix('Fault')}Exception"
