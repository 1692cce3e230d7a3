"""CloudWatch Logs Insights; the log groups themselves are the emulator's."""

from eda_sandbox.services.logs.service import Logs

__all__ = ["Logs"]
