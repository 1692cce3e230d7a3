"""Event patterns: of rules, and of the filters of event source mappings."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError

MOST_FILTERS = 5
"""Filters of a mapping, without a higher quota (Lambda Developer Guide, event filtering)."""
FILTER_SIZE = 4096
"""Characters of a filter's pattern (Lambda API, ``Filter``)."""
PATTERN_SIZE = 2048
"""Characters of a rule's pattern (EventBridge quotas)."""


def pattern(where: str, argument: str, given: Any, size: int) -> pulumi.Output[str]:
    """An event pattern as JSON.

    Args:
        where: the component, for messages.
        argument: what holds it, for messages.
        given: the pattern; its values may be outputs.
        size: characters that the service takes.

    Raises:
        ArgumentError: it is empty or too long, or a field has no list of values or operators.
    """
    _check_object(where, argument, given)

    def checked(text: str) -> str:
        if len(text) > size:
            raise ArgumentError(where, argument, f"has {len(text)} characters as JSON; AWS takes {size}")
        return text

    # What has no outputs is refused before anything is made.
    _ = checked(json.dumps(given, default=lambda _later: ""))
    return pulumi.Output.json_dumps(ordered(given)).apply(checked)


def ordered(given: Any) -> Any:
    """The same with the members of its maps in the order of their names: a map's own is lost on the way from other
    languages."""
    if isinstance(given, Mapping):
        return {name: ordered(given[name]) for name in sorted(given)}
    return [ordered(member) for member in given] if isinstance(given, list | tuple) else given


def filters(
    where: str, given: Sequence[Mapping[str, Any]] | None
) -> aws.lambda_.EventSourceMappingFilterCriteriaArgs | None:
    """The ``filter_criteria`` of an event source mapping; None without filters.

    Args:
        where: the component and its source, for messages.
        given: the patterns, of which one has to match.

    Raises:
        ArgumentError: there are too many, or one is no pattern.
    """
    if not given:
        return None
    if len(given) > MOST_FILTERS:
        raise ArgumentError(where, "filters", f"has {len(given)} patterns; a mapping has {MOST_FILTERS} at most")
    texts = [pattern(where, f"filters[{number}]", found, FILTER_SIZE) for number, found in enumerate(given)]
    return aws.lambda_.EventSourceMappingFilterCriteriaArgs(
        filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=text) for text in texts]
    )


def _check_object(where: str, argument: str, given: Any) -> None:
    if not isinstance(given, Mapping) or not given:
        raise ArgumentError(where, argument, "is no event pattern: it has to name a field at least")
    for name, value in given.items():
        inner = f"{argument}.{name}"
        if isinstance(value, pulumi.Output):
            continue
        if isinstance(value, Mapping):
            _check_object(where, inner, value)
        elif isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise ArgumentError(where, inner, "is no list of values or matching operators")
