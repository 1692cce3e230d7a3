"""All that API Gateway holds for an account."""

import threading

from eda_sandbox.services.apigateway.model import ApiKey, DomainName, RestApi, UsagePlan
from eda_sandbox.services.apigateway.throttling import Throttle
from eda_sandbox.services.apigateway.usage import Usage


class Store:
    """APIs, keys and plans by id; ``lock`` is held while the control plane changes them."""

    def __init__(self, throttle: Throttle) -> None:
        self.lock = threading.RLock()
        self.apis: dict[str, RestApi] = {}
        self.keys: dict[str, ApiKey] = {}
        self.plans: dict[str, UsagePlan] = {}
        self.domains: dict[str, DomainName] = {}
        self.cloudwatch_role_arn: str | None = None
        self.throttle = throttle
        self.usage = Usage()
