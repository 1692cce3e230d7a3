"""Task resources: optimised integrations and the AWS SDK's, each called with the machine's role."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.response import StreamingBody

from eda_sandbox.foundation.cloud import Cloud, service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.stepfunctions import http_metadata
from eda_sandbox.services.stepfunctions.error_names import cause, error_name, general_error_name, missing, plain_code
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.resources import Resource, parse

PRINCIPAL = "states.amazonaws.com"
# How the States Language spells the prefix of errors.
_SDK_PREFIXES = {"dynamodb": "DynamoDb", "quicksight": "QuickSight", "eventbridge": "EventBridge"}
_SDK_PREFIXES |= {"cloudwatchlogs": "CloudWatchLogs", "secretsmanager": "SecretsManager"}
_PREFIXES = {"dynamodb": "DynamoDB", "lambda": "Lambda", "sqs": "SQS", "sns": "SNS", "states": "StepFunctions"}
_PREFIXES |= {"events": "EventBridge"}


class Tasks:
    """Runs task resources.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def run(self, arn: str, parameters: Any, role_arn: str, machine_arn: str, execution_arn: str) -> Any:
        """Call a resource; its result.

        Raises:
            StateError: the call failed, with the error's name as the States Language has it.
        """
        called = parse(arn)
        if called.function:
            answer = self._invoke({"FunctionName": arn, "Payload": parameters}, role_arn, machine_arn, encode=True)
            return answer["Payload"]
        if not isinstance(parameters, Mapping):
            raise RuntimeFailure(f"The Parameters '{compact(parameters)}' could not be used to start the Task")
        if called.service == "lambda" and not called.sdk:
            return self._invoke(parameters, role_arn, machine_arn)
        given = dict(parameters)
        if called.service == "events" and not called.sdk:
            given["Entries"] = [_event(entry, [machine_arn, execution_arn]) for entry in given.get("Entries", [])]
        return self._call(called, given, role_arn, machine_arn)

    def _invoke(
        self, parameters: Mapping[str, Any], role_arn: str, machine_arn: str, *, encode: bool = False
    ) -> dict[str, Any]:
        payload = parameters.get("Payload")
        if payload is None and not encode:
            text = "{}"
        else:
            # A text is the JSON that it says.
            text = payload if isinstance(payload, str) and not encode else compact(payload)
        request = {**parameters, "Payload": text.encode()}
        client = self._client("lambda", role_arn, machine_arn)
        called = parse("arn:aws:states:::lambda:invoke")
        try:
            answer = client.invoke(**request)
            # The head may come and the connection break before the body does.
            said = answer["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            raise self._failed(called, "Lambda", error) from error
        if answer.get("FunctionError"):
            failure = _decoded(said)
            name = failure.get("errorType") if isinstance(failure, dict) else None
            # The optimised integration reads the error and writes it anew, a function's ARN hands it on as it came.
            text = compact(failure) if isinstance(failure, dict) and not encode else said.decode("utf-8", "replace")
            raise StateError(str(name or "Lambda.Unknown"), text)
        found = {
            "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"),
            "LogResult": answer.get("LogResult"),
            "Payload": _decoded(said) if said else None,
            **http_metadata.of(answer, "lambda"),
            "StatusCode": answer["StatusCode"],
        }
        return {name: value for name, value in found.items() if value is not None or name == "Payload"}

    def _call(self, called: Resource, parameters: Mapping[str, Any], role_arn: str, machine_arn: str) -> Any:
        prefix = _SDK_PREFIXES.get(called.service, called.service.title()) if called.sdk else _PREFIXES[called.service]
        model = service_model(called.client).operation_model(called.operation)
        given = dict(parameters)
        if called.service == "sqs" and not called.sdk and not isinstance(given.get("MessageBody"), str | None):
            given["MessageBody"] = compact(given["MessageBody"])
        if called.service in ("states", "sfn") and not isinstance(given.get("Input", ""), str):
            given["Input"] = compact(given["Input"])
        if (called.client, called.operation) == ("s3", "PutObject"):
            # The SDK says so of a text.
            given = {"ContentType": "text/plain; charset=UTF-8", **given}
        request = _to_members(model.input_shape, given) if model.input_shape is not None else {}
        absent = missing(model.input_shape, request)
        if absent is not None:
            raise self._missing(called, prefix, absent)
        if called.service == "sqs":
            self._check_host(prefix, request)
        client = self._client(called.client, role_arn, machine_arn)
        try:
            answer = getattr(client, xform_name(called.operation))(**request)
            found = _from_members(model.output_shape, answer, sdk=called.sdk) if model.output_shape is not None else {}
        except (ClientError, BotoCoreError) as error:
            raise self._failed(called, prefix, error) from error
        if called.service == "events" and not called.sdk and answer.get("FailedEntryCount"):
            # The optimised integration fails when an entry does (Step Functions, EventBridge).
            raise StateError("EventBridge.FailedEntry", compact({name: found[name] for name in sorted(found)}))
        return (
            found if called.sdk or called.service == "events" else {**found, **http_metadata.of(answer, called.client)}
        )

    def _check_host(self, prefix: str, request: Mapping[str, Any]) -> None:
        """The first version of the SDK sends to the host that the queue's URL names."""
        url = str(request.get("QueueUrl", ""))
        host = urlsplit(url).hostname if "://" in url else url
        own = (urlsplit(self._cloud.endpoint).hostname, "localhost")
        if host not in own and not str(host).endswith(".amazonaws.com"):
            why = f"Unable to execute HTTP request: {host}: Name or service not known"
            raise StateError(f"{prefix}.SdkClientException", why)

    def _client(self, service: str, role_arn: str, machine_arn: str) -> Any:
        try:
            return self._cloud.client(service, role_arn, PRINCIPAL, machine_arn)
        except AwsError as error:
            raise StateError("States.TaskFailed", error.message) from error

    def _missing(self, called: Resource, prefix: str, member: str) -> StateError:
        # Step Functions leaves these checks to the service, whose model has no error for them.
        name = general_error_name(prefix, called.service, sdk=called.sdk)
        if called.client == "sqs":
            return StateError(
                name,
                cause(called, prefix, f"The request must contain the parameter {member}.", 400, "MissingParameter"),
            )
        said = (
            f"1 validation error detected: Value null at '{member[0].lower()}{member[1:]}' failed to satisfy "
            "constraint: Member must not be null"
        )
        return StateError(name, cause(called, prefix, said, 400, "ValidationException"))

    def _failed(self, called: Resource, prefix: str, error: ClientError | BotoCoreError) -> StateError:
        model: ServiceModel = service_model(called.client)
        if isinstance(error, ClientError):
            said, answer = error.response["Error"], error.response.get("ResponseMetadata", {})
            throttle = self._cloud.doubts["stepfunctions-sdk-throttle"]
            # Of a service that once spoke another protocol, the code is that one's.
            code = str(said.get("QueryErrorCode") or said["Code"])
            name = error_name(model, prefix, called.service, code, sdk=called.sdk, throttle=throttle)
            code = plain_code(model, said["Code"])
            status = answer.get("HTTPStatusCode", 400)
            return StateError(
                name, cause(called, prefix, said.get("Message", ""), status, code, answer.get("RequestId", ""))
            )
        if isinstance(error, ParamValidationError):
            # Step Functions leaves these checks to the service, whose model has no error for them.
            return StateError(general_error_name(prefix, called.service, sdk=called.sdk), str(error))
        return StateError(f"{prefix}.SdkClientException", f"Unable to execute HTTP request: {error}")


def _event(entry: Mapping[str, Any], about: list[str]) -> dict[str, Any]:
    """An entry as the optimised integration sends it: with the machine and the execution among its resources."""
    detail = entry.get("Detail")
    sent = {**entry, "Resources": [*entry.get("Resources", []), *about]}
    return sent if detail is None or isinstance(detail, str) else {**sent, "Detail": compact(detail)}


def _decoded(payload: bytes) -> Any:
    text = payload.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _to_members(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        names = {member.lower(): member for member in shape.members}
        converted = {}
        for key, item in value.items():
            member = names.get(key.lower())
            if member is None:
                raise RuntimeFailure(f"The field {key!r} is not supported by Step Functions")
            if item is not None:
                converted[member] = _to_members(shape.members[member], item)
        return converted
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_members(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _to_members(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob":
        # A stream holds the JSON of what is given, a text with its quotes.
        return (
            value if isinstance(value, str) and not shape.serialization.get("streaming") else compact(value)
        ).encode()
    if shape.type_name == "string" and not isinstance(value, str):
        return compact(value)
    return value


def _from_members(shape: Shape, value: Any, *, sdk: bool) -> Any:
    if isinstance(shape, StructureShape):
        return {
            name[0].upper() + name[1:]: _from_members(member, value[name], sdk=sdk)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_from_members(shape.member, item, sdk=sdk) for item in value]
    if isinstance(shape, MapShape):
        return {key: _from_members(shape.value, item, sdk=sdk) for key, item in value.items()}
    if isinstance(value, datetime):
        return _instant(value) if sdk else int(value.timestamp() * 1000)
    if isinstance(value, StreamingBody):
        return value.read().decode("utf-8", "replace")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return float(value) if isinstance(value, Decimal) else value


def _instant(moment: datetime) -> str:
    """A moment as Java's ``Instant`` prints it: thousandths where there are any."""
    utc = moment.astimezone(UTC)
    places = "milliseconds" if utc.microsecond // 1000 else "seconds"
    return utc.isoformat(timespec=places).replace("+00:00", "Z")
