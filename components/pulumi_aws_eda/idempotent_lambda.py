"""A Lambda function with everything an event-driven system expects of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import access, keys, logs, program
from pulumi_aws_eda._parts.args import ArgumentError, check, number, one_of, takes_keywords
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.function import links
from pulumi_aws_eda._parts.function.code import Architecture, Code, code_of
from pulumi_aws_eda._parts.function.event_source import EventSourceArgs
from pulumi_aws_eda._parts.function.grants import GrantArgs
from pulumi_aws_eda._parts.function.idempotency import Idempotency, IdempotencyArgs, idempotency
from pulumi_aws_eda._parts.function.layers import function_layers
from pulumi_aws_eda._parts.function.links import LinkArgs
from pulumi_aws_eda._parts.function.object_source import ObjectSourceArgs
from pulumi_aws_eda._parts.function.payload_access import FunctionPayloadStoreArgs, payload_grants, payload_settings
from pulumi_aws_eda._parts.function.queue_source import QueueSourceArgs
from pulumi_aws_eda._parts.function.schedule import ScheduleSourceArgs
from pulumi_aws_eda._parts.function.sources import Sources, check_sources, needs_failures
from pulumi_aws_eda._parts.function.stream_source import FunctionKinesisSourceArgs, StreamSourceArgs
from pulumi_aws_eda._parts.function.topic_source import TopicSourceArgs
from pulumi_aws_eda._parts.naming import physical_name
from pulumi_aws_eda._parts.observability import alarms

ENTRYPOINT = "eda_runtime.entrypoint.handler"
_TRACE = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
_STATEMENTS = ("redshift-data:DescribeStatement", "redshift-data:GetStatementResult")
_NO_RESOURCE = frozenset({*_TRACE, *_STATEMENTS, "dynamodb:ListStreams"})
"""Actions for which AWS offers no resource-level permission (Service Authorization Reference)."""
_INTERFACES: GrantArgs = {
    # Lambda makes the network interfaces with the function's role; EC2 has no resource level for all of these.
    "actions": ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"],
    "resources": ["*"],
}


class VpcConfigArgs(TypedDict):
    """A place in a VPC."""

    subnet_ids: Sequence[pulumi.Input[str]]
    """Subnets, of at least two availability zones."""
    security_group_ids: Sequence[pulumi.Input[str]]
    """Security groups of the function's network interfaces."""
    replacement_security_group_ids: NotRequired[Sequence[pulumi.Input[str]]]
    """Security groups that the interfaces get when the function is deleted: Lambda keeps them for up to 20 minutes, in
    which a group that they still have cannot be deleted. Default: the VPC's default group."""


class EphemeralStorageArgs(TypedDict):
    """Room in ``/tmp``."""

    size: int
    """MB, 512 to 10240 (Lambda API)."""


class IdempotentLambdaArgs(TypedDict):
    """Arguments of IdempotentLambda."""

    code: NotRequired[Code]
    """The function's code; in Python also a folder's path, relative to where the program runs: it is packaged by
    ``archives.python_archive``, with the third-party packages that its ``uv.lock``, ``requirements.txt`` or
    ``pyproject.toml`` names. Default: the folder that ``handler`` names."""
    handler: NotRequired[str]
    """The handler inside the code, ``module.function``, or in Python ``folder/module.function``: where no ``code`` is
    given, the code is that folder's. Default ``handler.handle``."""
    description: NotRequired[str]
    """Shown in the console."""
    memory_size: NotRequired[pulumi.Input[int]]
    """MB, 128 to 10240 (Lambda API); default 128."""
    timeout: NotRequired[pulumi.Input[int]]
    """Seconds, 1 to 900 (Lambda API); default 10."""
    runtime: NotRequired[str]
    """Lambda runtime; default ``python3.13``."""
    architecture: NotRequired[Architecture]
    """What machine code in its packages and layers is for; default ``arm64``."""
    ephemeral_storage: NotRequired[EphemeralStorageArgs]
    """Room in ``/tmp``; default 512 MB."""
    reserved_concurrent_executions: NotRequired[pulumi.Input[int]]
    """Instances reserved for this function and its limit; at least 2 for each source with a queue, whose least limit
    that is. Default: none reserved."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables; no secrets."""
    grants: NotRequired[Mapping[str, GrantArgs]]
    """What the function may do, by the statement's Sid."""
    links: NotRequired[Mapping[str, LinkArgs]]
    """What the function uses, by the name that ``eda_runtime.links`` has it by; ``link`` makes them. Its role gets what
    it needs for that, and the environment variable ``EDA_LINKS`` their ARNs: with all other variables at most 4096
    bytes (Lambda quotas)."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Names or ARNs of secrets that the function reads when it needs them, as links; default none."""
    parameters: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Names or ARNs of parameters of the Parameter Store that it reads when it needs them, as links; default none."""
    idempotency: NotRequired[IdempotencyArgs]
    """How repeats are recognised; default: they are not."""
    payload_store: NotRequired[FunctionPayloadStoreArgs]
    """Where results over a budget are offloaded, and references in events are read from; default: nowhere."""
    asynchronous: NotRequired[bool]
    """The function is invoked asynchronously: events that fail go to its dead-letter queue; default false."""
    maximum_retry_attempts: NotRequired[int]
    """Retries of an asynchronous invocation, 0 to 2 (Lambda API); default 2."""
    maximum_event_age_in_seconds: NotRequired[int]
    """How long an asynchronous event is tried, 60 to 21600 seconds (Lambda API); default 21600."""
    dead_letter_queue_arn: NotRequired[pulumi.Input[str]]
    """A queue for events that failed; not with a topic, a bus or a bucket, which the queue's policy has to let send.
    Default: the function gets its own, with an alarm, where it needs one."""
    dead_letter_queue_kms_key_arn: NotRequired[pulumi.Input[str]]
    """That queue's customer managed key; default ``kms_key_arn``."""
    queue_source: NotRequired[QueueSourceArgs]
    """Hands the messages of a queue to the function, its own, with a dead-letter queue, or one that exists; default
    none."""
    topic_source: NotRequired[TopicSourceArgs]
    """Hands the messages of a topic to the function, through a queue of its own; default none."""
    event_source: NotRequired[EventSourceArgs]
    """Hands the events of a bus that match a pattern to the function, through a queue of its own; default none."""
    object_source: NotRequired[ObjectSourceArgs]
    """Tells the function of a bucket's objects, through a queue of its own; default none."""
    schedule: NotRequired[ScheduleSourceArgs]
    """Calls the function on a schedule, through a queue of its own; default none."""
    stream_source: NotRequired[StreamSourceArgs]
    """Hands a table's changes to the function; those it cannot handle are pointed to in a dead-letter queue."""
    kinesis_source: NotRequired[FunctionKinesisSourceArgs]
    """Hands the records of a Kinesis stream to the function; those it cannot handle are pointed to in a dead-letter
    queue."""
    layers: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of further layers; Lambda allows five, two are the component's."""
    runtime_layer_arn: NotRequired[pulumi.Input[str]]
    """ARN of a layer with ``eda_runtime`` of the library's version, where one is published for several stacks;
    default: a layer of the stack's own, one for all its functions."""
    powertools_layer_arn: NotRequired[pulumi.Input[str]]
    """ARN of Powertools' public layer; default: a layer of the stack's own with the installed version, one for
    all its functions."""
    debug_sample_rate: NotRequired[float]
    """Share of the invocations that log at DEBUG too, 0 to 1; default 0."""
    adot_layer_arn: NotRequired[pulumi.Input[str]]
    """ARN of the layer of AWS Distro for OpenTelemetry: calls are traced in detail, and spans have the annotation
    ``correlation_id``. It lengthens cold starts and takes memory. Default: Lambda's own segments."""
    vpc_config: NotRequired[VpcConfigArgs]
    """Where the function runs; default: outside any VPC."""
    log_retention_in_days: NotRequired[pulumi.Input[int]]
    """Days the log is kept; default 30."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer managed key for log, environment, queues and table, which the role may use for all that its statements
    are about; its policy has to let CloudWatch Logs use it (``EncryptionKey``). Default: the services' own keys."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the role's permissions boundary; default none."""
    alarm_actions: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the alarms notify; default none."""
    deletion_protection: NotRequired[bool]
    """Whether queues and table refuse to be deleted and replaced, by Pulumi's ``protect`` and, a table, by DynamoDB
    too; default false."""
    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every child."""


class IdempotentLambda(pulumi.ComponentResource):
    """A Lambda function on ``eda_runtime``: active X-Ray tracing, JSON logs, its own log group (made first), a
    role with one statement for each need, optionally idempotency and a failure destination, and alarms.

    Args:
        name: logical name; the physical one is project, stack and this, at most 64 characters; an alias keeps it.
        args: see ``IdempotentLambdaArgs``; given as a dictionary or as keywords.
        opts: Pulumi's options.

    Raises:
        ArgumentError: an argument is unknown, missing or out of bounds.
    """

    function_arn: pulumi.Output[str]
    """The function's ARN."""
    function_name: pulumi.Output[str]
    """The function's name."""
    invoke_arn: pulumi.Output[str]
    """What API Gateway invokes it by."""
    role_arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    log_group_name: pulumi.Output[str]
    """The log group's name."""
    dead_letter_queue_arn: pulumi.Output[str | None]
    """The queue for events that failed; none for a function that is not asynchronous and has no source."""
    queue_url: pulumi.Output[str | None]
    """The queue of ``queue_source`` that the component made."""
    queue_arn: pulumi.Output[str | None]
    """The ARN of the queue of ``queue_source``."""
    source_queue_arns: pulumi.Output[Mapping[str, str]]
    """The ARNs of the queues that the function is fed from, by the arguments they belong to: where messages of the
    dead-letter queue go back to."""
    idempotency_table_name: pulumi.Output[str | None]
    """The idempotency table; none without idempotency."""
    observed: pulumi.Output[Mapping[str, Sequence[str]]]
    """What an ``Observability`` shows of it: names by kind."""

    @overload
    def __init__(self, name: str, args: IdempotentLambdaArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...

    @overload
    def __init__(
        self, name: str, *, opts: pulumi.ResourceOptions | None = None, **keywords: Unpack[IdempotentLambdaArgs]
    ) -> None: ...

    @takes_keywords
    def __init__(self, name: str, args: IdempotentLambdaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        component = f"IdempotentLambda {name!r}"
        args = program.with_defaults(args, IdempotentLambdaArgs)
        architecture = one_of(component, args, "architecture", Architecture, Architecture.ARM64)
        code, handler = code_of(component, args, architecture)
        memory_size = number(component, args, "memory_size", 128, 128, 10240)
        timeout = number(component, args, "timeout", 10, 1, 900)
        retries = number(component, args, "maximum_retry_attempts", 2, 0, 2)
        age = number(component, args, "maximum_event_age_in_seconds", 21600, 60, 21600)
        sample_rate = args.get("debug_sample_rate", 0)
        if not 0 <= sample_rate <= 1:
            raise ArgumentError(component, "debug_sample_rate", f"is {sample_rate}; allowed are 0 to 1")
        grants = args.get("grants") or {}
        _check_grants(component, grants)
        check_sources(component, args)
        storage = args.get("ephemeral_storage")
        if storage is not None:
            check(f"{component}, ephemeral_storage", storage, EphemeralStorageArgs)
        vpc = args.get("vpc_config")
        if vpc is not None:
            check(f"{component}, vpc_config", vpc, VpcConfigArgs)
        super().__init__("aws-eda:index:IdempotentLambda", name, {}, opts)
        common = Common.of(self, name, args, opts)
        name = common.name
        linked = links.links_of(component, common, args)

        function_name = physical_name(name, 64)
        self.log_group = logs.log_group(common, "log", f"/aws/lambda/{function_name}")
        repeats = idempotency(component, common, args)
        asynchronous = args.get("asynchronous", False)
        failures = args.get("dead_letter_queue_arn")
        sources = Sources(common, component, args)
        if failures is None and needs_failures(args):
            failures = sources.dead_letter_queue().arn
        sources.make_queues(failures, timeout)
        own = _statements(
            self.log_group,
            repeats,
            {"resources": [failures], **keys.given(args.get("dead_letter_queue_kms_key_arn"))}
            if asynchronous or "stream_source" in args or "kinesis_source" in args
            else None,
            {
                **sources.grants(),
                **payload_grants(component, args.get("payload_store")),
                **links.statements(linked),
            },
        )
        for sid in own.keys() & grants.keys():
            raise ArgumentError(component, f"grants[{sid!r}]", "has the Sid of a statement that the component makes")
        self.role, policy = access.role(
            common,
            "role",
            "lambda.amazonaws.com",
            # A map's order is lost on the way from other languages.
            {**own, **dict(sorted(grants.items()))},
            source_account=False,
            # The interfaces are taken down with the function's role after it has left the VPC.
            apart={} if vpc is None else {"vpc": {"Interfaces": _INTERFACES}},
            # Lambda makes a grant for the role too, which goes with a role that is made anew.
            decrypts=["lambda"],
        )
        environment: dict[str, pulumi.Input[str]] = {
            "EDA_HANDLER": handler,
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_LOG_LEVEL": "INFO",
            **({"POWERTOOLS_LOGGER_SAMPLE_RATE": str(sample_rate)} if sample_rate else {}),
            **({"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"} if "adot_layer_arn" in args else {}),
            **(args.get("environment") or {}),
        }
        if repeats is not None:
            environment["EDA_IDEMPOTENCY"] = repeats.settings
        if "payload_store" in args:
            environment["EDA_PAYLOAD_STORE"] = payload_settings(component, args["payload_store"])
        if linked:
            environment[links.VARIABLE] = links.variable(component, linked, environment)
        self.function = aws.lambda_.Function(
            f"{name}-function",
            name=function_name,
            description=args.get("description"),
            code=code,
            handler=ENTRYPOINT,
            runtime=args.get("runtime", archives.RUNTIME),
            architectures=[architecture.value],
            ephemeral_storage=None
            if storage is None
            else {"size": number(f"{component}, ephemeral_storage", storage, "size", 512, 512, 10240)},
            memory_size=memory_size,
            timeout=timeout,
            reserved_concurrent_executions=args.get("reserved_concurrent_executions"),
            role=self.role.arn,
            layers=[
                *function_layers(common, args),
                *([args["adot_layer_arn"]] if "adot_layer_arn" in args else []),
                *(args.get("layers") or ()),
            ],
            environment={"variables": environment},
            tracing_config={"mode": "Active"},
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="JSON",
                log_group=self.log_group.name,
                # Lambda drops lines below this level.
                application_log_level="DEBUG" if sample_rate else "INFO",
                system_log_level="INFO",
            ),
            kms_key_arn=common.kms_key_arn,
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=vpc["subnet_ids"], security_group_ids=vpc["security_group_ids"]
            )
            if vpc is not None
            else None,
            replace_security_groups_on_destroy=True if vpc is not None else None,
            replacement_security_group_ids=None if vpc is None else vpc.get("replacement_security_group_ids"),
            tags=common.tags,
            # Before its policy is there, a function could run without its permissions.
            opts=common.opts(depends_on=[policy, self.log_group]),
        )
        if failures is not None and asynchronous:
            aws.lambda_.FunctionEventInvokeConfig(
                f"{name}-events",
                function_name=self.function.name,
                maximum_retry_attempts=retries,
                maximum_event_age_in_seconds=age,
                destination_config={"on_failure": {"destination": failures}},
                opts=common.opts(),
            )
        sources.connect(self.function.arn, failures, [policy])
        alarms.function(common, self.function.name, name)
        common.watch("functions", self.function.name)
        source = sources.queue()
        none: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.function_arn = self.function.arn
        self.function_name = self.function.name
        self.invoke_arn = self.function.invoke_arn
        self.role_arn = self.role.arn
        self.role_name = self.role.name
        self.log_group_name = self.log_group.name
        self.dead_letter_queue_arn = none if failures is None else pulumi.Output.from_input(failures).apply(str)
        self.queue_url = none if source is None or source.url is None else source.url.apply(str)
        self.queue_arn = none if source is None else pulumi.Output.from_input(source.arn).apply(str)
        self.source_queue_arns = pulumi.Output.all(**sources.queue_arns())
        self.observed = common.observed()
        self.idempotency_table_name = (
            none if repeats is None else pulumi.Output.from_input(repeats.table_name).apply(str)
        )
        self.register_outputs({key: getattr(self, key) for key in type(self).__annotations__})


def _check_grants(component: str, grants: Mapping[str, GrantArgs]) -> None:
    for sid, grant in grants.items():
        argument = f"grants[{sid!r}]"
        if not sid.isalnum():
            raise ArgumentError(component, argument, "has a Sid with other characters than letters and digits")
        check(f"{component}, {argument}", grant, GrantArgs)
        for action in grant["actions"]:
            if "*" in action:
                raise ArgumentError(component, argument, f"has the wildcard action {action!r}; write the actions out")
        if "*" in grant["resources"] and not set(grant["actions"]) <= _NO_RESOURCE:
            raise ArgumentError(component, argument, "allows every resource; name the ARNs")


def _statements(
    log_group: aws.cloudwatch.LogGroup,
    repeats: Idempotency | None,
    failures: Mapping[str, Any] | None,
    grants: Mapping[str, Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    statements: dict[str, Mapping[str, Any]] = {
        "WriteLog": {
            "actions": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "resources": [log_group.arn, pulumi.Output.concat(log_group.arn, ":*")],
        },
        "Trace": {"actions": list(_TRACE), "resources": ["*"]},
    }
    if repeats is not None:
        statements["Idempotency"] = repeats.statement
    if failures is not None:
        statements["FailureDestination"] = {"actions": ["sqs:SendMessage"], **failures}
    return {**statements, **grants}
