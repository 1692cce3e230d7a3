"""All rules; each can be imported by itself from its service's module."""

from eda_policies.rule import Rule
from eda_policies.rules import analytics, api_gateway, dynamodb, events, iam, lambda_, queues, s3, stack, step_functions

_MODULES = (lambda_, step_functions, api_gateway, iam, queues, events, dynamodb, s3, analytics, stack)
RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in vars(module).values() if isinstance(rule, Rule))
"""Every rule, by service."""
