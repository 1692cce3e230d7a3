"""The one table from Pulumi type tokens to API calls."""

import difflib

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider import (
    apigateway,
    athena,
    cloudwatch,
    dynamodb,
    events,
    firehose,
    glue,
    iam,
    kinesis,
    kms,
    lambda_,
    logs_insights,
    pipes,
    quicksight,
    redshift,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
    stepfunctions,
    xray,
)
from eda_sandbox.provider.resource import ResourceType

_MODULES = (
    apigateway,
    athena,
    cloudwatch,
    dynamodb,
    events,
    firehose,
    glue,
    iam,
    kinesis,
    kms,
    lambda_,
    logs_insights,
    pipes,
    quicksight,
    redshift,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
    stepfunctions,
    xray,
)

TABLE: dict[str, ResourceType] = {
    token: resource_type for module in _MODULES for token, resource_type in module.TYPES.items()
}


def resource_type(token: str) -> ResourceType:
    """The entry of a type.

    Raises:
        SandboxError: the sandbox does not offer it.
    """
    found = TABLE.get(token)
    if found is None:
        near = difflib.get_close_matches(token, TABLE, 1)
        raise SandboxError(
            f"the sandbox's provider does not know the type {token!r}"
            + (f"; the nearest it knows is {near[0]!r}" if near else "")
        )
    return found
