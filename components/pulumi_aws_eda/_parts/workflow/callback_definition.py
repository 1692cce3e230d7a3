"""The state machine of CallbackWorkflow: call, wait for the callback, write."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from eda_runtime.workflow_rows import OPEN, TOLD, UNREAD

from pulumi_aws_eda._parts.workflow.calls import ENVELOPE, call, caught, failed
from pulumi_aws_eda._parts.workflow.integrations import integration
from pulumi_aws_eda._parts.workflow.retries import FAILED_CONDITION, LAMBDA_RETRY, retry
from pulumi_aws_eda._parts.workflow.steps import chain

ANSWER_SECONDS = 300
"""How long a row may stay without a version before nobody can be told any more that it was accepted: far longer than
the 29 seconds in which API Gateway answers (its quota for an integration)."""


def definition(
    *,
    partition: pulumi.Input[str],
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
    waiting_status: str,
    steps_before_wait: Sequence[Mapping[str, Any]] = (),
    steps_after_wait: Sequence[Mapping[str, Any]] = (),
) -> pulumi.Output[str]:
    """The definition as JSON; see ``CallbackWorkflowArgs`` for what the values mean."""
    known: pulumi.Output[dict[str, Any]] = pulumi.Output.all(
        partition=partition,
        call_function_arn=call_function_arn,
        token_keeper_arn=token_keeper_arn,
        table_name=table_name,
        callback_table_name=callback_table_name,
        dead_letter_queue_url=dead_letter_queue_url,
        wait_timeout=wait_timeout,
        steps_before_wait=list(steps_before_wait),
        steps_after_wait=list(steps_after_wait),
    )
    return known.apply(
        lambda values: json.dumps(
            _machine(
                **values,
                key=key,
                call_timeout=call_timeout,
                max_call_attempts=max_call_attempts,
                default_retry_seconds=default_retry_seconds,
                waiting_status=waiting_status,
            )
        )
    )


def _machine(
    *,
    partition: str,
    call_function_arn: str,
    token_keeper_arn: str,
    table_name: str,
    key: str,
    callback_table_name: str,
    dead_letter_queue_url: str,
    call_timeout: int,
    wait_timeout: int,
    max_call_attempts: int,
    default_retry_seconds: int,
    waiting_status: str,
    steps_before_wait: Sequence[Mapping[str, Any]],
    steps_after_wait: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    rows = _Rows(partition, table_name, key)
    limits = (partition, max_call_attempts, default_retry_seconds)
    before = chain(*limits, steps_before_wait, waited=False, next="MarkAwaiting")
    after = chain(*limits, steps_after_wait, waited=True, next="Write")
    with_steps = bool(before.states or after.states)
    states: dict[str, Any] = {
        **_beginning(with_steps),
        **call(
            partition,
            call_function_arn,
            call_timeout,
            max_call_attempts,
            default_retry_seconds,
            next=before.begin,
            otherwise="LookAtRow",
        ),
        **before.states,
        "MarkAwaiting": rows.write(
            status=waiting_status,
            version="called",
            sets={"result": "States.JsonToString($.called.result)"},
            otherwise="LookWhoWaits",
            next="WaitForCallback",
        ),
        **rows.look(
            "LookWhoWaits", version="called", mine="WaitForCallback", unanswered="Unanswered", again="MarkAwaiting"
        ),
        **rows.unanswered("Unanswered", back="MarkAwaiting"),
        **_callback(partition, token_keeper_arn, callback_table_name, wait_timeout, after.begin),
        **after.states,
        "Write": rows.write(
            status="COMPLETED",
            version="ended",
            sets={
                "details": "States.JsonToString($.answered.callback)",
                **({"results": "States.JsonToString($.results)"} if with_steps else {}),
            },
            otherwise="LookWhoWrote",
            next="Succeeded",
            ends=True,
        ),
        **rows.look("LookWhoWrote", version="ended", mine="Succeeded", unanswered="Overtaken", again="Write"),
        "Succeeded": {"Type": "Succeed"},
        "Withdrawn": {"Type": "Succeed"},
        **failed("Overtaken", "RowChanged", "the row was changed by another than this execution", "LookAtRow"),
        **_failure(partition, rows, dead_letter_queue_url),
    }
    return {"StartAt": "Begin", "States": states}


def _beginning(with_steps: bool) -> dict[str, Any]:
    """What each execution counts with: the row's versions, from the one at its start (a redrive starts at a later one),
    and the envelope with what its sender left out."""
    return {
        "Begin": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.envelope", "IsPresent": True, "Next": "Defaults"}],
            "Default": "NoEnvelope",
        },
        "NoEnvelope": {"Type": "Pass", "Result": {}, "ResultPath": "$.envelope", "Next": "Defaults"},
        "Defaults": {
            "Type": "Pass",
            "Parameters": {
                "correlation_id.$": "$.id",
                "traceparent": "",
                "occurred_at.$": "$$.Execution.StartTime",
                "schema_version": "1",
            },
            "ResultPath": "$.defaults",
            "Next": "Count",
        },
        "Count": {
            "Type": "Pass",
            "Parameters": {
                "envelope.$": "States.JsonMerge($.defaults, $.envelope, false)",
                "execution.$": "$$.Execution.Id",
                "begun.$": "States.Format('{}', $.version)",
                "called.$": "States.Format('{}', States.MathAdd($.version, 1))",
                "ended.$": "States.Format('{}', States.MathAdd($.version, 2))",
            },
            "ResultPath": "$.run",
            "Next": "NoResults" if with_steps else "CountCalls",
        },
        **(
            {"NoResults": {"Type": "Pass", "Result": {}, "ResultPath": "$.results", "Next": "CountCalls"}}
            if with_steps
            else {}
        ),
        "CountCalls": {"Type": "Pass", "Result": {"attempts": 0}, "ResultPath": "$.call", "Next": "CallFunction"},
    }


def _callback(partition: str, token_keeper_arn: str, table_name: str, timeout: int, next: str) -> dict[str, Any]:
    return {
        "WaitForCallback": {
            "Type": "Task",
            "Resource": integration(partition, "lambda:invoke.waitForTaskToken"),
            "Parameters": {
                "FunctionName": token_keeper_arn,
                "Payload": {"id.$": "$.id", "task_token.$": "$$.Task.Token", "envelope": ENVELOPE},
            },
            "ResultPath": "$.answered",
            "TimeoutSeconds": timeout,
            # Storing the token can be repeated: each attempt has a new one, and the newest counts.
            "Retry": [
                {**LAMBDA_RETRY, "MaxAttempts": 200},
                {**LAMBDA_RETRY, "ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 6},
            ],
            "Catch": [
                {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.failure", "Next": "CloseCallback"},
                *caught("LookAtRow"),
            ],
            "Next": "HasCallback",
        },
        "HasCallback": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.answered.callback", "IsPresent": True, "Next": next}],
            "Default": "NoCallback",
        },
        **failed("NoCallback", "NoCallback", "the task's output has no member callback", "LookAtRow"),
        # After this write nothing is accepted any more; what was accepted before it is used.
        "CloseCallback": {
            "Type": "Task",
            "Resource": integration(partition, "dynamodb:updateItem"),
            "Parameters": {
                "TableName": table_name,
                "Key": {"id": {"S.$": "$.id"}},
                "UpdateExpression": "SET #status = :closed",
                "ConditionExpression": "attribute_not_exists(callback)",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":closed": {"S": "CLOSED"}},
            },
            "ResultPath": None,
            "Retry": retry(but=FAILED_CONDITION),
            "Catch": [
                {"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": "ReadCallback"},
                *caught("LookAtRow"),
            ],
            "Next": "LookAtRow",
        },
        "ReadCallback": {
            "Type": "Task",
            "Resource": integration(partition, "dynamodb:getItem"),
            "Parameters": {"TableName": table_name, "Key": {"id": {"S.$": "$.id"}}, "ConsistentRead": True},
            "ResultPath": "$.kept",
            "Retry": retry(),
            "Catch": caught("LookAtRow"),
            "Next": "IsKept",
        },
        "IsKept": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.kept.Item.callback.S", "IsPresent": True, "Next": "TakeCallback"}],
            "Default": "LookAtRow",
        },
        "TakeCallback": {
            "Type": "Pass",
            "Parameters": {"callback.$": "States.StringToJson($.kept.Item.callback.S)"},
            "ResultPath": "$.answered",
            "Next": next,
        },
    }


def _failure(partition: str, rows: "_Rows", dead_letter_queue_url: str) -> dict[str, Any]:
    """Every end that is none of an order's: the row is looked at, the message is sent, and then the row says so.

    The message comes first: a row that says ``FAILED`` has been in the queue, and one that does not, because something
    ended between the two, is open, where the reconciler finds it.
    """
    return {
        "LookAtRow": rows.read(catch="SendUnread", next="WhoseRow"),
        "WhoseRow": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        {"Variable": "$.row.Item.status.S", "IsPresent": True},
                        {"Variable": "$.row.Item.status.S", "StringEquals": "COMPLETED"},
                    ],
                    "Next": "Succeeded",
                },
                {**_without_version(), "Next": "UnansweredFailure"},
                # It was redriven: another execution brings it on.
                {
                    "And": [
                        {"Variable": "$.row.Item.redriven_at_version.N", "IsPresent": True},
                        {
                            "Not": {
                                "Variable": "$.row.Item.redriven_at_version.N",
                                "StringEqualsPath": "$.run.begun",
                            }
                        },
                    ],
                    "Next": "Superseded",
                },
            ],
            "Default": "SendToDeadLetterQueue",
        },
        **rows.unanswered("UnansweredFailure", back="LookAtRow"),
        "Superseded": {"Type": "Fail", "Error": "Superseded", "Cause": "a later execution brings the row on"},
        "SendToDeadLetterQueue": _message(partition, dead_letter_queue_url),
        # Whether anybody was told that the order was accepted is not known either.
        "SendUnread": _message(partition, dead_letter_queue_url, row=UNREAD),
        "IsRowKnown": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.row.Item.version.N", "IsPresent": True, "Next": "MarkFailed"}],
            "Default": "Failed",
        },
        "MarkFailed": rows.fail(next="Failed"),
        "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "Cause": TOLD},
        "FailedUntold": {
            "Type": "Fail",
            "ErrorPath": "$.failure.Error",
            "Cause": "the message for the dead-letter queue could not be sent",
        },
    }


def _message(partition: str, queue_url: str, **more: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": integration(partition, "sqs:sendMessage"),
        "Parameters": {
            "QueueUrl": queue_url,
            "MessageBody": {
                "id.$": "$.id",
                "execution_arn.$": "$$.Execution.Id",
                "error.$": "$.failure.Error",
                "envelope": ENVELOPE,
                **more,
            },
            "MessageAttributes": {
                "X-Correlation-Id": {"DataType": "String", "StringValue.$": "$.run.envelope.correlation_id"}
            },
        },
        "ResultPath": None,
        "Retry": retry(longest=120),
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "FailedUntold"}],
        "Next": "IsRowKnown",
    }


def _without_version() -> dict[str, Any]:
    """A row that nobody has been told was accepted."""
    return {
        "And": [
            {"Variable": "$.row.Item", "IsPresent": True},
            {"Variable": "$.row.Item.version", "IsPresent": False},
        ]
    }


class _Rows:
    """Reads and conditional writes of the row.

    Each version is written by one state of one execution, and carries its ARN: where a condition is refused, the row
    says whether it was this execution's own write, whose answer was lost.
    """

    def __init__(self, partition: str, table_name: str, key: str) -> None:
        self._partition = partition
        self._at = {"TableName": table_name, "Key": {key: {"S.$": "$.id"}}}
        self._key = key

    def write(
        self, *, status: str, version: str, sets: dict[str, str], otherwise: str, next: str, ends: bool = False
    ) -> dict[str, Any]:
        """Set a status; ``otherwise`` is where a refused condition leads."""
        expression = "SET #status = :status, #version = :version, updated_at = :now, causation_id = :causation"
        expression += ", event_id = :event" + "".join(f", #{name} = :{name}" for name in sets)
        return {
            "Type": "Task",
            "Resource": integration(self._partition, "dynamodb:updateItem"),
            "Parameters": {
                **self._at,
                "UpdateExpression": expression + (" REMOVE #open" if ends else ""),
                "ConditionExpression": "attribute_exists(#key) AND #version < :version",
                "ExpressionAttributeNames": {
                    "#key": self._key,
                    "#status": "status",
                    "#version": "version",
                    **({"#open": OPEN} if ends else {}),
                    **{f"#{name}": name for name in sets},
                },
                "ExpressionAttributeValues": {
                    ":status": {"S": status},
                    ":version": {"N.$": f"$.run.{version}"},
                    ":now": {"S.$": "$$.State.EnteredTime"},
                    ":causation": {"S.$": "$$.Execution.Id"},
                    ":event": {"S.$": f"States.Format('{{}}:{{}}', $.id, $.run.{version})"},
                    **{f":{name}": {"S.$": value} for name, value in sets.items()},
                },
            },
            "ResultPath": None,
            "Retry": retry(but=FAILED_CONDITION),
            "Catch": [
                {"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": otherwise},
                *caught("LookAtRow"),
            ],
            "Next": next,
        }

    def fail(self, *, next: str) -> dict[str, Any]:
        """Set ``FAILED`` at the version behind the one that was read; ``next`` follows whether it could be or not."""
        following = "States.Format('{}', States.MathAdd(States.StringToJson($.row.Item.version.N), 1))"
        return {
            "Type": "Task",
            "Resource": integration(self._partition, "dynamodb:updateItem"),
            "Parameters": {
                **self._at,
                "UpdateExpression": (
                    "SET #status = :status, #version = :version, updated_at = :now, causation_id = :causation, "
                    "event_id = :event, #error = :error REMOVE #open"
                ),
                "ConditionExpression": "#version = :seen",
                "ExpressionAttributeNames": {
                    "#status": "status",
                    "#version": "version",
                    "#error": "error",
                    "#open": OPEN,
                },
                "ExpressionAttributeValues": {
                    ":status": {"S": "FAILED"},
                    ":seen": {"N.$": "$.row.Item.version.N"},
                    ":version": {"N.$": following},
                    ":now": {"S.$": "$$.State.EnteredTime"},
                    ":causation": {"S.$": "$$.Execution.Id"},
                    ":event": {"S.$": f"States.Format('{{}}:{{}}', $.id, {following})"},
                    ":error": {"S.$": "States.JsonToString($.failure.Error)"},
                },
            },
            "ResultPath": None,
            "Retry": retry(but=FAILED_CONDITION),
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": next}],
            "Next": next,
        }

    def read(self, *, catch: str, next: str) -> dict[str, Any]:
        """Read what says whose the row is."""
        return {
            "Type": "Task",
            "Resource": integration(self._partition, "dynamodb:getItem"),
            "Parameters": {
                **self._at,
                "ConsistentRead": True,
                "ProjectionExpression": "#status, #version, causation_id, redriven_at_version, updated_at",
                "ExpressionAttributeNames": {"#status": "status", "#version": "version"},
            },
            "ResultPath": "$.row",
            "Retry": retry(),
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unread", "Next": catch}],
            "Next": next,
        }

    def look(self, name: str, *, version: str, mine: str, unanswered: str, again: str) -> dict[str, Any]:
        """Whose write a refused condition met: this execution's own leads to ``mine``.

        A row that had no version when it was written may have got its first one before it is looked at: the condition
        holds now, and ``again`` writes.
        """
        return {
            name: self.read(catch="RowUnread", next=f"{name}Result"),
            f"{name}Result": {
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.row.Item.version.N", "IsPresent": True},
                            {"Variable": "$.row.Item.version.N", "StringEqualsPath": f"$.run.{version}"},
                            {"Variable": "$.row.Item.causation_id.S", "IsPresent": True},
                            {"Variable": "$.row.Item.causation_id.S", "StringEqualsPath": "$.run.execution"},
                        ],
                        "Next": mine,
                    },
                    {**_without_version(), "Next": unanswered},
                    {
                        "And": [
                            {"Variable": "$.row.Item.version.N", "IsPresent": True},
                            {"Variable": "$.row.Item.version.N", "StringEqualsPath": "$.run.begun"},
                        ],
                        "Next": again,
                    },
                ],
                "Default": "Overtaken",
            },
            **failed("RowUnread", "RowUnread", "the row cannot be read", "LookAtRow"),
        }

    def unanswered(self, name: str, *, back: str) -> dict[str, Any]:
        """A row that nobody has been told was accepted: whoever asked is given time for the answer, then it goes."""
        return {
            name: {
                "Type": "Choice",
                "Choices": [{"Variable": "$.patience", "IsPresent": True, "Next": f"{name}Withdraw"}],
                "Default": f"{name}Patience",
            },
            f"{name}Patience": {"Type": "Pass", "Result": {}, "ResultPath": "$.patience", "Next": f"{name}Wait"},
            f"{name}Wait": {"Type": "Wait", "Seconds": ANSWER_SECONDS, "Next": back},
            f"{name}Withdraw": {
                "Type": "Task",
                "Resource": integration(self._partition, "dynamodb:deleteItem"),
                "Parameters": {
                    **self._at,
                    "ConditionExpression": "attribute_not_exists(#version)",
                    "ExpressionAttributeNames": {"#version": "version"},
                },
                "ResultPath": None,
                "Retry": retry(but=FAILED_CONDITION),
                "Catch": [
                    {"ErrorEquals": [FAILED_CONDITION], "ResultPath": None, "Next": back},
                    # The reconciler takes it away.
                    {"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Withdrawn"},
                ],
                "Next": "Withdrawn",
            },
        }
