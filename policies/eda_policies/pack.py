"""The rules as policies of Pulumi, for packs that are made of some of them.

from pulumi_policy import PolicyPack
from eda_policies.pack import policy
from eda_policies.rules.lambda_ import memory_bounds

PolicyPack("mine", [policy(memory_bounds)])
"""

from collections.abc import Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

from eda_policies.check import Checker
from eda_policies.graph import Graph
from eda_policies.resource import Resource
from eda_policies.rule import Category, Level, Rule, StackRule
from eda_policies.settings import STRICTEST, settings
from eda_policies.values import of_properties

ENFORCEMENT = {
    Level.ADVISORY: EnforcementLevel.ADVISORY,
    Level.MANDATORY: EnforcementLevel.MANDATORY,
    Level.DISABLED: EnforcementLevel.DISABLED,
}
_SEVERITIES = {
    Category.MISSION: Severity.HIGH,
    Category.SECURITY: Severity.HIGH,
    Category.RELIABILITY: Severity.MEDIUM,
    Category.OPERATIONS: Severity.MEDIUM,
    Category.COST: Severity.LOW,
}


def policy(rule: Rule, environment: str = STRICTEST) -> Policy:
    """A rule as a policy that can stand alone; its config is given to it as to any policy.

    Args:
        rule: the rule.
        environment: whose profile gives level and defaults.
    """
    described: dict[str, Any] = {
        "name": rule.name,
        "description": rule.holds,
        "enforcement_level": ENFORCEMENT[rule.levels[environment]],
        "config_schema": _schema(rule),
        "severity": _SEVERITIES[rule.category],
        "tags": [rule.category.value],
        "remediation_steps": rule.fix,
        "url": rule.reference,
    }

    def checker(config: Any) -> Checker:
        return Checker([rule], settings([rule], {rule.name: _plain(config)}, environment))

    if isinstance(rule, StackRule):

        def stack(args: StackValidationArgs, report: ReportViolation) -> None:
            resources = [
                Resource(
                    found.resource_type,
                    found.name,
                    found.urn,
                    of_properties(found.props),
                    {key: [other.urn for other in others] for key, others in found.property_dependencies.items()},
                )
                for found in args.resources
            ]
            for violation in checker(args.get_config()).stack(Graph(resources)):
                report(violation.message, violation.urn)

        return StackValidationPolicy(validate=stack, **described)

    def resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
        found = Resource(args.resource_type, args.name, args.urn, of_properties(args.props))
        for violation in checker(args.get_config()).resource(found):
            report(violation.message, violation.urn)

    return ResourceValidationPolicy(validate=resource, **described)


def policies(rules: Sequence[Rule], environment: str = STRICTEST) -> list[Policy]:
    """Rules as policies."""
    return [policy(rule, environment) for rule in rules]


def _schema(rule: Rule) -> PolicyConfigSchema | None:
    if not rule.options:
        return None
    return PolicyConfigSchema({name: dict(option.schema) for name, option in rule.options.items()})


def _plain(config: Any) -> dict[str, Any]:
    """A policy's config, whose numbers come as floats."""
    return of_properties(config or {}).tree
