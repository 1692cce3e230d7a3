"""``link``: what a function uses, and what for, in one word."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from pulumi_aws_eda._parts.args import ArgumentError, one_of
from pulumi_aws_eda._parts.function.link_kinds import MEMBERS, NEEDS, LinkAccess, LinkKind
from pulumi_aws_eda._parts.function.links import LinkArgs

AccessName = Literal["get", "invoke", "read", "resume", "send", "start", "write"]
"""``LinkAccess`` in small letters."""
_AWS_OWN = "alias/aws/"


@dataclass(frozen=True)
class _Target:
    """How a resource of a type is linked.

    Attributes:
        kind: what it is.
        arn: its output with the ARN.
        key: its output with the customer managed key: an id, an ARN or an alias; None where the function's is taken.
        when: whether a resource of the type is of this kind.
    """

    kind: LinkKind
    arn: str = "arn"
    key: Callable[[Any], pulumi.Output[Any]] | None = None
    when: Callable[[Any], bool] = lambda _: True


_TARGETS: Mapping[str, Sequence[_Target]] = {
    "aws-eda:index:AlarmTopic": [_Target(LinkKind.TOPIC, "topic_arn", lambda it: it.key_arn)],
    "aws-eda:index:BatchedFirehoseSink": [_Target(LinkKind.DELIVERY_STREAM, "delivery_stream_arn")],
    "aws-eda:index:CallbackWorkflow": [_Target(LinkKind.CALLBACK_WORKFLOW, "state_machine_arn")],
    "aws-eda:index:ConsumerCache": [
        _Target(LinkKind.HOT_CACHE, "table_arn", when=lambda it: it.sync is None),
        _Target(LinkKind.REPLICA_CACHE, "table_arn", when=lambda it: it.sync is not None),
    ],
    "aws-eda:index:EventBus": [_Target(LinkKind.EVENT_BUS, "event_bus_arn")],
    "aws-eda:index:FanOut": [_Target(LinkKind.TOPIC, "topic_arn", lambda it: it.topic.kms_master_key_id)],
    "aws-eda:index:IdempotentLambda": [
        _Target(LinkKind.FUNCTION, "function_arn"),
        _Target(LinkKind.QUEUE, "queue_arn"),
    ],
    "aws:cloudwatch/eventBus:EventBus": [_Target(LinkKind.EVENT_BUS)],
    "aws:dynamodb/table:Table": [
        _Target(LinkKind.TABLE, key=lambda it: it.server_side_encryption.apply(_key_of_table)),
    ],
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": [_Target(LinkKind.DELIVERY_STREAM)],
    "aws:kinesis/stream:Stream": [_Target(LinkKind.STREAM, key=lambda it: it.kms_key_id)],
    "aws:lambda/function:Function": [_Target(LinkKind.FUNCTION)],
    # The key is a resource of its own.
    "aws:s3/bucket:Bucket": [_Target(LinkKind.BUCKET)],
    "aws:s3/bucketV2:BucketV2": [_Target(LinkKind.BUCKET)],
    "aws:secretsmanager/secret:Secret": [_Target(LinkKind.SECRET, key=lambda it: it.kms_key_id)],
    "aws:sfn/stateMachine:StateMachine": [_Target(LinkKind.STATE_MACHINE)],
    "aws:sns/topic:Topic": [_Target(LinkKind.TOPIC, key=lambda it: it.kms_master_key_id)],
    "aws:sqs/queue:Queue": [_Target(LinkKind.QUEUE, key=lambda it: it.kms_master_key_id)],
    "aws:ssm/parameter:Parameter": [_Target(LinkKind.PARAMETER, key=lambda it: it.key_id)],
}
"""By Pulumi's type token."""


def link(
    target: pulumi.Resource, *access: LinkAccess | AccessName, kms_key_arn: pulumi.Input[str] | None = None
) -> LinkArgs:
    """What a function uses, for its ``links``: it gets the permissions, and ``eda_runtime.links`` the way to it::

        IdempotentLambda("charge", code="functions/charge", links={"orders": link(orders, "read", "write")})

    Args:
        target: a table, bucket, queue, topic, event bus, secret, parameter, state machine, Kinesis stream, delivery
            stream or function of ``pulumi_aws``; an ``IdempotentLambda`` (``invoke`` it, or ``send`` to its queue), a
            ``CallbackWorkflow``, a ``ConsumerCache``, a ``BatchedFirehoseSink``, an ``EventBus``, a ``FanOut`` or an
            ``AlarmTopic``.
        access: what the function does with it: ``LinkKind`` says what each has.
        kms_key_arn: the customer managed key that it is encrypted with; default: the one that the resource names, and
            of a bucket or a component the function's.

    Raises:
        ArgumentError: the target is of another type, or has no such access. When its outputs are known: it has no
            queue, or names its key by an alias, which no policy takes.
    """
    token = target.pulumi_resource_type
    component = f"link to {token} {target.pulumi_resource_name!r}"
    if token not in _TARGETS:
        near = difflib.get_close_matches(token, _TARGETS, 1)
        hint = f"the nearest is {near[0]}" if near else f"those are {', '.join(_TARGETS)}"
        raise ArgumentError(component, "target", f"has a type that cannot be linked; {hint}")
    accesses = [_access(component, given, _TARGETS[token]) for given in access]
    if not accesses:
        raise ArgumentError(component, "access", f"is missing; {_offered(_TARGETS[token])}")
    fitting = [each for each in _TARGETS[token] if each.when(target) and set(accesses) <= set(NEEDS[each.kind])]
    if not fitting:
        raise ArgumentError(component, "access", "is of several things; make a link for each")
    made = fitting[0]
    found: LinkArgs = {
        "arn": getattr(target, made.arn).apply(lambda arn: _there(component, made.kind, arn)),
        "kind": made.kind,
        "access": accesses,
    }
    for member in MEMBERS.get(made.kind, ()):
        found[member] = getattr(target, member)  # type: ignore[literal-required]  # a member of LinkArgs
    if kms_key_arn is not None:
        found["kms_key_arn"] = kms_key_arn
    elif made.key is not None:
        found["kms_key_arn"] = pulumi.Output.all(made.key(target), found["arn"]).apply(
            lambda known: _key_arn(component, known[0], known[1])
        )
    return found


def _there(component: str, kind: LinkKind, arn: str | None) -> str:
    if arn is None:
        raise ArgumentError(component, "target", f"has no {kind.value.lower().replace('_', ' ')}")
    return arn


def _access(component: str, given: LinkAccess | str, targets: Sequence[_Target]) -> LinkAccess:
    named = given.upper() if isinstance(given, str) else given
    access: LinkAccess = one_of(component, {"access": named}, "access", LinkAccess)
    if not any(access in NEEDS[target.kind] for target in targets):
        raise ArgumentError(component, "access", f"is {access.value.lower()!r}; {_offered(targets)}")
    return access


def _offered(targets: Sequence[_Target]) -> str:
    words = sorted({access.value.lower() for target in targets for access in NEEDS[target.kind]})
    return f"it has {', '.join(words)}"


def _key_of_table(encryption: aws.dynamodb.outputs.TableServerSideEncryption | None) -> str | None:
    return encryption.kms_key_arn if encryption is not None and encryption.enabled else None


def _key_arn(component: str, key: str | None, arn: str) -> str:
    """A key's ARN, empty for one of AWS's own."""
    if not key or _AWS_OWN in key:
        return ""
    if "alias/" in key:
        raise ArgumentError(component, "kms_key_arn", f"is missing; the alias {key!r} does not say which key it is")
    if key.startswith("arn:"):
        return key
    _, partition, _, region, account, *_ = arn.split(":")
    return f"arn:{partition}:kms:{region}:{account}:key/{key}"
