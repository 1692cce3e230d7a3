"""EventBridge Scheduler: schedules, in a time that can be moved forward."""

from eda_sandbox.services.scheduler.service import Scheduler

__all__ = ["Scheduler"]
