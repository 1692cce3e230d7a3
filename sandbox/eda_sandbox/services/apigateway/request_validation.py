"""Request validators: required parameters, and the body against its content type's model."""

from collections.abc import Mapping
from typing import Any

from eda_sandbox.services.apigateway import json_schema
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.java_values import parse_json
from eda_sandbox.services.apigateway.model import Definition, Method


def validate(
    definition: Definition,
    method: Method,
    *,
    path: Mapping[str, str],
    query: Mapping[str, list[str]],
    headers: Mapping[str, list[str]],
    content_type: str,
    body: bytes,
    repeated_members: bool = True,
) -> None:
    """Check a request as the method's validator says; header names come as they were sent, and count as they are
    written: API Gateway "processes header names in a case-sensitive way" (Developer Guide, important notes).

    Raises:
        GatewayError: BAD_REQUEST_PARAMETERS or BAD_REQUEST_BODY.
    """
    validator = definition.validators.get(method.request_validator_id or "")
    if validator is None:
        return
    if validator.validate_request_parameters:
        _parameters(method, path, query, headers)
    if validator.validate_request_body:
        _body(definition, method, content_type, body, repeated_members)


def _parameters(
    method: Method, path: Mapping[str, str], query: Mapping[str, list[str]], headers: Mapping[str, list[str]]
) -> None:
    missing = []
    for parameter, required in method.request_parameters.items():
        _, _, place, name = parameter.split(".", 3)
        if not required:
            continue
        values = {
            "path": [path.get(name, "")],
            "querystring": query.get(name, []),
            "header": headers.get(name, []),
        }[place]
        if not any(value.strip() for value in values):
            missing.append(name)
    if missing:
        raise GatewayError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")


def _body(definition: Definition, method: Method, content_type: str, body: bytes, repeated: bool) -> None:
    name = next((model for kind, model in method.request_models.items() if kind.lower() == content_type), None)
    if name is None:
        return
    if name == "Empty":
        return
    try:
        # Bytes that are not UTF-8 are documented nowhere; Java's decoders put U+FFFD in their place.
        document = parse_json(body.decode("utf-8", "replace"), repeated=repeated)
    except (ValueError, RecursionError) as error:
        raise GatewayError("BAD_REQUEST_BODY", validation="Invalid JSON") from error
    models = definition.models

    def resolve(reference: str) -> Any:
        found = models.get(reference.rsplit("/", 1)[-1])
        return parse_json(found.schema) if found else {}

    if name not in models:
        raise GatewayError("API_CONFIGURATION_ERROR", detail=f"there is no model {name}")
    errors = json_schema.errors(parse_json(models[name].schema), document, resolve)
    if errors:
        raise GatewayError("BAD_REQUEST_BODY", validation=f"[{', '.join(errors)}]")
