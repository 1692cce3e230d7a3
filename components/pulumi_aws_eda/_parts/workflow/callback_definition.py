"""The state machine of CallbackWorkflow: call, wait for the callback, write."""

from typing import Any

import pulumi

LAMBDA_RETRY: dict[str, Any] = {
    "ErrorEquals": [
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
    ],
    "IntervalSeconds": 2,
    "MaxAttempts": 10,
    "BackoffRate": 2,
    "MaxDelaySeconds": 120,
    "JitterStrategy": "FULL",
}
TABLE_RETRY = {
    "ErrorEquals": [
        "DynamoDB.TransactionConflictException",
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.RequestLimitExceededException",
        "DynamoDB.ThrottlingException",
        "DynamoDB.InternalServerErrorException",
        "DynamoDB.SdkClientException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 10,
    "BackoffRate": 2,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
FAILED_CONDITION = "DynamoDB.ConditionalCheckFailedException"
_ENVELOPE = {
    "correlation_id.$": "$.envelope.correlation_id",
    "causation_id.$": "$$.Execution.Id",
    "traceparent.$": "$.envelope.traceparent",
    "occurred_at.$": "$.envelope.occurred_at",
    "schema_version.$": "$.envelope.schema_version",
}


def definition(
    *,
    call_function_arn: pulumi.Input[str],
    token_keeper_arn: pulumi.Input[str],
    table_name: pulumi.Input[str],
    key: str,
    callback_table_name: pulumi.Input[str],
    dead_letter_queue_url: pulumi.Input[str],
    call_timeout: int,
    wait_timeout: pulumi.Input[int],
    max_call_attempts: int,
    default_retry_seconds: int,
) -> pulumi.Output[str]:
    """The definition as JSON; see ``CallbackWorkflowArgs`` for what the values mean."""
    update = _Updates(table_name, key)
    states: dict[str, Any] = {
        # Versions are the execution's own, counted from the row's at its start: a redrive starts at a later one.
        "Begin": {
            "Type": "Pass",
            "Parameters": {
                "called.$": "States.MathAdd($.version, 1)",
                "ended.$": "States.MathAdd($.version, 2)",
            },
            "ResultPath": "$.versions",
            "Next": "CountCalls",
        },
        "CountCalls": {
            "Type": "Pass",
            "Result": {"attempts": 0},
            "ResultPath": "$.call",
            "Next": "CallFunction",
        },
        "CallFunction": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": call_function_arn,
                "Payload": {"id.$": "$.id", "payload.$": "$.payload", "envelope": _ENVELOPE},
            },
            "ResultSelector": {"result.$": "$.Payload.result"},
            "ResultPath": "$.called",
            "TimeoutSeconds": call_timeout + 10,
            "Retry": [LAMBDA_RETRY],
            "Catch": [
                {"ErrorEquals": ["ExternalApiThrottled"], "ResultPath": "$.failure", "Next": "ReadRetryAfter"},
                {
                    "ErrorEquals": [
                        "ExternalApiUnavailable",
                        "Sandbox.Timedout",
                        "Lambda.Unknown",
                        "States.Timeout",
                        # A function that stays at its concurrency limit is an outage like any other.
                        *LAMBDA_RETRY["ErrorEquals"],
                    ],
                    "ResultPath": "$.failure",
                    "Next": "DefaultRetryAfter",
                },
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "MarkCallFailed"},
            ],
            "Next": "MarkAwaiting",
        },
        # Retry intervals are static, so the time the API asks for goes through a Wait state and a bounded loop.
        "ReadRetryAfter": {
            "Type": "Pass",
            "Parameters": {"error.$": "States.StringToJson($.failure.Cause)"},
            "ResultPath": "$.throttled",
            "Next": "ParseRetryAfter",
        },
        "ParseRetryAfter": {
            "Type": "Pass",
            "Parameters": {
                "attempts.$": "States.MathAdd($.call.attempts, 1)",
                "asked.$": "States.StringToJson($.throttled.error.errorMessage)",
            },
            "ResultPath": "$.call",
            "Next": "AttemptsLeft",
        },
        "DefaultRetryAfter": {
            "Type": "Pass",
            "Parameters": {
                "attempts.$": "States.MathAdd($.call.attempts, 1)",
                "asked": {"retry_after_seconds": default_retry_seconds},
            },
            "ResultPath": "$.call",
            "Next": "AttemptsLeft",
        },
        "AttemptsLeft": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.call.attempts", "NumericLessThan": max_call_attempts, "Next": "Jitter"},
            ],
            "Default": "MarkCallFailed",
        },
        # Those that were throttled together must not come back together.
        "Jitter": {
            "Type": "Pass",
            "Parameters": {
                "attempts.$": "$.call.attempts",
                "seconds.$": "States.MathAdd($.call.asked.retry_after_seconds, States.MathRandom(0, 3))",
            },
            "ResultPath": "$.call",
            "Next": "WaitBeforeRetry",
        },
        "WaitBeforeRetry": {"Type": "Wait", "SecondsPath": "$.call.seconds", "Next": "CallFunction"},
        "MarkAwaiting": update.state(
            status="AWAITING_DETAILS",
            version="called",
            sets={"result": "States.JsonToString($.called.result)"},
            next="WaitForCallback",
        ),
        "WaitForCallback": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {
                "FunctionName": token_keeper_arn,
                "Payload": {"id.$": "$.id", "task_token.$": "$$.Task.Token", "envelope": _ENVELOPE},
            },
            "ResultPath": "$.answered",
            "TimeoutSeconds": wait_timeout,
            # Storing the token can be repeated: each attempt has a new one, and the newest counts.
            "Retry": [
                {**LAMBDA_RETRY, "MaxAttempts": 200},
                {**LAMBDA_RETRY, "ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 6},
            ],
            "Catch": [
                {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.failure", "Next": "CloseCallback"},
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "MarkFailed"},
            ],
            "Next": "Write",
        },
        # After this write nothing is accepted any more; what was accepted before it is used.
        "CloseCallback": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:updateItem",
            "Parameters": {
                "TableName": callback_table_name,
                "Key": {"id": {"S.$": "$.id"}},
                "UpdateExpression": "SET #status = :closed",
                "ConditionExpression": "attribute_not_exists(callback)",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":closed": {"S": "CLOSED"}},
            },
            "ResultPath": None,
            "Retry": [TABLE_RETRY],
            "Catch": [
                {"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": "ReadCallback"},
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "MarkFailed"},
            ],
            "Next": "MarkFailed",
        },
        "ReadCallback": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Parameters": {"TableName": callback_table_name, "Key": {"id": {"S.$": "$.id"}}, "ConsistentRead": True},
            "ResultSelector": {"callback.$": "States.StringToJson($.Item.callback.S)"},
            "ResultPath": "$.answered",
            "Retry": [TABLE_RETRY],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "MarkFailed"}],
            "Next": "Write",
        },
        "Write": update.state(
            status="COMPLETED",
            version="ended",
            sets={"details": "States.JsonToString($.answered.callback)"},
            next="Succeeded",
        ),
        "Succeeded": {"Type": "Succeed"},
        "MarkCallFailed": update.state(
            status="FAILED",
            version="called",
            sets={"error": "States.JsonToString($.failure.Error)"},
            next="SendToDeadLetterQueue",
            failing=True,
        ),
        "MarkFailed": update.state(
            status="FAILED",
            version="ended",
            sets={"error": "States.JsonToString($.failure.Error)"},
            next="SendToDeadLetterQueue",
            failing=True,
        ),
        "SendToDeadLetterQueue": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {
                "QueueUrl": dead_letter_queue_url,
                "MessageBody": {
                    "id.$": "$.id",
                    "execution_arn.$": "$$.Execution.Id",
                    "error.$": "$.failure.Error",
                    "envelope": _ENVELOPE,
                },
                "MessageAttributes": {
                    "X-Correlation-Id": {"DataType": "String", "StringValue.$": "$.envelope.correlation_id"}
                },
            },
            "ResultPath": None,
            "Retry": [
                {
                    "ErrorEquals": ["States.TaskFailed"],
                    "IntervalSeconds": 2,
                    "MaxAttempts": 10,
                    "BackoffRate": 2,
                    "MaxDelaySeconds": 120,
                    "JitterStrategy": "FULL",
                }
            ],
            "Next": "Failed",
        },
        "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "Cause": "see the row and the dead-letter queue"},
    }
    return pulumi.Output.json_dumps({"StartAt": "Begin", "States": states})


class _Updates:
    """Conditional writes of the row: its version grows by one with each, a repeat by this execution is success."""

    def __init__(self, table_name: pulumi.Input[str], key: str) -> None:
        self._table_name = table_name
        self._key = key

    def state(
        self, *, status: str, version: str, sets: dict[str, str], next: str, failing: bool = False
    ) -> dict[str, Any]:
        expression = "SET #status = :status, #version = :version, updated_at = :now, causation_id = :causation"
        expression += ", event_id = :event" + "".join(f", #{name} = :{name}" for name in sets)
        # A write that fails for good ends in the row's failure; when that cannot be written, the message still is.
        otherwise = (
            {"ResultPath": None, "Next": next}
            if failing
            else {"ResultPath": "$.failure", "Next": "MarkCallFailed" if version == "called" else "MarkFailed"}
        )
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:updateItem",
            "Parameters": {
                "TableName": self._table_name,
                "Key": {self._key: {"S.$": "$.id"}},
                "UpdateExpression": expression,
                "ConditionExpression": "attribute_exists(#key) AND #version < :version",
                "ExpressionAttributeNames": {
                    "#key": self._key,
                    "#status": "status",
                    "#version": "version",
                    **{f"#{name}": name for name in sets},
                },
                "ExpressionAttributeValues": {
                    ":status": {"S": status},
                    ":version": {"N.$": f"States.Format('{{}}', $.versions.{version})"},
                    ":now": {"S.$": "$$.State.EnteredTime"},
                    ":causation": {"S.$": "$$.Execution.Id"},
                    ":event": {"S.$": f"States.Format('{{}}:{{}}', $.id, $.versions.{version})"},
                    **{f":{name}": {"S.$": value} for name, value in sets.items()},
                },
            },
            "ResultPath": None,
            "Retry": [TABLE_RETRY],
            "Catch": [
                {"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": next},
                {"ErrorEquals": ["States.ALL"], **otherwise},
            ],
            "Next": next,
        }
