"""Machines and executions as the API describes them."""

import math
from typing import Any

from eda_sandbox.services.stepfunctions import references
from eda_sandbox.services.stepfunctions.execution import HISTORY_LIMIT, Execution, Machine

_INCLUDED = {"included": True}
_BILLED_MILLISECONDS, _BILLED_MEMORY = 100, 64
"""Steps in which Express executions are billed: of time, and of memory in MB."""


def machine(found: Machine, *, with_definition: bool = True) -> dict[str, Any]:
    """What DescribeStateMachine and DescribeStateMachineForExecution say in common."""
    described = {
        "stateMachineArn": found.arn,
        "name": found.name,
        "definition": found.text,
        "roleArn": found.role_arn,
        "loggingConfiguration": found.logging,
        "tracingConfiguration": found.tracing,
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        "revisionId": found.revision,
        "variableReferences": references.of(found.definition) or None,
    }
    hidden = () if with_definition else ("definition",)
    return {name: value for name, value in described.items() if value is not None and name not in hidden}


def summary(execution: Execution) -> dict[str, Any]:
    """An execution in a list."""
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "stopDate": execution.stopped,
        "redriveCount": execution.redrives,
        "redriveDate": execution.redriven,
    }


def data(execution: Execution, *, included: bool = True) -> dict[str, Any]:
    """Its input, and its output when there is one."""
    found: dict[str, Any] = {}
    if included:
        found |= {"input": execution.input_text, "inputDetails": _INCLUDED}
        if execution.status == "SUCCEEDED":
            found |= {"output": execution.output_text, "outputDetails": _INCLUDED}
    return found


def redrive(execution: Execution) -> dict[str, Any]:
    """Whether it can be redriven, and why not."""
    why = why_not_redriven(execution)
    if why is None:
        return {"redriveStatus": "REDRIVABLE"}
    return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": why}


def why_not_redriven(execution: Execution) -> str | None:
    """What stands in the way of a redrive."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    if len(execution.history) >= HISTORY_LIMIT - 1:
        return "Execution event history limit exceeded"
    return None


def billing(execution: Execution) -> dict[str, int]:
    """What an Express execution is billed."""
    ended = execution.stopped or execution.started
    milliseconds = (ended - execution.started).total_seconds() * 1000
    steps = max(1, math.ceil(milliseconds / _BILLED_MILLISECONDS))
    return {
        "billedMemoryUsedInMB": _BILLED_MEMORY,
        "billedDurationInMilliseconds": steps * _BILLED_MILLISECONDS,
    }
