"""What EventBridge is told of executions: ``Step Functions Execution Status Change``."""

import json
from datetime import datetime
from typing import Any

from eda_sandbox.services.stepfunctions.execution import CLOSING, Execution

SOURCE, DETAIL_TYPE = "aws.states", "Step Functions Execution Status Change"
TOLD_AT = CLOSING | {"ExecutionStarted", "ExecutionRedriven"}
"""Events of a history with which the execution's status changes."""
PAYLOAD_LIMIT = 248 * 1024
"""Bytes of input and output, escaped, that an event holds together; what is larger is left out, the input first."""


def detail(execution: Execution) -> dict[str, Any]:
    """The event's detail, as the execution is now."""
    given = execution.input_text
    output = execution.output_text if execution.status == "SUCCEEDED" else None
    with_output = output is None or _escaped(output) <= PAYLOAD_LIMIT
    with_input = _escaped(given) + (_escaped(output) if output is not None else 0) <= PAYLOAD_LIMIT
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "name": execution.name,
        "status": execution.status,
        "startDate": _milliseconds(execution.started),
        "stopDate": _milliseconds(execution.stopped),
        "input": given if with_input else None,
        "inputDetails": {"included": with_input},
        "output": output if with_output else None,
        "outputDetails": {"included": with_output} if output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": execution.redrives,
        "redriveDate": _milliseconds(execution.redriven),
    }


def _escaped(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
