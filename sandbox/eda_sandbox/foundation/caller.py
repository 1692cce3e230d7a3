"""Who calls a service."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    ``service`` is set when an AWS service calls in its own name (``apigateway.amazonaws.com``), then the resource's own
    policy decides; ``source_arn`` is the resource on whose behalf it calls.
    """

    access_key: str
    arn: str
    account: str
    service: str | None = None
    source_arn: str | None = None
