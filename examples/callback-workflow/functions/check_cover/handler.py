"""Workflow step 1: what the policy covers of a claim.

In: ``{"id", "payload": {"policy", "damage_cents"}, "envelope"}``; out: ``{"result": {"covered_cents"}}``. Raises
``NotInsured`` for a policy that does not exist: the claim fails.
"""

from typing import Any

LIMITS = {"home": 5_000_000, "travel": 200_000}
"""Cents by kind of policy; a policy is named by kind and number, for example ``home-4711``."""


class NotInsured(Exception):
    """There is no such policy."""


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Check the cover."""
    claim = event["payload"]
    kind = claim["policy"].partition("-")[0]
    if kind not in LIMITS:
        raise NotInsured(claim["policy"])
    return {"result": {"covered_cents": min(claim["damage_cents"], LIMITS[kind])}}
