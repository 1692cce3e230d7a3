"""Task resources: optimised integrations and the AWS SDK's, each called with the machine's role."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from eda_sandbox.foundation.cloud import Cloud, service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.stepfunctions.error_names import error_name, general_error_name
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact

PRINCIPAL = "states.amazonaws.com"
CALLBACK = ".waitForTaskToken"
_RESOURCE = re.compile(r"arn:aws:states:::(?:(aws-sdk):)?([\w-]+):(\w+)((?:\.\w+(?::\d)?)?)")
_FUNCTION = re.compile(r"arn:aws:lambda:[\w-]+:\d+:function:.+")
# boto3's names of what the States Language calls otherwise, and how it spells the prefix of their errors.
_CLIENTS = {"sfn": "stepfunctions", "states": "stepfunctions", "redshiftdata": "redshift-data", "eventbridge": "events"}
_CLIENTS |= {"cloudwatchlogs": "logs"}
_SDK_PREFIXES = {"dynamodb": "DynamoDb", "quicksight": "QuickSight", "eventbridge": "EventBridge"}
_SDK_PREFIXES |= {"cloudwatchlogs": "CloudWatchLogs"}
_PREFIXES = {"dynamodb": "DynamoDB", "lambda": "Lambda", "sqs": "SQS", "sns": "SNS", "states": "StepFunctions"}
_PREFIXES |= {"events": "EventBridge"}


class Tasks:
    """Runs task resources.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def waits_for_token(self, resource: str) -> bool:
        """Whether the task ends by ``SendTaskSuccess`` or ``SendTaskFailure``."""
        return resource.endswith(CALLBACK)

    def run(self, resource: str, parameters: Any, role_arn: str, machine_arn: str) -> Any:
        """Call a resource; its result.

        Raises:
            StateError: the call failed, with the error's name as the States Language has it.
        """
        if _FUNCTION.fullmatch(resource):
            answer = self._invoke({"FunctionName": resource, "Payload": parameters}, role_arn, machine_arn)
            return answer["Payload"]
        match = _RESOURCE.fullmatch(resource)
        if match is None or match[4] not in ("", CALLBACK):
            raise RuntimeFailure(f"the sandbox does not know the resource {resource}")
        sdk, service, action = bool(match[1]), match[2], match[3]
        if service == "lambda" and action == "invoke" and not sdk:
            return self._invoke(parameters, role_arn, machine_arn)
        prefix = _SDK_PREFIXES.get(service, service.title()) if sdk else _PREFIXES.get(service)
        if prefix is None:
            raise RuntimeFailure(f"the sandbox does not know the resource {resource}")
        return self._call(service, action, parameters, role_arn, machine_arn, prefix, sdk=sdk)

    def _invoke(self, parameters: Mapping[str, Any], role_arn: str, machine_arn: str) -> dict[str, Any]:
        request = {**parameters, "Payload": compact(parameters.get("Payload", {})).encode()}
        client = self._client("lambda", role_arn, machine_arn)
        try:
            answer = client.invoke(**request)
            # The head may come and the connection break before the body does.
            payload = answer["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise self._failed(service_model("lambda"), "Lambda", "lambda", error, sdk=False) from error
        if answer.get("FunctionError"):
            said = json.loads(payload or b"{}")
            raise StateError(str(said.get("errorType", "Lambda.Unknown")), payload.decode("utf-8", "replace"))
        return {
            "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"),
            "Payload": json.loads(payload) if payload else None,
            "StatusCode": answer["StatusCode"],
        }

    def _call(
        self,
        service: str,
        action: str,
        parameters: Mapping[str, Any],
        role_arn: str,
        machine_arn: str,
        prefix: str,
        *,
        sdk: bool,
    ) -> Any:
        name = _CLIENTS.get(service, service)
        operation = action[0].upper() + action[1:]
        model = service_model(name).operation_model(operation)
        given = dict(parameters)
        if service == "sqs" and not sdk and not isinstance(given.get("MessageBody", ""), str):
            given["MessageBody"] = compact(given["MessageBody"])
        if service == "events" and not sdk:
            given["Entries"] = [
                {
                    **entry,
                    "Detail": entry["Detail"] if isinstance(entry.get("Detail"), str) else compact(entry["Detail"]),
                }
                for entry in given.get("Entries", [])
            ]
        if service in ("states", "sfn") and not isinstance(given.get("Input", ""), str):
            given["Input"] = compact(given["Input"])
        request = _to_members(model.input_shape, given) if model.input_shape is not None else {}
        client = self._client(name, role_arn, machine_arn)
        try:
            answer = getattr(client, xform_name(operation))(**request)
        except (ClientError, BotoCoreError) as error:
            raise self._failed(service_model(name), prefix, service, error, sdk=sdk) from error
        answer.pop("ResponseMetadata", None)
        if service == "events" and not sdk and answer.get("FailedEntryCount"):
            # The optimised integration fails when an entry does (Step Functions, EventBridge).
            raise StateError("EventBridge.FailedEntry", compact(answer["Entries"]))
        return _from_members(model.output_shape, answer) if model.output_shape is not None else {}

    def _client(self, service: str, role_arn: str, machine_arn: str) -> Any:
        try:
            return self._cloud.client(service, role_arn, PRINCIPAL, machine_arn)
        except AwsError as error:
            raise StateError("States.TaskFailed", error.message) from error

    def _failed(
        self, model: ServiceModel, prefix: str, service: str, error: ClientError | BotoCoreError, *, sdk: bool
    ) -> StateError:
        if isinstance(error, ClientError):
            code = error.response["Error"]["Code"].rpartition("#")[2].rpartition(".")[2]
            throttle = self._cloud.doubts["stepfunctions-sdk-throttle"]
            name = error_name(model, prefix, service, error.response["Error"]["Code"], sdk=sdk, throttle=throttle)
            return StateError(name, f"{error.response['Error'].get('Message', '')} (Error Code: {code})")
        if isinstance(error, ParamValidationError):
            # Step Functions leaves these checks to the service, whose model has no error for them.
            return StateError(general_error_name(prefix, service, sdk=sdk), str(error))
        return StateError(f"{prefix}.SdkClientException", str(error))


def _to_members(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        names = {member.lower(): member for member in shape.members}
        converted = {}
        for key, item in value.items():
            member = names.get(key.lower())
            if member is None:
                raise RuntimeFailure(f"The field {key!r} is not supported by Step Functions")
            converted[member] = _to_members(shape.members[member], item)
        return converted
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_members(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _to_members(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob" and isinstance(value, str):
        return value.encode()
    if shape.type_name == "string" and not isinstance(value, str):
        return compact(value)
    return value


def _from_members(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return {
            name[0].upper() + name[1:]: _from_members(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_from_members(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _from_members(shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return float(value) if isinstance(value, Decimal) else value
