"""The targets of rules: which ones there are, and how each is called."""

import contextlib
from collections.abc import Mapping
from typing import Any

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.events import input as target_input

PRINCIPAL = "events.amazonaws.com"
_WITH_ROLE = ("states", "firehose")
_BY_POLICY = ("lambda", "sqs", "sns", "logs")


def check(cloud: Cloud, target: Mapping[str, Any], rule_arn: str) -> None:
    """Check a target as ``PutTargets`` does.

    Raises:
        AwsError: ``ValidationException``.
    """
    name, arn = target["Id"], target["Arn"]
    service = service_of(arn)
    if service not in (*_WITH_ROLE, *_BY_POLICY):
        raise _invalid(
            f"Parameter {arn} is not valid. Reason: the sandbox's rules deliver to functions, queues, topics, state "
            "machines, delivery streams and log groups."
        )
    if service in _WITH_ROLE and "RoleArn" not in target:
        raise _invalid(f"RoleArn is required for target {arn}.")
    if "RoleArn" in target:
        _check_role(cloud, target["RoleArn"], rule_arn)
    fifo, grouped = service == "sqs" and arn.endswith(".fifo"), bool(target.get("SqsParameters"))
    if fifo and not grouped:
        raise _invalid(f"Parameter(s) SqsParameters must be specified for target: {name}.")
    if grouped and not fifo:
        raise _invalid(f"Parameter(s) SqsParameters cannot be specified for target: {name}.")
    others = [key for key in target if key.endswith("Parameters") and key != "SqsParameters"]
    if others:
        raise _invalid(f"Parameter(s) {', '.join(others)} cannot be specified for target: {name}.")
    dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
    if dead_letters is not None and (service_of(dead_letters) != "sqs" or dead_letters.endswith(".fifo")):
        raise _invalid(f"Parameter DeadLetterConfig.Arn of target {name} is not valid. Reason: not a standard queue.")
    target_input.check(target)


def send(cloud: Cloud, target: Mapping[str, Any], rule_arn: str, delivery_id: str, payload: str) -> None:
    """Call a target once.

    Args:
        cloud: the embedded AWS.
        target: as ``check`` accepts it.
        rule_arn: the rule, which is the source that policies see.
        delivery_id: the same for all attempts.
        payload: what the target gets.

    Raises:
        AwsError: the role cannot be assumed.
        botocore.exceptions.ClientError: the target refused.
        botocore.exceptions.BotoCoreError: the target was not reached.
    """
    arn = target["Arn"]
    service = service_of(arn)
    name = "stepfunctions" if service == "states" else service
    client = cloud.client(name, target.get("RoleArn"), PRINCIPAL, rule_arn)
    match service:
        case "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())
        case "sqs":
            client.send_message(QueueUrl=cloud.queue_url(arn), MessageBody=payload, **target.get("SqsParameters", {}))
        case "sns":
            client.publish(TopicArn=arn, Message=payload)
        case "states":
            try:
                client.start_execution(stateMachineArn=arn, name=delivery_id, input=payload)
            except client.exceptions.ExecutionAlreadyExists:
                # An attempt whose answer was lost has started it.
                return
        case "firehose":
            client.put_record(DeliveryStreamName=arn.rpartition("/")[2], Record={"Data": payload.encode()})
        case "logs":
            _log(cloud, client, arn.partition(":log-group:")[2].removesuffix(":*"), delivery_id, payload)


def service_of(arn: str) -> str:
    """The service of an ARN.

    Raises:
        AwsError: ``ValidationException``, it is no ARN.
    """
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
        raise _invalid(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
    return parts[2]


def _log(cloud: Cloud, client: Any, group: str, stream: str, payload: str) -> None:
    # An attempt that then failed may have made it.
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(cloud.clock.now().timestamp() * 1000)
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": now, "message": payload}])


def _check_role(cloud: Cloud, role_arn: str, rule_arn: str) -> None:
    try:
        cloud.credentials(role_arn, PRINCIPAL, rule_arn)
    except AwsError as error:
        raise _invalid(f"Provided role '{role_arn}' cannot be assumed by principal '{PRINCIPAL}'.") from error


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
