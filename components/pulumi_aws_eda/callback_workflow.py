"""A durable workflow: call a function, wait for additional data, write the result."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws
from eda_runtime.workflow_rows import OWN_STATUSES

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import access, arns, keys, logs, program, queues, tables, triggers
from pulumi_aws_eda._parts.args import ArgumentError, number, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms
from pulumi_aws_eda._parts.workflow.callback_definition import definition
from pulumi_aws_eda._parts.workflow.steps import StepArgs, check_steps
from pulumi_aws_eda.idempotent_lambda import IdempotentLambda, IdempotentLambdaArgs

_STATUS = re.compile("[A-Z][A-Z0-9_]{0,63}")
MOST_ATTEMPTS = 400
"""Calls of functions in an execution."""
YEAR = 365 * 24 * 3600
KEEP = 30 * 24 * 3600
"""Seconds that tokens and additional data are kept after the wait."""


class CallbackWorkflowArgs(TypedDict):
    """Arguments of CallbackWorkflow."""

    call_function_arn: pulumi.Input[str]
    """The function of the first step. In: ``{"id", "payload", "envelope"}``; out: ``{"result": …}``. It raises
    ``TryLater`` with ``{"retry_after_seconds": n}`` as its message to be called again after that time, ``Unavailable``
    to be called again after ``default_retry_seconds``; other errors, ``Rejected`` among them, fail the workflow.
    ``eda_runtime.workflow`` has the three. Errors count by the names of their classes; ``ExternalApiThrottled`` and
    ``ExternalApiUnavailable`` mean the same as the first two."""
    table_name: pulumi.Input[str]
    """The table that holds the row of each execution, made before it starts (``EventApi`` and
    ``eda_runtime.workflow.start`` do)."""
    table_arn: pulumi.Input[str]
    """The table's ARN."""
    table_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The table's customer managed key; default ``kms_key_arn``."""
    open_index_name: NotRequired[pulumi.Input[str]]
    """The table's index ``open`` with the partition key ``open`` and the sort key ``updated_at``, both strings, that
    projects the keys: it holds the rows that are not at their end. With it, rows that no execution brings on are found
    every quarter of an hour; without it only those whose execution fails while EventBridge tells of it."""
    key: NotRequired[str]
    """The table's partition key, a string; default ``order_id``."""
    steps_before_wait: NotRequired[Sequence[StepArgs]]
    """Functions that are called after the first one and before the additional data is waited for, in this order;
    default none."""
    steps_after_wait: NotRequired[Sequence[StepArgs]]
    """Functions that are called when the additional data is there and before the row is ``COMPLETED``, in this order;
    default none."""
    waiting_status: NotRequired[str]
    """What the row's ``status`` says while the additional data is waited for: capital letters, digits and underscores,
    up to 64; default ``AWAITING_DETAILS``."""
    call_timeout: NotRequired[int]
    """The called function's own timeout in seconds; the state's is ten seconds longer; default 120."""
    max_call_attempts: NotRequired[int]
    """How often a function is called before the workflow fails, 1 to 400 for all steps together; default 200, or as
    many as all steps leave: with the default seconds 200 outlast an outage of more than six hours. More would not fit
    into an execution's history (25,000 events, Step Functions quota; a call that is throttled and tried again takes up
    to 50)."""
    default_retry_seconds: NotRequired[int]
    """Seconds before the next call when the function names none, 1 to 3600; default 120."""
    wait_timeout: NotRequired[pulumi.Input[int]]
    """How long the additional data is waited for, in seconds, up to a year (Step Functions quota); default 7 days."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the logs are kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for logs, queue and table; default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the roles' permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether state machine, callback table and queues refuse to be deleted and replaced, by Pulumi's ``protect``
    and, a table, by DynamoDB too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class CallbackWorkflow(pulumi.ComponentResource):
    """A Standard state machine in three steps: it calls a function, waits for additional data by a task token, and
    writes the outcome into the row of the execution.

    It is started by a route of ``EventApi``, or by ``eda_runtime.workflow.start`` in a function with a link to it; both
    start it once, however often they are called. Who starts it otherwise has to know this: an execution's name is the
    row's key, and the row is there before it. Its input has ``id``, the row's key; ``version``, the row's, a number;
    ``payload``, which the called function gets as it is; and ``envelope``, of which each member may be left out, and
    all of it: ``correlation_id`` (default: the id), ``traceparent`` (none), ``occurred_at`` (when the execution began)
    and ``schema_version`` (``1``). What else it has, such as ``tenant``, is taken no notice of.

    The row goes from ``version`` (1 at acceptance) to the next (``waiting_status``, with ``result``) and the one after
    it (``COMPLETED``, with ``details``, and with the ``results`` of further steps), or to ``FAILED`` with ``error``,
    after a message to the dead-letter queue. A row whose execution ended in another way, by its time-out or by hand, is
    brought to ``FAILED`` by the reconciler, and one that has no execution is given one. The additional data may come
    before the workflow waits for it: hand it in with ``eda_runtime.callbacks.CallbackStore.deliver``, on the callback
    table.

    Args:
        name: logical name.
        args: see ``CallbackWorkflowArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds.
    """

    state_machine_arn: pulumi.Output[str]
    """The state machine's ARN."""
    state_machine_name: pulumi.Output[str]
    """Its name; it stays the same, because a replacement would forget which names were used."""
    callback_table_name: pulumi.Output[str]
    """The table where tokens and additional data meet."""
    callback_table_arn: pulumi.Output[str]
    """Its ARN."""
    rows_table_arn: pulumi.Output[str]
    """The ARN of the table of the rows."""
    key: pulumi.Output[str]
    """Its partition key."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue for executions that failed."""
    dead_letter_queue_arn: pulumi.Output[str]
    """Its ARN."""
    reconciler_function_name: pulumi.Output[str]
    """The function that settles rows which no execution brings on."""
    reconciler_function_arn: pulumi.Output[str]
    """Its ARN."""
    reconciler_dead_letter_queue_url: pulumi.Output[str]
    """The queue for its runs that failed."""
    log_group_name: pulumi.Output[str]
    """The log group of the executions."""
    role_arn: pulumi.Output[str]
    """The state machine's role."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: CallbackWorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[CallbackWorkflowArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: CallbackWorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"CallbackWorkflow {name!r}"
        args = program.with_defaults(args, CallbackWorkflowArgs)
        call_timeout = number(component, args, "call_timeout", 120, 1, 900)
        before, after = args.get("steps_before_wait", ()), args.get("steps_after_wait", ())
        check_steps(component, before, after)
        most = MOST_ATTEMPTS // (1 + len(before) + len(after))
        attempts = number(component, args, "max_call_attempts", min(200, most), 1, most)
        retry_seconds = number(component, args, "default_retry_seconds", 120, 1, 3600)
        wait_timeout = number(component, args, "wait_timeout", 7 * 24 * 3600, 1, YEAR)
        waiting_status = args.get("waiting_status", "AWAITING_DETAILS")
        if not _STATUS.fullmatch(waiting_status) or waiting_status in OWN_STATUSES:
            problem = (
                f"is {waiting_status!r}; it must be capital letters, digits and underscores, up to 64, and none of "
            )
            raise ArgumentError(component, "waiting_status", problem + ", ".join(sorted(OWN_STATUSES)))
        super().__init__("aws-eda:index:CallbackWorkflow", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name

        self.callback_table = tables.table(common, "callbacks", "id", ttl="expires_at")
        self.dead_letter_queue = queues.dead_letter_queue(common, runbook="dead-letters-workflow")
        # The machine's ARN before the machine exists: the token keeper, which it calls, has to name it.
        machine = f"stateMachine:{physical_name(name, 80)}"
        keeper: IdempotentLambdaArgs = {
            "code": archives.function_archive("token_keeper"),
            "description": "Stores the task token a workflow waits with",
            # 128 MB take most of the ten seconds to initialise, which Lambda does within them after a time-out.
            "memory_size": 256,
            "timeout": 10,
            # A token is kept as long as it is waited with, and then as long as a redrive may take up its details.
            "environment": {
                "CALLBACK_TABLE": self.callback_table.name,
                "KEEP_SECONDS": pulumi.Output.from_input(wait_timeout).apply(lambda seconds: str(seconds + KEEP)),
            },
            "grants": {
                "KeepToken": {"actions": ["dynamodb:UpdateItem"], "resources": [self.callback_table.arn]},
                "Resume": {"actions": ["states:SendTaskSuccess"], "resources": [arns.arn(common, "states", machine)]},
            },
        }
        self.token_keeper = IdempotentLambda(f"{name}-token-keeper", common.nested(keeper), common.opts())
        log_group = logs.log_group(common, "log", f"/aws/vendedlogs/states/{physical_name(name, 80)}")
        self.role, policy = access.role(
            common,
            "role",
            "states.amazonaws.com",
            {
                "Call": {
                    "actions": ["lambda:InvokeFunction"],
                    "resources": [
                        args["call_function_arn"],
                        *(step["function_arn"] for step in (*before, *after)),
                        self.token_keeper.function_arn,
                    ],
                },
                "WriteRow": {
                    "actions": ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
                    "resources": [args["table_arn"]],
                    **keys.given(args.get("table_kms_key_arn")),
                },
                "CloseCallback": {
                    "actions": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
                    "resources": [self.callback_table.arn],
                },
                "DeadLetter": {"actions": ["sqs:SendMessage"], "resources": [self.dead_letter_queue.arn]},
                **EXECUTION_STATEMENTS,
            },
        )
        self.state_machine = aws.sfn.StateMachine(
            f"{name}-machine",
            name=physical_name(name, 80),
            type="STANDARD",
            role_arn=self.role.arn,
            definition=definition(
                partition=arns.partition(common),
                call_function_arn=args["call_function_arn"],
                token_keeper_arn=self.token_keeper.function_arn,
                table_name=args["table_name"],
                key=args.get("key", "order_id"),
                callback_table_name=self.callback_table.name,
                dead_letter_queue_url=self.dead_letter_queue.url,
                call_timeout=call_timeout,
                wait_timeout=wait_timeout,
                max_call_attempts=attempts,
                default_retry_seconds=retry_seconds,
                waiting_status=waiting_status,
                steps_before_wait=before,
                steps_after_wait=after,
            ),
            logging_configuration=aws.sfn.StateMachineLoggingConfigurationArgs(
                level="ALL", include_execution_data=False, log_destination=pulumi.Output.concat(log_group.arn, ":*")
            ),
            tracing_configuration={"enabled": True},
            tags=common.tags,
            opts=common.keeping(depends_on=[policy]),
        )
        failed = "the failed executions are in the dead-letter queue"
        alarms.state_machine(common, self.state_machine.arn, name, failed)
        common.watch("state_machines", self.state_machine.arn)
        self.state_machine_arn = self.state_machine.arn
        self.state_machine_name = self.state_machine.name
        self.callback_table_name = self.callback_table.name
        self.callback_table_arn = self.callback_table.arn
        self.rows_table_arn = pulumi.Output.from_input(args["table_arn"])
        self.key = pulumi.Output.from_input(args.get("key", "order_id"))
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_arn = self.dead_letter_queue.arn
        self.log_group_name = log_group.name
        self.role_arn = self.role.arn
        reconciler, letters = self._reconciler(common, args)
        self.reconciler_function_name = reconciler.function_name
        self.reconciler_function_arn = reconciler.function_arn
        self.reconciler_dead_letter_queue_url = letters.url
        self.observed = common.observed(self.token_keeper.observed, reconciler.observed)
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})

    def _reconciler(self, common: Common, args: CallbackWorkflowArgs) -> tuple[IdempotentLambda, aws.sqs.Queue]:
        """The function that settles rows which no execution brings on, and the queue for its runs that failed."""
        name, machine = common.name, self.state_machine
        ended = triggers.rule(
            common,
            "ended",
            f"Executions that did not end well: {name}",
            {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [machine.arn]},
            },
        )
        letters = queues.dead_letter_queue(
            common, "reconciler-dlq", rule_arns=[ended.arn], runbook="dead-letters-workflow-reconciler"
        )
        executions = machine.arn.apply(lambda arn: arn.replace(":stateMachine:", ":execution:") + ":*")
        grants: dict[str, GrantArgs] = {
            "SettleRows": {
                "actions": ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
                "resources": [args["table_arn"]],
            },
            "LookAtExecutions": {"actions": ["states:DescribeExecution"], "resources": [executions]},
            "DeadLetter": {"actions": ["sqs:SendMessage"], "resources": [self.dead_letter_queue.arn]},
        }
        index = args.get("open_index_name")
        if index is not None:
            grants["FindRows"] = {
                "actions": ["dynamodb:Query"],
                "resources": [pulumi.Output.concat(args["table_arn"], "/index/", index)],
            }
            # An execution that ended is not started again; one that never was is found by the index.
            grants["StartExecutions"] = {"actions": ["states:StartExecution"], "resources": [machine.arn]}
        if "table_kms_key_arn" in args:
            for sid in grants.keys() & {"SettleRows", "FindRows"}:
                grants[sid]["kms_key_arns"] = [args["table_kms_key_arn"]]
        function: IdempotentLambdaArgs = {
            "code": archives.function_archive("workflow_reconciler"),
            "description": "Settles rows that no execution brings on",
            "memory_size": 256,
            "timeout": 300,
            "asynchronous": True,
            "dead_letter_queue_arn": letters.arn,
            "environment": {
                "ROWS_TABLE": args["table_name"],
                "KEY": args.get("key", "order_id"),
                "STATE_MACHINE_ARN": machine.arn,
                "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue.url,
                **({"OPEN_INDEX": index} if index is not None else {}),
            },
            "grants": grants,
        }
        made = IdempotentLambda(f"{name}-reconciler", common.nested(function), common.opts())
        triggers.function_target(common, "ended", ended, made.function_name, made.function_arn, letters)
        alarms.alarm(
            common,
            "rows-settled",
            namespace="EventDriven",
            metric="RowsSettled",
            dimensions={"FunctionName": made.function_name, "service": f"{name}-reconciler"},
            description=f"{name}: no execution brought a row on, and it was settled",
        )
        if index is not None:
            triggers.schedule(
                common,
                f"Looks for rows that no execution brings on: {name}",
                "rate(15 minutes)",
                "UTC",
                made.function_arn,
                {"scheduled_time": "<aws.scheduler.scheduled-time>"},
                {"actions": ["lambda:InvokeFunction"], "resources": [made.function_arn]},
                letters.arn,
            )
        return made, letters


EXECUTION_STATEMENTS: dict[str, dict[str, Any]] = {
    "DeliverLogs": {
        # The log delivery API has no resource level (Step Functions documentation, logging to CloudWatch Logs).
        "actions": [
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ],
        "resources": ["*"],
    },
    "Trace": {
        "actions": [
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
        ],
        "resources": ["*"],
    },
}
"""What every state machine with logging and tracing needs."""
