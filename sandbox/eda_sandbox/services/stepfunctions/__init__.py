"""Step Functions: an interpreter of the Amazon States Language (JSONPath), Standard and Express."""

from eda_sandbox.services.stepfunctions.service import StepFunctions

__all__ = ["StepFunctions"]
