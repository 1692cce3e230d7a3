"""Lambda: functions in processes of their own, through the Lambda Runtime API."""

from eda_sandbox.services.lambda_.service import Lambda

__all__ = ["Lambda"]
