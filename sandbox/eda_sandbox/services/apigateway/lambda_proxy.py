"""``AWS_PROXY`` integrations: the event of payload format 1.0, and the answer a function gives back."""

import base64
import binascii
import json
from typing import Any

from eda_sandbox.services.apigateway.binary import is_binary
from eda_sandbox.services.apigateway.exchange import Exchange, Reply
from eda_sandbox.services.apigateway.gateway_responses import GatewayError

_RESPONSE_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def event(exchange: Exchange) -> dict[str, Any]:
    """The event for a function, as API Gateway builds it."""
    route = exchange.route
    if route is None:
        raise GatewayError("API_CONFIGURATION_ERROR", detail="the request has no route")
    single: dict[str, str] = {}
    multiple: dict[str, list[str]] = {}
    for name, value in exchange.forwarded_headers:
        single[name] = value
        multiple.setdefault(name, []).append(value)
    query = exchange.query
    binary = is_binary(exchange.definition.binary_media_types, exchange.header("content-type"))
    body: str | None = None
    if exchange.body:
        body = base64.b64encode(exchange.body).decode() if binary else exchange.body.decode("utf-8", errors="replace")
    context = exchange.context
    request_context = {
        "resourceId": route.resource.id,
        "resourcePath": route.resource.path,
        "httpMethod": exchange.http_method,
        "extendedRequestId": exchange.extended_request_id,
        "requestTime": context["requestTime"],
        "path": context["path"],
        "accountId": exchange.account,
        "protocol": context["protocol"],
        "stage": exchange.stage.stage_name,
        "domainPrefix": context["domainPrefix"],
        "requestTimeEpoch": context["requestTimeEpoch"],
        "requestId": exchange.request_id,
        "identity": dict(exchange.identity),
        "domainName": context["domainName"],
        "deploymentId": exchange.deployment.id,
        "apiId": exchange.api.id,
    }
    if exchange.authorizer is not None:
        request_context["authorizer"] = exchange.authorizer
    if route.method.operation_name:
        request_context["operationName"] = route.method.operation_name
    return {
        "resource": route.resource.path,
        "path": "/" + exchange.path.lstrip("/"),
        "httpMethod": exchange.http_method,
        "headers": single,
        "multiValueHeaders": multiple,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(route.path_parameters) or None,
        "stageVariables": dict(exchange.stage.variables) or None,
        "requestContext": request_context,
        "body": body,
        "isBase64Encoded": binary and body is not None,
    }


def reply(payload: bytes, exchange: Exchange) -> Reply:
    """Read a function's answer.

    Raises:
        GatewayError: it is malformed, which the client sees as 502.
    """
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise malformed("the answer is no JSON") from error
    if not isinstance(answer, dict):
        raise malformed("the answer is no object")
    unknown = set(answer) - _RESPONSE_KEYS
    if unknown:
        raise malformed(f"unknown keys: {', '.join(sorted(unknown))}")
    headers = _headers(answer)
    body = answer.get("body")
    if body is None:
        body = ""
    if not isinstance(body, str):
        raise malformed("body is no string")
    encoded = answer.get("isBase64Encoded", False)
    if not isinstance(encoded, bool):
        raise malformed("isBase64Encoded is no boolean")
    data = body.encode()
    if encoded and is_binary(exchange.definition.binary_media_types, (exchange.header("accept") or "").split(",")[0]):
        try:
            data = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise malformed("body is no base64") from error
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Reply(_status(answer.get("statusCode", 200)), headers, data)


def malformed(why: str) -> GatewayError:
    return GatewayError("DEFAULT_5XX", status=502, detail=f"Malformed Lambda proxy response: {why}")


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise malformed(f"statusCode {value!r}")
    return value


def _headers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    single = answer.get("headers") or {}
    multiple = answer.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise malformed("headers are no object")
    merged: dict[str, tuple[str, list[str]]] = {}
    for name, values in multiple.items():
        if not isinstance(values, list):
            raise malformed(f"multiValueHeaders {name} is no list")
        merged[name.lower()] = (name, [_header(name, value) for value in values])
    for name, value in single.items():
        text = _header(name, value)
        known = merged.setdefault(name.lower(), (name, []))[1]
        if text not in known:
            known.append(text)
    return [(name, value) for name, values in merged.values() for value in values]


def _header(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise malformed(f"header {name} is no string")
