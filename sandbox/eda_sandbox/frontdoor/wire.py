"""AWS's JSON protocols seen from the server's side, driven by botocore's API models."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from eda_sandbox.foundation.clock import rfc3339
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.frontdoor.constraints import check
from eda_sandbox.frontdoor.rest_routes import rest_routes

SERVER_ERROR = 500


class Wire:
    """Parses requests and builds responses of one service (``json`` and ``rest-json`` protocols).

    Args:
        model: the service's API model.
    """

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._rest = model.metadata["protocol"] == "rest-json"

    def route(self, request: HttpRequest) -> tuple[str, dict[str, str]]:
        """The operation that a request means, and its path parameters.

        Raises:
            AwsError: the service has no such operation.
        """
        if self._rest:
            found = rest_routes(self.model.service_name).match(
                request.method, request.raw_path, request.query, request.headers
            )
            if found is None:
                raise AwsError("UnknownOperationException", f"no operation at {request.method} {request.path}", 404)
            return found
        target = (request.header("x-amz-target") or "").rpartition(".")[2]
        if target not in self.model.operation_names:
            raise AwsError("UnknownOperationException", f"{self.model.service_name} has no operation {target!r}", 400)
        return target, {}

    def parse(self, operation_name: str, labels: dict[str, str], request: HttpRequest) -> dict[str, Any]:
        """The parameters of a request, in the form boto3 takes them, checked against the model.

        Raises:
            AwsError: ``SerializationException`` for what cannot be read, ``ValidationException`` for what the model
                does not allow.
        """
        shape = self.model.operation_model(operation_name).input_shape
        if shape is None:
            return {}
        try:
            values = self._read_rest(shape, labels, request) if self._rest else _from_json(shape, _body_json(request))
        except (ValueError, TypeError, KeyError) as error:
            raise AwsError("SerializationException", f"the request cannot be read: {error}") from error
        check(values, shape)
        return values

    def response(self, operation_name: str, values: dict[str, Any]) -> HttpResponse:
        """The HTTP answer for what a service method returned."""
        operation = self.model.operation_model(operation_name)
        status = operation.http.get("responseCode", 200)
        return self._write(operation.output_shape, values, status, [])

    def error(self, error: AwsError) -> HttpResponse:
        """The HTTP answer for an error, in the form of the API model where it has one."""
        shape = self._error_shape(error.code)
        modelled = (shape.metadata.get("error") or {}).get("httpStatusCode") if shape is not None else None
        status = error.status or modelled or 400
        headers = [("x-amzn-errortype", error.code)]
        values = {**error.members, "message": error.message}
        if shape is not None and "Message" in shape.members:
            values["Message"] = error.message
        if shape is not None and "Type" in shape.members and self.model.service_name == "lambda":
            values.setdefault("Type", "User" if status < SERVER_ERROR else "Service")
        written = self._write(shape, values, status, headers)
        body = {"__type": error.code, "message": error.message, **json.loads(written.body or b"{}")}
        return HttpResponse(status, written.headers, _dump(body))

    def _error_shape(self, code: str) -> StructureShape | None:
        shapes: list[Any] = self.model.error_shapes
        return next((shape for shape in shapes if code in (shape.error_code, shape.name)), None)

    @property
    def _content_type(self) -> str:
        version = self.model.metadata.get("jsonVersion", "1.1")
        return "application/json" if self._rest else f"application/x-amz-json-{version}"

    def _read_rest(self, shape: StructureShape, labels: dict[str, str], request: HttpRequest) -> dict[str, Any]:
        values: dict[str, Any] = {}
        payload = shape.serialization.get("payload")
        body_shape = shape.members[payload] if payload else None
        in_body: Any = None
        if body_shape is not None and body_shape.type_name in ("blob", "string"):
            if request.body or body_shape.type_name == "blob":
                values[str(payload)] = request.body if body_shape.type_name == "blob" else request.body.decode()
        elif body_shape is not None:
            if request.body:
                values[str(payload)] = _from_json(body_shape, _body_json(request))
        else:
            in_body = _body_json(request)
        for name, member in shape.members.items():
            location, key = member.serialization.get("location"), member.serialization.get("name", name)
            if location == "uri":
                values[name] = _from_text(member, labels[key])
            elif location == "querystring":
                found = [value for given, value in request.query if given == key]
                if isinstance(member, MapShape):
                    fixed = {m.serialization.get("name") for m in shape.members.values()}
                    values[name] = {given: value for given, value in request.query if given not in fixed}
                elif isinstance(member, ListShape):
                    if found:
                        values[name] = [_from_text(member.member, value) for value in found]
                elif found:
                    values[name] = _from_text(member, found[0])
            elif location == "header":
                text = request.header(key)
                if text is not None:
                    values[name] = _from_text(member, text)
            elif location == "headers":
                values[name] = {
                    given[len(key) :]: value for given, value in request.headers if given.startswith(key.lower())
                }
            elif location is None and in_body is not None and in_body.get(key) is not None:
                values[name] = _from_json(member, in_body[key])
        return values

    def _write(
        self, shape: StructureShape | None, values: dict[str, Any], status: int, headers: list[tuple[str, str]]
    ) -> HttpResponse:
        if shape is None:
            return HttpResponse(status, [*headers, ("content-type", self._content_type)], b"" if self._rest else b"{}")
        payload = shape.serialization.get("payload") if self._rest else None
        in_body: dict[str, Any] = {}
        body: bytes | None = None
        for name, member in shape.members.items():
            if values.get(name) is None:
                continue
            location = member.serialization.get("location") if self._rest else None
            key = member.serialization.get("name", name)
            if location == "statusCode":
                status = int(values[name])
            elif location == "header":
                headers.append((key, _to_text(member, values[name])))
            elif location == "headers":
                headers += [(key + given, str(value)) for given, value in values[name].items()]
            elif name == payload:
                body = _payload_bytes(member, values[name])
            else:
                in_body[key] = _to_json(member, values[name])
        if body is None:
            body = b"" if payload else _dump(in_body)
        return HttpResponse(status, [*headers, ("content-type", self._content_type)], body)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _body_json(request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {}
    body = json.loads(request.body)
    if not isinstance(body, dict):
        raise ValueError("the body is not a JSON object")
    return body


def _payload_bytes(shape: Shape, value: Any) -> bytes:
    if shape.type_name == "blob":
        return _blob(value)
    if shape.type_name == "string":
        return str(value).encode()
    return _dump(_to_json(shape, value))


def _blob(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value.read()) if hasattr(value, "read") else bytes(value)


def _from_json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return value
        if not isinstance(value, dict):
            raise TypeError(f"{shape.name} is not a JSON object")
        return {
            name: _from_json(member, value[key])
            for name, member in shape.members.items()
            if value.get(key := member.serialization.get("name", name)) is not None
        }
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise TypeError(f"{shape.name} is not a JSON array")
        return [_from_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise TypeError(f"{shape.name} is not a JSON object")
        return {key: _from_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob":
        return base64.b64decode(value)
    if shape.type_name == "timestamp":
        return _timestamp(value)
    if shape.type_name in ("float", "double") and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _from_text(shape: Shape, text: str) -> Any:
    match shape.type_name:
        case "integer" | "long":
            return int(text)
        case "float" | "double":
            return float(text)
        case "boolean":
            return text.lower() == "true"
        case "timestamp":
            return _timestamp(text)
        case "blob":
            return base64.b64decode(text)
        case "string" if shape.serialization.get("jsonvalue"):
            return base64.b64decode(text).decode()
        case _:
            return text


def _timestamp(value: Any) -> datetime:
    moment = parse_timestamp(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _to_json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        if shape.is_document_type:
            return value
        return {
            member.serialization.get("name", name): _to_json(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_to_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_json(shape.value, item) for key, item in value.items()}
    match shape.type_name:
        case "blob":
            return base64.b64encode(_blob(value)).decode()
        case "timestamp":
            return _timestamp_json(shape, value)
        case _:
            return value


def _timestamp_json(shape: Shape, value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if shape.serialization.get("timestampFormat") == "iso8601":
        return rfc3339(value)
    return round(value.timestamp(), 3)


def _to_text(shape: Shape, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    if shape.type_name == "blob":
        return base64.b64encode(_blob(value)).decode()
    return str(value)
