"""EventBridge Pipes: from a table's stream or a Kinesis stream to one target."""

from eda_sandbox.services.pipes.service import Pipes

__all__ = ["Pipes"]
