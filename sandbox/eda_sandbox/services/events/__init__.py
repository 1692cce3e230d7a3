"""EventBridge: event buses, rules and what they deliver to their targets."""

from eda_sandbox.services.events.service import Events

__all__ = ["Events"]
