"""Filter policies of subscriptions."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.services import sns as emulated

from eda_sandbox.foundation import event_pattern
from eda_sandbox.frontdoor.sns.refusing import invalid

NAMES = 5
"""Names in a filter policy (SNS Developer Guide, filter policy constraints)."""
COMBINATIONS = 150
"""Of a filter policy's values, each counted with its depth (there)."""
_WHERE = re.compile(r"\s+at \$\S*$")
_emulated = emulated._matches_filter_policy


def check(policy: str, scope: str, where: str) -> None:
    """Check a filter policy.

    Args:
        policy: its text.
        scope: what it is asked of.
        where: how SNS names the parameter that it stands in, before the policy's own name.

    Raises:
        Refused: SNS does not take it.
    """
    # An empty one is none.
    if policy.strip() in ("", "{}"):
        return
    try:
        found = event_pattern.parse(policy)
    except ValueError as error:
        why = _WHERE.sub("", str(error).removeprefix("Event pattern is not valid. Reason: "))
        why = why.replace("Filter is not JSON: ", "failed to parse JSON. ").replace("Value of = ", "Value of equals ")
        raise invalid(f"{where}FilterPolicy: {why}") from None
    if scope != "MessageBody" and any(isinstance(value, Mapping) for value in found.values()):
        raise invalid(f"{where}Filter policy scope MessageAttributes does not support nested filter policy")
    if _names(found) > NAMES:
        raise invalid(f"{where}FilterPolicy: Filter policy can not have more than {NAMES} keys")
    if _combinations(found, 1) > COMBINATIONS:
        raise invalid(f"{where}FilterPolicy: Filter policy is too complex")


def _parts(name: str, value: Any) -> list[Mapping[str, Any]]:
    """The policies that stand below a name."""
    return list(value) if name == "$or" else [value] if isinstance(value, Mapping) else []


def _names(policy: Mapping[str, Any]) -> int:
    return sum(sum(map(_names, _parts(name, value))) or 1 for name, value in policy.items())


def _combinations(policy: Mapping[str, Any], depth: int) -> int:
    found = 1
    for name, value in policy.items():
        parts = _parts(name, value)
        below = depth if name == "$or" else depth + 1
        found *= sum(_combinations(part, below) for part in parts) if parts else depth * len(value)
    return found


def matches(subscription: Mapping[str, Any], attributes: Mapping[str, Any], message: str = "") -> bool:
    """Whether a subscriber wants a message.

    Args:
        subscription: the emulator's.
        attributes: the message's.
        message: what the subscriber would be sent.
    """
    asked = subscription.get("attributes", {})
    if not asked.get("FilterPolicy") or asked.get("FilterPolicyScope") != "MessageBody":
        return bool(_emulated(subscription, attributes, message))
    try:
        body = json.loads(message)
    except ValueError:
        return False
    return event_pattern.matches(json.loads(asked["FilterPolicy"]), body)
