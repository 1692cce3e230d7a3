"""The stack's configuration, typed and checked before a resource is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import pulumi
from pulumi_aws_eda import Authorization

T = TypeVar("T")
RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""What CloudWatch Logs takes (PutRetentionPolicy)."""
DEFAULT_WAIT = 7 * 24 * 3600


class ConfigError(Exception):
    """A config value is missing or not allowed; the message names key, value and what is allowed."""


@dataclass(frozen=True)
class StackConfig:
    """The configuration of one environment.

    Attributes:
        environment: ``dev``, ``staging``, ``prod`` or ``sandbox``.
        external_api_url: base address of the external API.
        authorization: who may call the API.
        get_concurrency: reserved concurrency of the GET function.
        call_concurrency: reserved concurrency of the external call.
        details_timeout_seconds: how long an order waits for its details.
        log_retention_in_days: of every log group.
        deletion_protection: of the orders table.
        throttling_rate_limit: requests a second over all routes.
        throttling_burst_limit: requests at once.
        alarm_topic_arn: SNS topic that every alarm notifies; empty for none.
    """

    environment: str
    external_api_url: str
    authorization: Authorization
    get_concurrency: int
    call_concurrency: int
    details_timeout_seconds: int
    log_retention_in_days: int
    deletion_protection: bool
    throttling_rate_limit: int
    throttling_burst_limit: int
    alarm_topic_arn: str

    @property
    def alarm_actions(self) -> list[str]:
        """What every alarm notifies."""
        return [self.alarm_topic_arn] if self.alarm_topic_arn else []

    @property
    def get_burst_limit(self) -> int:
        """Requests at once on the GET route: below its function's concurrency, so that the gateway says 429 first."""
        return max(1, min(self.throttling_burst_limit, self.get_concurrency - 1))

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource."""
        return {"project": pulumi.get_project(), "environment": self.environment, "managed-by": "pulumi"}


def load() -> StackConfig:
    """Read and check the stack's configuration.

    Raises:
        ConfigError: a value is missing or not allowed.
    """
    read = _Reader(pulumi.Config())
    loaded = StackConfig(
        environment=read.choice("environment", ("dev", "staging", "prod", "sandbox")),
        external_api_url=read.url("external_api_url"),
        authorization=Authorization(read.choice("authorization", tuple(a.value for a in Authorization), "AWS_IAM")),
        get_concurrency=read.number("get_concurrency", 1, 1000, 20),
        call_concurrency=read.number("call_concurrency", 1, 1000, 10),
        details_timeout_seconds=read.number("details_timeout_seconds", 60, 365 * 86400, DEFAULT_WAIT),
        log_retention_in_days=int(read.choice("log_retention_in_days", tuple(map(str, RETENTION_DAYS)), "30")),
        deletion_protection=read.choice("deletion_protection", ("true", "false"), "false") == "true",
        throttling_rate_limit=read.number("throttling_rate_limit", 1, 10000, 100),
        throttling_burst_limit=read.number("throttling_burst_limit", 1, 5000, 50),
        alarm_topic_arn=read.topic("alarm_topic_arn"),
    )
    if loaded.authorization is Authorization.NONE:
        pulumi.log.warn("orders:authorization is NONE: everybody who knows the API's address may call it")
    if loaded.environment == "prod":
        _check_prod(loaded)
    return loaded


def _check_prod(loaded: StackConfig) -> None:
    wrong = [
        (not loaded.deletion_protection, "deletion_protection", "true"),
        (not loaded.alarm_topic_arn, "alarm_topic_arn", "the ARN of an SNS topic"),
        (loaded.authorization is Authorization.NONE, "authorization", "AWS_IAM, COGNITO or API_KEY"),
    ]
    for failed, key, allowed in wrong:
        if failed:
            raise ConfigError(f"config orders:{key} is not allowed in prod as it is; allowed: {allowed}")


class _Reader:
    def __init__(self, config: pulumi.Config) -> None:
        self._config = config

    def _read(self, key: str, allowed: str, default: str | None, parse: Callable[[str], T]) -> T:
        value = self._config.get(key)
        name = f"{self._config.name}:{key}"
        if value is None or value == "":
            if default is None:
                raise ConfigError(
                    f"config {name} is missing; allowed: {allowed}. Set it with: pulumi config set {name} VALUE"
                )
            value = default
        try:
            return parse(value)
        except ValueError:
            raise ConfigError(f"config {name} is {value!r}; allowed: {allowed}") from None

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        def parse(value: str) -> str:
            if value not in allowed:
                raise ValueError
            return value

        return self._read(key, ", ".join(allowed), default, parse)

    def number(self, key: str, low: int, high: int, default: int) -> int:
        def parse(value: str) -> int:
            if not low <= int(value) <= high:
                raise ValueError
            return int(value)

        return self._read(key, f"whole numbers from {low} to {high}", str(default), parse)

    def topic(self, key: str) -> str:
        def parse(value: str) -> str:
            if value != "none" and not value.startswith("arn:aws:sns:"):
                raise ValueError
            return "" if value == "none" else value

        return self._read(key, "the ARN of an SNS topic, or none", "none", parse)

    def url(self, key: str) -> str:
        def parse(value: str) -> str:
            parts = urlsplit(value)
            # Plain HTTP is for an API on this very machine.
            loopback = parts.hostname in ("127.0.0.1", "localhost")
            if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
                raise ValueError
            return value

        return self._read(key, "an https:// address (http:// for loopback)", None, parse)
