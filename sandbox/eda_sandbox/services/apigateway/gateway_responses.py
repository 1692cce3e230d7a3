"""The answers that API Gateway itself gives: their types, defaults and templates.

A template here is no VTL: variables are replaced, nothing else (``$context.error.messageString`` is a JSON
string with its quotes).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.services.apigateway.java_values import to_string
from eda_sandbox.services.apigateway.mapping import Sources
from eda_sandbox.services.apigateway.model import GatewayResponse

DEFAULT_TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}


@dataclass(frozen=True)
class ResponseType:
    status: int | None
    message: str
    error_type: str


# Status, message and x-amzn-ErrorType as the service answers while nothing is configured.
RESPONSE_TYPES: dict[str, ResponseType] = {
    "ACCESS_DENIED": ResponseType(403, "Access Denied", "AccessDeniedException"),
    "API_CONFIGURATION_ERROR": ResponseType(500, "Internal server error", "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": ResponseType(500, "Internal server error", "AuthorizerConfigurationException"),
    "AUTHORIZER_FAILURE": ResponseType(500, "Internal server error", "AuthorizerFailureException"),
    "BAD_REQUEST_BODY": ResponseType(400, "Invalid request body", "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": ResponseType(400, "Invalid request parameters", "BadRequestException"),
    "DEFAULT_4XX": ResponseType(None, "Bad Request", "BadRequestException"),
    "DEFAULT_5XX": ResponseType(None, "Internal server error", "InternalServerErrorException"),
    "EXPIRED_TOKEN": ResponseType(
        403, "The security token included in the request is expired", "ExpiredTokenException"
    ),
    "INTEGRATION_FAILURE": ResponseType(504, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": ResponseType(504, "Endpoint request timed out", "InternalServerErrorException"),
    "INVALID_API_KEY": ResponseType(403, "Forbidden", "ForbiddenException"),
    "INVALID_SIGNATURE": ResponseType(403, "Invalid signature", "InvalidSignatureException"),
    "MISSING_AUTHENTICATION_TOKEN": ResponseType(
        403, "Missing Authentication Token", "MissingAuthenticationTokenException"
    ),
    "QUOTA_EXCEEDED": ResponseType(429, "Limit Exceeded", "LimitExceededException"),
    "REQUEST_TOO_LARGE": ResponseType(413, "Request Too Long", "RequestTooLargeException"),
    "RESOURCE_NOT_FOUND": ResponseType(404, "Not Found", "NotFoundException"),
    "THROTTLED": ResponseType(429, "Too Many Requests", "TooManyRequestsException"),
    "UNAUTHORIZED": ResponseType(401, "Unauthorized", "UnauthorizedException"),
    "UNSUPPORTED_MEDIA_TYPE": ResponseType(415, "Unsupported Media Type", "UnsupportedMediaTypeException"),
    "WAF_FILTERED": ResponseType(403, "Forbidden", "ForbiddenException"),
}


class GatewayError(Exception):
    """The request ends here, with an answer of the gateway's own."""

    def __init__(
        self,
        response_type: str,
        message: str | None = None,
        *,
        status: int | None = None,
        error_type: str | None = None,
        validation: str | None = None,
        detail: str | None = None,
    ) -> None:
        defaults = RESPONSE_TYPES[response_type]
        self.response_type = response_type
        self.message = defaults.message if message is None else message
        self.status = status or defaults.status or (400 if response_type == "DEFAULT_4XX" else 500)
        self.error_type = error_type or defaults.error_type
        self.validation = validation
        # For the access log ($context.integrationErrorMessage) and the sandbox's own log; never in the answer.
        self.detail = detail
        super().__init__(f"{response_type} {self.status}: {detail or self.message}")


@dataclass(frozen=True)
class Rendered:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def configured(responses: Mapping[str, GatewayResponse], response_type: str, status: int) -> GatewayResponse | None:
    """What the API configures for a type: the type's own, or the default of its class."""
    fallback = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
    return responses.get(response_type) or responses.get(fallback)


def describe(responses: Mapping[str, GatewayResponse], response_type: str) -> dict[str, Any]:
    """A gateway response in the API's shape, with the defaults where nothing is configured."""
    own = responses.get(response_type)
    if own is not None:
        return own.describe()
    status = RESPONSE_TYPES[response_type].status
    fallback = configured(responses, response_type, status) if status else None
    return GatewayResponse(
        response_type,
        (fallback.status_code if fallback and fallback.status_code else None) or (str(status) if status else None),
        dict(fallback.response_parameters) if fallback else {},
        dict(fallback.response_templates) if fallback else dict(DEFAULT_TEMPLATES),
        default_response=True,
    ).describe()


def render(
    error: GatewayError,
    responses: Mapping[str, GatewayResponse],
    sources: Sources,
    variables: Mapping[str, Any],
    accept: str,
) -> Rendered:
    """The HTTP answer for an error.

    ``variables`` holds ``context`` (with ``context.error``) and ``stageVariables``.
    """
    # The one that cannot be customised (Developer Guide, important notes for REST APIs).
    is_fixed = error.response_type == "REQUEST_TOO_LARGE"
    found = None if is_fixed else configured(responses, error.response_type, error.status)
    status = int(found.status_code) if found and found.status_code else error.status
    templates = (found.response_templates if found else None) or DEFAULT_TEMPLATES
    content_type = _choose(templates, accept)
    headers = [("x-amzn-ErrorType", error.error_type), ("Content-Type", content_type)]
    for target, source in (found.response_parameters if found else {}).items():
        name = target.removeprefix("gatewayresponse.header.")
        value = sources.value(source)
        if value is None:
            continue
        headers = [item for item in headers if item[0].lower() != name.lower()]
        headers += [(name, item) for item in ([value] if isinstance(value, str) else value)]
    return Rendered(status, headers, substitute(templates[content_type], variables, sources).encode())


def _choose(templates: Mapping[str, str], accept: str) -> str:
    for wanted in (part.split(";")[0].strip().lower() for part in accept.split(",")):
        for content_type in templates:
            if content_type.lower() == wanted:
                return content_type
    return "application/json" if "application/json" in templates else next(iter(templates))


_NAME = (
    r"(?:(context|stageVariables)\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)*)"
    r"|(method\.request\.(?:header|path|querystring)\.[A-Za-z0-9._-]+))"
)
# A brace that was not opened is the text's own, of the JSON around it.
_REFERENCE = re.compile(rf"\$(?:\{{{_NAME}\}}|{_NAME})")


def substitute(template: str, variables: Mapping[str, Any], sources: Sources | None = None, missing: str = "") -> str:
    """Replace the variables of a template that is no VTL; what is not there becomes ``missing``."""

    def value(match: re.Match[str]) -> str:
        place, name, parameter = match.groups()[:3] if match[0].startswith("${") else match.groups()[3:]
        if parameter:
            found = sources.value(parameter) if sources else None
            return missing if found is None else found if isinstance(found, str) else found[-1]
        node: Any = variables.get(place)
        for part in name.split("."):
            node = node.get(part) if isinstance(node, Mapping) else None
        return missing if node is None or node == "" else to_string(node)

    return _REFERENCE.sub(value, template)


def error_context(error: GatewayError) -> dict[str, Any]:
    """``$context.error``."""
    return {
        "message": error.message,
        "messageString": json.dumps(error.message, ensure_ascii=False),
        "responseType": error.response_type,
        "validationErrorString": error.validation,
    }
