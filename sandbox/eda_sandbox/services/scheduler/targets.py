"""The targets of schedules: templated ones, and every operation of the AWS SDK."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.validate import ParamValidator

from eda_sandbox.foundation.cloud import Cloud, service_model
from eda_sandbox.foundation.errors import AwsError

PRINCIPAL = "scheduler.amazonaws.com"
_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9]+):([a-zA-Z0-9]+)")
_TEMPLATED = re.compile(r"arn:aws:(lambda|sqs|states):[a-z0-9-]+:\d{12}:.+")
# boto3's names where they are not the SDK integration's with hyphens.
_CLIENTS = {"cloudwatchlogs": "logs", "eventbridge": "events", "sfn": "stepfunctions"}
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html#unsupported-api-actions
_READING = (
    *("batchDescribe", "batchGet", "batchRead", "describe", "discover", "get", "list", "lookup", "poll", "query"),
    *("read", "receive", "retrieve", "scan", "search", "select", "transactGet", "validate"),
)


def check(cloud: Cloud, target: Mapping[str, Any], group_arn: str) -> None:
    """Check a target as ``CreateSchedule`` does.

    Args:
        cloud: the embedded AWS.
        target: the parameter ``Target``.
        group_arn: the schedule's group, which is the source that trust policies see.

    Raises:
        AwsError: ``ValidationException``.
    """
    arn = target["Arn"]
    universal = _UNIVERSAL.fullmatch(arn)
    if universal:
        parameters_of(universal, _placeholders_filled(target.get("Input")))
    elif not _TEMPLATED.fullmatch(arn):
        raise _invalid(
            f"Provided Arn is not in correct format. Reason: the sandbox's schedules call functions, queues, state "
            f"machines and arn:aws:scheduler:::aws-sdk:service:action, not {arn}."
        )
    fifo = bool(re.fullmatch(r"arn:aws:sqs:.+\.fifo", arn))
    if fifo != bool(target.get("SqsParameters")):
        raise _invalid("SqsParameters with a MessageGroupId have to be set for a FIFO queue, and only for one.")
    others = [key for key in target if key.endswith("Parameters") and key != "SqsParameters"]
    if others:
        raise _invalid(f"{', '.join(others)} cannot be set for the target {arn}.")
    if target.get("DeadLetterConfig", {}).get("Arn", "").endswith(".fifo"):
        raise _invalid("The dead-letter queue has to be a standard queue.")
    try:
        cloud.credentials(target["RoleArn"], PRINCIPAL, group_arn)
    except AwsError as error:
        raise _invalid(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        ) from error


def call(cloud: Cloud, target: Mapping[str, Any], group_arn: str, execution_id: str, payload: str) -> None:
    """Call a target once, with the schedule's role.

    Args:
        cloud: the embedded AWS.
        target: as ``check`` accepts it.
        group_arn: the schedule's group.
        execution_id: of this attempt.
        payload: the input, its context attributes replaced.

    Raises:
        AwsError: the role cannot be assumed, or a universal target's input is no longer what the operation takes.
        botocore.exceptions.ClientError: the target refused.
        botocore.exceptions.BotoCoreError: the target was not reached.
    """
    arn, role_arn = target["Arn"], target["RoleArn"]

    def client(service: str) -> Any:
        return cloud.client(service, role_arn, PRINCIPAL, group_arn)

    universal = _UNIVERSAL.fullmatch(arn)
    if universal:
        service, operation, parameters = parameters_of(universal, payload)
        getattr(client(service), xform_name(operation.name))(**parameters)
        return
    match arn.split(":")[2]:
        case "lambda":
            client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())
        case "sqs":
            url = cloud.queue_url(arn)
            client("sqs").send_message(QueueUrl=url, MessageBody=payload, **target.get("SqsParameters", {}))
        case _:
            client("stepfunctions").start_execution(stateMachineArn=arn, name=execution_id, input=payload)


def parameters_of(universal: re.Match[str], payload: str | None) -> tuple[str, OperationModel, dict[str, Any]]:
    """boto3's name of a universal target's service, the operation, and its parameters from the input.

    Raises:
        AwsError: ``ValidationException``.
    """
    service, operation = _operation(universal[1], universal[2])
    try:
        given = json.loads(payload or "{}")
    except ValueError as error:
        raise _invalid(f"Invalid RequestJson provided. Reason: {error}") from None
    shape = operation.input_shape
    if shape is None:
        return service, operation, {}
    if not isinstance(given, dict):
        raise _invalid("Invalid RequestJson provided. Reason: it is not a JSON object")
    parameters = _to_members(shape, given)
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise _invalid(f"Invalid RequestJson provided. Reason: {report.generate_report()}")
    return service, operation, parameters


def _operation(service: str, action: str) -> tuple[str, OperationModel]:
    name = _CLIENTS.get(service) or _services().get(service)
    if name is None:
        raise _invalid(f"Invalid RequestJson provided. Reason: The service {service} is not supported")
    if action.startswith(_READING):
        raise _invalid(f"Invalid RequestJson provided. Reason: {service}:{action} reads, and a schedule cannot")
    model, operation = service_model(name), action[0].upper() + action[1:]
    if operation not in model.operation_names or not action[0].islower():
        raise _invalid(f"Invalid RequestJson provided. Reason: {service} has no action {action}")
    return name, model.operation_model(operation)


@cache
def _services() -> dict[str, str]:
    return {name.replace("-", ""): name for name in botocore.session.get_session().get_available_services()}


def _placeholders_filled(payload: str | None) -> str | None:
    # The attempt's number stands without quotes where a number is wanted.
    return payload and re.sub(r"<aws\.scheduler\.[a-z-]+>", "1", payload)


def _to_members(shape: Shape, value: Any) -> Any:
    """Input of the SDK integration, whose names begin with a capital letter, as boto3 takes it."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping) and not shape.is_document_type:
        names = {member[0].upper() + member[1:]: member for member in shape.members}
        unknown = [key for key in value if key not in names]
        if unknown:
            raise _invalid(f"Invalid RequestJson provided. Reason: The field {unknown[0]!r} is not supported")
        return {names[key]: _to_members(shape.members[names[key]], item) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_members(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _to_members(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob" and isinstance(value, str):
        return value.encode()
    return value


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
