"""Integrations: from a request that may enter to the answer that leaves."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

from eda_sandbox.services.apigateway import lambda_proxy, transformation
from eda_sandbox.services.apigateway.exchange import Exchange, Reply
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.java_values import to_json
from eda_sandbox.services.apigateway.mock_status import mock_status
from eda_sandbox.services.apigateway.model import Integration
from eda_sandbox.services.apigateway.transformation import BackendRequest

_AWS_URI = re.compile(r"arn:[\w-]+:apigateway:([\w-]+):([\w.-]+):(path|action)/(.*)", re.DOTALL)
_FUNCTION = re.compile(r"/?2015-03-31/functions/(.+)/invocations")


class Backends(Protocol):
    """How integrations reach what they integrate; ``timeout`` is in real seconds.

    Raises ``GatewayError`` of INTEGRATION_TIMEOUT or INTEGRATION_FAILURE when nothing answers in time, or at all.
    """

    def invoke(
        self,
        function: str,
        payload: bytes,
        exchange: Exchange,
        role_arn: str | None,
        event: bool,
        timeout: float,
        source_arn: str | None = None,
    ) -> "Invoked": ...

    def aws(
        self, service: str, action: str | None, path: str, request: BackendRequest, integration: Integration
    ) -> Reply: ...

    def http(self, method: str, url: str, request: BackendRequest, timeout: float) -> Reply: ...


class Invoked:
    """A function's answer: its payload, and whether it is an error."""

    def __init__(self, payload: bytes, function_error: str | None = None) -> None:
        self.payload = payload
        self.function_error = function_error


def run(exchange: Exchange, backends: Backends) -> Reply:
    """Call the integration of an exchange's method and map its answer.

    Raises:
        GatewayError: the gateway answers itself.
    """
    integration = exchange.route.method.method_integration if exchange.route else None
    if integration is None:
        raise GatewayError("API_CONFIGURATION_ERROR", detail="the method has no integration")
    match integration.type:
        case "MOCK":
            return _mock(exchange, integration)
        case "AWS_PROXY":
            return _lambda_proxy(exchange, integration, backends)
        case "AWS":
            return _aws(exchange, integration, backends)
        case "HTTP" | "HTTP_PROXY":
            return _http(exchange, integration, backends)
    raise GatewayError("API_CONFIGURATION_ERROR", detail=f"integration type {integration.type}")


def _with_stage_variables(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\{stageVariables\.([\w.-]+)\}", lambda match: variables.get(match.group(1), ""), text)


def _uri(exchange: Exchange, integration: Integration) -> str:
    return _with_stage_variables(integration.uri or "", exchange.stage.variables)


def _aws_uri(exchange: Exchange, integration: Integration) -> tuple[str, str, str]:
    match = _AWS_URI.fullmatch(_uri(exchange, integration))
    if match is None:
        raise GatewayError("API_CONFIGURATION_ERROR", detail=f"uri {integration.uri}")
    return match.group(2), match.group(3), match.group(4)


def _function(rest: str) -> str:
    match = _FUNCTION.fullmatch(rest.lstrip("/"))
    if match is None:
        raise GatewayError("API_CONFIGURATION_ERROR", detail=f"lambda path {rest}")
    return match.group(1)


def _mock(exchange: Exchange, integration: Integration) -> Reply:
    request = transformation.request(exchange, integration)
    try:
        status = mock_status(request.body.decode("utf-8", "replace"))
    except ValueError as error:
        raise GatewayError(
            "API_CONFIGURATION_ERROR", detail=f"a mock's request template gives JSON with a statusCode: {error}"
        ) from error
    _answered(exchange, status)
    chosen = transformation.select(integration.integration_responses, str(status))
    return transformation.response(exchange, chosen, Reply(status, [], b""))


def _lambda_proxy(exchange: Exchange, integration: Integration, backends: Backends) -> Reply:
    _, _, rest = _aws_uri(exchange, integration)
    _check_post(integration)
    # What is mapped goes nowhere, and is checked all the same.
    transformation.request(exchange, _without_templates(integration))
    payload = to_json(lambda_proxy.event(exchange)).encode()
    timeout = integration.timeout_in_millis / 1000
    invoked = backends.invoke(_function(rest), payload, exchange, integration.credentials, False, timeout)
    _answered(exchange, 200)
    if invoked.function_error:
        raise GatewayError("DEFAULT_5XX", status=502, detail=f"function error: {_error_message(invoked.payload)}")
    return lambda_proxy.reply(invoked.payload, exchange)


def _aws(exchange: Exchange, integration: Integration, backends: Backends) -> Reply:
    service, kind, rest = _aws_uri(exchange, integration)
    request = transformation.request(exchange, integration)
    if service == "lambda" and kind == "path":
        _check_post(integration)
        return _lambda(exchange, integration, request, _function(rest), backends)
    if integration.http_method == "ANY":
        integration = replace(integration, http_method=exchange.http_method)
    if kind == "action":
        action, _, query = rest.partition("&")
        for item in query.split("&") if query else []:
            name, _, value = item.partition("=")
            request.query.setdefault(name, [value])
        reply = backends.aws(service, action, "/", request, integration)
    else:
        path = "/" + _filled(rest.lstrip("/"), request.path)
        reply = backends.aws(service, None, path, request, integration)
    _answered(exchange, reply.status)
    chosen = transformation.select(integration.integration_responses, str(reply.status))
    return transformation.response(exchange, chosen, reply)


def _lambda(
    exchange: Exchange, integration: Integration, request: BackendRequest, function: str, backends: Backends
) -> Reply:
    headers = {name.lower(): values for name, values in request.headers.items()}
    event = headers.get("x-amz-invocation-type", [""])[-1].strip("'") == "Event"
    timeout = integration.timeout_in_millis / 1000
    invoked = backends.invoke(function, request.body or b"{}", exchange, integration.credentials, event, timeout)
    _answered(exchange, 200)
    # A function's success never matches a pattern: patterns are for the messages of its errors.
    subject = _error_message(invoked.payload) if invoked.function_error else ""
    chosen = transformation.select(integration.integration_responses, subject)
    reply = Reply(200, [("Content-Type", "application/json")], invoked.payload)
    return transformation.response(exchange, chosen, reply)


def _check_post(integration: Integration) -> None:
    if integration.http_method != "POST":
        # Lambda's Invoke takes nothing else.
        raise GatewayError("INTEGRATION_FAILURE", status=500, detail=f"Lambda: httpMethod {integration.http_method}")


def _error_message(payload: bytes) -> str:
    try:
        answer = json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
    message = answer.get("errorMessage") if isinstance(answer, dict) else None
    return message if isinstance(message, str) else ""


def _http(exchange: Exchange, integration: Integration, backends: Backends) -> Reply:
    proxy = integration.type == "HTTP_PROXY"
    if proxy:
        request = transformation.request(exchange, _without_templates(integration))
        skipped = {"host", "content-length", "connection", "x-amz-date", "x-amz-security-token"}
        mapped = {name.lower() for name in request.headers}
        for name, value in exchange.forwarded_headers:
            if name.lower() not in skipped | mapped:
                request.headers.setdefault(name, []).append(value)
        request.query = dict(exchange.query) | request.query
        request.path = dict(exchange.path_parameters) | request.path
    else:
        request = transformation.request(exchange, integration)
        if not any(name.lower() == "content-type" for name in request.headers) and request.body:
            request.headers["Content-Type"] = [exchange.content_type]
        own = {
            "Accept": "application/json",
            "User-Agent": f"AmazonAPIGateway_{exchange.api.id}",
            "X-Amzn-Trace-Id": exchange.trace_id,
        }
        mapped = {name.lower() for name in request.headers}
        request.headers |= {name: [value] for name, value in own.items() if name.lower() not in mapped}
    request.headers["X-Amzn-Apigateway-Api-Id"] = [exchange.api.id]
    parts = urlsplit(_filled(_uri(exchange, integration), request.path))
    query = "&".join(part for part in (parts.query, urlencode(request.query, doseq=True)) if part)
    url = parts._replace(query=query).geturl()
    method = exchange.http_method if integration.http_method == "ANY" else str(integration.http_method)
    reply = backends.http(method, url, request, integration.timeout_in_millis / 1000)
    _answered(exchange, reply.status)
    if proxy:
        return reply
    chosen = transformation.select(integration.integration_responses, str(reply.status))
    return transformation.response(exchange, chosen, reply)


def _without_templates(integration: Integration) -> Integration:
    return Integration(
        integration.type,
        integration.http_method,
        integration.uri,
        request_parameters=integration.request_parameters,
        timeout_in_millis=integration.timeout_in_millis,
    )


def _filled(path: str, values: Mapping[str, str]) -> str:
    return re.sub(
        r"\{([\w.-]+)\+?\}",
        lambda match: quote(values[match.group(1)], safe="/%") if match.group(1) in values else match.group(0),
        path,
    )


def _answered(exchange: Exchange, status: int) -> None:
    exchange.backend_answered = True
    exchange.context["integrationStatus"] = str(status)
    exchange.context.setdefault("integration", {})["status"] = status
