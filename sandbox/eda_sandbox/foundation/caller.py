"""Who calls a service."""

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    ``service`` is set when an AWS service calls in its own name (``apigateway.amazonaws.com``), then the resource's own
    policy decides; ``source_arn`` is the resource on whose behalf it calls; ``request_id`` is what the answer names the
    request by.
    """

    access_key: str
    arn: str
    account: str
    service: str | None = None
    source_arn: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
