"""Admission: the Express machine between API Gateway and the workflow, so that a request starts it exactly once."""

from typing import Any

import pulumi

from pulumi_aws_eda._parts.workflow.callback_definition import FAILED_CONDITION, TABLE_RETRY

INPUT_BUDGET = 8_000
"""Characters of a request's body: ``States.Hash`` takes 10,000 characters, and templates escape some of them."""


LOG_STREAM = "requests"
"""The stream of the machine's own log lines, one for each request that has an order."""


def definition(
    *,
    service: str,
    table_name: pulumi.Input[str],
    key: str,
    state_machine_arn: pulumi.Input[str],
    log_group_name: pulumi.Input[str],
) -> pulumi.Output[str]:
    """The definition as JSON.

    Input: ``{"tenant", "key", "key_length", "body", "body_length", "correlation_id", "request_id", "requested_at",
    "traceparent"}``, the body as the text that was sent, the time in milliseconds. Output: ``{"status": 202, "id":
    …}``, or ``{"status": …, "detail": …}`` with 400, 413 or 422.

    Args:
        service: who writes the log line, as its key ``service`` says.
        table_name: where the rows are.
        key: the table's partition key.
        state_machine_arn: the workflow.
        log_group_name: has the stream ``requests``.
    """

    def told(name: str, next: str, **more: Any) -> dict[str, Any]:
        """Two states that write the route's one log line, which joins the gateway's request id to the correlation id.

        No request waits for a log that can't be written.
        """
        line = {
            "level": "INFO",
            "message": "request",
            "service": service,
            "correlation_id.$": "$.row.Item.correlation_id.S",
            f"{key}.$": "$.id",
            "request_id.$": "$.request_id",
            **more,
        }
        event = {"Timestamp.$": "$.requested_at", "Message.$": "States.JsonToString($.line)"}
        return {
            name: {"Type": "Pass", "Parameters": line, "ResultPath": "$.line", "Next": f"Log{name}"},
            f"Log{name}": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:cloudwatchlogs:putLogEvents",
                "Parameters": {"LogGroupName": log_group_name, "LogStreamName": LOG_STREAM, "LogEvents": [event]},
                "ResultPath": None,
                "TimeoutSeconds": 3,
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": next}],
                "Next": next,
            },
        }

    row = {
        key: {"S.$": "$.id"},
        "tenant": {"S.$": "$.tenant"},
        "status": {"S": "PENDING"},
        "version": {"N": "1"},
        "correlation_id": {"S.$": "$.correlation_id"},
        "causation_id": {"S.$": "$.request_id"},
        "event_id": {"S.$": "States.Format('{}:1', $.id)"},
        "traceparent": {"S.$": "$.traceparent"},
        "schema_version": {"S": "1"},
        "occurred_at": {"S.$": "$$.Execution.StartTime"},
        "created_at": {"S.$": "$$.Execution.StartTime"},
        "updated_at": {"S.$": "$$.Execution.StartTime"},
        "payload": {"S.$": "$.body"},
        "payload_sha256": {"S.$": "$.digest"},
    }
    states: dict[str, Any] = {
        # Validators check that the header is there, not its form. The draft's quotes are optional.
        "CheckKey": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.key", "StringEquals": "", "Next": "BadKey"},
                {"Variable": "$.key_length", "NumericGreaterThan": 255, "Next": "BadKey"},
                {"Variable": "$.body_length", "NumericGreaterThan": INPUT_BUDGET, "Next": "TooLarge"},
            ],
            "Default": "Identify",
        },
        "BadKey": {
            "Type": "Pass",
            "Parameters": {"status": 400, "detail": "the Idempotency-Key must have 1 to 255 characters"},
            "End": True,
        },
        "TooLarge": {
            "Type": "Pass",
            "Parameters": {"status": 413, "detail": f"the body is longer than {INPUT_BUDGET} characters"},
            "End": True,
        },
        "Identify": {
            "Type": "Pass",
            "Parameters": {
                "id.$": "States.Hash(States.Format('{}|{}', $.tenant, $.key), 'SHA-256')",
                "digest.$": "States.Hash($.body, 'SHA-256')",
                "tenant.$": "$.tenant",
                "body.$": "$.body",
                "correlation_id.$": "$.correlation_id",
                "request_id.$": "$.request_id",
                "requested_at.$": "$.requested_at",
                "traceparent.$": "$.traceparent",
            },
            "Next": "HasCorrelationId",
        },
        "HasCorrelationId": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.correlation_id", "StringEquals": "", "Next": "DefaultCorrelationId"}],
            "Default": "PutRow",
        },
        "DefaultCorrelationId": {
            "Type": "Pass",
            "InputPath": "$.id",
            "ResultPath": "$.correlation_id",
            "Next": "PutRow",
        },
        "PutRow": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {
                "TableName": table_name,
                "Item": row,
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": key},
            },
            "ResultPath": None,
            "Retry": [{**TABLE_RETRY, "MaxAttempts": 3, "MaxDelaySeconds": 2}],
            "Catch": [{"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": "ReadRow"}],
            "Next": "ReadRow",
        },
        # Also after a new row: the execution's input is what is stored, so a retry sends the same input again.
        "ReadRow": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Parameters": {"TableName": table_name, "Key": {key: {"S.$": "$.id"}}, "ConsistentRead": True},
            "ResultPath": "$.row",
            "Retry": [{**TABLE_RETRY, "MaxAttempts": 3, "MaxDelaySeconds": 2}],
            "Next": "SamePayload",
        },
        "SamePayload": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.row.Item.payload_sha256.S", "StringEqualsPath": "$.digest", "Next": "FirstRequest"},
            ],
            "Default": "Refusal",
        },
        # The row was caused by the request that made it, until the workflow changes it.
        "FirstRequest": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.row.Item.causation_id.S", "StringEqualsPath": "$.request_id", "Next": "Request"},
            ],
            "Default": "Repeat",
        },
        **told("Request", "Start"),
        **told("Repeat", "Start", suppressed="request"),
        **told("Refusal", "OtherPayload", status=422),
        "OtherPayload": {
            "Type": "Pass",
            "Parameters": {"status": 422, "detail": "the Idempotency-Key was used before with another payload"},
            "End": True,
        },
        "Start": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution",
            "Parameters": {
                "StateMachineArn": state_machine_arn,
                "Name.$": "$.id",
                "Input": {
                    "id.$": "$.id",
                    "version": 1,
                    "tenant.$": "$.row.Item.tenant.S",
                    "payload.$": "States.StringToJson($.row.Item.payload.S)",
                    "envelope": {
                        "correlation_id.$": "$.row.Item.correlation_id.S",
                        "causation_id.$": "$.row.Item.causation_id.S",
                        "traceparent.$": "$.row.Item.traceparent.S",
                        "occurred_at.$": "$.row.Item.occurred_at.S",
                        "schema_version.$": "$.row.Item.schema_version.S",
                    },
                },
            },
            "ResultPath": None,
            "Retry": [
                {
                    "ErrorEquals": [
                        "Sfn.ThrottlingException",
                        "Sfn.ServiceUnavailableException",
                        "Sfn.SdkClientException",
                    ],
                    "IntervalSeconds": 1,
                    "MaxAttempts": 3,
                    "BackoffRate": 2,
                    "MaxDelaySeconds": 2,
                    "JitterStrategy": "FULL",
                }
            ],
            # The execution runs, or it ran and closed: either way this request was accepted before.
            "Catch": [{"ErrorEquals": ["Sfn.ExecutionAlreadyExistsException"], "ResultPath": None, "Next": "Accepted"}],
            "Next": "Accepted",
        },
        "Accepted": {"Type": "Pass", "Parameters": {"status": 202, "id.$": "$.id"}, "End": True},
    }
    return pulumi.Output.json_dumps({"StartAt": "CheckKey", "States": states, "TimeoutSeconds": 25})
