"""How each service says that it is called too often, and that it is out of order."""

from eda_sandbox.foundation.cloud import service_model

_THROTTLES = {
    "apigateway": ("TooManyRequestsException", 429),
    "athena": ("TooManyRequestsException", 400),
    "cloudwatch": ("Throttling", 400),
    "dynamodbstreams": ("LimitExceededException", 400),
    "execute-api": ("TooManyRequestsException", 429),
    "firehose": ("ServiceUnavailableException", 503),
    "iam": ("Throttling", 400),
    "kinesis": ("ProvisionedThroughputExceededException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),
    "sns": ("Throttled", 429),
    "sts": ("Throttling", 400),
    "xray": ("ThrottledException", 429),
}
"""Code and status; all others have ``ThrottlingException``, with the status of their API model."""
_TABLE_ITEMS = ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
_FAILURES = {
    "dynamodb": ("InternalServerError", 500),
    "dynamodbstreams": ("InternalServerError", 500),
    "execute-api": ("ServiceUnavailableException", 503),
    "firehose": ("ServiceUnavailableException", 503),
    "lambda": ("ServiceException", 500),
    "logs": ("ServiceUnavailableException", 503),
    "s3": ("InternalError", 500),
    "sns": ("InternalError", 500),
    "sqs": ("InternalFailure", 500),
}
"""Code and status; all others have the internal error of their API model, or ``InternalFailure``."""
_INTERNAL = ("InternalServerException", "InternalServerError", "InternalServiceError", "InternalException")


def throttled(service: str, operation: str) -> tuple[str, int]:
    """The error code and the HTTP status of a call that is one too many."""
    if service == "dynamodb" and operation in _TABLE_ITEMS:
        return "ProvisionedThroughputExceededException", 400
    return _THROTTLES.get(service) or ("ThrottlingException", _modelled_status(service, "ThrottlingException", 400))


def unavailable(service: str) -> tuple[str, int]:
    """The error code and the HTTP status of a service that fails inside."""
    if service in _FAILURES:
        return _FAILURES[service]
    names = {shape.name for shape in service_model(service).error_shapes}
    return next((name for name in _INTERNAL if name in names), "InternalFailure"), 500


def _modelled_status(service: str, name: str, default: int) -> int:
    shapes = service_model(service).error_shapes
    found = next((shape for shape in shapes if shape.name == name), None)
    return int((found.metadata.get("error") or {}).get("httpStatusCode", default)) if found is not None else default
