"""Says before a deployment what the account lacks for it."""

from dataclasses import dataclass
from typing import Any

from pipeline.limits import UNRESERVED_MINIMUM


@dataclass(frozen=True)
class Lack:
    """Something the account lacks.

    Attributes:
        what: in words.
        fix: what to do.
    """

    what: str
    fix: str


def check(apigateway: Any, lambda_: Any, reserved_concurrency: int) -> list[Lack]:
    """What is lacking.

    Args:
        apigateway: an API Gateway client.
        lambda_: a Lambda client.
        reserved_concurrency: what the stack reserves for its functions together.
    """
    lacks = []
    if not apigateway.get_account().get("cloudwatchRoleArn"):
        lacks.append(
            Lack(
                "API Gateway has no role to write logs with; it is set once for an account and region",
                "aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=ROLE_ARN, "
                "with a role that apigateway.amazonaws.com may assume and that has the managed policy "
                "AmazonAPIGatewayPushToCloudWatchLogs",
            )
        )
    limits = lambda_.get_account_settings()["AccountLimit"]
    free = limits["UnreservedConcurrentExecutions"]
    if free - reserved_concurrency < UNRESERVED_MINIMUM:
        lacks.append(
            Lack(
                f"the stack reserves {reserved_concurrency} concurrent executions; {free} are free and Lambda keeps "
                f"{UNRESERVED_MINIMUM} of them unreserved (quota of the account: {limits['ConcurrentExecutions']})",
                "ask for a higher quota 'Concurrent executions' (Service Quotas, Lambda), or lower get_concurrency and "
                "call_concurrency in the stack's config",
            )
        )
    return lacks
