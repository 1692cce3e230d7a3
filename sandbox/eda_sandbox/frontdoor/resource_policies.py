"""What an AWS service that calls in its own name may do at the emulator: the resource's own policy decides."""

import json
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.foundation import iam
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor import authorization
from eda_sandbox.frontdoor.emulator import Emulator

SERVICES = frozenset({"logs", "sns", "sqs"})
"""boto3's names of the services whose policies are asked here."""


class ResourcePolicies:
    """Queue policies, topic policies and the resource policies of log groups.

    Args:
        cloud: the embedded AWS.
        emulator: where the policies are.
    """

    def __init__(self, cloud: Cloud, emulator: Emulator) -> None:
        self._cloud = cloud
        self._emulator = emulator

    def check(self, service: str, operation: str, request: HttpRequest) -> None:
        """Check a request that a service sends in its own name; others pass.

        Raises:
            AwsError: ``AccessDenied``, no statement of the resource's policy allows it.
        """
        caller = self._cloud.principal_of(authorization.access_key(request))
        if caller is None:
            return
        principal, source_arn = caller
        parameters = request.parameters()
        try:
            arn, policies = self._policies(service, parameters)
        except ClientError:
            # A resource that is not there has no policy: the emulator says so itself.
            return
        keys = {"aws:sourceaccount": self._cloud.account, "aws:securetransport": "true"}
        if source_arn is not None:
            keys["aws:sourcearn"] = source_arn
        action = f"{service}:{operation.removesuffix('Batch')}"
        if not any(
            iam.resource_policy_allows(policy, principal, action, arn, self._cloud.region, keys) for policy in policies
        ):
            raise AwsError(
                "AccessDeniedException" if service == "logs" else "AccessDenied",
                f"User: {principal} is not authorized to perform: {action} on resource: {arn} because no "
                f"resource-based policy allows the {action} action",
                403 if service != "logs" else 400,
            )

    def _policies(self, service: str, parameters: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        match service:
            case "sqs":
                url = parameters.get("QueueUrl", "")
                found = self._emulator.client("sqs").get_queue_attributes(
                    QueueUrl=url, AttributeNames=["Policy", "QueueArn"]
                )
                return found["Attributes"]["QueueArn"], _parsed([found["Attributes"].get("Policy")])
            case "sns":
                arn = parameters.get("TopicArn") or parameters.get("TargetArn", "")
                found = self._emulator.client("sns").get_topic_attributes(TopicArn=arn)
                return arn, _parsed([found["Attributes"].get("Policy")])
            case _:
                group = parameters.get("logGroupName", "")
                found = self._emulator.client("logs").describe_resource_policies()["resourcePolicies"]
                arn = self._cloud.arn("logs", f"log-group:{group}:*")
                return arn, _parsed(policy.get("policyDocument") for policy in found)


def _parsed(documents: Iterable[str | None]) -> list[dict[str, Any]]:
    return [json.loads(document) for document in documents if document]
