"""EventBridge Scheduler: schedules, in a time that can be moved forward."""

from sandbox.services.scheduler.service import Scheduler

__all__ = ["Scheduler"]
