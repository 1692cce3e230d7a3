"""Says before a deployment what the account lacks for it."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipeline import preflight_analytics, preflight_quotas, workload
from pipeline.config import StackConfig
from pipeline.lacks import Lack, looked
from pipeline.preflight_quotas import AccountQuotas
from pipeline.quotas import UNRESERVED_MINIMUM


def check(
    client: Callable[[str], Any], settings: StackConfig, prefix: str, account: AccountQuotas, order: workload.Order
) -> list[Lack]:
    """What is lacking.

    Args:
        client: gives clients by boto3's name of the service.
        settings: the stack's.
        prefix: what the names of its functions begin with, ``PROJECT-STACK-``.
        account: its quotas.
        order: what one of the stack's orders does.
    """
    return [
        *looked("API Gateway's account settings", lambda: _log_role(client("apigateway"))),
        *looked("Lambda's concurrency", lambda: _concurrency(client("lambda"), settings, prefix)),
        *preflight_quotas.check(account, settings, order),
        *preflight_analytics.check(client, settings, prefix),
    ]


def _log_role(apigateway: Any) -> list[Lack]:
    if apigateway.get_account().get("cloudwatchRoleArn"):
        return []
    return [
        Lack(
            "API Gateway has no role to write logs with; it is set once for an account and region",
            "aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=ROLE_ARN, "
            "with a role that apigateway.amazonaws.com may assume and that has the managed policy "
            "AmazonAPIGatewayPushToCloudWatchLogs",
        )
    ]


def _concurrency(lambda_: Any, settings: StackConfig, prefix: str) -> list[Lack]:
    wanted = {"get-order": settings.get_concurrency, "call-external-api": settings.call_concurrency}
    limits, reserved = lambda_.get_account_settings()["AccountLimit"], sum(wanted.values())
    # What the stack has reserved at an earlier deployment is free for it.
    own = sum(_reserved(lambda_, prefix + name) for name in wanted)
    free = limits["UnreservedConcurrentExecutions"] + own
    if free - reserved >= UNRESERVED_MINIMUM:
        return []
    return [
        Lack(
            f"the stack reserves {reserved} concurrent executions; {free} are free and Lambda keeps "
            f"{UNRESERVED_MINIMUM} of them unreserved (quota of the account: {limits['ConcurrentExecutions']})",
            "ask for a higher quota 'Concurrent executions' (Service Quotas, Lambda), or lower get_concurrency and "
            "call_concurrency in the stack's config",
        )
    ]


def _reserved(lambda_: Any, name: str) -> int:
    """What a function has reserved; a function that is not there yet has nothing."""
    try:
        return int(lambda_.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return 0
