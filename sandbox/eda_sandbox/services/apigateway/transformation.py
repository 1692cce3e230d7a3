"""What non-proxy integrations do to a request on its way in, and to the answer on its way out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.services.apigateway.binary import converted, is_binary
from eda_sandbox.services.apigateway.exchange import Exchange, Reply
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.java_values import TemplateError, to_string
from eda_sandbox.services.apigateway.mapping import request_target
from eda_sandbox.services.apigateway.model import Integration, IntegrationResponse
from eda_sandbox.services.apigateway.template_variables import UTIL, Input, InvalidJsonBody
from eda_sandbox.services.apigateway.velocity import compiled

_HEADERS_OF_ITS_OWN = frozenset({"content-length", "transfer-encoding"})
_HEADERS_OF_AWS = frozenset({"authorization", "connection", "expect", "proxy-authenticate", "te"})
"""Headers of requests to AWS's services that API Gateway writes itself, beside those of every request."""


@dataclass
class BackendRequest:
    """What goes to an integration's endpoint."""

    body: bytes
    headers: dict[str, list[str]]
    query: dict[str, list[str]]
    path: dict[str, str]


def request(exchange: Exchange, integration: Integration) -> BackendRequest:
    """Build the integration's request: parameter mapping, then the template with its overrides.

    Raises:
        GatewayError: the content type is refused, the body is no JSON, or the template fails.
    """
    sources = exchange.sources()
    result = BackendRequest(b"", {}, {}, {})
    for target, source in integration.request_parameters.items():
        where, name = request_target(target)
        value = sources.value(source)
        if value is None:
            continue
        values = [value] if isinstance(value, str) else value
        if where == "path":
            result.path[name] = values[-1]
        else:
            (result.headers if where == "header" else result.query)[name] = values
    template = _request_template(integration, exchange.content_type)
    _check_headers(integration, result.headers)
    binary = is_binary(exchange.definition.binary_media_types, exchange.header("content-type"))
    body = converted(exchange.body, integration.content_handling, binary=binary)
    if template is None:
        result.body = body
        return result
    result.body = _render(exchange, template, body).encode()
    header, query, path = (_overrides(exchange, "requestOverride", part) for part in ("header", "querystring", "path"))
    for name, value in header.items():
        result.headers = {key: item for key, item in result.headers.items() if key.lower() != name.lower()}
        result.headers[name] = _values(value)
    _check_headers(integration, result.headers)
    result.query |= {name: _values(value) for name, value in query.items()}
    result.path |= {name: to_string(value) for name, value in path.items()}
    return result


def _overrides(exchange: Exchange, of: str, part: str) -> dict[str, Any]:
    """What templates have set; they can replace the maps that were there."""
    whole = exchange.context.get(of)
    found = whole.get(part) if isinstance(whole, dict) else None
    return found if isinstance(found, dict) else {}


def _check_headers(integration: Integration, headers: Mapping[str, Any]) -> None:
    refused = _HEADERS_OF_ITS_OWN if integration.type.startswith("HTTP") else _HEADERS_OF_ITS_OWN | _HEADERS_OF_AWS
    if integration.type != "MOCK" and any(name.lower() in refused for name in headers):
        named = ", ".join(sorted(name for name in headers if name.lower() in refused))
        raise GatewayError("INTEGRATION_FAILURE", status=500, detail=f"headers that cannot be mapped: {named}")


def _values(value: Any) -> list[str]:
    return [to_string(item) for item in value] if isinstance(value, list) else [to_string(value)]


def _request_template(integration: Integration, content_type: str) -> str | None:
    templates = integration.request_templates
    for kind, template in templates.items():
        if kind.lower() == content_type:
            return template
    behavior = integration.passthrough_behavior
    if behavior == "NEVER" or (behavior == "WHEN_NO_TEMPLATES" and templates):
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE")
    return None


def _render(exchange: Exchange, template: str, body: bytes) -> str:
    headers: dict[str, str] = dict(exchange.forwarded_headers)
    query = {name: values[-1] for name, values in exchange.query.items()}
    payload = Input(body.decode("utf-8", "replace"), exchange.path_parameters, query, headers)
    try:
        return compiled(template).render({"input": payload, "util": UTIL, **exchange.variables()})
    except InvalidJsonBody as error:
        raise GatewayError("BAD_REQUEST_BODY", "Could not parse request body into json", detail=str(error)) from error
    except TemplateError as error:
        raise GatewayError("API_CONFIGURATION_ERROR", detail=f"mapping template: {error}") from error


def select(responses: Mapping[str, IntegrationResponse], subject: str) -> IntegrationResponse:
    """The integration response whose pattern fits a status code or error message, or the one without a pattern.

    Raises:
        GatewayError: none fits.
    """
    for response in responses.values():
        if response.selection_pattern and re.fullmatch(response.selection_pattern, subject, re.DOTALL):
            return response
    for response in responses.values():
        if not response.selection_pattern:
            return response
    raise GatewayError(
        "API_CONFIGURATION_ERROR",
        detail=f"no integration response matches {subject!r}, and there is no default one",
    )


def response(exchange: Exchange, chosen: IntegrationResponse, reply: Reply) -> Reply:
    """Build the method's response: parameter mapping, then the template with its overrides.

    Raises:
        GatewayError: the template fails.
    """
    sources = exchange.sources(reply)
    headers: list[tuple[str, str]] = []
    for target, source in chosen.response_parameters.items():
        value = sources.value(source)
        if value is None:
            continue
        name = target.removeprefix("method.response.header.")
        headers += [(name, item) for item in ([value] if isinstance(value, str) else value)]
    given = next((value for name, value in reply.headers if name.lower() == "content-type"), "application/json")
    content_type, template = _response_template(chosen, given, exchange.header("accept"))
    body = converted(
        reply.body, chosen.content_handling, binary=is_binary(exchange.definition.binary_media_types, given)
    )
    if template is not None:
        try:
            body = _render(exchange, template, body).encode()
        except GatewayError as error:
            raise GatewayError("API_CONFIGURATION_ERROR", detail=f"response template: {error.detail}") from error
    # The request's template can override the response, too, and a response can be without one.
    override = exchange.context.get("responseOverride")
    status = _status(override.get("status") if isinstance(override, dict) else None, int(chosen.status_code))
    for name, value in _overrides(exchange, "responseOverride", "header").items():
        headers = [item for item in headers if item[0].lower() != name.lower()]
        headers += [(name, item) for item in _values(value)]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    return Reply(status, headers, body)


def _status(override: Any, status: int) -> int:
    try:
        return status if override is None else int(to_string(override))
    except ValueError as error:
        raise GatewayError("API_CONFIGURATION_ERROR", detail=f"responseOverride.status: {override}") from error


def _response_template(chosen: IntegrationResponse, given: str, accept: str | None) -> tuple[str, str | None]:
    """The answer's content type and template: by the backend's content type, else the caller's Accept, else JSON."""
    templates = chosen.response_templates
    if not templates:
        return given, None
    wanted = [given.split(";")[0].strip().lower()]
    wanted += [part.split(";")[0].strip().lower() for part in (accept or "").split(",")]
    for kind in [*wanted, "application/json"]:
        for content_type, template in templates.items():
            if content_type.lower() == kind:
                return content_type, template or None
    content_type, template = next(iter(templates.items()))
    return content_type, template or None
