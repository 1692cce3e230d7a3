"""Calling a function from a state machine until it answers, at the times that it asks for."""

from collections.abc import Mapping
from typing import Any

from pulumi_aws_eda._parts.workflow.integrations import integration
from pulumi_aws_eda._parts.workflow.retries import LAMBDA_RETRY

LONGEST_RETRY_AFTER = 86_400
"""Seconds that the called function may ask for; what asks for more, or for none, is called after the default."""
ENVELOPE = {
    "correlation_id.$": "$.run.envelope.correlation_id",
    "causation_id.$": "$$.Execution.Id",
    "traceparent.$": "$.run.envelope.traceparent",
    "occurred_at.$": "$.run.envelope.occurred_at",
    "schema_version.$": "$.run.envelope.schema_version",
}
"""The envelope, as functions and messages get it."""


def call(
    partition: str,
    function_arn: str,
    timeout: int,
    attempts: int,
    default_seconds: int,
    *,
    next: str,
    otherwise: str,
    name: str = "",
    at: str = "$.called",
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The states that call a function until it answers, the first of them ``CallFunction``.

    Args:
        partition: where it runs.
        function_arn: the function.
        timeout: its own, in seconds.
        attempts: how often it is called at most; ``$.call.attempts`` counts.
        default_seconds: before the next call when it names none.
        next: where an answer leads, with its ``result`` at ``at``.
        otherwise: where a failure leads, with ``$.failure``.
        name: what the names of the states begin with.
        at: where the answer is put.
        more: what the function gets beside id, payload and envelope.
    """
    asked = "$.asked.retry_after_seconds"
    read_retry_after: dict[str, Any] = {
        f"{name}ParseError": {
            "Type": "Pass",
            "Parameters": {"error.$": "States.StringToJson($.failure.Cause)"},
            "Next": f"{name}HasMessage",
        },
        f"{name}HasMessage": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        {"Variable": "$.error.errorMessage", "IsPresent": True},
                        {"Variable": "$.error.errorMessage", "IsString": True},
                    ],
                    "Next": f"{name}ParseMessage",
                }
            ],
            "Default": f"{name}NamesNoTime",
        },
        f"{name}ParseMessage": {
            "Type": "Pass",
            "Parameters": {"asked.$": "States.StringToJson($.error.errorMessage)"},
            "Next": f"{name}HasSeconds",
        },
        f"{name}HasSeconds": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        {"Variable": asked, "IsPresent": True},
                        {"Variable": asked, "IsNumeric": True},
                        {"Variable": asked, "NumericGreaterThanEquals": 0},
                        {"Variable": asked, "NumericLessThanEquals": LONGEST_RETRY_AFTER},
                    ],
                    "Next": f"{name}NamesTime",
                }
            ],
            "Default": f"{name}NamesNoTime",
        },
        f"{name}NamesTime": {"Type": "Pass", "InputPath": "$.asked", "End": True},
        f"{name}NamesNoTime": {"Type": "Fail", "Error": "NoRetryAfter", "Cause": "the message names no time"},
    }
    return {
        f"{name}CallFunction": {
            "Type": "Task",
            "Resource": integration(partition, "lambda:invoke"),
            "Parameters": {
                "FunctionName": function_arn,
                "Payload": {"id.$": "$.id", "payload.$": "$.payload", "envelope": ENVELOPE, **(more or {})},
            },
            # What an answer lacks is no error that a Catch sees: it is looked at behind the call.
            "ResultSelector": {"answer.$": "$.Payload"},
            "ResultPath": at,
            "TimeoutSeconds": timeout + 10,
            "Retry": [LAMBDA_RETRY],
            "Catch": [
                {
                    "ErrorEquals": ["TryLater", "ExternalApiThrottled"],
                    "ResultPath": "$.failure",
                    "Next": f"{name}ReadRetryAfter",
                },
                {
                    "ErrorEquals": [
                        "Unavailable",
                        "ExternalApiUnavailable",
                        "Sandbox.Timedout",
                        "Lambda.Unknown",
                        "States.Timeout",
                        # A function that stays at its concurrency limit is an outage like any other.
                        *LAMBDA_RETRY["ErrorEquals"],
                    ],
                    "ResultPath": "$.failure",
                    "Next": f"{name}DefaultRetryAfter",
                },
                *caught(otherwise),
            ],
            "Next": f"{name}HasResult",
        },
        f"{name}HasResult": {
            "Type": "Choice",
            "Choices": [{"Variable": f"{at}.answer.result", "IsPresent": True, "Next": f"{name}TakeResult"}],
            "Default": f"{name}NoResult",
        },
        f"{name}TakeResult": {
            "Type": "Pass",
            "Parameters": {"result.$": f"{at}.answer.result"},
            "ResultPath": at,
            "Next": next,
        },
        **failed(f"{name}NoResult", "NoResult", "the function's answer has no member result", otherwise),
        # Retry intervals are static, so the time the API asks for goes through a Wait state and a bounded loop. Only a
        # Parallel state catches what an intrinsic function cannot read.
        f"{name}ReadRetryAfter": {
            "Type": "Parallel",
            "Branches": [{"StartAt": f"{name}ParseError", "States": read_retry_after}],
            "ResultSelector": {"asked.$": "$[0]"},
            "ResultPath": "$.throttled",
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unread", "Next": f"{name}DefaultRetryAfter"}],
            "Next": f"{name}AskedRetryAfter",
        },
        f"{name}AskedRetryAfter": {
            "Type": "Pass",
            "Parameters": {
                "attempts.$": "States.MathAdd($.call.attempts, 1)",
                "asked.$": "$.throttled.asked",
            },
            "ResultPath": "$.call",
            "Next": f"{name}AttemptsLeft",
        },
        f"{name}DefaultRetryAfter": {
            "Type": "Pass",
            "Parameters": {
                "attempts.$": "States.MathAdd($.call.attempts, 1)",
                "asked": {"retry_after_seconds": default_seconds},
            },
            "ResultPath": "$.call",
            "Next": f"{name}AttemptsLeft",
        },
        f"{name}AttemptsLeft": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.call.attempts", "NumericLessThan": attempts, "Next": f"{name}Jitter"}],
            "Default": otherwise,
        },
        # Those that were throttled together must not come back together.
        f"{name}Jitter": {
            "Type": "Pass",
            "Parameters": {
                "attempts.$": "$.call.attempts",
                "seconds.$": "States.MathAdd($.call.asked.retry_after_seconds, States.MathRandom(0, 3))",
            },
            "ResultPath": "$.call",
            "Next": f"{name}WaitBeforeRetry",
        },
        f"{name}WaitBeforeRetry": {"Type": "Wait", "SecondsPath": "$.call.seconds", "Next": f"{name}CallFunction"},
    }


def caught(next: str) -> list[dict[str, Any]]:
    """Every error: ``States.ALL`` leaves out an answer over the limit (Step Functions Developer Guide, error names)."""
    return [
        {"ErrorEquals": [name], "ResultPath": "$.failure", "Next": next}
        for name in ("States.DataLimitExceeded", "States.ALL")
    ]


def failed(name: str, error: str, cause: str, next: str) -> dict[str, Any]:
    """A failure that no task raised."""
    return {
        name: {
            "Type": "Pass",
            "Result": {"Error": error, "Cause": cause},
            "ResultPath": "$.failure",
            "Next": next,
        }
    }
