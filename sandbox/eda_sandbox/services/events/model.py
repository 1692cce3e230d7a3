"""Event buses, rules and their targets."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eda_sandbox.foundation import event_pattern


@dataclass
class Rule:
    """One rule.

    Attributes:
        pattern: the text of its event pattern.
        targets: as ``PutTargets`` took them, by id.
    """

    name: str
    arn: str
    bus: str
    pattern: str
    state: str
    description: str | None = None
    role_arn: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parsed = event_pattern.parse(self.pattern)

    def matches(self, event: dict[str, Any]) -> bool:
        """Whether the rule is enabled and its pattern matches."""
        return self.state != "DISABLED" and event_pattern.matches(self._parsed, event)

    def described(self) -> dict[str, Any]:
        """The rule as ``ListRules`` shows it."""
        return {
            "Name": self.name,
            "Arn": self.arn,
            "EventBusName": self.bus,
            "EventPattern": self.pattern,
            "State": self.state,
            "Description": self.description,
            "RoleArn": self.role_arn,
        }


@dataclass
class Bus:
    """One event bus and its rules, by name.

    Attributes:
        settings: the further members that ``DescribeEventBus`` returns as they were given.
        policy: who else may put events, as a document.
    """

    name: str
    arn: str
    created: datetime
    settings: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    policy: str | None = None

    def described(self) -> dict[str, Any]:
        """The bus as ``DescribeEventBus`` shows it."""
        return {
            "Name": self.name,
            "Arn": self.arn,
            "CreationTime": self.created,
            "LastModifiedTime": self.created,
            "Policy": self.policy,
            **self.settings,
        }
