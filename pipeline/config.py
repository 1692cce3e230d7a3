"""The stack's configuration, typed and checked before a resource is made."""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pulumi
import yaml
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
AUTHORIZATIONS = tuple(
    # The others need an authoriser, which the program does not have.
    each.value
    for each in Authorization
    if each not in (Authorization.JWT, Authorization.LAMBDA)
)


class Values(Protocol):
    """Where a configuration is read: ``pulumi.Config``, or a stack's file."""

    @property
    def name(self) -> str:
        """The project's name, which every key begins with."""

    def get(self, key: str) -> str | None:
        """A value as text, or None where the key is not set."""


@dataclass(frozen=True)
class StackFile:
    """The configuration in a stack's file, outside a Pulumi program.

    Attributes:
        name: the project's name.
        values: by full key, ``project:key``.
    """

    name: str
    values: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path, stack: str) -> "StackFile":
        """The file ``Pulumi.STACK.yaml`` of a project's folder."""
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
        return cls(project, yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text()).get("config") or {})

    def get(self, key: str) -> str | None:
        """A value as text, or None where the key is not set."""
        value = self.values.get(f"{self.name}:{key}")
        return None if value is None else str(value)


class ConfigError(Exception):
    """Config values are missing or not allowed; the message names key, value and what is allowed, a line each."""


@dataclass(frozen=True)
class StackConfig:
    """The configuration of one environment.

    Attributes:
        environment: ``dev``, ``staging``, ``prod`` or ``sandbox``.
        external_api_url: base address of the external API.
        notification_url: where other systems are told of orders' changes.
        authorization: who may call the API.
        get_concurrency: reserved concurrency of the GET function.
        call_concurrency: reserved concurrency of the external call.
        details_timeout_seconds: how long an order waits for its details.
        log_retention_in_days: of every log group.
        deletion_protection: of all that holds data.
        encryption_key: whether the stack makes a customer managed key and encrypts all that it stores with it.
        order_rate_limit: orders that are admitted a second, and details; see ``docs/how-to/capacity.md``.
        throttling_rate_limit: requests a second on each other route.
        throttling_burst_limit: requests at once.
        alarm_topic_arn: SNS topic that every alarm notifies; empty for none.
        redshift: whether orders are loaded into Redshift.
        quicksight: whether loads refresh a SPICE data set; needs ``redshift``.
        load_schedule: when the daily load starts, an EventBridge Scheduler expression.
        load_timezone: time zone of the schedule.
        subnet_ids: where the Redshift workgroup lies.
        security_group_ids: of the Redshift workgroup.
        quicksight_principal_arn: user or group that owns the data set.
        quicksight_vpc_connection_arn: how QuickSight reaches the workgroup; empty for none.
        query_scan_limit: bytes that one Athena query may scan.
    """

    environment: str
    external_api_url: str
    notification_url: str
    authorization: Authorization
    get_concurrency: int
    call_concurrency: int
    details_timeout_seconds: int
    log_retention_in_days: int
    deletion_protection: bool
    encryption_key: bool
    order_rate_limit: int
    throttling_rate_limit: int
    throttling_burst_limit: int
    alarm_topic_arn: str
    redshift: bool
    quicksight: bool
    load_schedule: str
    load_timezone: str
    subnet_ids: list[str]
    security_group_ids: list[str]
    quicksight_principal_arn: str
    quicksight_vpc_connection_arn: str
    query_scan_limit: int

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


def load(values: Values | None = None) -> StackConfig:
    """Read and check a stack's configuration.

    Args:
        values: where it is read; default: that of the program that runs.

    Raises:
        ConfigError: values are missing or not allowed; it names all of them.
    """
    read = _Reader(pulumi.Config() if values is None else values)
    external_api_url = read.url("external_api_url")
    loaded = StackConfig(
        environment=read.choice("environment", ("dev", "staging", "prod", "sandbox")),
        external_api_url=external_api_url,
        notification_url=read.url("notification_url", f"{external_api_url.rstrip('/')}/notifications"),
        authorization=Authorization(read.choice("authorization", AUTHORIZATIONS, "AWS_IAM")),
        get_concurrency=read.number("get_concurrency", 1, 1000, 20),
        call_concurrency=read.number("call_concurrency", 1, 1000, 10),
        details_timeout_seconds=read.number("details_timeout_seconds", 60, 365 * 86400, DEFAULT_WAIT),
        log_retention_in_days=int(read.choice("log_retention_in_days", tuple(map(str, RETENTION_DAYS)), "30")),
        deletion_protection=read.switch("deletion_protection", default=False),
        encryption_key=read.switch("encryption_key", default=False),
        order_rate_limit=read.number("order_rate_limit", 1, 10000, 50),
        throttling_rate_limit=read.number("throttling_rate_limit", 1, 10000, 100),
        throttling_burst_limit=read.number("throttling_burst_limit", 1, 5000, 50),
        alarm_topic_arn=read.arn("alarm_topic_arn", "sns", "an SNS topic"),
        redshift=read.switch("redshift", default=True),
        quicksight=read.switch("quicksight", default=True),
        load_schedule=read.pattern(
            "load_schedule", r"cron\(.+\)|rate\(.+\)", "cron(…) or rate(…)", "cron(0 3 * * ? *)"
        ),
        load_timezone=read.time_zone("load_timezone", "UTC"),
        subnet_ids=read.identifiers("subnet_ids", "subnet-"),
        security_group_ids=read.identifiers("security_group_ids", "sg-"),
        quicksight_principal_arn=read.arn("quicksight_principal_arn", "quicksight", "a QuickSight user or group"),
        quicksight_vpc_connection_arn=read.arn("quicksight_vpc_connection_arn", "quicksight", "a VPC connection"),
        query_scan_limit=read.number("query_scan_limit", 10_000_000, 7 * 10**15, 10 * 1024**3),
    )
    wrong = read.wrong or [*_wrong_analytics(loaded), *(_wrong_in_prod(loaded) if loaded.environment == "prod" else ())]
    if wrong:
        raise ConfigError("\n".join(wrong))
    if loaded.authorization is Authorization.NONE:
        pulumi.log.warn("orders:authorization is NONE: everybody who knows the API's address may call it")
    return loaded


def _wrong_analytics(loaded: StackConfig) -> list[str]:
    needs = [
        (loaded.quicksight and not loaded.redshift, "quicksight", "false, because redshift is false"),
        (loaded.redshift and not loaded.subnet_ids, "subnet_ids", "subnets of three zones, subnet-…,subnet-…"),
        (loaded.redshift and not loaded.security_group_ids, "security_group_ids", "security groups, sg-…"),
        (
            loaded.quicksight and not loaded.quicksight_principal_arn,
            "quicksight_principal_arn",
            "a user's or group's ARN",
        ),
    ]
    return [
        f"config orders:{key} is not allowed as it is; allowed: {allowed}. "
        "An environment without Redshift or QuickSight sets orders:redshift or orders:quicksight to false"
        for failed, key, allowed in needs
        if failed
    ]


def _wrong_in_prod(loaded: StackConfig) -> list[str]:
    wrong = [
        (not loaded.deletion_protection, "deletion_protection", "true"),
        (not loaded.alarm_topic_arn, "alarm_topic_arn", "the ARN of an SNS topic"),
        (loaded.authorization is Authorization.NONE, "authorization", "AWS_IAM, COGNITO or API_KEY"),
    ]
    return [
        f"config orders:{key} is not allowed in prod as it is; allowed: {allowed}"
        for failed, key, allowed in wrong
        if failed
    ]


class _Reader:
    """Reads values one by one; what is wrong with any of them is gathered."""

    def __init__(self, config: Values) -> None:
        self._config = config
        self.wrong: list[str] = []

    def _read(self, key: str, allowed: str, default: str | None, parse: Callable[[str], T], valid: str) -> T:
        """A value; in place of a wrong one, which stops the stack at the end, one that is ``valid``."""
        value = self._config.get(key)
        name = f"{self._config.name}:{key}"
        if value is None or value == "":
            if default is None:
                self.wrong.append(
                    f"config {name} is missing; allowed: {allowed}. Set it with: pulumi config set {name} VALUE"
                )
                return parse(valid)
            value = default
        try:
            return parse(value)
        except ValueError:
            self.wrong.append(f"config {name} is {value!r}; allowed: {allowed}")
            return parse(valid)

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        def parse(value: str) -> str:
            if value not in allowed:
                raise ValueError
            return value

        return self._read(key, ", ".join(allowed), default, parse, allowed[0])

    def number(self, key: str, low: int, high: int, default: int) -> int:
        def parse(value: str) -> int:
            if not low <= int(value) <= high:
                raise ValueError
            return int(value)

        return self._read(key, f"whole numbers from {low} to {high}", str(default), parse, str(low))

    def switch(self, key: str, *, default: bool) -> bool:
        return self.choice(key, ("true", "false"), str(default).lower()) == "true"

    def pattern(self, key: str, pattern: str, allowed: str, default: str) -> str:
        def parse(value: str) -> str:
            if not re.fullmatch(pattern, value):
                raise ValueError
            return value

        return self._read(key, allowed, default, parse, default)

    def time_zone(self, key: str, default: str) -> str:
        def parse(value: str) -> str:
            if value not in zoneinfo.available_timezones():
                raise ValueError
            return value

        return self._read(key, "IANA time zones, such as Europe/Berlin", default, parse, default)

    def identifiers(self, key: str, prefix: str) -> list[str]:
        def parse(value: str) -> list[str]:
            found = [] if value == "none" else [part.strip() for part in value.split(",")]
            if not all(part.startswith(prefix) for part in found):
                raise ValueError
            return found

        return self._read(key, f"{prefix}…,{prefix}…, or none", "none", parse, "none")

    def arn(self, key: str, service: str, what: str) -> str:
        def parse(value: str) -> str:
            if value != "none" and not re.match(f"arn:aws(-[a-z-]+)?:{service}:", value):
                raise ValueError
            return "" if value == "none" else value

        return self._read(key, f"the ARN of {what}, or none", "none", parse, "none")

    def url(self, key: str, default: str | None = None) -> str:
        def parse(value: str) -> str:
            parts = urlsplit(value)
            # Plain HTTP is for an API on this very machine.
            loopback = parts.hostname in ("127.0.0.1", "localhost")
            if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
                raise ValueError
            return value

        return self._read(key, "an https:// address (http:// for loopback)", default, parse, "https://localhost")
