"""Admission: the Express machine between API Gateway and what stores a request, so that it is stored once: a workflow
that it starts, or a queue or a bus."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from eda_runtime.workflow_rows import OPEN

from pulumi_aws_eda._parts.workflow.integrations import integration
from pulumi_aws_eda._parts.workflow.retries import ALREADY_EXISTS, FAILED_CONDITION, retry

_PARTS = [f"States.ArrayGetItem($.trace.parts, {part})" for part in range(5)]
NEW_TRACEPARENT = f"States.Format('00-{'{}' * 5}-{{}}{{}}-00', {', '.join([*_PARTS, _PARTS[3], _PARTS[4]])})"
"""Of the five parts of a UUID: the trace's id of all, the parent's of the last two."""
UNKNOWN = "Unknown"
"""The machine's error when it can't say whether the order is accepted: neither 202 nor 503 would be true."""
LOG_STREAM = "requests"
"""The stream of the machine's own log lines, one for each request that has an order."""


MESSAGE = {
    "id.$": "$.id",
    "tenant.$": "$.row.Item.tenant.S",
    "payload.$": "States.StringToJson($.row.Item.payload.S)",
    "envelope": {
        "correlation_id.$": "$.row.Item.correlation_id.S",
        "causation_id.$": "$.row.Item.causation_id.S",
        "traceparent.$": "$.row.Item.traceparent.S",
        "occurred_at.$": "$.row.Item.occurred_at.S",
        "schema_version.$": "$.row.Item.schema_version.S",
    },
}
"""What a queue or a bus is given of a request."""


@dataclass(frozen=True)
class _Last:
    """The step that stores a request whose row is written.

    Attributes:
        name: of the state.
        resource: the integration.
        parameters: its parameters.
        done: the error that says that it was done before.
        status: of the row behind it.
        hashed: what the row's key is the hash of, as arguments of ``States.Format``.
        attributes: of the row, further ones.
    """

    name: str
    resource: str
    parameters: Mapping[str, Any]
    done: str | None
    status: str
    hashed: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


def definition(
    *,
    partition: pulumi.Input[str],
    service: str,
    table_name: pulumi.Input[str],
    key: str,
    state_machine_arn: pulumi.Input[str],
    log_group_name: pulumi.Input[str],
) -> pulumi.Output[str]:
    """The definition as JSON.

    Input: ``{"tenant", "key", "body", "correlation_id", "request_id", "requested_at", "traceparent"}``, the body as the
    text that was sent, the time in milliseconds; or ``{"refused": {"status", "detail"}}`` of a request that is not
    accepted. Output: ``{"status": 202, "id": …}``, or ``{"status": …, "detail": …}`` with 400, 413 or 422.

    Args:
        partition: where it runs.
        service: who writes the log line, as its key ``service`` says.
        table_name: where the rows are.
        key: the table's partition key.
        state_machine_arn: the workflow.
        log_group_name: has the stream ``requests``.
    """
    known: pulumi.Output[dict[str, Any]] = pulumi.Output.all(
        partition=partition, table_name=table_name, state_machine_arn=state_machine_arn, log_group_name=log_group_name
    )

    def made(values: dict[str, str]) -> str:
        message = {"id.$": MESSAGE["id.$"], "version": 1, **MESSAGE}
        started = {"StateMachineArn": values.pop("state_machine_arn"), "Name.$": "$.id", "Input": message}
        last = _Last(
            "Start",
            "aws-sdk:sfn:startExecution",
            started,
            ALREADY_EXISTS,
            "PENDING",
            "'{}|{}', $.tenant, $.key",
            {OPEN: {"S": OPEN}},
        )
        return json.dumps(_machine(**values, service=service, key=key, last=last))

    return known.apply(made)


def storing_definition(
    *,
    partition: pulumi.Input[str],
    service: str,
    route: str,
    table_name: pulumi.Input[str],
    key: str,
    expires: str,
    retention_days: int,
    resource: str,
    parameters: Mapping[str, Any],
    log_group_name: pulumi.Input[str],
) -> pulumi.Output[str]:
    """The definition of a machine that gives each request to a queue or a bus, as JSON.

    What it gives may come twice, under one id, when requests with one key come at once or an answer gets lost. Its
    input is that of ``definition`` and ``requested_second``, the time in seconds.

    Args:
        partition: where it runs.
        service: who writes the log line, as its key ``service`` says.
        route: its name; the same key is another one on another route.
        table_name: where the keys are held.
        key: the table's partition key.
        expires: the attribute that says when a key is forgotten.
        retention_days: for which it is remembered.
        resource: the integration that stores a request.
        parameters: its parameters.
        log_group_name: has the stream ``requests``.
    """
    known: pulumi.Output[dict[str, Any]] = pulumi.Output.all(
        partition=partition, table_name=table_name, log_group_name=log_group_name, parameters=parameters
    )
    last_day = f"States.MathAdd($.requested_second, {retention_days * 86400})"

    def made(values: dict[str, Any]) -> str:
        last = _Last(
            "Send",
            resource,
            values.pop("parameters"),
            None,
            "SENT",
            f"'{{}}|{{}}|{route}', $.tenant, $.key",
            {expires: {"N.$": f"States.Format('{{}}', {last_day})"}},
        )
        return json.dumps(_machine(**values, service=service, key=key, last=last))

    return known.apply(made)


def _machine(
    *, partition: str, service: str, table_name: str, key: str, log_group_name: str, last: _Last
) -> dict[str, Any]:
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
                "Resource": integration(partition, "aws-sdk:cloudwatchlogs:putLogEvents"),
                "Parameters": {"LogGroupName": log_group_name, "LogStreamName": LOG_STREAM, "LogEvents": [event]},
                "ResultPath": None,
                "TimeoutSeconds": 3,
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": next}],
                "Next": next,
            },
        }

    def quickly(but: str | None = None) -> list[dict[str, Any]]:
        """A few retries: the client waits."""
        return retry(but=but, attempts=3, longest=2)

    row = {
        key: {"S.$": "$.id"},
        "tenant": {"S.$": "$.tenant"},
        # Without a version: nobody has been told yet that it is accepted, so nothing flows on from it.
        "status": {"S": "ADMITTED"},
        **last.attributes,
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
        "CheckRequest": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.refused", "IsPresent": True, "Next": "Refused"}],
            "Default": "Parse",
        },
        "Refused": {"Type": "Pass", "InputPath": "$.refused", "End": True},
        # What is stored is what was read: of a member that comes twice the last, as validators and workflows see it.
        "Parse": {
            "Type": "Pass",
            "Parameters": {"value.$": "States.StringToJson($.body)"},
            "ResultPath": "$.parsed",
            "Next": "Identify",
        },
        "Identify": {
            "Type": "Pass",
            "Parameters": {
                "id.$": f"States.Hash(States.Format({last.hashed}), 'SHA-256')",
                "digest.$": "States.Hash($.body, 'SHA-256')",
                "tenant.$": "$.tenant",
                "body.$": "States.JsonToString($.parsed.value)",
                "correlation_id.$": "$.correlation_id",
                "request_id.$": "$.request_id",
                "requested_at.$": "$.requested_at",
                **({} if last.done else {"requested_second.$": "$.requested_second"}),
                "traceparent.$": "$.traceparent",
            },
            "Next": "HasCorrelationId",
        },
        "HasCorrelationId": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.correlation_id", "StringEquals": "", "Next": "DefaultCorrelationId"}],
            "Default": "HasTraceparent",
        },
        "DefaultCorrelationId": {
            "Type": "Pass",
            "InputPath": "$.id",
            "ResultPath": "$.correlation_id",
            "Next": "HasTraceparent",
        },
        "HasTraceparent": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.traceparent", "StringEquals": "", "Next": "DrawTrace"}],
            "Default": "PutRow",
        },
        # A request without a trace that is valid begins one (W3C Trace Context, 4.3); nobody has sampled it yet.
        "DrawTrace": {
            "Type": "Pass",
            "Parameters": {"parts.$": "States.StringSplit(States.UUID(), '-')"},
            "ResultPath": "$.trace",
            "Next": "NewTraceparent",
        },
        "NewTraceparent": {
            "Type": "Pass",
            "Parameters": {"text.$": NEW_TRACEPARENT},
            "ResultPath": "$.new",
            "Next": "TakeTraceparent",
        },
        "TakeTraceparent": {
            "Type": "Pass",
            "InputPath": "$.new.text",
            "ResultPath": "$.traceparent",
            "Next": "PutRow",
        },
        "PutRow": {
            "Type": "Task",
            "Resource": integration(partition, "dynamodb:putItem"),
            "Parameters": {
                "TableName": table_name,
                "Item": row,
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": key},
            },
            "ResultPath": None,
            "Retry": quickly(FAILED_CONDITION),
            "Catch": [
                {"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": "ReadRow"},
                # An earlier request, or this one when the gateway sends it twice, may have been accepted.
                {"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "LookWhoAccepted"},
            ],
            "Next": "NewRow",
        },
        "NewRow": {"Type": "Pass", "Parameters": {"Item": row}, "ResultPath": "$.row", "Next": "Request"},
        "ReadRow": {
            "Type": "Task",
            "Resource": integration(partition, "dynamodb:getItem"),
            "Parameters": {"TableName": table_name, "Key": {key: {"S.$": "$.id"}}, "ConsistentRead": True},
            "ResultPath": "$.row",
            "Retry": quickly(),
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Unknown"}],
            "Next": "SamePayload",
        },
        "SamePayload": {
            "Type": "Choice",
            "Choices": [
                # It went while it was looked at: the next try of this key begins anew.
                {"Variable": "$.row.Item", "IsPresent": False, "Next": "Gone"},
                {
                    "Not": {"Variable": "$.row.Item.payload_sha256.S", "StringEqualsPath": "$.digest"},
                    "Next": "Refusal",
                },
                # A row of an earlier release has a version before its execution is started.
                {
                    "And": [
                        {"Variable": "$.row.Item.status.S", "StringEquals": "PENDING"},
                        {"Variable": f"$.row.Item.{OPEN}", "IsPresent": False},
                    ],
                    "Next": "Request",
                },
                # What has a version was accepted, whether it runs or ended, today or a year ago.
                {"Variable": "$.row.Item.version", "IsPresent": True, "Next": "FirstRequest"},
            ],
            # An earlier request wrote it and could not answer.
            "Default": "Request",
        },
        # The row was caused by the request that made it, until the workflow changes it.
        "FirstRequest": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.row.Item.causation_id.S", "StringEqualsPath": "$.request_id", "Next": "Accepted"},
            ],
            "Default": "Repeat",
        },
        **told("Request", last.name),
        **told("Repeat", "Accepted", suppressed="request"),
        **told("Refusal", "OtherPayload", status=422),
        "OtherPayload": {
            "Type": "Pass",
            "Parameters": {"status": 422, "detail": "the Idempotency-Key was used before with another payload"},
            "End": True,
        },
        last.name: {
            "Type": "Task",
            "Resource": integration(partition, last.resource),
            "Parameters": last.parameters,
            "ResultPath": None,
            "Retry": quickly(last.done),
            "Catch": [
                # An earlier request started it and could not say so in the row.
                *([{"ErrorEquals": [last.done], "ResultPath": None, "Next": "Accept"}] if last.done else []),
                {"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "LookWhoAccepted"},
            ],
            "Next": "Accept",
        },
        # From here on a workflow's row is an order: it flows, it is shown, and it waits for details.
        "Accept": {
            "Type": "Task",
            "Resource": integration(partition, "dynamodb:updateItem"),
            "Parameters": {
                "TableName": table_name,
                "Key": {key: {"S.$": "$.id"}},
                "UpdateExpression": "SET #status = :pending, #version = :first, updated_at = :now",
                "ConditionExpression": "attribute_exists(#key) AND attribute_not_exists(#version)",
                "ExpressionAttributeNames": {"#key": key, "#status": "status", "#version": "version"},
                "ExpressionAttributeValues": {
                    ":pending": {"S": last.status},
                    ":first": {"N": "1"},
                    ":now": {"S.$": "$$.State.EnteredTime"},
                },
            },
            "ResultPath": None,
            "Retry": quickly(FAILED_CONDITION),
            # Refused, or unknown: the row says whether it is accepted.
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "LookWhoAccepted"}],
            "Next": "Accepted",
        },
        "LookWhoAccepted": {
            "Type": "Task",
            "Resource": integration(partition, "dynamodb:getItem"),
            "Parameters": {"TableName": table_name, "Key": {key: {"S.$": "$.id"}}, "ConsistentRead": True},
            "ResultPath": "$.row",
            "Retry": quickly(),
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Unknown"}],
            "Next": "IsAccepted",
        },
        "Unknown": {"Type": "Fail", "Error": UNKNOWN, "Cause": "whether the order is accepted cannot be looked up"},
        "IsAccepted": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.row.Item.version", "IsPresent": False, "Next": "NotAccepted"},
                {
                    "Not": {"Variable": "$.row.Item.payload_sha256.S", "StringEqualsPath": "$.digest"},
                    "Next": "Refusal",
                },
            ],
            "Default": "Accepted",
        },
        "NotAccepted": {"Type": "Fail", "Error": "NotAccepted", "Cause": "the request could not be accepted"},
        "Gone": {"Type": "Fail", "Error": "Gone", "Cause": "the row went while the request was answered"},
        "Accepted": {"Type": "Pass", "Parameters": {"status": 202, "id.$": "$.id"}, "End": True},
    }
    return {"StartAt": "CheckRequest", "States": states, "TimeoutSeconds": 25}
